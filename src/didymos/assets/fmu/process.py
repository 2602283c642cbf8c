"""One child process, asked one thing at a time, and never trusted: each question has a deadline and the child a memory limit.

    child = Child(limits, folder)
    header, payload = child.ask({"do": "steps", ...}, payload)     Lost when the child crashed, hung or grew too large

A child that is lost is killed with its whole process group. What it last said on standard error is kept for the message.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from didymos.core.errors import ConfigError, SolveError
from didymos.formats import fmu_frames as frames

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
CHILD = str(Path(__file__).with_name("child.py"))  # by its path: importing all of `assets` would double the time to start
PACKAGES = str(Path(__file__).parents[3])  # where `didymos` is
LOOK_S = 0.05  # how often memory is looked at while an answer is awaited


@dataclass(frozen=True, slots=True)
class Limits:
    """What one FMU may take.

    wall_s            the longest answer, and the longest single step
    memory_bytes      resident memory of its process; beyond it the process is killed
    recycle_steps     steps after which the process is replaced by a fresh one that goes on
    growth_bytes      growth after which it is replaced too (of FMUs whose state can be written down)
    checkpoint_steps  steps between two states kept for a restart
    tries             how often one step may be tried
    """

    wall_s: float = 10.0
    memory_bytes: int = 1 << 30
    recycle_steps: int = 100_000
    growth_bytes: int = 128 << 20
    checkpoint_steps: int = 2_000
    tries: int = 2

    def __post_init__(self) -> None:
        for name in ("wall_s", "memory_bytes", "recycle_steps", "growth_bytes", "checkpoint_steps", "tries"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"fmu: {name} is {getattr(self, name)}; it must be above 0.")


class Lost(Exception):
    """The child is gone: it crashed, did not answer in time, or took too much memory."""


class Refusal(SolveError):
    """The FMU itself answered that it cannot; asking again would not help."""


def _environment() -> dict[str, str]:
    """Nothing that is secret: a foreign library reads it all."""
    paths = [PACKAGES, *(str(Path(p).resolve()) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)]
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


class Child:
    """Started at once. `pid`; `rss()` bytes resident now, 0 where the platform does not tell."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        if sys.platform == "win32":
            raise ConfigError("FMUs run on Linux and macOS only: their process is watched by means that Windows does not have.")
        if find_spec("fmpy") is None:
            raise ConfigError("FMUs need the package fmpy, which is not installed. Install the extra: pip install 'didymos[fmi]'.")
        self.limits = limits
        self._said = b""
        self._process = subprocess.Popen(
            [sys.executable, "-uP", CHILD, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(),
            start_new_session=True,
            bufsize=0,
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._to, self._from, self._words = (pipe.fileno() for pipe in self._pipes)
        for pipe in (self._to, self._from, self._words):
            os.set_blocking(pipe, False)
        self._end = weakref.finalize(self, _end, self._process, self._pipes)  # also when nobody closes it

    def ask(self, header: dict[str, Any], payload: bytes | memoryview = b"", wall_s: float | None = None) -> tuple[Any, bytes]:
        """(what the answer says, its bytes). Refusal when the FMU itself says no."""
        found, data = self._exchange(memoryview(frames.encode(header, payload)), wall_s or self.limits.wall_s)
        if "refused" in found:
            raise Refusal(found["refused"] + self._last_words())
        return found["ok"], data

    def _exchange(self, left: memoryview, wall_s: float) -> tuple[dict[str, Any], bytes]:
        received, ends = bytearray(), time.monotonic() + wall_s
        while len(received) < frames.PREFIX.size or len(received) < frames.wanted(received):
            reads, writes, _ = select.select([self._from, self._words], [self._to] if left else [], [], LOOK_S)
            try:
                if writes:
                    left = left[os.write(self._to, left[: 1 << 20]) :]
                if self._words in reads:
                    self._listen()
                if self._from in reads:
                    more = os.read(self._from, 1 << 20)
                    if not more:
                        raise BrokenPipeError
                    received += more
                    continue
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Lost(self._epitaph()) from error
            if time.monotonic() > ends:
                self.kill()
                raise Lost(f"did not answer within {wall_s:g} s")
            if not reads:
                self._weigh()
        return frames.decode(received)

    def _weigh(self) -> None:
        used = self.rss()
        if used > self.limits.memory_bytes:
            self.kill()
            raise Lost(f"took {used >> 20} MiB of memory; allowed are {self.limits.memory_bytes >> 20}")

    def rss(self) -> int:
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def _listen(self) -> None:
        try:
            self._said = (self._said + os.read(self._words, 1 << 16))[-2000:]
        except OSError:
            pass

    def _last_words(self) -> str:
        self._listen()
        lines = self._said.decode(errors="replace").strip().splitlines()
        return f"; it said: {' | '.join(lines[-3:])[:400]}" if lines else ""

    def _epitaph(self) -> str:
        """How it died."""
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            code = None
        words = self._last_words()
        self.kill()
        if code is not None and code < 0:
            return f"was ended by signal {-code} ({signal.Signals(-code).name}){words}"
        return f"ended by itself (exit status {code}){words}"

    def close(self, wall_s: float = 1.0) -> None:
        """The FMU may end as its standard says; if it takes longer, or leaves something behind, it is killed."""
        if self._pipes:
            self._pipes[0].close()
            try:
                self._process.wait(wall_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """With everything it started; a second call does nothing."""
        self._end()
        self._pipes = ()


def _end(process: subprocess.Popen[bytes], pipes: Sequence[Any]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    for pipe in pipes:
        pipe.close()
