"""Shared fixtures: where the recorded data are, free ports."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def data_folder() -> Path:
    """The folder that DIDYMOS_DATA names, else ../shared/data beside the checkout."""
    return Path(os.environ.get("DIDYMOS_DATA", ROOT.parent / "shared" / "data"))


LONGEST = """faults/test_role_kills plant/test_recalibration replay/test_replay_command plant/test_past numerics/test_trace
faults/test_chain faults/test_reload_run faults/test_doctor_faults faults/test_history_faults verify/test_tracking
numerics/test_ukf connect/test_opcua plant/test_backfill plant/test_backfill_owner docs/test_tutorial"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, so that two processes end at about the same time."""
    rank = {ROOT / f"tests/{name}.py": place for place, name in enumerate(LONGEST.split())}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="module", autouse=True)
def what_a_file_leaves_open_fails_in_that_file() -> Iterator[None]:
    """Unclosed sockets and files warn when they are collected; collected here, not in some later test. What is left lives on, and
    the next collection need not look at it."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def recorded():
    """`recorded("skab")` -> its folder; the test is skipped, saying so, where it is absent."""

    def folder(name: str) -> Path:
        path = data_folder() / name
        if not path.is_dir():
            pytest.skip(f"recorded data {name!r} are not at {path}; set DIDYMOS_DATA to the folder that holds them")
        return path

    return folder


@pytest.fixture
def free_port():
    """`free_port()` -> a loopback TCP port that nobody listens on now."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return port
