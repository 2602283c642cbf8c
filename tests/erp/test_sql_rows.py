"""Any table of a foreign database, on SQLite and PostgreSQL: real dates, shared change times, rows nobody can order."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import EntityMap
from didymos.data.erp.sql_rows import SqlRows
from didymos.data.erp.staging import Staging
from didymos.formats.cells import Customs
from tests.erp.test_staging import postgres  # noqa: F401  the fixture

COLUMNS = {"part": "teil", "location": "lager", "stock": "bestand", "price": "preis"}
TABLE = (
    "create table bestand (teil varchar(20), lager varchar(10), bestand numeric(12,3), preis double precision, "
    "geaendert timestamp, primary key (teil, lager))"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    found = f"sqlite:///{tmp_path / 'foreign.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    engine = create_engine(found)
    with engine.begin() as db:
        db.execute(text("drop table if exists bestand"))
        db.execute(text(TABLE))
    engine.dispose()
    return found


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


def execute(url, *statements):
    engine = create_engine(url)
    with engine.begin() as db:
        for statement in statements:
            db.execute(text(statement))
    engine.dispose()


def run(url, staging, known_ns=1, page=3, columns=COLUMNS, origin="bestand", changed="geaendert"):
    m = EntityMap(ENTITIES["spares"], origin, columns, changed=changed, customs=Customs(".", "ymd", "Europe/Vienna"))
    source = SqlRows(SourceConfig("erp", url, (m,)), page)
    try:
        return [staging.take(delivery, known_ns) for delivery in source.deliveries(staging)]
    finally:
        source.close()


def row(n: int, at: str) -> str:
    return f"insert into bestand values ('P-{n}', 'R1', {n}.125, 0.1, {at})"


def test_many_rows_of_one_moment_are_read_over_several_pages_and_none_twice(url, staging):
    execute(url, *(row(n, "'2026-01-05 06:00:00'") for n in range(10)))
    assert sum(t.new for t in run(url, staging)) == 10
    execute(url, row(99, "'2026-01-05 06:00:00'"), row(50, "'2026-01-06 06:00:00'"))
    again = run(url, staging, 2)
    assert sum(t.new for t in again) == 2
    assert sum(t.same for t in again) == 0
    (spare,) = [s for s in staging.rows("spares") if s["part"] == "P-7"]
    assert (spare["stock"], spare["price"]) == (7.125, 0.1)
    assert spare["changed_ns"] == parse_time("2026-01-05T05:00:00Z")


def test_rows_without_a_change_time_are_named(url, staging):
    execute(url, row(1, "'2026-01-05 06:00:00'"), row(2, "null"))
    run(url, staging)
    run(url, staging)
    (bad,) = staging.rejected()
    assert (bad.row, bad.column, bad.given) == ("P-2 / R1", "geaendert", "nothing")
    assert [s["part"] for s in staging.rows("spares")] == ["P-1"]


def test_a_table_a_column_and_a_url_that_are_not_there_are_named(url, staging):
    with pytest.raises(ConnectError, match="no table absent"):
        run(url, staging, origin="absent")
    with pytest.raises(DataError, match="no column preiss; it has teil"):
        run(url, staging, columns={**COLUMNS, "price": "preiss"})
    with pytest.raises(ConfigError, match="not allowed") as refusal:
        run("nosuch://me:secret@host/x", staging)
    assert "secret" not in str(refusal.value)


def test_a_name_that_is_sql_is_only_a_name(url, staging):
    execute(url, row(1, "'2026-01-05 06:00:00'"))
    with pytest.raises(ConnectError):
        run(url, staging, origin="bestand; drop table bestand")
    assert sum(t.new for t in run(url, staging)) == 1
