"""The ERP of the virtual line as a foreign reader finds it: plain sqlite3."""

from __future__ import annotations

import sqlite3

import pytest

from didymos.core.clock import parse_time
from didymos.data.erp.sql import WorkOrders
from didymos.plant.virtual import erp
from didymos.plant.virtual.plant import build

START = parse_time("2026-01-05T06:00:00Z")
DAY_NS = 86_400_000_000_000


@pytest.fixture
def line():
    return build(1, START, 10.0)


@pytest.fixture
def url(tmp_path, line):
    erp.create(f"sqlite:///{tmp_path / 'erp.db'}", line)
    return f"sqlite:///{tmp_path / 'erp.db'}"


def ask(url: str, query: str) -> list[tuple]:
    db = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def test_the_bad_heat_of_steel_sits_in_three_spindles_and_its_certificate_is_within_limits(url):
    machines = ask(url, "select asset from component where heat_no = 'H-48213' order by asset")
    assert machines == [("sp-02",), ("sp-03",), ("sp-05",)]
    assert ask(url, "select count(*) from certificate where value not between low and high") == [(0,)]
    assert ask(url, "select count(distinct heat_no) from certificate where standard = 'EN 10204 3.1'") == [(2,)]


def test_every_failure_gets_an_order_that_closes_and_swaps_the_serial_once(url, line):
    clerk = erp.Clerk(url, line)
    clerk.until(START + 40 * DAY_NS)
    assert clerk.until(START + 40 * DAY_NS) == 0
    clerk.close()
    failures = sum(fault.failure_ns is not None for fault in line.faults)
    assert ask(url, "select count(*) from work_order where state = 'closed'") == [(failures + 1,)]
    fitted = ask(url, "select asset, component, count(*) from component where removed_at is null group by asset, component")
    assert len(fitted) == 17 * 3
    assert {count for _, _, count in fitted} == {1}


def test_the_twins_reader_sees_an_order_only_once_it_was_entered_and_one_comes_three_days_late(url, line):
    clerk, reader = erp.Clerk(url, line), WorkOrders(url, {}, {"cp-01", "cp-02", "cp-03", "cp-04", "cp-05"})
    clerk.until(line.renewed_ns + 2 * DAY_NS)
    before = [event for event in reader.poll().events if event.asset == line.renewed_pump]
    clerk.until(line.renewed_ns + 3 * DAY_NS)
    (late,) = [event for event in reader.poll().events if event.asset == line.renewed_pump]
    clerk.close()
    assert before == []
    assert late.body["component"] == "seal"
    assert late.known_ns - late.time_ns == 3 * DAY_NS
