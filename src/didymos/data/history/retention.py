"""How long history keeps what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """Days to keep samples, minutes and hours (0 = for ever), and bytes that the folder may take (0 = no limit). Waveforms,
    snapshots and events are kept: they have no roll-up."""

    raw_days: float = 0.0
    minute_days: float = 0.0
    hour_days: float = 0.0
    budget_bytes: int = 0
