"""A wheel carries the page: built as pip builds it, and every file that its index names is inside."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_wheel_holds_every_file_that_its_page_names(tmp_path):
    if "hatch_build.py" not in (ROOT / "pyproject.toml").read_text():
        pytest.skip("pyproject.toml does not name the build hook; add [tool.hatch.build.hooks.custom] path = 'hatch_build.py'")
    asked = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "-w", str(tmp_path)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("didymos-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        page = packed.read("didymos/service/static/index.html").decode()
        named = re.findall(r"/static/__VERSION__/([\w.]+)", page)
        assert len(named) >= 2
        for name in named:
            assert packed.getinfo(f"didymos/service/static/{name}").file_size > 1000
