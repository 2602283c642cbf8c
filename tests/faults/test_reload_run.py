"""`didymos run` and `didymos reload` as a user has them: a wrong file, a changed one, and back, while the roles run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.plant.small import plant_text

from didymos.data.stream.server import free_port
from didymos.thread.ledger import SqliteLedger

HEAD, *ASSETS = plant_text().split("[[asset]]\n")
GENERIC = "[[asset]]\n" + next(a for a in ASSETS if 'id = "hu-01"' in a)


def text_of(folder: Path, port: int, *more: str) -> str:
    """Generic machines only, so that nothing is compiled; the source is a port that is written to by nobody."""
    head = HEAD.replace('type = "replay"\nurl = "file:///nowhere.csv"', f'type = "http"\nurl = "http://127.0.0.1:{free_port()}"')
    head = head.replace('kind = "data"', 'kind = "wall"').replace("[clock]", f"[service]\nport = {port}\n[clock]")
    return head.replace("[clock]", f'[store]\npath = "{folder / "store"}"\n[clock]') + GENERIC + "".join(more)


def didymos(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "didymos.service.cli", *words], capture_output=True, text=True, timeout=240)


def until(true: Callable[[], object], log: Path, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except (httpx.HTTPError, OSError):
            pass
        text = log.read_text()
        assert time.monotonic() < deadline, text[-3000:]
        assert "didymos: " not in text.replace("I didymos: ", "").replace("E didymos: reload", ""), text[-3000:]
        time.sleep(0.2)


@pytest.mark.slow
def test_a_wrong_file_changes_nothing_a_right_one_is_applied_and_the_last_change_is_taken_back(tmp_path):
    port, file, log = free_port(), tmp_path / "plant.toml", tmp_path / "run.log"
    first = text_of(tmp_path, port)
    file.write_text(first)
    with log.open("wb") as out:
        run = subprocess.Popen([sys.executable, "-m", "didymos.service.cli", "run", str(file)], stdout=out, stderr=out)

    def assets() -> list[str]:
        return [
            a["id"] for a in httpx.get(f"http://127.0.0.1:{port}/api/v1/assets", trust_env=False, verify=False, timeout=5.0).json()
        ]

    def kinds() -> list[tuple[int, str]]:
        found = SqliteLedger(tmp_path / "store" / "ledger.db").records(kind="plant_file")
        return [(r.body["number"], r.body["who"]) for r in found]

    try:
        until(lambda: assets() == ["hu-01"], log)
        pids = json.loads((tmp_path / "store" / "pids.json").read_text())

        file.write_text(first.replace("case_cost = 1500", "case_cost = -1").replace('regime = "speed"', 'regime = "fortnight"'))
        said = didymos("reload", str(file))
        assert said.returncode == 1
        assert "limits.case_cost" in said.stdout
        assert "fortnight" in said.stdout
        assert json.loads((tmp_path / "store" / "pids.json").read_text()) == pids

        file.write_text(first + GENERIC.replace("hu-01", "hu-02"))
        shown = json.loads(didymos("reload", str(file), "--dry-run", "--json").stdout)
        assert shown == {"ok": True, "mistakes": [], "changes": ["asset hu-02 added (generic, 2 tags)"], "version": None}
        assert assets() == ["hu-01"]

        applied = didymos("reload", str(file), "--who", "ann")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert "applied as version 2" in applied.stdout
        until(lambda: assets() == ["hu-01", "hu-02"], log)
        after = json.loads((tmp_path / "store" / "pids.json").read_text())
        assert after["nats"] == pids["nats"]
        assert all(after[role] != pids[role] for role in ("historian", "worker", "serve", "edge"))

        back = didymos("reload", str(file), "--back")
        assert back.returncode == 0, back.stdout + back.stderr
        assert "asset hu-02 removed" in back.stdout
        until(lambda: assets() == ["hu-01"], log)
        assert file.read_text() == first
        assert "hu-02" in (tmp_path / "plant.toml.before-back").read_text()
        until(lambda: [n for n, _ in kinds()] == [1, 2, 3], log)
        assert kinds()[1] == (2, "ann")
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait(30)
    assert not (tmp_path / "store" / "run.pid").exists()
    gone = didymos("reload", str(file))
    assert gone.returncode == 0  # it says what was applied last
    file.write_text(first.replace("case_cost = 1500", "case_cost = 1400"))
    gone = didymos("reload", str(file))
    assert gone.returncode == 2
    assert "no `didymos run` of this plant is alive" in gone.stderr
    assert os.path.exists(tmp_path / ".plant.toml.applied")
