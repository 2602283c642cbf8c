"""What the one owner of history can do with it: commit a batch, move a finished day to Delta, read (`Store.reader`).

Plain calls that block; the owner runs them off the event loop, `commit` and `compact` in one thread.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, final

import duckdb
import numpy as np
import pyarrow as pa

from didymos.core.series import Batch, Waveform, far_ahead
from didymos.data.history import damage
from didymos.data.history.adopt import Adopt, Adopted, adopt_day
from didymos.data.history.closed import Closed
from didymos.data.history.damage import Damaged
from didymos.data.history.hot import open_hot, reattach
from didymos.data.history.latest import Latest
from didymos.data.history.reading import Reader
from didymos.data.history.retention import Retention
from didymos.data.history.tables import (
    CLOSING,
    DAY_NS,
    NOT_FAR_AHEAD,
    SAMPLES,
    SNAPSHOTS,
    STREAM_NUMBER,
    WAVEFORMS,
    Table,
    arrow,
)
from didymos.data.history.tiers import Kept, Tiers

_log = logging.getLogger(__name__)
_NEWEST = (
    "SELECT channel, max(time_ns), arg_max(value, (time_ns, sequence)), arg_max(quality, (time_ns, sequence)) FROM {} "
    f"WHERE {NOT_FAR_AHEAD} GROUP BY channel"
)


@dataclass(slots=True)
class Rows:
    """What one commit adds.

    samples, waveforms  (value, sequence, known_ns)
    snapshots           (asset, time_ns, packed Snapshot, sequence, known_ns)
    events              (id, kind, asset, time_ns, known_ns, body as JSON, sequence)
    """

    samples: list[tuple[Batch, int, int]] = field(default_factory=list)
    waveforms: list[tuple[Waveform, int, int]] = field(default_factory=list)
    snapshots: list[tuple[str, int, bytes, int, int]] = field(default_factory=list)
    events: list[tuple[str, str, str, int, int, str, int]] = field(default_factory=list)


@final
class Store:
    """History in one folder. `fresh`: the hot file is new or was rebuilt, so everything must be read from the stream again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection, self.fresh = open_hot(folder)
        self._closed = {table.name: Closed(folder / "closed", table) for table in CLOSING}
        self.tiers = Tiers(folder, self._closed["samples"])
        self.reader = Reader(self._connection, self._closed, self.tiers)
        self.latest = Latest()
        self._named = 0  # channels whose names are in the hot file
        self.source = self.positions()["plant"][1]
        for closed in self._closed.values():
            closed.forget_replaced()
        self._restore_latest()

    def close(self) -> None:
        try:
            self._save_latest()
            self._connection.execute("CHECKPOINT hot")
            self._connection.execute("DETACH hot")
        except duckdb.Error as error:  # a full disk: what was committed is in the write-ahead log
            _log.warning("the hot file was closed without a checkpoint: %s", str(error).splitlines()[0])
        self._connection.close()

    def stream_of(self, channel: str) -> str:
        """The stream that numbers the samples of `channel`."""
        return "results" if (channel, 1) in self.latest.number and (channel, 0) not in self.latest.number else "plant"

    # writing

    def positions(self) -> dict[str, tuple[int, str]]:
        """stream -> (last committed sequence, name of the stream store that numbered it)."""
        found = self._connection.execute("SELECT stream, sequence, source FROM hot.positions").fetchall()
        names = {number: name for name, number in STREAM_NUMBER.items()}
        return {names[stream]: (sequence, source) for stream, sequence, source in found}

    def known_ns(self) -> int:
        """When the last row of the hot file became known; 0 when it has none."""
        last = "(SELECT max(known_ns) FROM hot.{})"
        [found] = self._connection.execute(
            f"SELECT greatest(0, {', '.join(last.format(table.name) for table in CLOSING)})"
        ).fetchall()
        return int(found[0])

    def begin_source(self, source: str) -> None:
        """The store behind the streams is another one: its sequences begin anew."""
        self._connection.execute("UPDATE hot.positions SET sequence = 0, source = ?", [source])
        self.source = source

    def commit(self, stream: str, sequence: int, rows: Rows) -> None:
        """Adds `rows` and moves the stream's position to `sequence`, both or neither."""
        number = STREAM_NUMBER[stream]
        columns = self._columns(rows.samples, number)
        c = self._connection
        c.execute("BEGIN")
        try:
            new = list(islice(self.latest.number.items(), self._named, None))
            if new:
                self._name(new)
            if columns is not None:
                self._insert("samples", _table(columns))
            self._insert_rows("waveforms", WAVEFORMS, [_waveform_row(*row) for row in rows.waveforms])
            self._insert_rows("snapshots", SNAPSHOTS, list(rows.snapshots))
            if rows.events:
                c.executemany("INSERT INTO hot.events VALUES (?, ?, ?, ?, ?, ?, ?)", rows.events)
            c.execute("UPDATE hot.positions SET sequence = greatest(sequence, ?) WHERE stream = ?", [sequence, number])
            c.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # a failed COMMIT leaves none to roll back
                c.execute("ROLLBACK")
            raise
        self._named += len(new)
        if columns is not None:
            now = ~far_ahead(columns["time_ns"], columns["quality"], columns["known_ns"])
            self.latest.update(*(columns[name][now] for name in ("channel", "time_ns", "value", "quality")))

    def _name(self, new: list[tuple[tuple[str, int], int]]) -> None:
        """Channels ((name, stream), id) that are here for the first time."""
        names, streams = zip(*(key for key, _ in new), strict=True)
        columns = [arrow([i for _, i in new], pa.int32()), arrow(names, pa.string()), arrow(streams, pa.uint8())]
        self._connection.register("arriving", pa.Table.from_arrays(columns, names=["id", "name", "stream"]))
        self._connection.execute("INSERT INTO hot.channels SELECT id, name, stream, NULL, NULL, NULL FROM arriving")
        self._connection.unregister("arriving")

    def _columns(self, samples: list[tuple[Batch, int, int]], stream: int) -> dict[str, Any] | None:
        if not samples:
            return None
        numbers = [np.array([self.latest.number_of(n, stream) for n in batch.channels], np.int32) for batch, _, _ in samples]
        sizes = [len(batch) for batch, _, _ in samples]
        batches = [batch for batch, _, _ in samples]
        return {
            "channel": np.concatenate([known[batch.channel] for known, batch in zip(numbers, batches, strict=True)]),
            "time_ns": np.concatenate([batch.time_ns for batch in batches]).astype(np.int64, copy=False),
            "value": np.concatenate([batch.value for batch in batches]).astype(np.float64, copy=False),
            "quality": np.concatenate([batch.quality for batch in batches]).astype(np.uint8, copy=False),
            "sequence": np.repeat(np.array([sequence for _, sequence, _ in samples], np.int64), sizes),
            "known_ns": np.repeat(np.array([known for _, _, known in samples], np.int64), sizes),
        }

    def _insert(self, name: str, rows: pa.Table) -> None:
        self._connection.register("arriving", rows)
        self._connection.execute(f"INSERT INTO hot.{name} SELECT * FROM arriving")
        self._connection.unregister("arriving")

    def _insert_rows(self, name: str, table: Table, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            columns = zip(*rows, strict=True)
            arrays = [arrow(column, kind.type) for column, kind in zip(columns, table.closed, strict=True)]
            self._insert(name, pa.Table.from_arrays(arrays, schema=table.closed))

    def _restore_latest(self) -> None:
        c = self._connection
        saved = c.execute("SELECT id, name, stream, time_ns, value, quality FROM hot.channels ORDER BY id").fetchall()
        for _, name, stream, *_ in saved:
            self.latest.number_of(name, stream)
        self._named = len(saved)
        self._fold([(i, t, v, q) for i, _, _, t, v, q in saved if t is not None])
        self._fold(c.execute(_NEWEST.format("hot.samples")).fetchall())
        closed = self._closed["samples"].source() if self.fresh else None
        if closed:
            self.latest.before = {name: (t, v, q) for name, t, v, q in c.execute(_NEWEST.format(f"({closed})")).fetchall()}

    def _fold(self, rows: list[tuple[int, int, float, int]]) -> None:
        if rows:
            place, moment, value, quality = zip(*rows, strict=True)
            self.latest.update(
                np.array(place, np.int32), np.array(moment, np.int64), np.array(value, float), np.array(quality, np.uint8)
            )

    def _save_latest(self) -> None:
        """Newest samples beside the channel names, for after their rows have left the hot file."""
        newest, n = self.latest, len(self.latest.number)
        columns = {"id": np.arange(n, dtype=np.int32), "t": newest.time_ns[:n], "v": newest.value[:n], "q": newest.quality[:n]}
        self._connection.register("newest", _table(columns))
        self._connection.execute(
            "UPDATE hot.channels SET time_ns = n.t, value = n.v, quality = n.q FROM newest n "
            "WHERE n.id = channels.id AND n.t > -9223372036854775808"
        )
        self._connection.unregister("newest")

    def own(self, epoch: int) -> None:
        """From now on no historian of an earlier epoch can add to the closed days, also one whose commit is under way."""
        for closed in (*self._closed.values(), self.tiers.minutes, self.tiers.hours):
            closed.own(f"historian-{self.source}", epoch)

    def heal(self) -> None:
        """After a write that failed: the hot file is attached anew; what it holds then is what counts. duckdb.Error while it cannot
        be."""
        reattach(self._connection, self.folder)
        [(self._named,)] = self._connection.execute("SELECT count(*) FROM hot.channels").fetchall()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    # damage

    def damaged(self) -> list[Damaged]:
        """Puts aside the closed files that are not what was committed. Roll-ups whose samples are here are simply made again."""
        found = []
        for closed in (*self._closed.values(), self.tiers.minutes, self.tiers.hours):
            for day, why in damage.find(closed).items():
                one = damage.put_aside(self._connection, closed, day, why, self.folder, self.source)
                if closed.table in CLOSING:
                    found.append(one)
                elif day not in self._closed["samples"].files:
                    damage.note_lost(self.folder, one, one.rows)
        return found

    def settle(self, found: list[Damaged]) -> None:
        """Says what of `found` did not come again from the stream."""
        for one in found:
            held = self.reader.rows_of(one.table, one.day)
            if held < one.rows:
                damage.note_lost(self.folder, one, one.rows - held)
            else:
                _log.warning("day %d of %s is whole again: %d rows", one.day, one.table, held)

    # compaction

    def compact(self, before_ns: int) -> int:
        """Moves every day that ended before `before_ns` from the hot file to Delta; returns how many days were written."""
        written = 0
        self._save_latest()
        for table in CLOSING:
            days = self._connection.execute(
                f"SELECT DISTINCT {table.time} // {DAY_NS} FROM hot.{table.name} WHERE {table.time} < ?",
                [before_ns // DAY_NS * DAY_NS],
            ).fetchall()
            for (day,) in sorted(days):
                written += self._close_day(table, int(day))
        if written:
            self._connection.execute("CHECKPOINT hot")
        return written

    def keep(self, now_ns: int, wanted: Retention) -> Kept:
        """Rolls up the days that were closed, and drops what `wanted` says may go."""
        self.tiers.roll_up(self._connection)
        return self.tiers.keep(self._connection, now_ns, wanted)

    def _close_day(self, table: Table, day: int) -> bool:
        c, closed = self._connection, self._closed[table.name]
        inside = f"{table.time} >= {day * DAY_NS} AND {table.time} < {(day + 1) * DAY_NS}"
        if table is SAMPLES and day in self.tiers.dropped["samples"]:
            self._forget_known(day, inside)
        newest = c.execute(
            f"SELECT {table.stream} AS stream, max(sequence) FROM hot.{table.name} WHERE {inside} GROUP BY 1"
        ).fetchall()
        upto = {f"{stream}-{self.source}": int(last) for stream, last in newest}
        fresh = bool(upto) and any(last > closed.holds(day, stream) for stream, last in upto.items())
        if fresh:
            closed.replace(c, day, inside, upto)
        c.execute(f"DELETE FROM hot.{table.name} WHERE {inside}")
        return fresh

    def adopt(self, wish: Adopt) -> Adopted:
        """Takes a finished day file that somebody else wrote into the closed days; see `adopt`."""
        adopted = adopt_day(self._connection, self._closed, self.folder, wish, self.positions()["plant"][0])
        if wish.table == SAMPLES.name:
            self._hear_of(wish.day)
        return adopted

    def _hear_of(self, day: int) -> None:
        """The newest sample of a channel may be one that was imported."""
        imported = self._closed["samples"].source((day,))
        rows = self._connection.execute(_NEWEST.format(f"({imported})")).fetchall() if imported else []
        known = self.latest.of([name for name, *_ in rows])
        newer = [row for row in rows if row[0] not in known or row[1] > known[row[0]][0]]
        if not newer:
            return
        self._fold([(self.latest.number_of(name, STREAM_NUMBER["plant"]), t, v, q) for name, t, v, q in newer])
        if new := list(islice(self.latest.number.items(), self._named, None)):
            self._name(new)
            self._named += len(new)
        self._save_latest()

    def _forget_known(self, day: int, inside: str) -> None:
        """Of a day whose samples are gone: hot rows that its roll-up holds already; what stays is late and will be added to it."""
        if day in self._closed["samples"].files:
            self.tiers.roll_up(self._connection)
        held = {name: self._closed["samples"].holds(day, f"{number}-{self.source}") for name, number in STREAM_NUMBER.items()}
        known = f"CASE {SAMPLES.stream} WHEN 0 THEN {held['plant']} ELSE {held['results']} END"
        self._connection.execute(f"DELETE FROM hot.samples WHERE {inside} AND sequence <= {known}")


def _waveform_row(wave: Waveform, sequence: int, known_ns: int) -> tuple[Any, ...]:
    samples = np.ascontiguousarray(wave.samples, "<f4").tobytes()
    return (wave.channel, wave.start_ns, wave.rate_hz, wave.unit, int(wave.quality), samples, sequence, known_ns)


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.Table.from_arrays([arrow(c, pa.from_numpy_dtype(c.dtype)) for c in columns.values()], names=list(columns))
