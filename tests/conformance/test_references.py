"""Where the code says by which test it is verified, that test exists."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_test_that_a_module_names_exists():
    missing = []
    for module in sorted((ROOT / "src").rglob("*.py")):
        for name in re.findall(r"tests/[\w/]+\.py", module.read_text()):
            if not (ROOT / name).is_file():
                missing.append(f"{module.relative_to(ROOT)}: {name}")
    assert missing == []
