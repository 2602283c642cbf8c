"""An FMU that runs beside a machine: driven by its measured inputs, compared with what is measured, its state in every checkpoint.

    [asset.fmu]
    file = "pump.fmu"                       sha256 = "..."            the file that was checked, and no other
    inputs = { "u" = "flow" }               outputs = { "x" = "discharge_pressure" }      the FMU's names = the asset's channels
    parameters = { gain = 2.0 }             step_s = 10               communication step, a whole part of the plant's step
    noise = { discharge_pressure = 3e3 }    limits = { wear = 1.0 }   by channel, in SI

    residual r = measured - computed;  its mean and standard deviation are learned from the first healthy rows, or given by `noise`
    valid while the mean square of the last 36 whitened residuals agrees with chi-square (`infer.validity`), the inputs are inside
    the range seen while learning, and the FMU runs

An FMU that fails is asked again an hour later, from where it stood, with the inputs of then.
Verified: tests/plant/test_cosimulation.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.assets.fmu.bind import open_fmu
from didymos.assets.fmu.drive import from_si
from didymos.assets.fmu.model import Fmu
from didymos.assets.fmu.process import Limits
from didymos.core.channel import Channel
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError, DidymosError, ModelError
from didymos.core.estimate import Validity
from didymos.core.units import ToSI
from didymos.formats.fmu import check_runs_here, read_fmu
from didymos.infer.plain import plain_time
from didymos.infer.validity import SETTLED, STALE_S, consistent, outside
from didymos.plant.config import Asset, AssetFmu

Array = NDArray[np.float64]
log = logging.getLogger("didymos.worker")

WINDOW, RETRY_NS, LAST_S = 36, 3600 * SECOND_NS, 1e10
MOST_STEPS = 100_000  # to catch up at once
LIMITS = Limits(wall_s=2.0)  # a worker that waits longer for an FMU would lose its partition to another


@dataclass(slots=True)
class TwinState:
    """`kept`: the FMU's own state; begin_ns, time_ns: plant time of its start and of where it stands (0: not started). y (m,)
    outputs, u (k,) inputs and their range while learning, in SI; seen_ns (k,) when each input came last. count, mean, squares (m,)
    of learned residuals. nis, dof: the last steps. fault: why it does not run, since fault_ns."""

    sha256: str
    kept: bytes
    begin_ns: int
    time_ns: int
    y: Array
    u_low: Array
    u_high: Array
    u: Array
    seen_ns: NDArray[np.int64]
    count: Array
    mean: Array
    squares: Array
    nis: Array = field(default_factory=lambda: np.zeros(WINDOW))
    dof: Array = field(default_factory=lambda: np.zeros(WINDOW))
    fault: str = ""
    fault_ns: int = 0


_SINCE = {True: "was while the machine was healthy", False: "is said to be off by"}


class Cosimulation:
    """One asset's FMU. The process starts at the first step that has all inputs."""

    def __init__(self, asset: Asset, channels: Sequence[Channel], step_ns: int, learn: int) -> None:
        config = asset.fmu
        assert config is not None
        mistakes = list(wrong(config, channels, step_ns / SECOND_NS))
        if mistakes:
            given, allowed, do = mistakes[0]
            raise ConfigError(f"{asset.id}: fmu: {given}. Allowed: {allowed}. {do}")
        self.config, self.learn, self.asset = config, max(2, learn), asset.id
        by_name = {c.name: i for i, c in enumerate(channels)}
        self.channels = tuple(channels)
        self.input_columns = np.array([by_name[channel] for _, channel in config.inputs], np.int64)
        self.output_columns = np.array([by_name[channel] for _, channel in config.outputs], np.int64)
        d = read_fmu(Path(config.file).read_bytes(), config.file, config.sha256).description
        self._to = [from_si(d.variable(name).unit, channels[by_name[c]].unit, asset.id) for name, c in config.inputs]
        self._from = [_back(from_si(d.variable(name).unit, channels[by_name[c]].unit, asset.id)) for name, c in config.outputs]
        noise = dict(config.noise)
        self.noise = np.array([noise.get(channel, nan) for _, channel in config.outputs])
        self._dt_s = config.step_s or step_ns / SECOND_NS
        self._fmu: Fmu | None = None

    def init(self) -> TwinState:
        k, m = len(self.config.inputs), len(self.config.outputs)
        none = np.full(m, nan)
        return TwinState(
            self.config.sha256,
            b"",
            0,
            0,
            none,
            np.full(k, nan),
            np.full(k, nan),
            np.full(k, nan),
            np.zeros(k, np.int64),
            np.zeros(m),
            np.zeros(m),
            np.zeros(m),
        )

    def restored(self, state: TwinState | None) -> TwinState:
        """What a checkpoint holds; anew when it is of another file or other bindings."""
        fresh = self.init()
        if state is None or state.sha256 != fresh.sha256 or state.y.shape != fresh.y.shape or state.u.shape != fresh.u.shape:
            return fresh
        self._drop()
        names = ("y", "u_low", "u_high", "u", "seen_ns", "count", "mean", "squares", "nis", "dof")
        for name in names:
            setattr(state, name, np.array(getattr(state, name)))
        return state

    def step(self, s: TwinState, time_ns: int, held: Array, came: Array) -> None:
        """To plant time `time_ns`: held (C,) the last value of each channel, came (C,) what came in this step, NaN = nothing."""
        u = held[self.input_columns]
        s.u, s.seen_ns = u, np.where(np.isfinite(came[self.input_columns]), time_ns, s.seen_ns)
        if not np.isfinite(u).all() or (s.fault and time_ns - s.fault_ns < RETRY_NS):
            return
        try:
            self._advance(s, time_ns, np.array([c.factor * v + c.offset for c, v in zip(self._to, u, strict=True)]))
        except DidymosError as error:
            log.warning("%s: %s", self.asset, error)
            s.fault, s.fault_ns = str(error), time_ns
            return
        if s.fault:
            log.info("%s: the FMU runs again", self.asset)
            s.fault = ""
        self._compare(s, came[self.output_columns])

    def _advance(self, s: TwinState, time_ns: int, u: Array) -> None:
        fmu = self._opened(s)
        if not s.begin_ns:
            fmu.start()
            s.begin_ns = s.time_ns = time_ns
            return
        count = round((time_ns - s.time_ns) / SECOND_NS / self._dt_s)
        if not 0 < count <= MOST_STEPS:
            raise ModelError(f"{self.asset}: {count} FMU steps are missing; 1 to {MOST_STEPS} can be taken. Start its state anew.")
        y = fmu.steps(np.tile(u, (count, 1)), self._dt_s)[-1]
        s.y = np.array([c.factor * v + c.offset for c, v in zip(self._from, y, strict=True)])
        s.time_ns = time_ns
        if fmu.description.stores_state:
            s.kept = fmu.get()

    def _opened(self, s: TwinState) -> Fmu:
        if self._fmu is None:
            c = self.config
            names, outputs = [name for name, _ in c.inputs], [name for name, _ in c.outputs]
            self._fmu = open_fmu(c.file, LAST_S, 0.0, dict(c.parameters), outputs, names, sha256=c.sha256, limits=LIMITS)
            if s.kept:
                self._fmu.set(s.kept)
            else:
                s.begin_ns = s.time_ns = 0
        return self._fmu

    def keep(self, s: TwinState) -> None:
        """Before a checkpoint: an FMU that cannot write its state down is kept as all its inputs."""
        if self._fmu is not None and not self._fmu.description.stores_state and s.begin_ns:
            s.kept = self._fmu.get()

    def _drop(self) -> None:
        if self._fmu is not None:
            self._fmu.close()
            self._fmu = None

    # ---- residuals

    def _compare(self, s: TwinState, measured: Array) -> None:
        r = measured - s.y
        learning = np.isfinite(r) & ~np.isfinite(self.noise) & (s.count < self.learn)
        s.count = s.count + learning
        away = np.where(learning, r - s.mean, 0.0)
        s.mean = s.mean + away / np.maximum(s.count, 1.0)
        s.squares = s.squares + np.where(learning, away * (r - s.mean), 0.0)
        if learning.any() or not np.isfinite(s.u_low).all():
            s.u_low, s.u_high = np.fmin(s.u_low, s.u), np.fmax(s.u_high, s.u)
        whitened = self.whitened(s, measured)
        seen = np.isfinite(whitened)
        s.nis = np.append(s.nis[1:], float(np.sum(whitened[seen] ** 2)))
        s.dof = np.append(s.dof[1:], float(seen.sum()))

    def sd(self, s: TwinState) -> Array:
        """Of the residual of each output (m,), in SI; NaN while it is learned or nothing measures it."""
        learned = np.where(s.count >= self.learn, np.sqrt(s.squares / np.maximum(s.count - 1.0, 1.0)), nan)
        floor = 1e-9 * np.maximum(np.abs(s.y), 1e-30)
        return np.where(np.isfinite(self.noise), self.noise, np.maximum(learned, floor))

    def value(self, s: TwinState) -> Array:
        """Computed outputs (m,) plus what they were learned to be off by."""
        return s.y + np.where(np.isfinite(self.noise), 0.0, s.mean)

    def whitened(self, s: TwinState, measured: Array) -> Array:
        return (measured - self.value(s)) / self.sd(s)

    # ---- what is said

    def validity(self, s: TwinState) -> Validity:
        if s.fault:
            return Validity(False, 0.0, "F", f"the FMU does not run: {s.fault}")
        if not s.begin_ns:
            waits = [c.title for c, v in zip(self.inputs(), s.u, strict=True) if not isfinite(v)]
            return Validity(False, 0.0, "C", f"the FMU waits for {' and '.join(waits) or 'its inputs'}")
        silent_s = (s.time_ns - s.seen_ns) / SECOND_NS
        if (silent_s > STALE_S).any():
            worst = int(np.argmax(silent_s))
            return Validity(
                False, 0.0, "F", f"{self.inputs()[worst].title} has not been read for {plain_time(float(silent_s[worst]))}"
            )
        tagged = np.isfinite(self.noise) | (s.count > 0.0)
        if not tagged.any():
            return Validity(False, 0.0, "C", "none of the FMU's outputs has been measured; nothing says whether it is right")
        left = np.where(np.isfinite(self.noise) | ~tagged, 1.0, s.count / self.learn)
        score = float(min(1.0, s.dof.sum() / max(s.nis.sum(), 1e-300))) if s.dof.sum() else 0.0
        if left.min() < 1.0:
            return Validity(False, score, "C", f"the FMU is compared with the healthy machine: {left.min():.0%} learned")
        if s.dof.sum() < SETTLED:
            return Validity(
                False, score, "C", f"the FMU was compared with {int(s.dof.sum())} readings lately; {SETTLED} are needed"
            )
        known = bool((s.count > 0.0).any())
        if known and (reason := next(iter(outside(self.inputs(), s.u, s.u_low, s.u_high).values()), "")):
            return Validity(False, score, "S", f"{reason}; the FMU was not compared there")
        if not consistent(float(s.nis.sum()), float(s.dof.sum())):
            ratio = float(np.sqrt(s.nis.sum() / s.dof.sum()))
            return Validity(False, score, "S", f"the FMU is off by {ratio:.1f} times what it {_SINCE[known]}")
        return Validity(True, score, "ok", "the FMU explains what is measured")

    def over_limit(self, s: TwinState) -> list[tuple[Channel, float, float]]:
        """(channel, computed, limit) of each declared limit that the FMU's output has reached."""
        place = {channel: i for i, (_, channel) in enumerate(self.config.outputs)}
        found = []
        for name, limit in self.config.limits:
            value = float(self.value(s)[place[name]])
            if isfinite(value) and value >= limit:
                found.append((self.channels[self.output_columns[place[name]]], value, limit))
        return found

    def inputs(self) -> tuple[Channel, ...]:
        return tuple(self.channels[i] for i in self.input_columns)


def _back(c: ToSI) -> ToSI:
    return ToSI(1.0 / c.factor, -c.offset / c.factor)


def wrong(config: AssetFmu, channels: Sequence[Channel], step_s: float):
    """(given, allowed, what to do) of every mistake of one [asset.fmu]."""
    try:
        file = read_fmu(Path(config.file).read_bytes(), config.file, config.sha256)
        check_runs_here(file)
    except OSError as error:
        yield (
            f"file {config.file!r} cannot be read ({error.strerror})",
            "the path of an FMU, from the plant file's folder",
            "Correct it.",
        )
        return
    except DidymosError as error:
        yield str(error), "a co-simulation FMU that runs here, with this sha256", "Run `didymos fmu check` on it."
        return
    known = {c.name: c for c in channels}
    for role, pairs in (("input", config.inputs), ("output", config.outputs)):
        for name, channel in pairs:
            yield from _wrong_binding(file.description, role, name, channel, known)
    for name in [v.name for v in file.description.of("input") if v.name not in dict(config.inputs)]:
        yield f"input {name!r} of the FMU is bound to no channel", ", ".join(known), f'Add inputs = {{ "{name}" = a channel }}.'
    if not config.outputs:
        yield "no output is bound to a channel", ", ".join(known), "Add outputs = { FMU output = channel }."
    bound = [channel for _, channel in config.outputs]
    for key, pairs in (("noise", config.noise), ("limits", config.limits)):
        for name, number in pairs:
            if name not in bound or not (isfinite(number) and (number > 0.0 or key == "limits")):
                yield f"{key}: {name} = {number}", f"a number for one of {', '.join(bound) or 'the bound outputs'}", "Correct it."
    parts = step_s / config.step_s if config.step_s else 1.0
    if not (parts >= 1.0 and abs(parts - round(parts)) < 1e-9):
        yield f"step_s = {config.step_s:g}", f"a whole part of the plant's step of {step_s:g} s", "Correct it, or leave it out."


def _wrong_binding(d, role: str, name: str, channel: str, known: dict[str, Channel]):
    roles = ("input",) if role == "input" else ("output", "local")
    try:
        variable = d.variable(name, roles)
    except ModelError as error:
        yield str(error), f"{role}s of the FMU", "Correct the name."
        return
    if variable.size != 1 or variable.kind not in ("real", "integer", "boolean", "enumeration"):
        yield f"{name!r} is {variable.type} of {variable.size} values", "one number", "Bind another variable."
    elif channel not in known:
        yield f"channel {channel!r} does not exist here", ", ".join(known), "Name one of the asset's channels."
    else:
        try:
            from_si(variable.unit, known[channel].unit, name)
        except ConfigError as error:
            yield str(error), "channels that measure the same thing", "Bind another channel."
