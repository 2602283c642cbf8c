"""The whole line, step by step, and what its PLCs read.

state, sample = step(line, state, k)       pure: step k ends at k * 300 s of UTC; the same arguments give the same numbers
simulate(seed, start_ns, days) -> Run      every tag as an array, every waveform, and the truth; no network
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import draw, generics, housings, motors, pumps, spindles, waveform
from didymos.plant.virtual.faults import Fault, schedule
from didymos.plant.virtual.line import HOUSING, MACHINES, MOTORS, PUMPS, SPINDLES, Sensor, sensors_of, to_plant

STEP_S = 300
STEP_NS = STEP_S * 1_000_000_000
WAVE_EVERY_STEPS = 48  # 4 hours
Reading = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Line:
    """Everything that is fixed for a run: the seed, the hidden units, the faults, each sensor's bias and each machine's gap."""

    seed: int
    start_ns: int
    motor: motors.Unit
    pump: pumps.Unit
    spindle: spindles.Unit
    housing: housings.Unit
    faults: tuple[Fault, ...]
    sensors: tuple[tuple[str, Sensor], ...]
    bias: NDArray[np.float64]
    gaps: tuple[tuple[str, int, int], ...]
    renewed_pump: str  # a healthy pump whose seal is replaced by plan at `renewed_ns`
    renewed_ns: int


class State(NamedTuple):
    motor: motors.State
    pump: pumps.State
    spindle: spindles.State
    housing: housings.State
    generic: generics.State
    last_wave: NDArray[np.int64]  # (6,) step of each spindle's last waveform
    held: NDArray[np.float64]  # (sensors,) last value each sensor showed, plant units


@dataclass(frozen=True, slots=True)
class Wave:
    machine: str
    time_ns: int
    counts: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sample:
    """One step: value (sensors,) in plant units, NaN where the sensor gave none; `true` the same without sensor errors."""

    time_ns: int
    value: NDArray[np.float64]
    true: NDArray[np.float64]
    waves: tuple[Wave, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """time_ns (T,); value and true: `<machine>.<channel>` -> (T,) in plant units; faults is the truth."""

    time_ns: NDArray[np.int64]
    value: dict[str, NDArray[np.float64]]
    true: dict[str, NDArray[np.float64]]
    waves: tuple[Wave, ...]
    faults: tuple[Fault, ...]
    sensors: dict[str, Sensor] = field(default_factory=dict)


def build(seed: int, start_ns: int, run_days: float, faulty: bool = True) -> Line:
    own = [(machine, sensor) for machine in MACHINES for sensor in sensors_of(machine) if sensor not in HOUSING]
    sensors = (*own, *((machine, sensor) for machine in SPINDLES for sensor in HOUSING))
    rng = draw.at(seed, "sensors")
    scatter = np.append(rng.standard_normal(len(own)), draw.at(seed, "housing sensors").standard_normal(len(sensors) - len(own)))
    bias = np.array([sensor.bias for _, sensor in sensors]) * scatter
    gaps = []
    for place in rng.permutation(len(MACHINES))[:2]:
        begin = start_ns + int(rng.uniform(0.5, max(run_days, 1.0)) * 86_400e9)
        gaps.append((MACHINES[int(place)], begin, begin + int(rng.uniform(1200, 3000) * 1e9)))
    faults = schedule(seed, start_ns, run_days) if faulty else ()
    struck = {fault.machine for fault in schedule(seed, start_ns)}
    renewed = next(pump for pump in PUMPS if pump not in struck)
    return Line(
        seed, start_ns, motors.units(seed), pumps.units(seed), spindles.units(seed), housings.units(seed), faults, sensors,
        bias, tuple(gaps),
        renewed, start_ns + int(2.2 * 86_400e9),
    )  # fmt: skip


def begin(line: Line) -> State:
    """Warm machines at `start_ns`; waveforms staggered by machine."""
    time_s = line.start_ns / 1e9
    first_step = -(-line.start_ns // STEP_NS)
    last_wave = first_step - WAVE_EVERY_STEPS + 6 * np.arange(len(SPINDLES))
    spindle = spindles.first(line.seed, time_s)
    hall_K = spindles.inputs(line.seed, line.spindle, spindle, _sound(), time_s, time_s).ambient_K
    return State(
        motors.first(line.seed, time_s),
        pumps.first(line.seed, time_s),
        spindle,
        housings.first(hall_K, spindle.housing_K - hall_K),
        generics.first(line.seed, time_s),
        last_wave,
        np.full(len(line.sensors), np.nan),
    )


def _sound() -> spindles.Wear:
    return spindles.Wear(np.zeros(len(SPINDLES)), np.zeros(len(SPINDLES)), np.zeros(len(SPINDLES), bool))


def severity(line: Line, machines: tuple[str, ...], kind: str, time_ns: int) -> NDArray[np.float64]:
    """(n,) severity of one kind of fault on each machine now."""
    found = np.zeros(len(machines))
    for fault in line.faults:
        if fault.kind == kind and fault.machine in machines:
            found[machines.index(fault.machine)] = fault.severity(time_ns)
    return found


def stopped(line: Line, machines: tuple[str, ...], time_ns: int) -> NDArray[np.bool_]:
    down = {fault.machine for fault in line.faults if fault.stopped(time_ns)}
    return np.array([machine in down for machine in machines])


def renewed(line: Line) -> pumps.Unit:
    """The pumps after the planned seal replacement."""
    new = np.array([pump == line.renewed_pump for pump in PUMPS])
    return replace(line.pump, old_seal=np.where(new, 0.0, line.pump.old_seal))


def step(line: Line, x: State, k: int) -> tuple[State, Sample]:
    now = k * STEP_NS
    spindle_wear = spindles.Wear(
        severity(line, SPINDLES, "outer_race_spall", now),
        severity(line, SPINDLES, "oil_viscosity_loss", now),
        stopped(line, SPINDLES, now),
    )
    pump_wear = pumps.Wear(
        severity(line, PUMPS, "wear_ring_loss", now),
        severity(line, PUMPS, "pump_cavitation", now),
        severity(line, PUMPS, "seal_leak", now),
        stopped(line, PUMPS, now),
    )
    pump_unit = renewed(line) if now >= line.renewed_ns else line.pump
    motor_wear = motors.Wear(
        severity(line, MOTORS, "cooling_fouling", now),
        severity(line, MOTORS, "motor_bearing_wear", now),
        stopped(line, MOTORS, now),
    )
    spindle, s = spindles.step(line.seed, line.spindle, x.spindle, spindle_wear, k, STEP_S, line.start_ns / 1e9)
    pump, p = pumps.step(line.seed, pump_unit, x.pump, pump_wear, k, STEP_S)
    motor, m = motors.step(line.seed, line.motor, x.motor, motor_wear, k, STEP_S)
    behind = housings.Given(spindle.front_K, spindle.rear_K, spindle.stator_K, s["ambient_temperature"], s["radial_load"])
    housing = housings.step(line.housing, x.housing, behind, STEP_S)
    s = s | housings.readings(line.housing, housing, s["ambient_temperature"])
    generic, g = generics.step(line.seed, x.generic, k, STEP_S)
    readings = generics.flat(g) | _rows(SPINDLES, s) | _rows(PUMPS, p) | _rows(MOTORS, m)
    true = np.array([to_plant(sensor.unit, readings[machine, sensor.channel]) for machine, sensor in line.sensors])
    value, held = _sensed(line, x.held, true, k)
    last_wave, waves = _waves(line, x.last_wave, spindle_wear, s, k)
    return State(motor, pump, spindle, housing, generic, last_wave, held), Sample(now, value, true, waves)


def _rows(machines: tuple[str, ...], readings: dict[str, NDArray[np.float64]]) -> Reading:
    return {(machine, name): float(column[i]) for name, column in readings.items() for i, machine in enumerate(machines)}


def _sensed(
    line: Line, held: NDArray[np.float64], true: NDArray[np.float64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bias, noise, quantum, faulty sensors, lost samples and gaps. A stopped shaft reads exactly 0 rpm."""
    rng, glued = draw.at(line.seed, "noise", k), draw.at(line.seed, "housing noise", k)
    own = len(true) - len(SPINDLES) * len(HOUSING)  # theirs comes from elsewhere: see `line.HOUSING`
    scatter = np.append(rng.standard_normal(own), glued.standard_normal(len(true) - own))
    noise = np.array([sensor.noise for _, sensor in line.sensors]) * scatter
    quantum = np.array([sensor.quantum for _, sensor in line.sensors])
    still = (true == 0.0) & np.array([sensor.channel in ("speed", "current", "flow") for _, sensor in line.sensors])
    value = np.rint((true + line.bias + noise) / quantum) * quantum
    warm = np.array([sensor.unit == "degC" for _, sensor in line.sensors])
    value = np.where(still, 0.0, np.where(warm, value, np.clip(value, 0.0, None)))  # the PLC's scaling ends at zero
    value = _faulty_sensor(line, held, value, k)
    lost = np.append(rng.uniform(size=own), glued.uniform(size=len(true) - own)) < 0.002
    loose = np.zeros((len(SPINDLES), len(HOUSING)), bool)
    loose[:, : len(housings.THERMOCOUPLES)] = housings.loose(line.seed, k, STEP_S)
    lost[own:] |= loose.ravel()
    for machine, start_ns, end_ns in line.gaps:
        if start_ns <= k * STEP_NS < end_ns:
            lost |= np.array([name == machine for name, _ in line.sensors])
    return np.where(lost, np.nan, value), value


def _faulty_sensor(line: Line, held: NDArray[np.float64], value: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """A winding thermometer that drifts up to 35 K, or freezes at what it last showed."""
    now = k * STEP_NS
    for fault in line.faults:
        if fault.kind != "sensor_fault" or now <= fault.onset_ns:
            continue
        at = next(i for i, (m, s) in enumerate(line.sensors) if m == fault.machine and s.channel == "winding_temperature")
        if not fault.frozen:
            value[at] = np.round(value[at] + 35.0 * fault.severity(now), 1)
        elif np.isfinite(held[at]):
            value[at] = held[at]
    return value


def _waves(
    line: Line, last: NDArray[np.int64], w: spindles.Wear, readings: dict[str, NDArray[np.float64]], k: int
) -> tuple[NDArray[np.int64], tuple[Wave, ...]]:
    """A record of every running spindle whose last one is four hours old."""
    due = np.flatnonzero((k - last >= WAVE_EVERY_STEPS) & (readings["speed"] > 0))
    thin = 1.0 - np.exp(-1.35 * w.oil)
    waves = tuple(
        Wave(
            SPINDLES[i],
            k * STEP_NS,
            waveform.record(
                line.seed, int(i), k * STEP_NS, float(readings["speed"][i]), line.spindle, float(w.spall[i]), float(thin[i])
            ),
        )
        for i in due
    )
    last = last.copy()
    last[due] = k
    return last, waves


def samples(line: Line, run_days: float) -> Iterator[Sample]:
    """Every step that ends after `start_ns`, for `run_days`."""
    x = begin(line)
    first = line.start_ns // STEP_NS + 1
    for k in range(first, first + int(run_days * 86_400 / STEP_S)):
        x, sample = step(line, x, k)
        yield sample


def simulate(seed: int, start_ns: int, days: float, faulty: bool = True) -> Run:
    line = build(seed, start_ns, days, faulty)
    rows = list(samples(line, days))
    value = np.array([row.value for row in rows])
    true = np.array([row.true for row in rows])
    names = [f"{machine}.{sensor.channel}" for machine, sensor in line.sensors]
    return Run(
        np.array([row.time_ns for row in rows], np.int64),
        {name: value[:, i] for i, name in enumerate(names)},
        {name: true[:, i] for i, name in enumerate(names)},
        tuple(wave for row in rows for wave in row.waves),
        line.faults,
        {name: sensor for name, (_, sensor) in zip(names, line.sensors, strict=True)},
    )
