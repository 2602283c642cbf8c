"""The demo's labelled score over five seeds that nobody looked at while the twin was built (seed 1 is the demo's own and was).

The simulated line runs through the very same loop, without the network.

The line runs in a process of its own and leaves files of what tags, sensors and ERP gave. This process binds them by the demo's
plant file, feeds the worker's loop in time order, and only at the end reads the truth file for the score (`bench.score`).
A work order reaches the loop when its row was entered in the ERP, not when the work was done; one entered after its step needs
history to go back (`plant.rewind`), which this bench has not: it is counted in `late_orders` and its reset left out.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from didymos.bench.score import Opened, score
from didymos.core.case import Case, Event
from didymos.core.clock import DAY_NS, parse_time
from didymos.core.series import Batch, Waveform
from didymos.data.erp.sql import WorkOrders
from didymos.formats.wire import unpack
from didymos.plant.bind import Binder
from didymos.plant.config import Plant, load
from didymos.plant.loop import Loop
from didymos.plant.roles import component_ids

SEEDS = (2, 3, 4, 5, 6)
DAYS = 11.0
START = "2026-01-05T06:00:00Z"


def run(data: Path | None = None, part: str | None = None, seeds: tuple[int, ...] = SEEDS, days: float = DAYS) -> dict[str, Any]:
    """{"seeds": [score of each], "detected", "wrong_mode", "missed", "open", "false", "median_lead_h", "loop_core_s"}."""
    if part is not None:
        seeds = (int(part),)
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="didymos-bench-") as name:
            rows.append(one(seed, days, Path(name)))
    total = {key: sum(row[key] for row in rows) for key in ("detected", "wrong_mode", "missed", "open", "false")}
    leads = sorted(fault["lead_h"] for row in rows for fault in row["faults"] if fault["lead_h"] is not None)
    return {**total, "median_lead_h": leads[len(leads) // 2] if leads else None, "seeds": rows}


def one(seed: int, days: float, folder: Path) -> dict[str, Any]:
    """The score of one run of the line."""
    command = [sys.executable, "-m", "didymos.plant.virtual.export", "--seed", str(seed), "--start", START, "--days", str(days)]
    subprocess.run([*command, "--out", str(folder)], check=True)
    plant = load(_plant_file(folder))
    loop = Loop(plant)
    began = time.process_time()
    late = follow(plant, loop, folder)
    spent = time.process_time() - began
    found = score(json.loads((folder / "truth.json").read_text()), opened(loop), parse_time(START) + int(days * DAY_NS))
    return {**found, "late_orders": late, "loop_core_s": spent}


def follow(plant: Plant, loop: Loop, folder: Path) -> list[str]:
    """Feed everything in time order. Returns the numbers of work orders that came too late for a loop without history."""
    binders = {source.id: Binder(plant, source.id) for source in plant.sources}
    tags, waves = np.load(folder / "tags.npz"), np.load(folder / "waves.npz")
    columns = {s: np.flatnonzero(tags["source"] == s) for s in binders}
    names = {s: tuple(str(a) for a in tags["address"][at]) for s, at in columns.items()}
    value, topics, counts, wave_ns = tags["value"], waves["topic"], waves["counts"], waves["time_ns"]
    orders = list(work_orders(plant, folder))
    late = []
    for k, now in enumerate(tags["time_ns"].tolist()):
        for source, binder in binders.items():
            loop.samples(binder.batch(_batch(names[source], value[columns[source], k], now), now))
        for w in np.flatnonzero(wave_ns == now):
            raw = Waveform(str(topics[w]), now, float(waves["rate_hz"]), counts[w] * np.float32(waves["scale_g"]), "g")
            bound = binders["broker"].waveform(raw, now)
            if bound is not None:
                loop.waveform(bound)
        while orders and orders[0][0] <= now:
            loop.event(orders.pop(0)[1])
        late += [event.id for event in loop.rewinds]
        loop.rewinds.clear()
        loop.ticks.clear()
    return late


def work_orders(plant: Plant, folder: Path) -> Iterator[tuple[int, Event]]:
    """(when it was entered, event) in the order of entry; read by the twin's own ERP reader."""
    file = folder / "erp.db"
    with sqlite3.connect(file) as erp:
        entered = {number: parse_time(at) for number, at in erp.execute("select number, changed_at from work_order")}
    reader = WorkOrders(f"sqlite:///{file}", {}, {a.id: component_ids(a) for a in plant.assets})
    events, _, _ = reader.poll(None, None)
    yield from sorted(((entered[event.id], event) for event in events), key=lambda pair: (pair[0], pair[1].id))


def opened(loop: Loop) -> list[Opened]:
    """Every Case that the loop opened, at the moment it did."""
    first: dict[str, Opened] = {}
    for subject, data, _ in loop.outputs:
        if ".case." in subject:
            case = unpack(Case, data)
            first.setdefault(case.id, Opened(case.asset, case.mode, case.opened_ns))
    return list(first.values())


def _batch(names: tuple[str, ...], value: np.ndarray, now: int) -> Batch:
    here = np.flatnonzero(np.isfinite(value))
    return Batch(names, here.astype(np.uint16), np.full(len(here), now, np.int64), value[here], np.zeros(len(here), np.uint8))


def _plant_file(folder: Path) -> Path:
    from didymos.plant.virtual.template import fill

    nowhere = "127.0.0.1:1"
    text = fill(
        f"opc.tcp://{nowhere}", f"mqtt://{nowhere}", "sqlite://", str(folder / "store"), START, START, 1.0, "127.0.0.1", 8050
    )
    path = folder / "plant.toml"
    path.write_text(text)
    return path
