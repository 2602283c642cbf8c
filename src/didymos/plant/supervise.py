"""Keep the roles running: start in order, restart what dies, end all of them on SIGTERM or SIGINT.

A child that dies is started again after 0.5, 1, 2, ... at most 10 seconds; the wait shrinks back once it has lived a minute.
Children end when the supervisor itself is killed (Linux: parent-death signal).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import IO

log = logging.getLogger("didymos.supervise")

FIRST_WAIT_S, LONGEST_WAIT_S, SETTLED_S, STOP_S = 0.5, 10.0, 60.0, 8.0


@dataclass(frozen=True, slots=True)
class Role:
    """One child: `ready`, when given, is awaited before the next role starts. `once`: its end is not a fault."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[None]] | None = None
    once: bool = False


# Runs before the role's command and in its process: ask for SIGTERM when the parent is gone, and end at once if it already is.
# A Python `preexec_fn` would do the same, but between fork and exec, where any thread of the parent may hold a lock for ever.
_TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def tethered(command: Sequence[str]) -> tuple[str, ...]:
    """`command` such that it ends when this process does (Linux only; elsewhere the children notice the lost bus)."""
    if sys.platform != "linux":
        return tuple(command)
    return (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command)


async def supervise(
    roles: Sequence[Role],
    stop: asyncio.Event,
    on_start: Callable[[str, int], None] = lambda name, pid: None,
    output: IO[bytes] | None = None,
) -> None:
    """Run `roles` until `stop` is set; `on_start(name, pid)` at every (re)start. What the children print goes to `output`,
    None = where ours goes."""
    tasks: list[asyncio.Task[None]] = []
    try:
        for role in roles:
            tasks.append(asyncio.create_task(_keep(role, stop, on_start, output)))
            if role.ready is not None:
                await role.ready()
        await stop.wait()
    finally:
        stop.set()
        for task in reversed(tasks):
            await task


async def _keep(role: Role, stop: asyncio.Event, on_start: Callable[[str, int], None], output: IO[bytes] | None) -> None:
    wait_s = FIRST_WAIT_S
    while not stop.is_set():
        began = time.monotonic()
        child = await asyncio.create_subprocess_exec(*tethered(role.command), stdout=output, stderr=output)
        on_start(role.name, child.pid)
        code = await _until_end(child, stop)
        if stop.is_set():
            return
        if role.once and code == 0:
            log.info("%s: finished", role.name)
            return
        wait_s = FIRST_WAIT_S if time.monotonic() - began > SETTLED_S else wait_s
        log.warning("%s: ended with %s; starting it again in %.1f s", role.name, _cause(code), wait_s)
        await _sleep(wait_s, stop)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def _until_end(child: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """Exit status of the child; when `stop` is set first, ends it: SIGTERM, then SIGKILL after STOP_S."""
    ended = asyncio.create_task(child.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.done():
        child.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), STOP_S)
        except TimeoutError:
            child.kill()
    return await ended


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        pass


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"status {code}"
