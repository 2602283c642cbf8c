"""Where the code says by which test it is verified, that test exists."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_test_that_a_module_names_exists():
    named = [(path, name) for path in (ROOT / "src").rglob("*.py") for name in re.findall(r"tests/[\w/]+\.py", path.read_text())]
    assert len(named) > 50
    assert [(str(path), name) for path, name in named if not (ROOT / name).is_file()] == []
