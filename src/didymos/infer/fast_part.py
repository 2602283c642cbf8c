"""A machine's fast part: the same model with its wear standing at the commissioning values, so that a filter carries a few states.

    part = fast_part(model)      State has the model's fast fields (one slow field where there is none); all else as in `model`

The functions are written as text around the model's own, so that every engine can follow them.
Verified: tests/infer/test_fit.py (same readings as the whole model with its wear held).
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace
from functools import lru_cache
from typing import Any

from didymos.core.model import Model


@lru_cache(maxsize=64)
def fast_part(model: Model) -> Model:
    fields = model.State._fields
    kept = tuple(f for f in fields if f not in model.slow) or fields[:1]
    if kept == fields:
        return model
    State = namedtuple("State", kept)  # type: ignore[misc]
    scope: dict[str, Any] = {"Whole": model.State, "Kept": State}
    whole = ", ".join(f"x.{f}" if f in kept else repr(float(getattr(model.initial, f))) for f in fields)
    for name in ("rhs", "out", "virtual", "severity", "steady"):
        scope[f"whole_{name}"] = getattr(model, name)
        call = f"whole_{name}(Whole({whole}), u, p)"
        body = f"    return {call}\n"
        if name in ("rhs", "steady"):
            body = f"    found = {call}\n    return Kept({', '.join(f'found.{f}' for f in kept)})\n"
        exec(f"def {name}(x, u, p):\n{body}", scope)  # text made of the model's own field names

    def cut(state: Any) -> Any:
        return State(*(getattr(state, f) for f in kept))

    return replace(
        model, name=f"{model.name}_fast", State=State,
        **{name: scope[name] for name in ("rhs", "out", "virtual", "severity", "steady")},
        slow=() if fields[0] not in kept or fields[0] not in model.slow else kept,
        **{name: cut(getattr(model, name)) for name in ("initial", "initial_sd", "process_noise", "low", "high")},
    )  # fmt: skip
