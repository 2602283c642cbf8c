"""Every gallery script runs and keeps what it asserts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "docs" / "gallery").glob("*.py"))


def test_there_are_gallery_scripts():
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_gallery_script_runs_and_its_assertions_hold(script, tmp_path):
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
