"""The work-order reader against real SQLite files. Expected values are the rows written, read back by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, DateTime, MetaData, String, Table, create_engine, insert, text

from didymos.core.case import Event
from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.data.erp.sql import WorkOrders

PARTS = {"cp-01": ("wear_ring", "impeller", "seal"), "hu-01": ()}
COLUMNS = ("number", "asset", "component", "action", "state", "closed_at", "changed_at", "new_serial", "note")
DONE, ENTERED = "2026-01-07T10:00:00Z", "2026-01-10T10:00:00Z"


def row(number: str, **changes: str | None) -> dict[str, str | None]:
    usual = ("cp-01", "seal", "replaced", "closed", DONE, ENTERED, "MS-2", "")
    return {"number": number, **dict(zip(COLUMNS[1:], usual, strict=True)), **changes}


def database(path: Path, *rows: dict[str, str | None]) -> str:
    url = f"sqlite:///{path / 'erp.db'}"
    engine = create_engine(url)
    meta = MetaData()
    table = Table("work_order", meta, *(Column(name, String) for name in COLUMNS))
    meta.create_all(engine)
    with engine.begin() as db:
        if rows:
            db.execute(insert(table), list(rows))
    engine.dispose()
    return url


def test_an_unreachable_database_is_a_connect_error_that_names_it(tmp_path):
    orders = WorkOrders(f"sqlite:///{tmp_path}/absent/erp.db", {}, PARTS)
    with pytest.raises(ConnectError, match=r"absent/erp\.db cannot be read"):
        orders.poll()


def test_a_url_that_cannot_be_is_refused_at_once_without_showing_its_password():
    with pytest.raises(ConfigError, match="not allowed") as refusal:
        WorkOrders("nosuchdb://me:secret@host/erp", {}, PARTS)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("options", [{"tabel": "x"}, {"table": 3}, {"table": ""}])
def test_an_option_that_does_not_exist_or_is_no_name_is_refused(options):
    with pytest.raises(ConfigError, match="option"):
        WorkOrders("sqlite://", options, PARTS)


def test_a_missing_table_and_a_missing_column_are_named(tmp_path):
    url = database(tmp_path)
    with pytest.raises(ConnectError, match="orders"):
        WorkOrders(url, {"table": "orders"}, PARTS).poll()
    with pytest.raises(DataError, match="no column finished_on"):
        WorkOrders(url, {"closed_at": "finished_on"}, PARTS).poll()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"asset": None}, "names no asset"),
        ({"asset": "cp-99"}, "'cp-99' is not in the plant"),
        ({"component": "gearbox"}, "'gearbox' is not part of cp-01; it has wear_ring, impeller, seal"),
        ({"component": None}, "None is not part of cp-01"),
        ({"closed_at": "last Tuesday"}, "closed_at 'last Tuesday' is not a time"),
        ({"closed_at": None}, "closed_at None is not a time"),
        ({"changed_at": "yesterday"}, "changed_at 'yesterday' is not a time"),
    ],
)
def test_a_bad_row_is_named_with_its_reason_and_the_good_rows_around_it_come_in(tmp_path, changes, reason):
    url = database(tmp_path, row("A", changed_at="2026-01-09T00:00:00Z"), row("B", **changes), row("C"))
    events, rejects, _ = WorkOrders(url, {}, PARTS).poll()
    assert [event.id for event in events] == ["A", "C"]
    (reject,) = rejects
    assert reject.row == "work order B"
    assert reason in str(reject)


def test_a_row_with_an_unreadable_change_time_is_told_once_and_hides_no_later_order(tmp_path):
    url = database(tmp_path, row("A"), row("B", changed_at="yesterday"))
    orders = WorkOrders(url, {}, PARTS)
    _, first, position = orders.poll()
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("insert into work_order select 'C', asset, component, action, state, closed_at, '2026-01-11T00:00:00Z', "
                        "new_serial, note from work_order where number = 'A'"))  # fmt: skip
    engine.dispose()
    events, again, _ = orders.poll(position)
    assert len(first) == 1
    assert not again
    assert [event.id for event in events] == ["C"]


def test_an_event_carries_when_it_was_done_and_when_it_became_known(tmp_path):
    orders = WorkOrders(database(tmp_path, row("WO-1", note="leaked")), {}, PARTS)
    body: dict[str, str | float | int | None] = {"component": "seal", "action": "replaced", "new_serial": "MS-2", "note": "leaked"}
    (event,) = orders.poll(None, 77).events
    assert event == Event("WO-1", "work_order_closed", "cp-01", parse_time(DONE), 77, body)
    (event,) = orders.poll().events
    assert event.known_ns == parse_time(ENTERED)


def test_reading_twice_from_one_position_gives_the_same_and_from_the_new_one_nothing(tmp_path):
    orders = WorkOrders(database(tmp_path, row("A"), row("B")), {}, PARTS)
    first = orders.poll()
    assert first == orders.poll()
    assert [event.id for event in first.events] == ["A", "B"]
    assert orders.poll(first.position) == ((), (), first.position)


def test_orders_changed_in_the_same_second_are_told_apart_by_their_number(tmp_path):
    orders = WorkOrders(database(tmp_path, row("A"), row("B"), row("C")), {}, PARTS)
    assert [event.id for event in orders.poll((ENTERED, "A")).events] == ["B", "C"]


def test_open_orders_and_settled_ones_of_former_years_are_left_alone(tmp_path):
    url = database(tmp_path, row("A", state="open"), row("B", state="settled"))
    assert not WorkOrders(url, {}, PARTS).poll().events


def test_an_order_that_closes_later_comes_with_the_poll_after_that(tmp_path):
    url = database(tmp_path, row("A", state="open", changed_at="2026-01-06T00:00:00Z"), row("B", changed_at="2026-01-08T00:00:00Z"))
    orders = WorkOrders(url, {}, PARTS)
    first = orders.poll()
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text(f"update work_order set state = 'closed', changed_at = '{ENTERED}' where number = 'A'"))
    engine.dispose()
    second = orders.poll(first.position)
    assert [event.id for event in first.events] == ["B"]
    assert [event.id for event in second.events] == ["A"]


def test_another_schema_with_real_dates_and_without_serials_is_read_by_its_names(tmp_path):
    url = f"sqlite:///{tmp_path / 'other.db'}"
    engine = create_engine(url)
    meta = MetaData()
    names = ("nr", "machine", "part", "what", "status")
    Table("auftrag", meta, *(Column(name, String) for name in names), Column("done", DateTime), Column("touched", DateTime))
    meta.create_all(engine)
    done, touched = "2026-01-07 10:00:00", "2026-01-10 10:00:00"
    with engine.begin() as db:
        db.execute(text(f"insert into auftrag values ('7', 'cp-01', 'seal', 'neu', 'fertig', '{done}', '{touched}')"))
    engine.dispose()
    options = dict(zip(("number", "asset", "component", "action", "state"), names, strict=True))
    options |= {
        "table": "auftrag",
        "closed_at": "done",
        "changed_at": "touched",
        "closed_state": "fertig",
        "new_serial": "",
        "note": "",
    }
    orders = WorkOrders(url, options, PARTS)
    first = orders.poll()
    (event,) = first.events
    assert (event.id, event.time_ns, event.known_ns) == ("7", parse_time(DONE), parse_time(ENTERED))
    assert not orders.poll(first.position).events
    engine = create_engine(url)
    with engine.begin() as db:  # entered in the very same second, after the poll
        db.execute(text(f"insert into auftrag values ('8', 'cp-01', 'seal', 'neu', 'fertig', '{done}', '{touched}')"))
    engine.dispose()
    assert [event.id for event in orders.poll(first.position).events] == ["8"]


def test_a_plain_set_of_assets_leaves_components_unchecked(tmp_path):
    orders = WorkOrders(database(tmp_path, row("A", component="gearbox")), {}, {"cp-01"})
    assert [event.body["component"] for event in orders.poll().events] == ["gearbox"]
