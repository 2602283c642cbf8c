"""Is the twin's own judgement of itself right? Changes of the plant told from wear, and what lies outside its operating space.

simulated   machines of every model with a recipe, six stories each   `bench.validity_simulated`, seeds that set no threshold
skab        valves closed by hand                                     `bench.validity_recorded`
hydraulic   uci_hydraulic: cooler, pump, accumulator set anew
envelope    uci_hydraulic: inputs alone and together outside, against a box and a Mahalanobis distance
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from didymos.bench import validity_recorded, validity_simulated
from didymos.core.errors import DataError

PARTS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "simulated": lambda _: validity_simulated.figures(),
    "skab": validity_recorded.skab,
    "hydraulic": validity_recorded.hydraulic,
    "envelope": validity_recorded.envelope,
}


def run(data: Path | None, part: str | None = None) -> dict[str, Any]:
    """{part: figures, "absent": parts that the folder lacks}."""
    if part is not None and part not in PARTS:
        raise DataError(f"validity: part {part!r} is not known. Allowed: {', '.join(PARTS)}. Correct --part.")
    folder = Path(data) if data is not None else Path("nowhere")
    found = {name: PARTS[name](folder) for name in ([part] if part else PARTS)}
    there = {name: value for name, value in found.items() if value is not None}
    return {**there, "absent": [name for name in found if name not in there]}
