"""Parameters that history taught, as a JSON file which an asset's `fitted` names and the worker starts from.

    {"format": "didymos-fitted-1", "asset", "model", "model_version", "from", "to", "data_sha256", "params": {name: {"value", "low",
     "high", "kind", "told"}}, "sensors": {name: {"noise", "explained", ...}}, "inputs": {name: {"low", "high"}},
     "likelihood": {"linear", "information"}, "sha256"}

`sha256` is over everything else in canonical form, so that a file edited by hand is refused; `data_sha256` over the samples used.
Verified: tests/plant/test_fitted.py.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ConfigError
from didymos.core.model import Model

if TYPE_CHECKING:
    from didymos.infer.fit import Fit

Array = NDArray[np.float64]
FORMAT = "didymos-fitted-1"


@dataclass(frozen=True, slots=True)
class Fitted:
    """params (p,), noise, explained (m,), low, high (k,) inputs seen; linear (p,), information (p, p) for sisters; name: sha256."""

    asset: str
    model: str
    params: Array
    noise: Array
    explained: Array
    low: Array
    high: Array
    linear: Array
    information: Array
    origin: Array
    name: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the numbers come from: period in ISO time, hash of the samples, how many steps of what length."""

    asset: str
    start: str
    end: str
    data_sha256: str
    steps: int
    step_s: float


def document(model: Model, found: Fit, origin: Origin) -> dict[str, Any]:
    """The file's content, with its hash."""
    names = model.Params._fields
    c = found.convergence
    body: dict[str, Any] = {
        "format": FORMAT,
        "asset": origin.asset,
        "model": model.name,
        "model_version": model.version,
        "from": origin.start,
        "to": origin.end,
        "data_sha256": origin.data_sha256,
        "steps": origin.steps,
        "step_s": origin.step_s,
        "prior": found.prior.origin,
        "convergence": {"reached": c.reached, "decrement": c.decrement, "agree": c.agree, "starts": c.starts, "said": c.said},
        "params": {
            n: {"value": v, "low": lo, "high": hi, "kind": k, "told": t, "prior": m}
            for n, v, lo, hi, k, t, m in zip(
                names, found.params, found.low, found.high, found.kind, found.told, found.prior.mean, strict=True
            )
        },
        "not_told": list(found.identifiability.combinations),
        "sensors": {
            channel.name: {
                "noise": a, "residual_sd": b, "explained": e, "explained_before": f, "white_p": w, "correlation_steps": t
            }
            for channel, a, b, e, f, w, t in zip(
                model.sensors, found.noise, found.residual_sd, found.explained, found.explained_before, found.whiteness, found.tau,
                strict=True,
            )
        },
        "inputs": {ch.name: {"low": a, "high": b} for ch, a, b in zip(model.inputs, found.seen_low, found.seen_high, strict=True)},
        "likelihood": {"linear": found.linear, "information": found.information},
    }  # fmt: skip
    return signed(body)


def signed(body: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON values, with the hash of all of it."""
    plain = _plain({k: v for k, v in body.items() if k != "sha256"})
    return {**plain, "sha256": digest(plain)}


def digest(body: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in body.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, body: dict[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(body, indent=1, allow_nan=False) + "\n")
        os.replace(part, path)
    except OSError as error:
        raise ConfigError(f"fit: {path} cannot be written ({error.strerror or error}). Give another --out.") from error


def read(path: str | Path, model: Model) -> Fitted:
    """ConfigError when the file is missing, was changed, or belongs to another model."""
    try:
        body = json.loads(Path(path).read_text())
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise ValueError("not a file of `didymos fit`")
        if body.get("sha256") != digest(body):
            raise ValueError("its content does not match its sha256: it was changed after the fit")
        if (body["model"], body["model_version"]) != (model.name, model.version):
            raise ValueError(
                f"it is for model {body['model']} version {body['model_version']}; this is {model.name} version {model.version}"
            )
        return _fitted(body, model)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"fitted {str(path)!r}: {error}. Allowed: a file written by `didymos fit`. Fit again, or correct it."
        ) from error


def _fitted(body: dict[str, Any], model: Model) -> Fitted:
    params = [body["params"][name] for name in model.Params._fields]
    sensors = [body["sensors"][c.name] for c in model.sensors]
    inputs = [body["inputs"][c.name] for c in model.inputs]
    for q in model.parameters:
        value = body["params"][q.name]["value"]
        if not q.low <= value <= q.high:
            raise ValueError(f"{q.name} = {value:g} is outside {q.low:g} to {q.high:g} {q.unit}")
    likelihood = body["likelihood"]
    return Fitted(
        body["asset"], body["model"], _column(params, "value"), _column(sensors, "noise"), _column(sensors, "explained"),
        _column(inputs, "low"), _column(inputs, "high"), np.array(likelihood["linear"], float),
        np.array(likelihood["information"], float), _column(params, "prior"), body["sha256"],
    )  # fmt: skip


def _column(rows: list[dict[str, Any]], key: str) -> Array:
    return np.array([math.nan if row[key] is None else row[key] for row in rows], float)


def _plain(value: Any) -> Any:
    """JSON without NaN: what is not a number is null."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
