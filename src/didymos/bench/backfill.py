"""Back-fill of a large store: samples a second, memory over time, and one-day reads beside those on a small store.

Data: 400 tags at 1 Hz with ms jitter as Parquet files of one hour, (tag, timestamp, value) in order of arrival, made first and not
counted: smooth signals with sensor noise as float32, quantised readings, states, counters. Measured: the import of all files by
the code behind `didymos backfill`, in a process of its own, from the first byte read to the last day in history. The sums over
history are checked against what was written.

    part   number of samples: 2e7 (default), 3e8, 1e9
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from didymos.core.clock import SECOND_NS, parse_time
from didymos.core.errors import DataError

TAGS, HOUR = 400, 3600
START_NS = parse_time("2025-06-01T00:00:00Z")
READS = 20
PARTS = {"2e7": 20_000_000, "1e8": 100_000_000, "3e8": 300_000_000, "1e9": 1_000_000_000}


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """{"points", "points_per_s", "rss_mb", "day_read_ms", ...}. `data`: folder to work in, else a temporary one."""
    if part is not None and part not in PARTS:
        return {"absent": [part]}
    hours = -(-PARTS[part or "2e7"] // (TAGS * HOUR))
    base = Path(tempfile.mkdtemp(prefix="didymos-backfill-", dir=data))
    try:
        began = time.monotonic()
        small = _measured(base / "small", 24)
        large = _measured(base / "large", hours) if hours > 24 else small
        return {
            "points": large["points"], "points_per_s": large["points"] / large["seconds"],
            "points_per_cpu_s": large["points"] / large["cpu_s"], "small": small, "large": large,
            "total_s": time.monotonic() - began, "load_average": list(os.getloadavg()), "cores": os.cpu_count(),
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "pyarrow": pa.__version__},
        }  # fmt: skip
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _measured(folder: Path, hours: int) -> dict[str, Any]:
    plant_file, exports = _plant(folder), folder / "export"
    began = time.monotonic()
    said = write_export(exports, hours)
    made_s = time.monotonic() - began
    size = sum(p.stat().st_size for p in exports.iterdir())
    code = "import sys; from didymos.bench.backfill import child; child(sys.argv[1], sys.argv[2])"
    process = subprocess.Popen([sys.executable, "-c", code, str(plant_file), str(exports)], stdout=subprocess.PIPE, text=True)
    memory = _watched(process)
    out = (process.stdout.read() if process.stdout else "").strip()
    if process.returncode:
        raise DataError(f"backfill: the import ended with status {process.returncode}: {out[-400:]}")
    found = json.loads(out.splitlines()[-1])
    if (found["count"], found["sum"]) != (said[0], said[1]):
        raise DataError(f"backfill: history holds {found['count']} samples, sum {found['sum']}; written were {said[0]}, {said[1]}")
    shutil.rmtree(exports)
    return {
        "points": said[0], "seconds": found["seconds"], "cpu_s": found["cpu_s"], "read_s": found["read_s"],
        "close_s": found["close_s"], "rss_mb": memory, "days": found["days"], "export_made_s": made_s,
        "day_read_ms": found["day_read_ms"], "bucket_read_ms": found["bucket_read_ms"],
        "bytes_per_point_in": size / said[0], "bytes_per_point_history": found["bytes"] / said[0],
    }  # fmt: skip


def child(plant_file: str, exports: str) -> None:
    """The import and the reads, in a process of its own; the last line is JSON."""
    from didymos.data.history.store import Store
    from didymos.plant.backfill import Order, Progress, backfill
    from didymos.plant.config import load
    from didymos.plant.history_owner import Owning

    plant = load(Path(plant_file))
    began, read_s = time.monotonic(), 0.0

    def shown(progress: Progress) -> None:
        nonlocal read_s
        now = time.monotonic() - began
        if progress.stage == "read":
            read_s = now
        print(f"{now:8.1f} s  {progress.stage:5s} {progress.done}/{progress.total}  {progress.rows:.4g} samples", file=sys.stderr)

    opened: list[Store] = []

    def owner() -> Owning:
        opened.append(Store(plant.store / "history"))
        return Owning(opened[0])

    report = backfill(plant, Order(exports), owner, shown)
    seconds, cpu_s = time.monotonic() - began, time.process_time()
    store = opened[0]
    checked = store.reader.sql("SELECT count(*) AS n, sum(CAST(value * 64 AS BIGINT)) AS v FROM samples", 600.0, 10).to_pylist()[0]
    day, bucket = _reads(store, report.first_ns, report.days)
    size = sum(p.stat().st_size for p in (plant.store / "history" / "closed").rglob("*.parquet"))
    store.close()
    print(json.dumps({
        "count": int(checked["n"]), "sum": int(checked["v"]), "seconds": seconds, "read_s": read_s, "close_s": seconds - read_s,
        "cpu_s": cpu_s, "days": report.days, "day_read_ms": day, "bucket_read_ms": bucket, "bytes": size,
    }))  # fmt: skip


def _reads(store: Any, first_ns: int, days: int) -> tuple[list[float], list[float]]:
    """[p50, max] ms of one tag's whole day, and of the same in 1000 buckets, over READS random tags and whole days."""
    rng, day_ns, found = np.random.default_rng(7), 86_400 * SECOND_NS, ([], [])
    for _ in range(READS):
        tag, start = rng.integers(TAGS), first_ns + int(rng.integers(max(1, days - 1))) * day_ns
        name = f"m-{tag // 20:02d}.t{tag % 20:02d}"
        t = time.perf_counter()
        rows = store.reader.read(name, start, start + day_ns, 2**62, 2**62, 10**6).num_rows
        found[0].append((time.perf_counter() - t) * 1e3)
        t = time.perf_counter()
        store.reader.buckets(name, start, start + day_ns, 1000, 2**62)
        found[1].append((time.perf_counter() - t) * 1e3)
        if not rows:
            raise DataError(f"backfill: no sample of {name} in a day that was imported")
    return ([float(np.median(found[0])), max(found[0])], [float(np.median(found[1])), max(found[1])])


def _watched(process: subprocess.Popen[str], every_s: float = 1.0) -> dict[str, Any]:
    """Memory of the child over its life in MB: every tenth of it, and the peak. `anonymous` leaves mapped files out."""
    rss: list[float] = []
    anonymous: list[float] = []
    while process.poll() is None:
        try:
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":" in line)
            rss.append(int(lines["VmRSS"].split()[0]) / 1024)
            anonymous.append(int(lines["RssAnon"].split()[0]) / 1024)
        except (OSError, KeyError, ValueError):
            pass
        time.sleep(every_s)
    tenths = np.linspace(0, len(rss) - 1, min(len(rss), 11)).astype(int) if rss else []
    return {
        "over_time": [round(rss[i]) for i in tenths], "anonymous_over_time": [round(anonymous[i]) for i in tenths],
        "peak": round(max(rss, default=0.0)),
    }  # fmt: skip


def _plant(folder: Path) -> Path:
    folder.mkdir(parents=True)
    lines = ['[plant]\nid = "large"\nname = "Large"\nstep_s = 60\nlateness_s = 60\npublish_s = 3600\ncommission_s = 0\n']
    lines.append(f'[store]\npath = "{folder / "store"}"\n[limits]\ncase_cost = 1000\n')
    lines.append('[[source]]\nid = "pi"\ntype = "replay"\nurl = "file:///nowhere.csv"\n')
    for machine in range(TAGS // 20):
        lines.append(f'[[asset]]\nid = "m-{machine:02d}"\nmodel = "generic"\nregime = "t00"\nchannel = [')
        lines += [f'  {{ name = "t{i:02d}", unit = "1", low = -1e9, high = 1e9 }},' for i in range(20)]
        lines.append("]\ntag = [")
        address = "AREA1.M{:02d}.T{:02d}.PV"
        lines += [
            f'  {{ channel = "t{i:02d}", source = "pi", address = "{address.format(machine, i)}", unit = "1" }},' for i in range(20)
        ]
        lines.append("]")
    path = folder / "plant.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_export(folder: Path, hours: int) -> tuple[int, int]:
    """Hour files; returns (samples, sum of value * 64 as whole numbers)."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(1 << 22).astype(np.float32)
    names = pa.array([f"AREA1.M{t // 20:02d}.T{t % 20:02d}.PV" for t in range(TAGS)])
    tag = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(TAGS, dtype=np.int32), HOUR)), names)
    counter, count, total = 0, 0, 0
    for hour in range(hours):
        second = hour * HOUR + np.arange(HOUR)
        value = np.empty((HOUR, TAGS), np.float32)
        phase = second[:, None] / (600.0 + 20.0 * np.arange(TAGS)) * 2 * np.pi
        value[:] = 50.0 + 20.0 * np.sin(phase)
        offset = int(rng.integers(len(noise) - HOUR))
        value += (
            0.2 * np.lib.stride_tricks.sliding_window_view(noise, HOUR)[(offset + 9973 * np.arange(TAGS)) % (len(noise) - HOUR)].T
        )
        value[:, 1::4] = np.round(value[:, 1::4] * 8) / 8  # what an ADC gives
        value[:, 2::20] = (value[:, 2::20] > 50.0).astype(np.float32)  # states
        value[:, 3::20] = counter + np.arange(HOUR, dtype=np.float32)[:, None] // 10  # counters
        counter = (counter + HOUR // 10) % 1_000_000
        stamp = START_NS // 1_000_000 + second[:, None] * 1000 + (noise[offset : offset + HOUR] * 3).astype(np.int64)[:, None] % 20
        flat = value.ravel()
        moment = pa.array(np.broadcast_to(stamp, value.shape).ravel(), pa.timestamp("ms", "UTC"))
        table = pa.table({"tag": tag, "timestamp": moment, "value": flat})
        options: Any = {"compression": "snappy", "use_dictionary": ["tag", "timestamp"]}
        pq.write_table(table, folder / f"hour-{hour:05d}.parquet", **options)
        count, total = count + flat.size, total + int(np.rint(flat.astype(np.float64) * 64).astype(np.int64).sum())
    return count, total
