"""One folder of built FMUs for all files here: each is compiled once."""

from __future__ import annotations

import pytest

from tests.fmu import built


@pytest.fixture(scope="session")
def probes(tmp_path_factory):
    """`probes(fmi, states=True)` -> path of the hand-written FMU."""
    folder = tmp_path_factory.mktemp("fmus")
    return lambda fmi, states=True: built.probe(folder, fmi, states)
