"""The labelled faults: which machine, what, from when, and how its severity grows to functional failure.

Severity is 0 at onset and 1 at failure. It grows only while the line is manned, by random (gamma) increments whose mean follows
the kind's law: u^power, or exponential for parts that destroy themselves. After repair the part is new: severity 0.

Every run holds the spall on a front bearing of the bad heat of steel (early), a second one of the same heat that starts later, and
five or six of the other seven kinds, each on a machine of its own. The third bearing of that heat stays healthy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import days, draw
from didymos.plant.virtual.line import BAD_HEAT_SPINDLES, HEAT_BAD, ids

DAY_NS = 86_400_000_000_000
HOUR_NS = 3_600_000_000_000
GRID_NS = HOUR_NS
HEALTHY_DAYS = 1.0  # before the first fault may begin: a plant is commissioned while it is well


@dataclass(frozen=True, slots=True)
class Kind:
    """mode and component in the twin's words; `power` > 0: u^power, else exponential with rate -power. days: onset to failure."""

    name: str
    machines: tuple[str, ...]
    component: str
    mode: str
    power: float
    days: tuple[float, float]


KINDS = (
    Kind("outer_race_spall", BAD_HEAT_SPINDLES, "front_bearing", "front_bearing_fatigue", -2.5, (4.2, 5.6)),
    Kind("oil_viscosity_loss", ids("spindle"), "lubrication", "lubrication", 1.2, (4.0, 6.0)),
    Kind("wear_ring_loss", ids("pump"), "wear_ring", "wear_ring", 1.3, (4.0, 6.5)),
    Kind("pump_cavitation", ids("pump"), "impeller", "cavitation", 1.0, (3.5, 5.5)),
    Kind("seal_leak", ids("pump"), "seal", "seal", 1.5, (3.5, 6.0)),
    Kind("cooling_fouling", ids("motor"), "fan", "cooling_fouling", 1.3, (4.0, 6.0)),
    Kind("motor_bearing_wear", ids("motor"), "bearing", "bearing_wear", -2.0, (4.0, 6.0)),
    Kind("sensor_fault", ids("motor"), "winding_thermometer", "sensor", 1.0, (4.0, 6.0)),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One labelled fault. failure_ns: functional failure if nobody acts; None for a sensor. level (m,) hourly from onset_ns."""

    machine: str
    kind: str
    component: str
    mode: str
    onset_ns: int
    failure_ns: int | None
    repaired_ns: int | None
    heat: str | None
    level: NDArray[np.float64]
    frozen: bool = False

    def severity(self, time_ns: int) -> float:
        if time_ns <= self.onset_ns or (self.repaired_ns is not None and time_ns >= self.repaired_ns):
            return 0.0
        place = (time_ns - self.onset_ns) / GRID_NS
        return float(np.interp(place, np.arange(len(self.level)), self.level))

    def stopped(self, time_ns: int) -> bool:
        """Failed and not yet repaired: the machine stands."""
        return self.failure_ns is not None and self.repaired_ns is not None and self.failure_ns <= time_ns < self.repaired_ns


def schedule(seed: int, start_ns: int, run_days: float = 11.0) -> tuple[Fault, ...]:
    """The faults of one run; those that would begin after `run_days` are left out."""
    rng = draw.at(seed, "schedule")
    first, second = (int(i) for i in rng.permutation(len(BAD_HEAT_SPINDLES))[:2])
    planned = [(KINDS[0], BAD_HEAT_SPINDLES[first], rng.uniform(0.7, 1.0))]
    planned.append((KINDS[0], BAD_HEAT_SPINDLES[second], rng.uniform(4.5, 5.5)))
    others = [KINDS[1 + int(i)] for i in rng.permutation(len(KINDS) - 1)[: int(rng.integers(5, 7))]]
    onsets = np.linspace(1.0, 6.0, len(others)) + rng.uniform(-0.3, 0.3, len(others))
    taken = {machine for _, machine, _ in planned} | set(BAD_HEAT_SPINDLES)
    for kind, onset in zip(others, onsets, strict=True):
        free = [machine for machine in kind.machines if machine not in taken]
        machine = free[int(rng.integers(len(free)))]
        taken.add(machine)
        planned.append((kind, machine, float(onset)))
    found = [
        fault(seed, kind, machine, start_ns + int((HEALTHY_DAYS + day) * DAY_NS))
        for kind, machine, day in planned
        if HEALTHY_DAYS + day < run_days
    ]
    return tuple(sorted(found, key=lambda fault: fault.onset_ns))


def fault(seed: int, kind: Kind, machine: str, onset_ns: int) -> Fault:
    """One fault with its hidden course; the same arguments give the same."""
    rng = draw.at(seed, f"fault {machine} {kind.name}")
    hours = int(24 * rng.uniform(*kind.days))
    level = _growth(rng, kind.power, onset_ns, hours)
    ends = None if kind.name == "sensor_fault" else onset_ns + hours * GRID_NS
    repaired = None if ends is None else ends + int(rng.uniform(4.0, 14.0) * HOUR_NS)
    heat = HEAT_BAD if kind.name == "outer_race_spall" else None
    frozen = ends is None and bool(rng.integers(2))
    return Fault(machine, kind.name, kind.component, kind.mode, onset_ns, ends, repaired, heat, level, frozen)


def _growth(rng: np.random.Generator, power: float, onset_ns: int, hours: int) -> NDArray[np.float64]:
    """(hours + 1,) from 0 to 1: the law's increments, random, none in hours without a shift."""
    u = np.linspace(0.0, 1.0, hours + 1)
    law = u**power if power > 0 else np.expm1(-power * u) / np.expm1(-power)
    manned = days.in_shift((onset_ns + np.arange(1, hours + 1) * GRID_NS) / 1e9)
    steps = np.diff(law) * rng.gamma(1.5, 1 / 1.5, hours) * manned
    return np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
