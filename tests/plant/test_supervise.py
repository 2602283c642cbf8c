"""The supervisor: restarts what dies, ends everything, in real processes."""

import asyncio
import os
import signal
import sys
import time

from didymos.plant.supervise import Role, supervise

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_is_started_again_and_stop_ends_all():
    starts: list[tuple[str, int]] = []

    async def main() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(
            supervise([Role("a", SLEEP), Role("b", SLEEP)], stop, lambda name, pid: starts.append((name, pid)))
        )
        while len(starts) < 2:
            await asyncio.sleep(0.02)
        os.kill(dict(starts)["a"], signal.SIGKILL)
        while len(starts) < 3:
            await asyncio.sleep(0.02)
        assert starts[2][0] == "a"
        assert alive(starts[2][1])
        stop.set()
        await asyncio.wait_for(task, 10)

    asyncio.run(main())
    assert not any(alive(pid) for _, pid in starts)


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch):
    monkeypatch.setattr("didymos.plant.supervise.STOP_S", 0.3)
    stubborn = (
        sys.executable,
        "-c",
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
    )
    pids: list[int] = []

    async def main() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(supervise([Role("s", stubborn)], stop, lambda _, pid: pids.append(pid)))
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.wait_for(task, 10)

    asyncio.run(main())
    assert not alive(pids[0])


def test_a_role_that_finishes_with_status_0_and_is_meant_to_is_not_started_again():
    starts: list[str] = []

    async def main() -> None:
        stop = asyncio.Event()
        once = Role("replay", (sys.executable, "-c", "pass"), once=True)
        task = asyncio.create_task(supervise([once], stop, lambda name, _: starts.append(name)))
        await asyncio.sleep(1.5)
        stop.set()
        await task

    asyncio.run(main())
    assert starts == ["replay"]


def test_children_end_when_the_supervisor_is_killed():
    program = (
        "import asyncio,sys\nfrom didymos.plant.supervise import Role, supervise\n"
        "r = Role('x', (sys.executable, '-c', 'import time; time.sleep(60)'))\n"
        "asyncio.run(supervise([r], asyncio.Event(), lambda n, p: print(p, flush=True)))\n"
    )
    import subprocess

    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)
