"""`didymos replay` as people start it: its own processes, a real broker, the page, and what it prints."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.plant.small import plant_text, samples
from tests.replay.rig import LIVES, LOUD, plant_file, recorded


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "didymos.service.cli", "replay", *map(str, words)]


def run(*words: object, timeout_s: float = 150.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("data"))


def test_without_recordings_it_ends_with_status_2_and_says_what_is_missing(tmp_path, data):
    given = plant_file(tmp_path)
    for folder, said in ((tmp_path / "nowhere", "there is no such folder"), (tmp_path, "no folder femto_pronostia")):
        found = run(given, "--from", folder)
        assert found.returncode == 2
        assert said in found.stderr


def test_a_plant_file_without_waveforms_or_files_ends_with_status_2(tmp_path, data):
    path = tmp_path / "plant.toml"
    path.write_text(plant_text().replace('type = "replay"', 'type = "mqtt"'))
    found = run(path, "--from", data)
    assert found.returncode == 2
    assert "nothing to replay" in found.stderr


def test_a_page_port_that_somebody_uses_is_refused(tmp_path, data):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = run(plant_file(tmp_path), "--from", data, "--port", other.getsockname()[1])
    assert found.returncode == 2
    assert "Choose another with --port" in found.stderr


def test_recorded_bearings_go_through_the_broker_and_each_verdict_is_held_against_the_end(tmp_path, data, free_port):
    """Each made-up bearing is four times as loud in its last 8 snapshots. The median of 7 passes 2.5 at the 4th of them and the
    next review confirms it: the alert comes when all but the last 3 snapshots are over."""
    found = run(plant_file(tmp_path), "--from", data, "--port", free_port(), "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout.splitlines()[-1])
    total = sum(LIVES.values())
    assert (told["form"], told["snapshots"], told["waveforms"], told["waveforms_stored"]) == (
        "waveforms",
        total,
        2 * total,
        2 * total,
    )
    assert (told["alarmed_before_end"], told["alarmed_in_first_tenth"]) == (len(LIVES), 0)
    for name, snapshots in LIVES.items():
        row = next(b for b in told["bearings"] if b["asset"] == name.lower().replace("_", "-"))
        assert row["life_s"] == 10.0 * snapshots
        assert row["first_alert"]["at_s"] == 10.0 * (snapshots - LOUD + 5)
        assert row["first_alert"]["true_s"] == 30.0
        assert "4.0 times its healthy level" in row["first_alert"]["sentence"]
        assert [(c["fraction"], c["true_s"]) for c in row["cuts"]] == [
            (cut, 10.0 * (snapshots - round(cut * snapshots))) for cut in (0.5, 0.7, 0.9)
        ]
        assert row["cuts"][-1]["quantiles_s"]["0.1"] < row["cuts"][-1]["quantiles_s"]["0.9"]


def test_a_recorded_table_runs_to_its_end_and_says_what_each_machine_ended_with(tmp_path, free_port):
    """40 steps of 300 s, hourly verdicts; the last step that is complete is the 38th (lateness 600 s), so the last verdict is that
    of hour 3 after the start."""
    rows = [row for step in samples(40) for row in step]
    (tmp_path / "record.csv").write_text("time,tag,value\n" + "".join(f"{t},{c},{v!r}\n" for c, t, v, _ in rows))
    path = tmp_path / "plant.toml"
    source = 'url = "record.csv"\nlayout = "long"\ntime_unit = "ns"'
    path.write_text(plant_text().replace('url = "file:///nowhere.csv"', source))
    found = run(path, "--from", tmp_path, "--port", free_port(), "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["form"] == "files"
    assert [row["asset"] for row in told["assets"]] == ["cm-01", "cp-01", "hu-01"]
    assert {row["time"] for row in told["assets"]} == {"2026-01-05T09:00:00Z"}
    assert [row["status"] for row in told["assets"]] == ["ok", "ok", "C"]
    assert told["assets"][0]["mode"] in ("insulation", "bearing_wear", "cooling_fouling")
    assert told["assets"][2]["withheld"] == "no failure mode configured"
    assert not any(row["cases"] for row in told["assets"])


@pytest.mark.slow
def test_ctrl_c_ends_every_process_it_started(tmp_path, data, free_port):
    port = free_port()
    words = command(plant_file(tmp_path), "--from", data, "--port", port, "--speed", 1)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not page_answers(port):
            assert time.monotonic() < deadline
            assert child.poll() is None, child.stderr and child.stderr.read()
            time.sleep(0.2)
        below = [int(p) for p in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
        assert len(below) == 5
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=30)[1]
    assert child.returncode == 2
    assert "stopped before the end" in said
    assert not any(alive(pid) for pid in below)


def page_answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/api/v1/assets", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
