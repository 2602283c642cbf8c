"""What every connector promises, walked over the table: a new one without its test, or that breaks the promise, fails here."""

from __future__ import annotations

import asyncio
import inspect
import socket
from pathlib import Path

import pytest

from didymos.core.clock import WallClock
from didymos.core.errors import ConfigError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect import CONNECTORS

URLS = {
    "opcua": "opc.tcp://127.0.0.1:{port}",
    "mqtt": "mqtt://127.0.0.1:{port}",
    "http": "http://127.0.0.1:{port}",
    "replay": "no-such-folder/no-such-file.csv",
    "fake": "no-such-folder/no-such-file.csv",
}
OPTIONS: dict[str, dict[str, str | int | float | bool]] = {"fake": {"inner": "replay"}}


def test_every_connector_has_a_row_here_and_a_test_file() -> None:
    assert set(URLS) == set(CONNECTORS)
    for name in CONNECTORS:
        assert (Path(__file__).parents[1] / "connect" / f"test_{name}.py").exists(), name


@pytest.mark.parametrize("name", CONNECTORS)
def test_it_has_the_shape_of_the_protocol(name: str) -> None:
    kind = CONNECTORS[name]
    assert list(inspect.signature(kind).parameters)[:4] == ["source_id", "url", "options", "clock"]
    assert all(inspect.iscoroutinefunction(getattr(kind, method)) for method in ("browse", "close"))
    assert list(inspect.signature(kind.stream).parameters) == ["self", "tags"]
    assert kind.__doc__


@pytest.mark.parametrize("name", CONNECTORS)
def test_an_unknown_option_and_a_wrong_scheme_are_refused_by_name(name: str) -> None:
    url, options = URLS[name].format(port=1), OPTIONS.get(name, {})
    with pytest.raises(ConfigError, match=r"src.*'colour'.*Allowed"):
        CONNECTORS[name]("src", url, {**options, "colour": 1}, WallClock())
    with pytest.raises(ConfigError, match=r"src.*gopher"):
        CONNECTORS[name]("src", "gopher://host:70", options, WallClock())


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_source_that_is_not_there_is_one_fault_and_close_ends_the_stream(name: str) -> None:
    async def main() -> list[Payload | Fault]:
        with socket.create_server(("127.0.0.1", 0), backlog=1) as taken:  # for http: taken; closed at once for the others
            port = taken.getsockname()[1]
            if name != "http":
                taken.close()
            retry = {"inner_retry_s": 0.05} if name == "fake" else {"retry_s": 0.05}
            source = CONNECTORS[name]("src", URLS[name].format(port=port), OPTIONS.get(name, {}) | retry, WallClock())
            items: list[Payload | Fault] = []

            async def read() -> None:
                async for item in source.stream([TagSpec("ns=2;s=a")]):
                    items.append(item)  # noqa: PERF401

            task = asyncio.create_task(read())
            while not items and not task.done():
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            await source.close()
            await asyncio.wait_for(task, 10)
            return items

    items = asyncio.run(main())
    assert [item.kind for item in items if isinstance(item, Fault)] == ["disconnected"]
    assert len(items) == 1
