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


@pytest.fixture(scope="module", autouse=True)
def what_a_file_leaves_open_fails_in_that_file() -> Iterator[None]:
    """Unclosed sockets and files warn when they are collected; collected here, not in some later test."""
    yield
    gc.collect()


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
