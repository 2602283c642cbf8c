"""An FMU as a `BlackBoxModel`: stepped in a child process that may crash, hang or leak without harm to anybody.

    with open_fmu("pump.fmu", stop_s=3600.0, parameters={"area": 0.02}) as fmu:
        y = fmu.steps(u, dt_s)                  u (T, k) in the order of fmu.inputs -> (T, m) in the order of fmu.outputs

A lost child is replaced by a new one that goes on from the last state kept (FMUs that can write their state down) or lives through
all inputs again (those that cannot); the answers are the same as of a child that was never lost. A step that fails `tries` times
is reported, and the model stands where it stood before the call. Verified: tests/fmu/test_model.py.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets.fmu.process import Child, Limits, Lost, Refusal
from didymos.core.black_box import Variable
from didymos.core.errors import ConfigError, DataError, SolveError
from didymos.formats.fmu import FmuFile, here
from didymos.formats.wire import pack, unpack

Array = NDArray[np.float64]
log = logging.getLogger("didymos.fmu")
BUDGET_S, LARGEST_BATCH, ROUNDING = 0.2, 16_384, 1e-9  # a message ends after so long, or so many steps


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a machine stands: `count` steps of dt_s after origin_s. Times are always computed like this, never by adding up, so
    that a run which was interrupted asks for the very same times, and ends where it should."""

    origin_s: float
    dt_s: float = 0.0
    count: int = 0

    @property
    def time_s(self) -> float:
        return self.origin_s + self.count * self.dt_s

    def stepping(self, dt_s: float) -> Moment:
        return self if dt_s == self.dt_s else Moment(self.time_s, dt_s, 0)

    def plus(self, count: int) -> Moment:
        return Moment(self.origin_s, self.dt_s, self.count + count)


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that goes on from here: the FMU it belongs to, a state (or none: from the start), and the inputs since."""

    sha256: str
    at: Moment
    state: bytes
    has_state: bool
    runs: list[Moment] = field(default_factory=list)
    u: list[NDArray[np.float64]] = field(default_factory=list)


class _Since:
    """Inputs since a state: runs of rows of one step length, each with the moment of its start."""

    def __init__(self) -> None:
        self.runs: list[tuple[Moment, bytearray]] = []
        self.steps = 0

    def add(self, at: Moment, u: Array) -> None:
        if not self.runs or self.runs[-1][0].dt_s != at.dt_s:
            self.runs.append((at, bytearray()))
        self.runs[-1][1].extend(u.tobytes())
        self.steps += len(u)

    def mark(self) -> tuple[int, int, int]:
        return len(self.runs), len(self.runs[-1][1]) if self.runs else 0, self.steps

    def back_to(self, mark: tuple[int, int, int]) -> None:
        count, size, self.steps = mark
        del self.runs[count:]
        if self.runs:
            del self.runs[-1][1][size:]

    def rows(self, width: int) -> list[tuple[Moment, Array]]:
        """(moment, inputs (n, width)) in order."""
        return [(at, np.frombuffer(bytes(data)).reshape(-1, width)) for at, data in self.runs]


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    at: Moment
    state: bytes | None


@dataclass(frozen=True, slots=True)
class Given:
    """What is bound at opening: variables driven, read, tuned member by member; values set before the start."""

    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    start: tuple[tuple[Variable, float], ...] = ()
    tuned: tuple[Variable, ...] = ()


def columns(variables: Sequence[Variable]) -> tuple[str, ...]:
    return tuple(v.name if v.size == 1 else f"{v.name}[{i + 1}]" for v in variables for i in range(v.size))


def _groups(variables: Sequence[Variable]) -> list[list[Any]]:
    """[type, references, columns] of each type."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    place = 0
    for v in variables:
        references, columns = found.setdefault(v.type, ([], []))
        references.append(v.reference)
        columns += range(place, place + v.size)
        place += v.size
    return [[type, references, columns] for type, (references, columns) in found.items()]


def _when(at: Moment) -> dict[str, float]:
    return {"origin": at.origin_s, "first": at.count, "dt": at.dt_s}


def _settings(start: Sequence[tuple[Variable, float]]) -> list[list[Any]]:
    return [[v.type, [v.reference], [value] * v.size] for v, value in start]


class Fmu:
    """Use `open_fmu`. `inputs`, `outputs`: names of columns, one per number (`u[2]` for the second of an array)."""

    def __init__(self, file: FmuFile, start_s: float, stop_s: float, given: Given, limits: Limits) -> None:
        self.description = file.description
        self.limits = limits
        self.lost: list[str] = []  # why children were replaced, in order
        self.recycled = 0
        self._start_s, self._stop_s, self._given = start_s, stop_s, given
        self.folder = Path(tempfile.mkdtemp(prefix="didymos-fmu-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, True)
        self._progress_file = self.folder / ".progress"
        self._unpack(file)
        self.driven = given.inputs
        self.inputs = columns(given.inputs)
        self.outputs = columns(given.outputs)
        self._at = Moment(start_s)
        self._checkpoint, self._since = _Checkpoint(self._at, None), _Since()
        self._child: Child | None = None
        self._steps_of_child, self._living_again = 0, False
        self._astray = False  # the child stands in some member's state; the model in that of the checkpoint
        self._fat = 0  # bytes from which the child is replaced
        self._failed = (0.0, 0)  # where a child was lost last, how often there
        self.first = np.zeros(len(self.outputs))  # outputs at the start

    # ---- what a BlackBoxModel promises

    @property
    def time_s(self) -> float:
        return self._at.time_s

    def steps(self, u: Array, dt_s: float) -> Array:
        rows = self._checked(u, dt_s)
        before = self._checkpoint, self._since, self._since.mark(), self._at
        self._at = self._at.stepping(dt_s)
        found = []
        try:
            while len(rows):
                found.append(self._some_steps(rows[:LARGEST_BATCH]))
                rows = rows[len(found[-1]) :]
        except SolveError:
            self._checkpoint, self._since, mark, self._at = before
            self._since.back_to(mark)
            self._drop()
            raise
        return np.concatenate(found) if found else np.zeros((0, len(self.outputs)))

    def get(self) -> bytes:
        name = self.description.sha256
        if self.description.stores_state:
            return pack(Kept(name, self._at, self.state(), True))
        runs = self._since.rows(max(1, len(self.inputs)))
        return pack(Kept(name, self._checkpoint.at, b"", False, [at for at, _ in runs], [u for _, u in runs]))

    def set(self, state: bytes) -> None:
        kept = unpack(Kept, state)
        if kept.sha256 != self.description.sha256:
            raise DataError(f"{self.description.name}: the state belongs to another FMU (sha256 {kept.sha256[:12]}). Start anew.")
        self._checkpoint, self._since = _Checkpoint(kept.at, kept.state if kept.has_state else None), _Since()
        self._at, self._astray = kept.at, False
        for at, u in zip(kept.runs, kept.u, strict=True):
            self._since.add(at, u)
            self._at = at.plus(len(u))
        if self._child is not None and kept.has_state:
            self._safely(lambda child: child.ask({"do": "go_to"}, kept.state))
        else:
            self._drop()

    def state(self) -> bytes:
        """The FMU's own state, written down by itself. ConfigError where it cannot."""
        if not self.description.stores_state:
            raise ConfigError(
                f"{self.description.name}: it cannot write its state down (canSerializeFMUstate is not true), which is needed to "
                "follow many states of it. Export it with that capability."
            )
        return self._safely(lambda child: child.ask({"do": "state"})[1])

    def members(self, states: Sequence[bytes], u: Array, time_s: float, dt_s: float, tuned: Array) -> tuple[list[bytes], Array]:
        """One step from each of N states at `time_s`: u (N, k), tuned (N, p) values of the variables named at opening ->
        N states, (N, m). The model itself stays where it stands."""
        self._checked(u, dt_s)
        if not self._astray:
            self._checkpoint, self._since = _Checkpoint(self._at, self.state()), _Since()
        header = {
            "do": "members",
            "sizes": [len(s) for s in states],
            "tuned": len(self._given.tuned),
            **_when(Moment(time_s, dt_s)),
        }
        header |= {"budget_s": BUDGET_S, "rss_stop": self.limits.memory_bytes}
        payload = b"".join([*states, np.ascontiguousarray(u, float).tobytes(), np.ascontiguousarray(tuned, float).tobytes()])
        self._astray = True
        sizes, data = self._safely(lambda child: child.ask(header, payload), members=True)
        after, place = [], 0
        for size in sizes:
            after.append(data[place : place + size])
            place += size
        return after, np.frombuffer(data[place:]).reshape(len(states), -1)

    def start(self) -> Array:
        """Outputs (m,) at the start: instantiates now what would be instantiated at the first step."""
        self._safely(lambda child: None)
        return self.first

    def rss(self) -> int:
        return self._child.rss() if self._child is not None else 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
        self._remove()

    def __enter__(self) -> Fmu:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- steps

    def _checked(self, u: Array, dt_s: float) -> Array:
        width, name = len(self.inputs), self.description.name
        rows = np.ascontiguousarray(u, np.float64)
        if rows.ndim != 2 or rows.shape[1] != width:
            raise DataError(f"{name}: inputs have shape {np.shape(u)}; (steps, {width}) is needed.")
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise DataError(
                f"{name}: input {self.inputs[column]!r} is {rows[row, column]} in row {row}; only finite numbers may reach an FMU. "
                "Fill the gap, or hold the last value."
            )
        if not (np.isfinite(dt_s) and dt_s > 0.0):
            raise ConfigError(f"{name}: step {dt_s} s; it must be above 0.")
        if self.time_s + len(rows) * dt_s > self._stop_s + ROUNDING * max(1.0, abs(self._stop_s)):
            raise ConfigError(
                f"{name}: {len(rows)} steps of {dt_s:g} s from {self.time_s:g} s go beyond the stop time {self._stop_s:g} s. "
                "Open it with a later stop time."
            )
        return rows if width else np.zeros((len(rows), 1))

    def _some_steps(self, u: Array) -> Array:
        """At least one of the steps asked for; their outputs."""
        count = max(1, min(len(u), self.limits.recycle_steps - self._steps_of_child))
        while True:
            try:
                done, data = self._plainly(lambda child, n=count: self._asked(child, self._at, u[:n]))
                break
            except Lost as lost:
                taken = self.progress()
                self._note(lost, self._at.plus(taken).time_s)
                count = min(count, taken) or 1  # first what is known to go well, then the step that did not
        self._since.add(self._at, u[:done])
        self._at = self._at.plus(done)
        self._steps_of_child += done
        self._keep()
        return np.frombuffer(data).reshape(done, -1)

    def _asked(self, child: Child, at: Moment, u: Array) -> tuple[Any, bytes]:
        header = {"do": "steps", "count": len(u), "budget_s": BUDGET_S, "rss_stop": self._fat, **_when(at)}
        return child.ask(header, u.tobytes() if len(self.inputs) else b"")

    def _keep(self) -> None:
        """A state now and then; a fresh child when this one is old or fat."""
        if not self.description.stores_state:
            return
        child = self._child
        grown = child is not None and child.rss() > self._fat
        old = self._steps_of_child >= self.limits.recycle_steps
        if not (grown or old or self._since.steps >= self.limits.checkpoint_steps):
            return
        state = self._safely(lambda child: child.ask({"do": "state"})[1])
        self._checkpoint, self._since = _Checkpoint(self._at, state), _Since()
        if (grown or old) and self._child is not None:
            self.recycled += 1
            self._child.close()
            self._child = None

    # ---- children

    def _plainly(self, ask: Callable[[Child], Any], members: bool = False) -> Any:
        """`ask` of a child that stands where the model stands."""
        try:
            child = self._ready()
            if self._astray and not members:
                assert self._checkpoint.state is not None
                child.ask({"do": "go_to"}, self._checkpoint.state)
                self._astray = False
            return ask(child)
        except Refusal as refused:
            self._drop()
            raise SolveError(f"{self.description.name}: the FMU refuses: {refused}") from refused

    def _safely(self, ask: Callable[[Child], Any], members: bool = False) -> Any:
        """The same, of a new child when one is lost meanwhile."""
        while True:
            try:
                return self._plainly(ask, members)
            except Lost as lost:
                self._note(lost, self.time_s)

    def _note(self, lost: Lost, time_s: float) -> None:
        """SolveError when it was lost too often in one place."""
        self._drop()
        self.lost.append(str(lost))
        place, times = self._failed
        self._failed = (time_s, times + 1 if abs(place - time_s) <= 1e-9 * max(1.0, abs(time_s)) else 1)
        text = f"{self.description.name}: the FMU's process {lost}, after {time_s:g} s"
        if self._failed[1] >= self.limits.tries:
            self._failed = (0.0, 0)
            raise SolveError(
                f"{text}; {self.limits.tries} times in this place. Give it more time or memory where that is what it lacks, "
                "or ask the FMU's author."
            ) from lost
        log.warning("%s; another goes on from %g s", text, self._checkpoint.at.time_s)

    def progress(self) -> int:
        """Steps of the message under way that the child has taken, also of a child that is lost."""
        if self._living_again:
            return 0
        return int.from_bytes(self._progress_file.read_bytes(), "little")

    def _ready(self) -> Child:
        if self._child is not None:
            return self._child
        self._living_again = True
        self._progress_file.write_bytes(bytes(8))
        self._child = child = Child(self.limits, self.folder)
        _, data = child.ask(self._opening(), wall_s=self.limits.wall_s + 10.0)  # a Python starts first
        self.first = np.frombuffer(data)
        self._steps_of_child, begins = 0, child.rss()
        self._fat = begins + min(self.limits.growth_bytes, max(0, self.limits.memory_bytes - begins) // 2)
        if self._checkpoint.state is not None:
            child.ask({"do": "go_to"}, self._checkpoint.state)
        for at, u in self._since.rows(max(1, len(self.inputs))):
            while len(u):
                done, _ = self._asked(child, at, u[:LARGEST_BATCH])
                at, u = at.plus(done), u[done:]
        self._living_again = False
        self._progress_file.write_bytes(bytes(8))
        return child

    def _opening(self) -> dict[str, Any]:
        d, g = self.description, self._given
        stop = self._stop_s + ROUNDING * max(1.0, abs(self._stop_s))
        return {
            "do": "open", "version": d.standard[-3:], "folder": str(self.folder), "identifier": d.identifier, "token": d.token,
            "start": self._start_s, "stop": stop, "tolerance": d.experiment.tolerance, "set": _settings(g.start),
            "inputs": _groups(g.inputs), "outputs": _groups(g.outputs), "parameters": _groups(g.tuned),
            "n_inputs": len(self.inputs), "n_outputs": len(self.outputs), "progress": str(self._progress_file),
        }  # fmt: skip

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _unpack(self, file: FmuFile) -> None:
        for name, data in file.members(here(self.description.standard)):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
