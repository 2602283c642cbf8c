"""One file per published figure, each with `run(data, part) -> dict`; keys as in the design's table."""

from __future__ import annotations

BENCHES = (
    "estimate",
    "futures",
    "femto",
    "demo",
    "ingest",
    "history",
    "backfill",
    "faults",
    "fatigue",
    "fe",
    "rom",
    "housing",
    "calibrate",
    "wear",
    "validity",
)


def show(result: dict[str, object], indent: str = "") -> str:
    """The result as lines that a person reads."""
    lines = []
    for key, value in result.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}", show(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{indent}{key}", *(indent + "  " + "  ".join(f"{k}={_short(v)}" for k, v in row.items()) for row in value)]
        else:
            lines.append(f"{indent}{key:28s} {_short(value)}")
    return "\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
