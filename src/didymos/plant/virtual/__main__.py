"""python -m didymos.plant.virtual: the simulated line over real protocols on loopback."""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError
from didymos.plant.virtual.publish import Settings, main


def settings(words: Sequence[str]) -> Settings:
    """Command line -> Settings. ConfigError for a value that cannot be."""
    ask = argparse.ArgumentParser(
        "didymos.plant.virtual", description="Simulated machining line 7 over OPC UA and MQTT, with its ERP."
    )
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--start", default="2026-01-05T06:00:00Z", help="plant time at the start, ISO 8601 with a zone")
    ask.add_argument("--wall-start", default="", help="wall moment of --start; default: when everything listens")
    ask.add_argument("--speed", type=float, default=3600.0, help="plant seconds per wall second")
    ask.add_argument("--days", type=float, default=11.0, help="plant days to run")
    ask.add_argument("--opcua-port", type=int, default=0, help="0 = a free one, printed")
    ask.add_argument("--mqtt-port", type=int, default=0, help="port of the broker; 0 = no MQTT")
    ask.add_argument("--erp", type=Path, required=True, help="SQLite file to create")
    ask.add_argument("--truth", type=Path, required=True, help="JSON file to create")
    ask.add_argument("--stop-after", type=float, default=0.0, help="wall seconds; 0 = until the days are over")
    given = ask.parse_args(words)
    if given.speed <= 0 or given.days <= 0 or given.seed < 0:
        raise ConfigError("virtual: --speed and --days must be above 0, --seed at least 0. Correct the command line.")
    return Settings(
        given.seed, parse_time(given.start), given.speed, given.days, given.opcua_port or free_port(), given.mqtt_port, given.erp,
        given.truth, given.stop_after, parse_time(given.wall_start) if given.wall_start else 0,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="virtual: %(message)s", stream=sys.stderr)
    try:
        asyncio.run(main(settings(sys.argv[1:])))
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
