"""What the drill of the whole chain is fed, and what must come out of it.

Twelve machines, each in a partition of its own: motors, pumps and generic ones that follow the twin's own equations, with sensor
noise from a fixed seed. Half of them come from a publisher straight onto the stream, half from a recording that the edge reads.
A thirteenth, `clock`, sends one sample at the end that lies three days ahead, so that the historian closes the days.

Expected are: every sample once; and beliefs, results and states as one undisturbed loop per partition makes them, to the byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import PARTITIONS, partition
from didymos.core.clock import DAY_NS, SECOND_NS, parse_time
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.formats.wire import pack, unpack
from didymos.infer.calibrate import simulate
from didymos.plant.config import Plant, load
from didymos.plant.loop import Loop, LoopState

START = parse_time("2026-01-05T18:00:00Z")  # midnight comes in the middle
STEP_S = 300
KINDS = ("induction_motor", "generic", "centrifugal_pump", "generic", "generic", "generic")
Row = tuple[str, int, float, int]  # channel, time_ns, value, quality


@dataclass(frozen=True, slots=True)
class Machine:
    id: str
    model: str
    published: bool  # by the publisher; else recorded, for the edge


def machines() -> tuple[list[Machine], str]:
    """(twelve machines in partitions of their own, the id of the clock in another)."""
    ids: dict[int, str] = {}
    number = 0
    while len(ids) < PARTITIONS:
        ids.setdefault(partition(f"m-{number}"), f"m-{number}")
        number += 1
    names = [ids[p] for p in sorted(ids)]
    return [Machine(names[i], KINDS[i % 6], i < 6) for i in range(12)], names[12]


def plant_text(folder: Path, url: str, replicas: int, lease_s: float, speed: float) -> str:
    text = (
        f'[plant]\nid = "chain"\nname = "Chain"\nstep_s = {STEP_S}\nlateness_s = {2 * STEP_S}\npublish_s = 3600\ncommission_s = 0\n'
        f'[clock]\nkind = "data"\n[store]\npath = "{folder / "store"}"\n[worker]\nlease_s = {lease_s}\n'
        f'[nats]\nurl = "{url}"\nreplicas = {replicas}\n'
        '[calendar]\nfirst_stop = "2026-01-05T06:00:00Z"\nevery_h = 336\n[limits]\ncase_cost = 1500\n'
        f'[[source]]\nid = "s"\ntype = "replay"\nurl = "{folder / "record.csv"}"\nlayout = "long"\ntime_unit = "ns"\n'
        f"batch_rows = 50\nbatch_s = 0.1\nspeed = {speed}\n"
    )
    found, clock = machines()
    return text + "".join(_asset(m) for m in (*found, Machine(clock, "generic", True)))


def _asset(m: Machine) -> str:
    def tag(name: str, unit: str) -> str:
        return f'  {{ channel = "{name}", source = "s", address = "{m.id}.{name}", unit = "{unit}" }},\n'

    if m.model == "generic":
        head = f'[[asset]]\nid = "{m.id}"\nmodel = "generic"\nregime = "speed"\nchannel = [\n'
        channels = '  { name = "speed", unit = "rad/s" },\n  { name = "pressure", unit = "Pa" },\n]\ntag = [\n'
        return head + channels + tag("speed", "rad/s") + tag("pressure", "Pa") + "]\n"
    machine = ASSETS[m.model]
    tags = "".join(tag(c.name, c.unit) for c in (*machine.inputs, *machine.sensors))
    head = f'[[asset]]\nid = "{m.id}"\nmodel = "{m.model}"\nconsequence_cost = 20000\ncommissioned = "2025-01-01T00:00:00Z"\n'
    return f"{head}tag = [\n{tags}]\n"


def samples(steps: int, seed: int) -> dict[str, list[list[Row]]]:
    """machine id -> rows of each step."""
    rng = np.random.default_rng(seed)
    return {m.id: _rows(m, steps, rng) for m in machines()[0]}


def _rows(m: Machine, steps: int, rng: np.random.Generator) -> list[list[Row]]:
    t = np.arange(steps)
    if m.model == "generic":
        speed = 100.0 + 10.0 * np.sin(t / 15.0)
        columns = {"speed": speed, "pressure": 2e5 * speed + 1e4 * rng.normal(size=steps)}
    else:
        machine = ASSETS[m.model]
        u = np.tile(np.array(machine.nominal, float), (steps, 1))
        u[:, 0] *= 0.8 + 0.15 * np.sin(t / 20.0)
        y = simulate(machine, np.array([machine.Params()], float), u[None], float(STEP_S))[0]
        y = y + rng.normal(size=y.shape) * np.array([c.noise for c in machine.sensors])
        y = np.clip(y, [c.low for c in machine.sensors], [c.high for c in machine.sensors])  # the edge would mark what is outside
        columns = {c.name: u[:, i] for i, c in enumerate(machine.inputs)} | {c.name: y[:, i] for i, c in enumerate(machine.sensors)}
    times = START + (t + 1) * STEP_S * SECOND_NS
    return [[(f"{m.id}.{name}", int(times[k]), float(v[k]), 0) for name, v in columns.items()] for k in t]


def closing_row(clock: str) -> Row:
    return f"{clock}.speed", START + 4 * DAY_NS, 1.0, 0


def write(folder: Path, rows: dict[str, list[list[Row]]]) -> None:
    """record.csv for the edge, published.json for the publisher: [[(machine, rows), ...] of each step]."""
    found, _ = machines()
    steps = len(next(iter(rows.values())))
    lines = [f"{t},{c},{v!r}" for k in range(steps) for m in found if not m.published for c, t, v, _ in rows[m.id][k]]
    (folder / "record.csv").write_text("time,tag,value\n" + "\n".join(lines) + "\n")
    published = [[(m.id, rows[m.id][k]) for m in found if m.published] for k in range(steps)]
    (folder / "published.json").write_text(json.dumps(published))


# ---- what must come out


def numbers(times: Any, values: Any) -> tuple[int, float, int]:
    """(count, sum in order of time, exclusive or of all bits) of one channel's samples."""
    order = np.argsort(np.asarray(times, np.int64), kind="stable")
    t, v = np.asarray(times, np.int64)[order], np.asarray(values, np.float64)[order]
    bits = np.bitwise_xor.reduce(t ^ v.view(np.int64)) if len(v) else np.int64(0)
    return len(v), float(np.sum(v)), int(bits)


def expected_lake(rows: dict[str, list[list[Row]]]) -> dict[str, tuple[int, float, int]]:
    by_channel: dict[str, list[Row]] = {}
    for steps in rows.values():
        for row in (row for step in steps for row in step):
            by_channel.setdefault(row[0], []).append(row)
    return {c: numbers([r[1] for r in found], [r[2] for r in found]) for c, found in by_channel.items()}


def plain_snapshot(data: bytes) -> bytes:
    """A snapshot without its place in the stream, which depends on who published first."""
    return pack(replace(unpack(Snapshot, data), sequence=0))


def plain_state(data: bytes) -> tuple[int, float, int]:
    """(count, sum, exclusive or) over every number in a worker's state; likewise without its place in the stream."""
    whole = pack(replace(unpack(LoopState, data), sequence=0))
    padded = np.frombuffer(whole + bytes(-len(whole) % 8), np.int64)
    return len(whole), float(padded.astype(np.float64).sum()), int(np.bitwise_xor.reduce(padded))


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """snapshots {(machine, time_ns): bytes}, states {partition: (count, sum, exclusive or)}."""

    snapshots: dict[tuple[str, int], bytes]
    states: dict[int, tuple[int, float, int]]


def undisturbed(plant_file: Path, rows: dict[str, list[list[Row]]]) -> Undisturbed:
    """One loop per partition, given its samples in order."""
    plant: Plant = load(plant_file)
    snapshots: dict[tuple[str, int], bytes] = {}
    states = {}
    for id, steps in rows.items():
        p = partition(id)
        loop = Loop(plant, [p])
        for number, step in enumerate(steps, 1):
            loop.feed(Message(number, f"tel.{p}", pack(batch_of(step))))
        for subject, data, _ in loop.outputs:
            if ".snapshot." in subject:
                s = unpack(Snapshot, data)
                snapshots[s.asset, s.time_ns] = plain_snapshot(data)
        states[p] = plain_state(loop.state())
    return Undisturbed(snapshots, states)
