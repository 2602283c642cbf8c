"""The page on part files names every key, and the example parts are solved as they stand."""

import re

import pytest
from tests.conftest import ROOT

from didymos.plant.part import file, geometry
from didymos.plant.part.rules import ANALYSES, KINDS, RULES
from didymos.plant.part.solve import solve

PAGE = (ROOT / "docs" / "explain" / "part_file.md").read_text()
EXAMPLES = sorted((ROOT / "examples" / "part").glob("*.toml"))


@pytest.mark.parametrize("table", RULES)
def test_the_page_names_every_key_of_a_table(table):
    rows = PAGE.splitlines() if not table else [line for line in PAGE.splitlines() if re.match(rf"\| `\[+{table}\]+`", line)]
    named = set(re.findall(r"`(\w+)`", "\n".join(rows)))
    assert set(RULES[table]) <= named


def test_the_page_names_every_analysis_and_kind():
    assert all(word in PAGE for word in (*ANALYSES, *KINDS))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_part_is_solved_as_it_stands(path):
    part = file.load(path)
    assert solve(part, geometry.geometry(part)).figures


def test_there_are_example_parts():
    assert EXAMPLES
