"""ERP files, machine cycles and cases through the edge's own tasks: events, records in a real ledger, quarantine, requests."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from didymos.core.case import Case, Event
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS, iso
from didymos.core.series import batch_of
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.staging_join import quarantine
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.plant.config import load, read
from didymos.plant.erp import import_now, publish_closed, request, write_requests
from didymos.plant.join_run import join_round
from didymos.plant.roles import component_ids, poll_erp
from didymos.thread.ledger import SqliteLedger
from tests.plant.small import START, plant_text

MINUTE = 60 * SECOND_NS
ERP = """
[[erp]]
id = "files"
type = "csv"
url = "drop"
poll_s = 0.05
settle_s = 0
write = true
[[erp.entity]]
entity = "work_orders"
origin = "wo*.csv"
[[erp.entity]]
entity = "performance"
origin = "perf*.csv"
[[erp.entity]]
entity = "operations"
origin = "op*.csv"
[[erp.cycle]]
asset = "hu-01"
channel = "speed"
kind = "running"
tolerance_s = 60
[erp.request]
origin = "outbox"
columns = { reference = "ref", asset = "machine", text = "why" }
"""


@pytest.fixture
def plant(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "plant.toml").write_text(plant_text() + ERP)
    return load(tmp_path / "plant.toml")


def put(plant, name: str, rows: list[dict]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    (plant.store.parent / "drop" / name).write_text(out.getvalue())


def work_order(number: str, **changes) -> dict:
    done = {
        "asset": "cp-01",
        "component": "seal",
        "action": "replaced",
        "state": "closed",
        "closed": iso(START),
        "new_serial": "MS-2",
    }
    return {"number": number, **done, "failure_mode": "ELP", "mechanism": "2.4", "cause": "3.4", **changes}


def told(number: str, begin: int, end: int, **changes) -> dict:
    usual = {"order": "PO-1", "operation": "10", "serial": f"SN-{number}", "asset": "hu-01"}
    return {"number": number, **usual, "start": iso(START + begin * MINUTE), "end": iso(START + end * MINUTE), **changes}


def parts(plant):
    return {a.id: component_ids(a) for a in plant.assets}


async def events_of(bus) -> list[Event]:
    subscription = await bus.subscribe("plant", ["evt.*"], 0)
    found = [unpack(Event, message.data) for message in await subscription.fetch(100, 0.05)]
    await subscription.close()
    return found


@asynccontextmanager
async def history(plant, bus):
    """A historian with a real ledger on the bus."""
    ledger = SqliteLedger(plant.store / "ledger.db")
    task = asyncio.create_task(Historian().run(bus, plant.store / "history", plant.clock, ledger.append))
    try:
        yield HistoryClient(bus), ledger
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ledger.close()


async def until(what, seconds: float = 20.0):
    for _ in range(int(seconds / 0.05)):
        if found := what():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_closed_order_of_a_file_becomes_one_event_with_its_failure_codes_and_a_wrong_one_waits_in_quarantine(plant):
    async def work():
        bus, staging = MemoryBus(), Staging(plant.staging_url)
        put(plant, "wo1.csv", [work_order("1"), work_order("2", component="gearbox"), work_order("3", state="open")])
        list(import_now(plant, plant.erps[0], staging))
        counts = [await publish_closed(plant, staging, bus, parts(plant)) for _ in range(2)]
        (doubt,) = quarantine(staging)
        put(plant, "wo2.csv", [work_order("2"), work_order("3", closed=iso(START + MINUTE))])
        list(import_now(plant, plant.erps[0], staging))
        counts.append(await publish_closed(plant, staging, bus, parts(plant)))
        found, left = await events_of(bus), quarantine(staging)
        staging.close()
        return counts, doubt, found, left

    counts, doubt, found, left = asyncio.run(work())
    assert (counts, left) == ([1, 0, 2], [])
    assert "'gearbox' is not part of cp-01" in doubt.reason
    assert [event.id for event in found] == ["1", "2", "3"]
    assert found[0].body == {
        "component": "seal", "action": "replaced", "new_serial": "MS-2", "note": None, "failure_mode": "ELP", "mechanism": "2.4",
        "cause": "3.4",
    }  # fmt: skip
    assert (found[0].kind, found[0].asset, found[0].time_ns) == ("work_order_closed", "cp-01", START)


def test_the_polling_task_brings_files_as_they_come_and_names_what_it_refuses(plant, caplog):
    async def work():
        bus = MemoryBus()
        task = asyncio.create_task(poll_erp(plant, plant.erps[0], bus))
        put(plant, "wo1.csv", [work_order("1"), work_order("9", closed="31.02.2026")])
        await asyncio.sleep(0.6)
        put(plant, "wo2.csv", [work_order("2")])
        found: list[Event] = []
        for _ in range(200):
            await asyncio.sleep(0.05)
            if len(found := await events_of(bus)) == 2:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    with caplog.at_level(logging.WARNING):
        assert [event.id for event in asyncio.run(work())] == ["1", "2"]
    assert "wo1.csv, row 3, column closed: '31.02.2026'" in caplog.text


def test_a_business_system_that_is_wrongly_described_is_named_and_does_not_end_the_edge(plant, caplog):
    erp = replace(
        plant.erps[0], type="odata", url="http://127.0.0.1:9", options=(("auth", "bearer"), ("token_env", "NOT_SET_HERE"))
    )

    async def work():
        tasks = [asyncio.create_task(work) for work in (poll_erp(plant, erp, MemoryBus()), write_requests(plant, erp, MemoryBus()))]
        await asyncio.sleep(1.0)
        ended = [task.done() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return ended

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(work()) == [False, False]
    assert "environment variable NOT_SET_HERE is empty or not set" in caplog.text


RUNS = ((2, 11), (14, 22), (30, 38))  # minutes in which hu-01 turns


def telemetry() -> bytes:
    rows = [(minute, 100.0 if any(a <= minute < b for a, b in RUNS) else 0.0) for minute in range(-120, 240)]
    return pack(batch_of([("hu-01.speed", START + m * MINUTE, v, 0) for m, v in rows]))


def test_cycles_and_rows_become_records_in_the_ledger_and_doubts_are_resolved_by_later_rows(plant):
    async def work():
        bus, staging = MemoryBus(), Staging(plant.staging_url)
        async with history(plant, bus) as (client, ledger):
            await bus.publish(f"tel.{partition('hu-01')}", telemetry(), "t")
            rows = [told("1", 0, 12), told("2", 12, 25), told("3", 29, 40, operation="20"), told("4", 95, 99), told("5", 29, 40)]
            put(plant, "perf1.csv", rows)
            put(plant, "op1.csv", [{"order": "PO-1", "operation": "10", "asset": "hu-01"}])
            list(import_now(plant, plant.erps[0], staging))
            await until(lambda: plant.clock.now_ns() >= START + 200 * MINUTE)
            counts = [await join_round(plant, staging, bus, client)]
            first = dump(staging)
            counts.append(await join_round(plant, staging, bus, client))
            same = dump(staging) == first
            doubts = {doubt.key: doubt.reason for doubt in quarantine(staging)}
            put(plant, "op2.csv", [{"order": "PO-1", "operation": "20", "asset": "hu-01"}])
            put(plant, "perf2.csv", [told("5", 60, 70, asset="cm-01", order="PO-2")])
            put(plant, "op3.csv", [{"order": "PO-2", "operation": "10", "asset": "cm-01"}])
            list(import_now(plant, plant.erps[0], staging))
            counts += [await join_round(plant, staging, bus, client), await join_round(plant, staging, bus, client)]
            records = await until(lambda: (r := list(ledger.records(kind="operation"))) and len(r) == sum(counts) and r)
            left = [doubt.key for doubt in quarantine(staging)]
            assert ledger.verify() == len(records)
        staging.close()
        return counts, same, doubts, records, left

    counts, same, doubts, records, left = asyncio.run(work())
    assert same
    assert "operation 20 of order PO-1 is not known" in doubts["3"]
    assert "made no cycle" in doubts["4"]
    assert left == ["4"]
    windows = {
        r.subject: (r.body["asset"], (r.body["start_ns"] - START) // MINUTE, (r.body["end_ns"] - START) // MINUTE) for r in records
    }
    assert sorted(windows) == ["SN-1", "SN-2", "SN-3", "SN-5"], (counts, windows, doubts)
    assert windows["SN-1"] == ("hu-01", 2, 11)
    assert windows["SN-2"] == ("hu-01", 14, 22)
    assert windows["SN-3"] == ("hu-01", 30, 38)
    assert sum(counts) == len(records)


CASE = Case(
    "cp-01-seal-1", "cp-01", "seal", "seal", "accepted", 2, START, START, "because it leaks", "renew", "seal", (), 0.9, None, 5000.0
)


def test_an_accepted_case_becomes_one_request_one_event_and_one_record_and_others_none(plant):
    async def work():
        bus = MemoryBus()
        for case in (CASE, Case(**{**{f: getattr(CASE, f) for f in CASE.__slots__}, "id": "cp-01-x-1", "state": "open"})):
            await bus.publish(f"res.0.case.{case.id}", pack(case), case.id)
        for _ in range(2):  # a restart begins with the last case again
            task = asyncio.create_task(write_requests(plant, plant.erps[0], bus))
            await until(lambda: len(list((plant.store.parent / "outbox").glob("*"))) == 1)
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        results = await bus.subscribe("results", ["res.*.record.>"], 0)
        records = await results.fetch(10, 0.05)
        return await events_of(bus), records

    events, records = asyncio.run(work())
    assert [event.kind for event in events] == ["work_order_requested"]
    assert events[0].body == {"case": "cp-01-seal-1", "erp": "files", "number": "cp-01-seal-1", "reference": "cp-01-seal-1"}
    assert len(records) == 1
    assert "cp-01;because it leaks" in (plant.store.parent / "outbox" / "cp-01-seal-1.csv").read_text("utf-8-sig")


def test_a_request_told_before_the_kill_is_not_told_again(plant):
    async def work():
        bus, staging = MemoryBus(), Staging(plant.staging_url)

        class Once:
            sent = 0

            def find(self, reference):
                return "4711" if self.sent else None

            def send(self, wanted):
                self.sent += 1
                return "4711"

            def close(self):
                """Nothing."""

        writer = Once()
        for _ in range(3):
            await request(plant, "files", writer, staging, bus, CASE)
        staging.close()
        return writer.sent, len(await events_of(bus))

    assert asyncio.run(work()) == (1, 1)


def test_without_write_true_nothing_is_ever_written(tmp_path):
    (tmp_path / "plant.toml").write_text(plant_text() + ERP.replace("write = true\n", ""))
    assert load(tmp_path / "plant.toml").erps[0].request is None


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('type = "csv"', 'type = "fax"', "erp.0.type: 'fax'. Allowed: sql, csv, xlsx, b2mml, odata"),
        ('entity = "performance"', 'entity = "performence"', "Did you mean 'performance'?"),
        ('origin = "perf*.csv"', 'origin = "../perf*.csv"', "inside `url`"),
        ('origin = "perf*.csv"', 'origin = "p.csv"\ncolumns = { serial = "SN" }', "no column for number"),
        ('origin = "perf*.csv"', 'origin = "p.csv"\ncolumns = { numbr = "N" }', "unknown key 'numbr'"),
        ('origin = "perf*.csv"', 'origin = "p.csv"\nzone = "Mars/Olympus"', "an IANA zone"),
        ('origin = "perf*.csv"', 'origin = "p.csv"\ndecimal = ";"', "',' or '.'"),
        ('origin = "perf*.csv"', 'origin = "p.csv"\ndates = "european"', "dmy, mdy, ymd"),
        ('kind = "running"', 'kind = "laser"', "counter, running"),
        ('channel = "speed"\nkind', 'channel = "cycles"\nkind', "fed by no tag of hu-01"),
        ('asset = "hu-01"\nchannel', 'asset = "hu-99"\nchannel', "'hu-99'"),
        ('reference = "ref", ', "", "no column for reference"),
        ("settle_s = 0", "settel_s = 0", "unknown key 'settel_s'"),
        ('reference = "ref"', "reference = 3", "text in quotes"),
    ],
)
def test_each_mistake_of_an_erp_table_is_found_with_what_is_allowed(tmp_path, old, new, where):
    text = plant_text() + ERP
    assert old in text
    (tmp_path / "plant.toml").write_text(
        text.replace(old, new, 1) if old not in plant_text() else plant_text() + ERP.replace(old, new, 1)
    )
    plant, mistakes = read(tmp_path / "plant.toml")
    assert plant is None
    assert where in "\n".join(map(str, mistakes))


def test_the_quarantine_is_a_plain_table_that_anybody_reads(plant):
    staging = Staging(plant.staging_url)
    put(plant, "wo1.csv", [work_order("1", asset="cp-99")])
    list(import_now(plant, plant.erps[0], staging))
    asyncio.run(publish_closed(plant, staging, MemoryBus(), parts(plant)))
    staging.close()
    db = sqlite3.connect(plant.store / "erp.db")
    assert db.execute("select key, kind, asset, resolved_ns from quarantine").fetchall() == [
        ("work order 1", "work_order", "cp-99", None)
    ]
    db.close()
