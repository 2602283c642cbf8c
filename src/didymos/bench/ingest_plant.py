"""The plant of the ingest bench and what is sent to it: 100 generic assets x 20 tags over one MQTT source.

    python -m didymos.bench.ingest_plant URL KIND QOS FIRST_NS SECONDS RATE     a publisher, a process of its own

KIND: `gateway`, telemetry JSON of all 2,000 values of a second in one payload; `batched`, of one asset's 20; `single`, {"ts",
"value"} on a topic per tag; `live` and `live_single`, the last two in real time, each asset (each tag) at its own moment of the
second, its value the milliseconds since FIRST_NS.
RATE: most values per second of wall time (ignored when live).
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from didymos.core.clock import SECOND_NS
from didymos.data.connect.mqtt_publish import Publisher
from didymos.formats.json_payload import encode_telemetry, encode_value

ASSETS, TAGS = 100, 20
VALUES = ASSETS * TAGS  # of one second
MS_NS = 1_000_000
MESSAGES_AT_ONCE = 100


def plant_file(
    folder: Path, kind: str, qos: int, mqtt_port: int, port: int, step_s: float, lateness_s: float, publish_s: float
) -> Path:
    """Writes plant.toml into `folder`."""
    text = [
        '[plant]\nid = "ingest"\nname = "Ingest bench"\ntimezone = "UTC"',
        f"step_s = {step_s}\nlateness_s = {lateness_s}\npublish_s = {publish_s}",
        f'[store]\npath = "state"\n[service]\nhost = "127.0.0.1"\nport = {port}',
        f'[[source]]\nid = "broker"\ntype = "mqtt"\nurl = "mqtt://127.0.0.1:{mqtt_port}"\nqos = {qos}',
    ]
    for a in range(ASSETS):
        channels = ", ".join(f'{{name = "t{j:02d}", title = "Tag {j}", unit = "K", low = -1e9, high = 1e9}}' for j in range(TAGS))
        tags = ", ".join(
            f'{{channel = "t{j:02d}", source = "broker", address = "{address(kind, a, j)}", unit = "K"}}' for j in range(TAGS)
        )
        text += [
            f'[[asset]]\nid = "m-{a:03d}"\nname = "Machine {a}"\npath = "Site/Area/Line"\nmodel = "generic"',
            f'consequence_cost = 1000.0\ncommissioned = "2025-01-01T00:00:00Z"\nchannel = [{channels}]\ntag = [{tags}]',
        ]
    path = folder / "plant.toml"
    path.write_text("\n".join(text) + "\n")
    return path


def address(kind: str, asset: int, tag: int) -> str:
    if kind == "gateway":
        return f"line/gateway/telemetry#{field(asset, tag)}"
    return f"line/m-{asset:03d}/t{tag:02d}" if kind.endswith("single") else f"line/m-{asset:03d}/telemetry#t{tag:02d}"


def field(asset: int, tag: int) -> str:
    """Of the gateway's one payload."""
    return f"m-{asset:03d}.t{tag:02d}"


def value(second: int, asset: int, tag: int) -> float:
    """A whole number, so that sums over history are exact."""
    return float((second * 7 + asset * TAGS + tag) % 1000)


def total(seconds: int) -> float:
    """Sum of all values of the first `seconds`."""
    return sum(value(s, a, j) for s in range(seconds) for a in range(ASSETS) for j in range(TAGS))


def messages(kind: str, second: int, time_ns: int) -> list[tuple[str, bytes]]:
    """[(topic, payload)] of one second of source time."""
    if kind == "single":
        return [(address(kind, a, j), encode_value(time_ns, value(second, a, j))) for j in range(TAGS) for a in range(ASSETS)]
    if kind == "gateway":
        row = {field(a, j): value(second, a, j) for a in range(ASSETS) for j in range(TAGS)}
        return [("line/gateway/telemetry", encode_telemetry(time_ns, row))]
    rows = [{f"t{j:02d}": value(second, a, j) for j in range(TAGS)} for a in range(ASSETS)]
    return [(f"line/m-{a:03d}/telemetry", encode_telemetry(time_ns, row)) for a, row in enumerate(rows)]


async def publish(url: str, kind: str, qos: int, first_ns: int, first: int, last: int, rate: float) -> None:
    """Seconds `first` to `last` of source time, no faster than `rate` values a second."""
    async with Publisher(url, f"bench-{first}") as out:
        due = time.monotonic()
        for second in range(first, last):
            everything = messages(kind, second, first_ns + second * SECOND_NS)
            for start in range(0, len(everything), MESSAGES_AT_ONCE):
                part = everything[start : start + MESSAGES_AT_ONCE]
                await out.publish_many(part, qos)
                due += VALUES / rate * len(part) / len(everything)
                await asyncio.sleep(max(0.0, due - time.monotonic()))


async def publish_live(url: str, kind: str, qos: int, first_ns: int, seconds: int) -> None:
    """Real time: each second is cut into equal slots, one per asset or one per tag; an asset's tags are spread over the second."""
    single = kind.endswith("single")
    slots = [(a, j) for j in range(TAGS) for a in range(ASSETS)] if single else [(a, -1) for a in range(ASSETS)]
    async with Publisher(url, "bench-live") as out:
        for slot in range(seconds * len(slots)):
            asset, tag = slots[slot % len(slots)]
            at_ns = first_ns + slot * SECOND_NS // len(slots)
            await asyncio.sleep(max(0.0, (at_ns - time.time_ns()) / 1e9))
            now_ms = time.time_ns() // MS_NS
            since = float(now_ms - first_ns // MS_NS)
            if single:
                await out.publish(address(kind, asset, tag), encode_value(now_ms * MS_NS, since), qos)
            else:
                row = {f"t{j:02d}": since for j in range(TAGS)}
                await out.publish(f"line/m-{asset:03d}/telemetry", encode_telemetry(now_ms * MS_NS, row), qos)


def main(words: list[str]) -> None:
    url, kind, qos, first_ns, first, last, rate = words
    if kind.startswith("live"):
        asyncio.run(publish_live(url, kind, int(qos), int(first_ns), int(last)))
    else:
        asyncio.run(publish(url, kind, int(qos), int(first_ns), int(first), int(last), float(rate)))


if __name__ == "__main__":
    main(sys.argv[1:])
