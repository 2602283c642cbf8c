"""High-rate recordings in the layout of PRONOSTIA: one Parquet file per machine, one integer column per axis, fixed snapshots.

Each `samples` consecutive rows are one snapshot of `rate_hz`, one snapshot each `period_s`;
value = (count - zero) / counts_per_unit. For the FEMTO-ST set: 2560 rows at 25.6 kHz each 10 s, zero 65536, 1000 counts per g.
Source: Nectoux et al., PRONOSTIA, IEEE PHM 2012.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from didymos.core.errors import DataError
from didymos.core.series import Waveform

_SNAPSHOTS_A_READ = 32


@dataclass(frozen=True, slots=True)
class Layout:
    """start_ns is the time of the first snapshot; files do not tell it."""

    start_ns: int
    samples: int = 2560
    rate_hz: float = 25600.0
    period_s: float = 10.0
    zero: float = 65536.0
    counts_per_unit: float = 1000.0


def snapshots(
    path: Path, tags: Sequence[str], layout: Layout, source: str
) -> tuple[list[str], Iterator[tuple[tuple[Waveform, ...], str]]]:
    """(tags that do not exist, (waveforms, fault or "") of snapshot 1, 2, ...).

    `path` is one file and a tag its column, or a folder and a tag `<file without .parquet>#<column>`: the files run side by side.
    """
    wanted: dict[Path, dict[str, str]] = {}
    for tag in tags:
        name, mark, column = tag.partition("#")
        file = path / f"{name}.parquet" if mark else path
        wanted.setdefault(file, {})[tag] = column if mark else tag
    missing = [tag for file, columns in wanted.items() for tag, column in columns.items() if column not in _columns(file, path)]
    runs = [_run(file, {t: c for t, c in columns.items() if t not in missing}, layout, source) for file, columns in wanted.items()]
    return missing, (_joined(parts) for parts in zip_longest(*runs, fillvalue=((), "")))


def _joined(parts: Sequence[tuple[tuple[Waveform, ...], str]]) -> tuple[tuple[Waveform, ...], str]:
    return tuple(wave for waves, _ in parts for wave in waves), "; ".join(fault for _, fault in parts if fault)


def _columns(file: Path, given: Path) -> list[str]:
    """Column names; none for a file that a folder does not have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file != given and not file.exists():
        return []
    try:
        return pq.read_schema(file).names
    except pa.ArrowInvalid as error:
        raise DataError(f"{file}: not a Parquet file: {error}") from error


def _run(file: Path, columns: dict[str, str], layout: Layout, source: str) -> Iterator[tuple[tuple[Waveform, ...], str]]:
    """Snapshot after snapshot of one file."""
    import pyarrow.parquet as pq

    if not columns:
        return
    number, size = 0, layout.samples
    with pq.ParquetFile(file) as table:
        for part in table.iter_batches(size * _SNAPSHOTS_A_READ, columns=sorted(set(columns.values()))):
            data = {tag: part.column(name).to_numpy(zero_copy_only=False) for tag, name in columns.items()}
            for first in range(0, part.num_rows, size):
                if first + size > part.num_rows:
                    yield (), f"{file.name} row {number * size + 1}: the last snapshot has {part.num_rows - first} rows of {size}"
                    return
                start_ns = layout.start_ns + round(number * layout.period_s * 1e9)
                yield tuple(_wave(tag, raw[first : first + size], start_ns, layout, source) for tag, raw in data.items()), ""
                number += 1


def _wave(tag: str, raw: np.ndarray, start_ns: int, layout: Layout, source: str) -> Waveform:
    samples = ((raw.astype(np.float64) - layout.zero) / layout.counts_per_unit).astype(np.float32)
    return Waveform(tag, start_ns, layout.rate_hz, samples, source=source)
