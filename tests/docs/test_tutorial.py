"""The tutorial, word by word: its files are written, its commands run, and each says what the page says it does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import ROOT

PAGE = ROOT / "docs/tutorial/own_machine.md"
BLOCK = re.compile(r"^```(console|toml) ?([\w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Terminal:
    """A folder, and what runs in the background of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.behind = folder, None
        self.env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80"}

    def run(self, command: str) -> str:
        if command == "kill %1":
            return self.stop()
        if command.endswith("&"):
            return self.start(command.removesuffix("&"))
        done = subprocess.run(command, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, command: str) -> str:
        """Until the page answers and the worker has said something."""
        log = self.folder / "behind.log"
        words = command.split()
        with log.open("w") as out:
            self.behind = subprocess.Popen(words, cwd=self.folder, env=self.env, stdout=out, stderr=out)
        until(lambda: "results stream connected" in log.read_text() and ": ours" in log.read_text(), log)
        time.sleep(1.0)
        return log.read_text()

    def stop(self) -> str:
        if self.behind is not None:
            self.behind.send_signal(signal.SIGTERM)
            self.behind.wait(60)
            self.behind = None
        return ""


def until(true, log: Path, within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def steps(text: str) -> list[tuple[str, str, str]]:
    """(what to do, to what, what it should say): ("write", file, text) or ("run", command, expected output)."""
    found = []
    for kind, name, body in BLOCK.findall(text):
        if kind == "toml":
            found.append(("write", name, body))
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append(("run", command.strip(), expected.strip()))
    return found


def says(output: str, expected: str) -> bool:
    """`...` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.search(pattern, output, re.DOTALL) is not None


@pytest.fixture
def terminal(tmp_path):
    found = Terminal(tmp_path)
    yield found
    found.stop()


def test_an_expected_line_that_is_not_said_is_noticed():
    assert says("one\ntwo 2 three\n", "one\n...three")
    assert not says("one\ntwo\n", "one\n...three")


@pytest.mark.slow
def test_every_command_of_the_tutorial_says_what_the_page_says(terminal):
    page, push = port(), port()
    text = PAGE.read_text().replace("127.0.0.1:8090", f"127.0.0.1:{push}").replace("127.0.0.1:8050", f"127.0.0.1:{page}")
    found = steps(text)
    assert len(found) > 12
    for what, name, body in found:
        if what == "write":
            (terminal.folder / name).write_text(f"{body}\n[service]\nport = {page}\n")
            continue
        output = terminal.run(name)
        assert says(output, body), f"{name}\n{output}\ninstead of\n{body}"
