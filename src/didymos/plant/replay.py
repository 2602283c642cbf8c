"""Recorded waveforms through a real MQTT broker: every snapshot as the sensor counted it, all machines side by side, in time order.

    round k holds snapshot k of every recording that is that long, at source time start + k period

Layout of the files as in `data.connect.replay_snapshots`: counts stay counts on the wire; value = count * scale + offset there.
`Publisher` acknowledges a round when the broker has it on disk; `ahead` rounds may be on the way to a verdict, so no queue grows.
Verified: tests/replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import SECOND_NS, parse_time
from didymos.core.errors import ConfigError, DataError
from didymos.data.connect.mqtt_publish import Publisher
from didymos.data.connect.replay_snapshots import Layout
from didymos.formats.json_payload import encode_waveform
from didymos.infer import bearing_life
from didymos.plant.bearing_prior import write_prior
from didymos.plant.config import Asset, Plant

FOLDER = "femto_pronostia"
COLUMNS = {"horizontal": "h", "vertical": "v"}  # channel -> column of the file
LAYOUT = Layout(parse_time("2012-01-01T00:00:00Z"))
_SNAPSHOTS_A_READ = 32

Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Recording:
    """The file of one asset. wires ((topic, column), ...); snapshots: how many the file holds."""

    asset: str
    url: str
    file: Path
    wires: tuple[tuple[str, str], ...]
    snapshots: int

    @property
    def life_s(self) -> float:
        """Running time until the end of the file."""
        return self.snapshots * LAYOUT.period_s


def recordings(plant: Plant, data: Path) -> tuple[Recording, ...]:
    """One per asset with waveform tags on MQTT: `bearing1-1` is in `Bearing1_1.parquet`. ConfigError where the plant file has none
    or names a channel that no file holds, DataError where a file is missing or broken."""
    urls = {source.id: source.url for source in plant.sources if source.type == "mqtt"}
    assets = [asset for asset in plant.assets if any(t.waveform and t.source in urls for t in asset.tags)]
    if not assets:
        raise ConfigError(
            f"plant {plant.id!r}: nothing to replay. Allowed: [[asset.tag]] with waveform = true on a source of type mqtt, fed "
            f"from DATA/{FOLDER}; or sources of type replay, which name their own files. Add either."
        )
    folder = data / FOLDER
    if not folder.is_dir():
        raise DataError(f"--from {data}: there is no folder {FOLDER} in it. Give the folder that holds {FOLDER}.")
    files = {path.stem.lower().replace("_", "-"): path for path in sorted(folder.glob("*_*.parquet"))}
    missing = [asset.id for asset in assets if asset.id not in files]
    if missing:
        there = ", ".join(files) or "none"
        raise DataError(f"{folder}: no recording of {', '.join(missing)}; there are {there}. Correct --from or the assets' ids.")
    return tuple(_recording(asset, files[asset.id], urls) for asset in assets)


def _recording(asset: Asset, file: Path, urls: Mapping[str, str]) -> Recording:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tags = [tag for tag in asset.tags if tag.waveform and tag.source in urls]
    unknown = [tag.channel for tag in tags if tag.channel not in COLUMNS]
    if unknown or len({tag.source for tag in tags}) > 1:
        raise ConfigError(
            f"{asset.id}: waveform channels {', '.join(t.channel for t in tags)} on {len({t.source for t in tags})} sources. "
            f"Allowed: {', '.join(COLUMNS)} on one source, as in examples/femto/plant.toml. Correct its tags."
        )
    try:
        told = pq.read_metadata(file)
    except pa.ArrowInvalid as error:
        raise DataError(f"{file}: not a Parquet file: {error}") from error
    wires = tuple((tag.address, COLUMNS[tag.channel]) for tag in tags)
    lacking = {column for _, column in wires} - set(told.schema.names)
    if lacking or told.num_rows == 0 or told.num_rows % LAYOUT.samples:
        raise DataError(
            f"{file.name}: {told.num_rows} rows of {', '.join(told.schema.names)}; whole snapshots of {LAYOUT.samples} rows with "
            f"columns {', '.join(column for _, column in wires)} are needed"
        )
    return Recording(asset.id, urls[tags[0].source], file, wires, told.num_rows // LAYOUT.samples)


def rounds(found: Sequence[Recording], first: int = 0, stop: int | None = None) -> Iterator[list[Message]]:
    """[(topic, payload)] of round `first`, `first` + 1, ...; holds a few snapshots of each file at a time."""
    scale, offset = 1.0 / LAYOUT.counts_per_unit, -LAYOUT.zero / LAYOUT.counts_per_unit
    for k, parts in enumerate(zip_longest(*(_counts(each) for each in found), fillvalue=())):
        if stop is not None and k >= stop:
            return
        if k >= first:
            time_ns = time_of(k)
            yield [(topic, encode_waveform(time_ns, LAYOUT.rate_hz, raw, scale, offset)) for part in parts for topic, raw in part]


def _counts(recording: Recording) -> Iterator[tuple[tuple[str, NDArray[np.int32]], ...]]:
    """((topic, counts (samples,)), ...) of snapshot 0, 1, ... of one file."""
    import pyarrow.parquet as pq

    size = LAYOUT.samples
    with pq.ParquetFile(recording.file) as table:
        for part in table.iter_batches(size * _SNAPSHOTS_A_READ, columns=sorted({column for _, column in recording.wires})):
            data = {topic: part.column(column).to_numpy(zero_copy_only=False) for topic, column in recording.wires}
            for row in range(0, part.num_rows, size):
                yield tuple((topic, raw[row : row + size].astype(np.int32, copy=False)) for topic, raw in data.items())


def time_of(snapshot: int) -> int:
    """Source time of snapshot 0, 1, ... of every recording."""
    return LAYOUT.start_ns + round(snapshot * LAYOUT.period_s * SECOND_NS)


def teach(plant: Plant, histories: Mapping[str, bearing_life.History]) -> None:
    """For each asset that names a `life` file: what all other bearings have taught, and nothing of its own.

    histories: asset id -> its run to the end. DataError with fewer than three others."""
    for asset in plant.assets:
        if asset.life:
            others = [history for name, history in sorted(histories.items()) if name != asset.id]
            path = Path(asset.life)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_prior(path, bearing_life.fit(others))


async def send(
    found: Sequence[Recording],
    speed: float,
    taken: Callable[[], Awaitable[bool]],
    room: Callable[[int], Awaitable[None]],
    patience_s: float = 20.0,
) -> AsyncIterator[int]:
    """Publishes every round with QoS 1; yields the number of snapshots sent so far. ConnectError when the broker stays away.

    taken   whether the twin's edge has the first round: a broker keeps nothing for a reader that has never subscribed, so that
            round is sent again until it has
    room    returns once this many snapshots may be sent
    speed   plant seconds per second; 0 = as fast as there is room
    """
    loop = asyncio.get_running_loop()
    publishers = {url: Publisher(url, "didymos-replay", patience_s=patience_s) for url in sorted({each.url for each in found})}
    url_of = {topic: each.url for each in found for topic, _ in each.wires}
    sent, began = 0, 0.0
    try:
        for k, messages in enumerate(rounds(found)):
            sent += sum(k < each.snapshots for each in found)
            await room(sent)
            if speed and k:
                await asyncio.sleep(max(0.0, began + k * LAYOUT.period_s / speed - loop.time()))
            while True:
                for url, out in publishers.items():
                    await out.publish_many([message for message in messages if url_of[message[0]] == url], qos=1)
                if k or await taken():
                    break
            began = began or loop.time()
            yield sent
    finally:
        for out in publishers.values():
            await out.close()
