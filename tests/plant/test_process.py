"""Process records: pure, stored before they are told, told once; and live, from samples of a richer truth to the ledger."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from didymos.assets import PROCESSES
from didymos.assets.turning import MODEL, Params
from didymos.core.case import Record
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.errors import ConnectError, DataError
from didymos.core.series import Quality, Series, batch_of
from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_process import keep_operations, keep_said, untold, waiting
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.plant import process_run
from didymos.plant.config import load
from didymos.plant.crew import Crew
from didymos.plant.erp import import_now
from didymos.plant.join_run import join_round
from didymos.plant.process import Said, process_record
from didymos.plant.process_run import WAIT_NS, process_round
from didymos.plant.report import AssetReport, WorkerReport
from didymos.thread.ledger import SqliteLedger, canonical
from tests.plant import turning_cell
from tests.plant.small import START
from tests.plant.test_erp import history, until

PROCESS = PROCESSES["turning"]
END = START + 150 * SECOND_NS
BODY = {
    "order": "PO-1", "operation": "10", "serial": "SN-1", "lot": "", "asset": "ln-01", "number": "1", "start_ns": START,
    "end_ns": END, "cycles": 1,
}  # fmt: skip
OPERATION = Record("operation:PO-1:10:SN-1", "operation", "SN-1", END, BODY)
MEAN, COV = np.array(MODEL.initial, float), np.diag(np.array([0.03, 0.5, 0.05, 0.5, 0.01, 0.01]) ** 2)
CONSTANTS = {"specific_force": 2.5e9, "force_exponent": 0.26}


def series(name: str, values, quality=None, first_ns: int = START) -> Series:
    values = np.array(values, float)
    times = first_ns + SECOND_NS * 10 * np.arange(len(values))
    return Series(
        f"ln-01.{name}", times, values, np.zeros(len(values), np.uint8) if quality is None else np.array(quality, np.uint8)
    )


def measured() -> dict[str, Series]:
    on = [133.3] * 15
    found = {"speed": series("speed", on), "diameter": series("diameter", [0.05], first_ns=START - DAY_NS)}
    found |= {"feed": series("feed", [0.25e-3] * 15), "depth": series("depth", [2e-3] * 15)}
    bad = [0] * 14 + [Quality.BAD]
    return found | {"spindle_power": series("spindle_power", [6000.0] * 14 + [1e9], bad)}


def said(**changes) -> Said:
    return replace(Said(np.array(Params(), float), MEAN, COV, measured(), CONSTANTS, "E-77", "O1001"), **changes)


def test_a_record_names_part_tool_and_program_and_keeps_what_was_measured():
    record = process_record(OPERATION, PROCESS, said())
    body = record.body
    assert (record.key, record.kind, record.subject) == ("process:operation:PO-1:10:SN-1", "process", "SN-1")
    assert (body["serial"], body["tool"], body["program"], body["record"]) == ("SN-1", "E-77", "O1001", OPERATION.key)
    assert body["measured"]["spindle_power"] == {"samples": 14, "unusable": 1, "mean": 6000.0, "least": 6000.0, "most": 6000.0}
    assert body["measured"]["feed_force"] == {"samples": 0, "unusable": 0}
    figures = {f["name"]: f for f in body["figures"]}
    assert figures["flank_wear_land"]["limit_high"] == 0.3e-3
    assert figures["expected_roughness"]["low"] < figures["expected_roughness"]["value"] < figures["expected_roughness"]["high"]
    assert body["outside"] == []
    assert canonical(record) == canonical(process_record(OPERATION, PROCESS, said()))


def test_an_input_told_long_before_is_held_and_one_never_told_gives_no_figures():
    diameter = process_record(OPERATION, PROCESS, said()).body["figures"]
    assert diameter
    without = {name: s for name, s in measured().items() if name != "diameter"}
    body = process_record(OPERATION, PROCESS, said(series=without)).body
    assert body["figures"] == []
    assert "never active in 0 complete samples" in str(body["withheld"])
    assert "no usable sample of any input" in str(process_record(OPERATION, PROCESS, said(series={})).body["withheld"])


def test_without_a_belief_the_reason_stands_in_place_of_figures():
    body = process_record(OPERATION, PROCESS, said(withheld="ln-01 is still being commissioned")).body
    assert (body["figures"], body["outside"], body["withheld"]) == ([], [], "ln-01 is still being commissioned")
    assert body["measured"]["spindle_power"]["samples"] == 14


# ---- one round, with a worker that answers as told


@pytest.fixture
def cell(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "plant.toml").write_text(turning_cell.plant_text())
    return load(tmp_path / "plant.toml")


class Past:
    """History of `measured()`."""

    async def read(self, channel, start_ns, end_ns, *_):
        name = channel.partition(".")[2]
        return measured().get(name, series(name, []))

    async def snapshots(self, *_):
        return []


def worker(monkeypatch, time_ns=END + SECOND_NS * 60, belief=None, commissioned=True):
    async def ask_worker(bus, partition, timeout_s):
        if time_ns is None:
            raise ConnectError("nobody answers")
        asset = AssetReport("ln-01", time_ns, commissioned, params=list(map(float, Params())))
        return WorkerReport("w", 1, time_ns, 0, 0, 0, [asset])

    async def ask_as_of(bus, question, timeout_s):
        if isinstance(belief, Exception):
            raise belief
        return MEAN, COV

    monkeypatch.setattr(process_run, "ask_worker", ask_worker)
    monkeypatch.setattr(process_run, "ask_as_of", ask_as_of)


async def records_of(bus) -> list[Record]:
    reader = await bus.subscribe("results", ["res.*.record.>"], 0)
    return [unpack(Record, m.data) for m in await reader.fetch(100, 0.05)]


def rounds(plant, staging, count=1):
    async def work():
        bus = MemoryBus()
        told = [await process_round(plant, staging, bus, Past()) for _ in range(count)]
        return told, await records_of(bus)

    return asyncio.run(work())


def test_one_operation_is_told_once_however_often_it_is_kept_and_asked(cell, monkeypatch):
    worker(monkeypatch)
    staging = Staging(cell.staging_url)
    keep_operations(staging, [OPERATION, OPERATION])
    keep_operations(staging, [OPERATION])
    told, records = rounds(cell, staging, 3)
    staging.close()
    assert told == [1, 0, 0]
    assert [r.key for r in records] == ["process:operation:PO-1:10:SN-1"]
    assert len(records[0].body["figures"]) == 7


def test_a_kill_between_storing_and_telling_publishes_what_was_stored_although_the_belief_has_changed_since(cell, monkeypatch):
    staging = Staging(cell.staging_url)
    keep_operations(staging, [OPERATION])
    first = process_record(OPERATION, PROCESS, said())
    keep_said(staging, OPERATION.key, first)  # and then the kill
    keep_said(staging, OPERATION.key, process_record(OPERATION, PROCESS, said(tool="another")))  # the first word stands
    worker(monkeypatch, belief=DataError("another answer"))
    told, records = rounds(cell, staging)
    assert told == [1]
    assert json.loads(canonical(records[0])) == json.loads(canonical(first))
    ledger = SqliteLedger(cell.store / "ledger.db")
    assert ledger.append(records[0]) == ledger.append(first) == 1
    ledger.close()
    staging.close()


def test_an_operation_waits_for_a_twin_that_is_behind_or_away_and_blocks_no_other(cell, monkeypatch):
    staging = Staging(cell.staging_url)
    keep_operations(staging, [OPERATION, replace(OPERATION, key="b", body={**BODY, "end_ns": END - 60 * SECOND_NS})])
    for time_ns in (None, END - DAY_NS):
        worker(monkeypatch, time_ns)
        assert rounds(cell, staging) == ([0], [])
    worker(monkeypatch, END - 30 * SECOND_NS)
    told, records = rounds(cell, staging)
    assert (told, records[0].body["record"]) == ([1], "b")
    assert [r.key for r in waiting(staging)] == [OPERATION.key]
    staging.close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"commissioned": False}, "still being commissioned"),
        ({"belief": DataError("ln-01: no belief at noon")}, "no belief at noon"),
    ],
)
def test_what_the_twin_cannot_say_is_told_as_withheld(cell, monkeypatch, given, why):
    worker(monkeypatch, **given)
    staging = Staging(cell.staging_url)
    keep_operations(staging, [OPERATION])
    _, records = rounds(cell, staging)
    staging.close()
    assert why in str(records[0].body["withheld"])


def test_after_a_day_without_a_worker_the_record_comes_without_figures(cell, monkeypatch):
    worker(monkeypatch, None)
    staging = Staging(cell.staging_url)
    keep_operations(staging, [OPERATION])

    class Later:
        def now_ns(self):
            return END + WAIT_NS + 1

    told, records = rounds(replace(cell, clock=Later()), staging)
    assert told == [1]
    assert "no worker answers" in str(records[0].body["withheld"])
    assert untold(staging) == []
    staging.close()


# ---- live


def put(plant, name: str, rows: list[dict]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    (plant.store.parent / "drop" / name).write_text(out.getvalue())


@pytest.mark.slow
def test_twelve_parts_of_a_richer_truth_reach_the_ledger_with_their_wear_and_roughness(cell):
    lived = turning_cell.truth()

    async def work():
        bus, staging = MemoryBus(), Staging(cell.staging_url)
        async with history(cell, bus) as (client, ledger):
            crew = asyncio.create_task(Crew(cell, bus, client, [partition("ln-01")]).run())
            for k, rows in enumerate(lived.rows):
                await bus.publish(f"tel.{partition('ln-01')}", pack(batch_of(rows)), f"t{k}")
            put(cell, "op1.csv", [{"order": "PO-1", "operation": "10", "asset": "ln-01", "program": "O1001"}])
            put(cell, "perf1.csv", turning_cell.performance(lived))
            list(import_now(cell, cell.erps[0], staging))
            made = told = 0
            for _ in range(600):
                made += await join_round(cell, staging, bus, client)
                told += await process_round(cell, staging, bus, client)
                if told == turning_cell.PARTS:
                    break
                await asyncio.sleep(0.2)
            again = await process_round(cell, staging, bus, client)
            records = await until(lambda: (r := list(ledger.records(kind="process"))) and len(r) == told and r)
            operations = {r.key for r in ledger.records(kind="operation")}
            assert ledger.verify() >= made + told  # cases of the worn edge are in it too
            crew.cancel()
            await asyncio.gather(crew, return_exceptions=True)
        staging.close()
        return made, told, again, records, operations

    made, told, again, records, operations = asyncio.run(work())
    assert (made, told, again) == (turning_cell.PARTS, turning_cell.PARTS, 0)
    by_serial = {r.subject: r.body for r in records}
    assert sorted(by_serial) == [f"SN-{i:02d}" for i in range(turning_cell.PARTS)]
    assert {b["record"] for b in by_serial.values()} == operations
    assert {(b["tool"], b["program"]) for b in by_serial.values()} == {("E-77", "O1001")}
    inside, worst = {"flank_wear_land": 0, "expected_roughness": 0}, 0.0
    for i, (_, body) in enumerate(sorted(by_serial.items())):
        figures = {f["name"]: f for f in body["figures"]}
        truth = {"flank_wear_land": 0.3e-3 * lived.wear[i], "expected_roughness": lived.roughness[i]}
        worst = max(worst, abs(figures["flank_wear_land"]["value"] - truth["flank_wear_land"]))
        for name, value in truth.items():
            inside[name] += figures[name]["low"] <= value <= figures[name]["high"]
    print("inside their 90 % interval", inside, "of 12; largest error of VB", worst)
    assert inside["expected_roughness"] >= 10
    assert inside["flank_wear_land"] >= 7  # the truth pays for wear by other constants than the twin, which nobody has fitted here
    assert worst < 0.035e-3
    assert "flank_wear_land" not in by_serial["SN-00"]["outside"]
    assert lived.wear[-1] > 1.1
    assert "flank_wear_land" in by_serial["SN-11"]["outside"]
