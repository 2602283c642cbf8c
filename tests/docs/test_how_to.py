"""The how-to on FMUs, word by word: its files are written, its commands run, and each says what the page says it does."""

from __future__ import annotations

import hashlib
import re

import pytest
from tests.conftest import ROOT
from tests.docs.test_tutorial import Terminal, says
from tests.fmu.built import compiler

PAGE = ROOT / "docs/how_to/fmu.md"
BLOCK = re.compile(r"^```(console|toml|csv) ?([\w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_every_command_on_the_page_about_fmus_says_what_the_page_says(tmp_path):
    compiler()
    terminal, ran = Terminal(tmp_path), 0
    for kind, name, body in BLOCK.findall(PAGE.read_text()):
        if kind != "console":
            pinned = hashlib.sha256((tmp_path / "pump.fmu").read_bytes()).hexdigest()
            (tmp_path / name).write_text(body.replace("SHA256", pinned))
            continue
        command, _, expected = body.removeprefix("$ ").partition("\n")
        output = terminal.run(command)
        assert says(output, expected.strip()), f"{command}\n{output}\ninstead of\n{expected}"
        ran += 1
    assert ran == 4
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 32
