"""Back-fill beside a running historian: it alone commits, also when it is killed in the middle; two owners are refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError
from didymos.core.ports import Bus
from didymos.core.series import batch_of
from didymos.data.backfill.chunks import Export
from didymos.data.history.client import HistoryClient
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.stamps import Stamps
from didymos.formats.wire import pack
from didymos.plant import history_owner
from didymos.plant.backfill import Order, Report, backfill
from didymos.plant.config import load
from didymos.plant.history_owner import Asked, Owning, on_bus, owner_of
from tests.plant.test_backfill import PLANT, digest, imported

DAY_S = 86_400
FIRST_S = 1_767_225_600  # 2026-01-01
DAYS = 6


@pytest.fixture
def plant(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(PLANT.format(store=tmp_path / "store"))
    return load(path)


@pytest.fixture
def server(plant):
    """The plant's own embedded server, as `didymos run` starts it."""
    plant.store.mkdir()
    child = start(ServerConfig(plant.store / "stream", free_port()))
    yield
    stop(child)


def historian(folder: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "didymos.service.cli", "historian", str(folder / "plant.toml"), "--nats", url])


def export(folder: Path) -> Path:
    """Six days, one sample a minute of each tag; value of M1.TEMP: minutes since the first."""
    lines = [f"M1.TEMP,{FIRST_S + 60 * k},{k / 100}\nM1.SPEED,{FIRST_S + 60 * k},{k}" for k in range(DAYS * 1440)]
    path = folder / "a.csv"
    path.write_text("\n".join(["tag,time,value", *lines, ""]))
    return path


def run(plant, path: Path) -> Report:
    with owner_of(plant) as owner:
        return backfill(plant, Order(str(path), Export(Stamps("s"))), lambda: owner)


def sums(url: str) -> tuple[int, int, int]:
    row = "hash(channel, time_ns, value, quality)"
    table = Asked(url).sql(f"SELECT count(*) AS n, sum({row}) AS s, bit_xor({row}) AS x FROM samples")
    [row] = table.to_pylist()
    return int(row["n"]), int(row["s"]), int(row["x"])


async def _live(bus: Bus) -> None:
    """What the plant itself sent for minute 5: one value as in the export, one that differs."""
    t = (FIRST_S + 300) * SECOND_NS
    rows = [("m-1.temperature", t, 0.05 + 273.15, 0), ("m-1.speed", t, 1.5, 0)]
    last = await bus.publish("tel.1", pack(batch_of(rows)), "one")
    await HistoryClient(bus).reached("plant", last)


def test_a_running_historian_takes_the_days_beside_what_lives_and_is_killed_in_between(plant, server, tmp_path, monkeypatch):
    with owner_of(plant) as owner:
        assert isinstance(owner, Asked)
        url = owner.url
    monkeypatch.setattr(history_owner, "ASK_S", 3.0)
    running = [historian(tmp_path, url)]

    def kill_and_start_again() -> None:
        running[-1].kill()
        running[-1].wait()
        running.append(historian(tmp_path, url))

    try:
        on_bus(url, _live)
        time.sleep(1.0)  # a sample is known from the next whole second
        before = time.time_ns()
        path = export(tmp_path)
        timers = [threading.Timer(after_s, kill_and_start_again) for after_s in (0.4, 6.0)]
        for timer in timers:
            timer.start()
        report = run(plant, path)
        for timer in timers:
            timer.join()
        assert report.rows == 2 * 1440 * DAYS
        found = sums(url)
        assert found[0] == 2 * 1440 * DAYS + 1  # the speed of minute 5 is a revision and stays
        assert run(plant, path).stored == 0
        assert sums(url) == found

        async def read(bus: Bus):
            history, t = HistoryClient(bus), (FIRST_S + 300) * SECOND_NS
            now = await history.read("m-1.speed", t, t + 1)
            then = await history.read("m-1.speed", t, t + 1, known_ns=before)
            return now.value.tolist(), then.value.tolist(), len(await history.read("m-1.temperature", 0, 2**62, known_ns=before))

        assert on_bus(url, read) == ([pytest.approx(5 * np.pi / 30)], [1.5], 1)
    finally:
        running[-1].kill()
        running[-1].wait()


def test_without_a_runtime_the_command_owns_the_store_and_a_second_owner_is_refused(plant, tmp_path):
    path = export(tmp_path)
    with owner_of(plant) as owner:
        assert isinstance(owner, Owning)
        code = (
            "import sys, pathlib; from didymos.plant.config import load; from didymos.plant.history_owner import owner_of\n"
            "with owner_of(load(pathlib.Path(sys.argv[1]))): pass"
        )
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path / "plant.toml")], capture_output=True, text=True)
        assert ConfigError.__name__ in other.stderr
        assert "--nats" in other.stderr
    run(plant, path)
    first = digest(plant)
    run(plant, path)
    assert digest(plant) == first


def test_the_same_history_online_and_offline(plant, server, tmp_path):
    path = export(tmp_path)
    with owner_of(plant) as owner:
        url = owner.url  # type: ignore[union-attr]
    child = historian(tmp_path, url)
    try:
        run(plant, path)
        online = sums(url)
    finally:
        child.terminate()
        child.wait()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "plant.toml").write_text(PLANT.format(store=tmp_path / "two" / "store"))
    other = load(tmp_path / "two" / "plant.toml")
    imported(other, path, unit="s")
    assert digest(other) == online


def test_an_import_that_runs_already_is_not_run_beside_itself(plant, tmp_path):
    path, begun, go_on = export(tmp_path), threading.Event(), threading.Event()

    def slow():
        begun.set()
        go_on.wait(30)
        raise KeyboardInterrupt

    def first() -> None:
        with pytest.raises(KeyboardInterrupt):
            backfill(plant, Order(str(path), Export(Stamps("s"))), slow)

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(60)
    with pytest.raises(ConfigError, match="another process runs this very import"):
        imported(plant, path, unit="s")
    go_on.set()
    thread.join()
    assert imported(plant, path, unit="s").resumed
