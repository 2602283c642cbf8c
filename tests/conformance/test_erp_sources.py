"""Every kind of SOURCES keeps one promise: two runs of any import leave equal tables, whatever happened between them."""

from __future__ import annotations

import pytest
from sqlalchemy import delete
from tests.erp.rigs import NAMES, RIGS, line

from didymos.core.clock import parse_time
from didymos.core.errors import ConnectError
from didymos.data.erp import SOURCES
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.staging_tables import POSITION

FIVE = [line(str(n), changed_at=f"2026-01-05T07:0{n}:00Z") for n in range(5)]


def test_every_kind_has_a_foreign_system_to_stand_against():
    assert {rig.kind for rig in RIGS.values()} == set(SOURCES)


@pytest.fixture(params=sorted(RIGS))
def rig(request, tmp_path):
    found = RIGS[request.param](tmp_path)
    yield found
    found.close()


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


def run(rig, staging, known_ns: int, most: int = 10_000):
    """One import by a new process; with `most` it is killed after so many deliveries."""
    source, taken = SOURCES[rig.kind](rig.config()), []
    for delivery in source.deliveries(staging):
        taken.append(staging.take(delivery, known_ns))
        if len(taken) == most:
            break
    source.close()
    return taken


def test_an_import_brings_every_row_as_it_was_given(rig, staging):
    rig.put(FIVE)
    taken = run(rig, staging, 1)
    rows = staging.rows("performance")
    assert sum(t.new for t in taken) == 5
    assert [[row[n] for n in NAMES[:5]] for row in rows] == [[r[n] for n in NAMES[:5]] for r in FIVE]
    assert [(row["start"], row["end"]) for row in rows] == [(parse_time(r["start"]), parse_time(r["end"])) for r in FIVE]


def test_two_runs_leave_equal_tables(rig, staging):
    rig.put(FIVE)
    run(rig, staging, 1)
    first = dump(staging)
    again = run(rig, staging, 2)
    assert dump(staging) == first
    assert not any(t.new or t.revised for t in again)


def test_one_long_lived_reader_leaves_the_tables_equal_too(rig, staging):
    rig.put(FIVE)
    source = SOURCES[rig.kind](rig.config())
    for delivery in source.deliveries(staging):
        staging.take(delivery, 1)
    first = dump(staging)
    for known_ns in (2, 3):
        for delivery in source.deliveries(staging):
            staging.take(delivery, known_ns)
    source.close()
    assert dump(staging) == first


def test_a_lost_position_costs_a_read_and_changes_no_row(rig, staging):
    rig.put(FIVE)
    run(rig, staging, 1)
    first = dump(staging)
    with staging.writing() as db:
        db.execute(delete(POSITION).where(POSITION.c.text != ""))
    run(rig, staging, 2)
    assert dump(staging) == first


def test_a_run_killed_after_its_first_delivery_and_run_again_equals_one_that_was_not(rig, staging, tmp_path):
    rig.put(FIVE)
    run(rig, staging, 1, most=1)
    run(rig, staging, 1)
    other = Staging(f"sqlite:///{tmp_path / 'other.db'}")
    run(rig, other, 1)
    assert dump(staging) == dump(other)
    other.close()


def test_a_correction_becomes_a_revision_and_the_first_content_stays(rig, staging):
    rig.put(FIVE)
    run(rig, staging, 1)
    right = line("3", serial="SN-33", changed_at="2026-01-05T09:00:00Z")
    rig.put([right if row["number"] == "3" else row for row in FIVE])
    run(rig, staging, 2)
    run(rig, staging, 3)
    found = staging.revisions("performance", "3")
    assert [(r["revision"], r["serial"], r["known_ns"]) for r in found] == [(1, "SN-3", 1), (2, "SN-33", 2)]
    (now,) = [row for row in staging.rows("performance") if row["number"] == "3"]
    assert (now["serial"], now["revision"], now["first_seen_ns"], now["known_ns"]) == ("SN-33", 2, 1, 2)


def test_a_bad_cell_is_named_and_the_good_rows_around_it_come_in(rig, staging):
    rig.put([*FIVE[:2], line("7", start="last Tuesday"), *FIVE[2:]])
    run(rig, staging, 1)
    run(rig, staging, 2)
    (bad,) = staging.rejected()
    assert [row["number"] for row in staging.rows("performance")] == ["0", "1", "2", "3", "4"]
    assert "last Tuesday" in bad.given
    assert "start" in bad.column.lower()
    assert "date" in bad.allowed
    assert bad.file
    assert bad.row


def test_a_system_that_is_not_there_is_a_connect_error_that_names_the_source(rig, staging):
    source = SOURCES[rig.kind](rig.broken())
    with pytest.raises(ConnectError, match="erp"):
        list(source.deliveries(staging))
    source.close()
