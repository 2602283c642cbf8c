"""The child process: FMPy and one instance of one FMU. The only file that imports FMPy.

    python -P child.py PARENT       requests on standard input, one answer each on standard output (`frames`)

Whatever the library prints goes to standard error. It ends when its input ends or its parent is gone, so that a parent that was
killed leaves nothing behind. An answer is {"ok": ...} or {"refused": text, "step": n}: the FMU itself said no.
"""

from __future__ import annotations

import array
import ctypes
import mmap
import os
import shutil
import signal
import sys
import threading
import time
from typing import Any

from didymos.formats import fmu_frames as frames

# type in modelDescription.xml -> (part of the function's name, C type) of FMI 2 and of FMI 3
OF_2 = {
    "Real": ("Real", ctypes.c_double), "Integer": ("Integer", ctypes.c_int), "Enumeration": ("Integer", ctypes.c_int),
    "Boolean": ("Boolean", ctypes.c_int),
}  # fmt: skip
OF_3: dict[str, tuple[str, Any]] = {
    "Float32": ("Float32", ctypes.c_float), "Float64": ("Float64", ctypes.c_double), "Boolean": ("Boolean", ctypes.c_bool),
    "Enumeration": ("Int64", ctypes.c_int64),
    **{f"{u}Int{n}": (f"{u}Int{n}", getattr(ctypes, f"c_{u.lower()}int{n}")) for u in ("", "U") for n in (8, 16, 32, 64)},
}  # fmt: skip


LOOK_EVERY = 32  # steps between two looks at memory


def resident() -> int:
    """Bytes of this process; 0 where the platform does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


class Refused(Exception):
    """The FMU answered an error, or ended itself."""


class Progress:
    """Steps taken of the present message, in a file that the parent can read after this process has crashed."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._place = mmap.mmap(file.fileno(), 8)

    def write(self, done: int) -> None:
        self._place[:] = done.to_bytes(8, "little")


class Port:
    """Variables of one type, set or read in one call; `columns` are their places in a row of numbers."""

    def __init__(self, fmu: Any, version: str, type: str, references: list[int], columns: list[int]) -> None:
        name, self.of = (OF_2 if version == "2.0" else OF_3)[type]
        prefix = f"fmi{version[0]}"
        self.setter, self.getter = getattr(fmu, f"{prefix}Set{name}"), getattr(fmu, f"{prefix}Get{name}")
        self.component = fmu.component
        self.references = (ctypes.c_uint * len(references))(*references)
        self.values = (self.of * len(columns))()
        self.tail = () if version == "2.0" else (len(columns),)
        self.columns = columns
        self.whole = slice(columns[0], columns[-1] + 1) if columns == list(range(columns[0], columns[-1] + 1)) else None
        self.real = self.of in (ctypes.c_double, ctypes.c_float)

    def set(self, row: Any) -> None:
        given = row[self.whole] if self.whole else [row[i] for i in self.columns]
        self.values[:] = given if self.real else [round(v) for v in given]
        self.setter(self.component, self.references, len(self.references), self.values, *self.tail)

    def read(self, into: Any, start: int) -> None:
        self.getter(self.component, self.references, len(self.references), self.values, *self.tail)
        for column, value in zip(self.columns, self.values, strict=True):
            into[start + column] = value


class Instance:
    """One FMU from instantiation to its end."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.version = given["version"]
        self.fmu = self._made(given)
        self.inputs = self._ports(given["inputs"])
        self.outputs = self._ports(given["outputs"])
        self.parameters = self._ports(given["parameters"])
        self.width, self.height = given["n_inputs"], given["n_outputs"]
        self.progress = Progress(given["progress"])
        self._begin(given)

    def _made(self, given: dict[str, Any]) -> Any:
        from fmpy.fmi2 import FMU2Slave
        from fmpy.fmi3 import FMU3Slave

        kind = FMU2Slave if self.version == "2.0" else FMU3Slave
        fmu = kind(guid=given["token"], modelIdentifier=given["identifier"], unzipDirectory=given["folder"], instanceName="didymos")
        fmu.instantiate()
        return fmu

    def _ports(self, groups: list[list[Any]]) -> list[Port]:
        return [Port(self.fmu, self.version, type, references, columns) for type, references, columns in groups]

    def _begin(self, given: dict[str, Any]) -> None:
        fmu, start, stop = self.fmu, given["start"], given["stop"]
        for type, references, values in given["set"]:
            Port(fmu, self.version, type, references, list(range(len(values)))).set(values)
        if self.version == "2.0":
            fmu.setupExperiment(tolerance=given["tolerance"], startTime=start, stopTime=stop)
            fmu.enterInitializationMode()
        else:
            fmu.enterInitializationMode(tolerance=given["tolerance"], startTime=start, stopTime=stop)
        fmu.exitInitializationMode()

    def read(self) -> bytes:
        row = array.array("d", bytes(8 * self.height))
        for port in self.outputs:
            port.read(row, 0)
        return row.tobytes()

    def steps(self, given: dict[str, Any], u: Any, count: int) -> tuple[int, bytes]:
        """At most `count` steps from `origin + first * dt`: it stops where `budget_s` is used up or memory grew beyond `rss_stop`,
        so that the parent can look after it. The steps taken, and the outputs after each."""
        origin, first, dt_s, ends = given["origin"], given["first"], given["dt"], time.monotonic() + given["budget_s"]
        y = array.array("d", bytes(8 * self.height * count))
        done = 0
        while done < count:
            self.progress.write(done)
            time_s = origin + (first + done) * dt_s
            try:
                self._step(time_s, dt_s, u[done * self.width : (done + 1) * self.width])
                for port in self.outputs:
                    port.read(y, done * self.height)
            except Exception as error:
                raise Refused(f"{error} in the step from {time_s:.10g} s") from error
            done += 1
            if time.monotonic() > ends or (done % LOOK_EVERY == 0 and resident() > given["rss_stop"]):
                break
        return done, y[: done * self.height].tobytes()

    def _step(self, time_s: float, dt_s: float, row: Any) -> None:
        for port in self.inputs:
            port.set(row)
        if self.version == "2.0":
            self.fmu.doStep(time_s, dt_s)
            return
        _, ends, early, reached = self.fmu.doStep(time_s, dt_s)
        if ends or early:
            raise Refused(f"it ended the run at {reached!r} s by itself")

    # ---- state

    def state(self) -> bytes:
        held = self.fmu.getFMUState()
        try:
            serialize = self.fmu.serializeFMUstate if self.version == "2.0" else self.fmu.serializeFMUState
            return serialize(held)
        finally:
            self.fmu.freeFMUState(held)

    def go_to(self, state: bytes) -> None:
        deserialize = self.fmu.deSerializeFMUstate if self.version == "2.0" else self.fmu.deserializeFMUState
        held = deserialize(state) if self.version == "2.0" else self._deserialized(state)
        try:
            self.fmu.setFMUState(held)
        finally:
            self.fmu.freeFMUState(held)

    def _deserialized(self, state: bytes) -> Any:
        from fmpy.fmi3 import fmi3Byte, fmi3FMUState

        held, buffer = fmi3FMUState(), ctypes.create_string_buffer(state, size=len(state))
        given = ctypes.cast(buffer, ctypes.POINTER(fmi3Byte))
        self.fmu.fmi3DeserializeFMUState(self.fmu.component, given, len(state), ctypes.byref(held))
        return held

    def members(self, given: dict[str, Any], payload: bytes) -> tuple[list[int], bytes]:
        """Many states of the same machine, one step each: states, inputs (N, k), parameters (N, p) -> states and outputs."""
        sizes, count = given["sizes"], len(given["sizes"])
        place, states = 0, []
        for size in sizes:
            states.append(payload[place : place + size])
            place += size
        numbers = array.array("d")
        numbers.frombytes(payload[place:])
        p = given["tuned"]
        u, tuned = numbers[: count * self.width], numbers[count * self.width :]
        after, y = [], []
        for i, state in enumerate(states):
            self.go_to(state)
            for port in self.parameters if p else ():
                port.set(tuned[i * p : (i + 1) * p])
            y.append(self.steps(given, u[i * self.width : (i + 1) * self.width], 1)[1])
            after.append(self.state())
        return [len(s) for s in after], b"".join([*after, *y])


def answer(instance: list[Instance], given: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    what = given["do"]
    if what == "open":
        instance[:] = [Instance(given)]
        return {"ok": os.getpid()}, instance[0].read()
    if what == "steps":
        u = array.array("d")
        u.frombytes(payload)
        done, y = instance[0].steps(given, u, given["count"])
        return {"ok": done}, y
    if what == "state":
        return {"ok": True}, instance[0].state()
    if what == "go_to":
        instance[0].go_to(payload)
        return {"ok": True}, instance[0].read()
    if what == "members":
        sizes, found = instance[0].members(given, payload)
        return {"ok": sizes}, found
    if what == "validate":
        from fmpy.validation import validate_fmu

        return {"ok": [str(problem) for problem in validate_fmu(given["path"])]}, b""
    raise ValueError(f"{what!r} is not something that the child does")


def end(instance: list[Instance]) -> None:
    """As the standard wants it; whatever goes wrong now concerns nobody."""
    for one in instance:
        try:
            one.fmu.terminate()
            one.fmu.freeInstance()
        except Exception:
            return


def refusal(error: Exception) -> dict[str, Any]:
    return {"refused": str(error) or type(error).__name__}


def serve(source: int, sink: int) -> None:
    """Until the input ends."""
    instance: list[Instance] = []
    received = bytearray()
    while True:
        while len(received) < frames.PREFIX.size or len(received) < frames.wanted(received):
            more = os.read(source, 1 << 20)
            if not more:
                end(instance)
                return
            received += more
        size = frames.wanted(received)
        given, payload = frames.decode(received[:size])
        del received[:size]
        try:
            header, found = answer(instance, given, payload)
        except Exception as error:  # whatever the FMU or FMPy raised goes back in words
            header, found = refusal(error), b""
        left = memoryview(frames.encode(header, found))
        while left:
            left = left[os.write(sink, left) :]


def end_with(parent: int) -> None:
    """A library that hangs does not outlive the process that asked."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        shutil.rmtree(os.getcwd(), ignore_errors=True)  # the private folder, which the parent would have removed
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if sys.platform != "win32":
        import resource

        libc = ctypes.CDLL(None)
        if hasattr(libc, "stdout"):  # what the library prints is to be heard before it dies
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, 2, 0)

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        end_with(int(sys.argv[1]))
    serve(source, sink)
    os._exit(0)  # without the library's own farewell, which may crash


if __name__ == "__main__":
    main()
