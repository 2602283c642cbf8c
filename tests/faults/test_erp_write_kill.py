"""SIGKILL between the write into the ERP and our note of it, at each step: after a restart the request is there once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

CHILD = """
import os, signal, sys
from didymos.data.erp import write as module
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.staging import Staging
from didymos.data.erp.write import SqlWriter, Target, WorkRequest, write_once

url, store, kill_at = sys.argv[1:]
step = 0

def die(name, call):
    def wrapped(*given):
        global step
        step += 1
        if step == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given)
    return wrapped

staging = Staging(store)
writer = SqlWriter(SourceConfig("erp", url, ()), Target("request", {"reference": "ref"}, {}))
writing = staging.writing
find, send = die("find", writer.find), die("send", writer.send)
staging.writing = die("note", writing)
request = WorkRequest("case-1", "a", "c", "m", "t", 1, "", "", "", "", 0.5, 1.0)

class Slow:
    def find(self, reference): return find(reference)
    def send(self, request): return send(request)

write_once(Slow(), staging, "erp", request, 1)
die("end", lambda: None)()
"""


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4])
def test_a_kill_at_any_step_and_a_restart_leave_exactly_one_request(tmp_path, kill_at):
    erp, store = tmp_path / "foreign.db", f"sqlite:///{tmp_path / 'staging.db'}"
    db = sqlite3.connect(erp)
    db.execute("create table request (id integer primary key, ref text)")
    db.commit()
    command = [sys.executable, "-c", CHILD, f"sqlite:///{erp}", store]
    killed = subprocess.run([*command, str(kill_at)], env=os.environ, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run([*command, "0"], env=os.environ, timeout=60, check=True)
    assert db.execute("select ref from request").fetchall() == [("case-1",)]
    db.close()
    notes = sqlite3.connect(tmp_path / "staging.db")
    assert notes.execute("select erp, key, number from written").fetchall() == [("erp", "case-1", "1")]
    notes.close()
