"""Work-order requests written back: once by their number, whatever is lost between the write and the note of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select, text

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.staging import Staging
from didymos.data.erp.write import WRITERS, ODataWriter, Outbox, SqlWriter, Target, WorkRequest, noted_number, write_once
from tests.erp.rigs import serve

WHEN = "2026-01-05T06:00:00Z"
REQUEST = WorkRequest("cp-03-wear-1", "cp-03", "wear_ring", "wear", "=because; it leaks", 2, WHEN, "", "ring", "renew", 0.9, 5400.0)
COLUMNS = {"reference": "ext_ref", "asset": "equipment", "text": "note", "priority": "prio"}


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


def lines_of(path: Path) -> list[dict]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig")), delimiter=";"))


class Erp:
    """Each kind of ERP with what it holds in the end, as a foreign reader finds it."""

    def __init__(self, kind: str, folder) -> None:
        self.kind, self.folder = kind, folder
        self.posted: list[dict] = []
        if kind == "sql":
            self.url = f"sqlite:///{folder / 'foreign.db'}"
            self.engine = create_engine(self.url)
            self.table = Table("request", meta := MetaData(), Column("id", Integer, primary_key=True), Column("kind", String),
                               *(Column(name, String) for name in COLUMNS.values()))  # fmt: skip
            meta.create_all(self.engine)
        if kind == "odata":
            self.server = serve(self.answer)
            self.url = self.server.url

    def answer(self, path, headers, body=None):
        import json

        if body is None:
            wanted = path.partition("eq '")[2].rstrip("'")
            return 200, {"x-csrf-token": "t"}, {"value": [row for row in self.posted if row["ext_ref"] == wanted]}
        self.posted.append({"id": len(self.posted) + 1, **json.loads(body)})
        return 201, {}, self.posted[-1]

    def writer(self):
        target = Target(str(self.folder / "out") if self.kind == "csv" else "request", COLUMNS, {"kind": "PM01"})
        return WRITERS[self.kind](SourceConfig("erp", "" if self.kind == "csv" else self.url, ()), target)

    def rows(self) -> list[dict]:
        if self.kind == "sql":
            with self.engine.connect() as db:
                return [dict(row) for row in db.execute(select(self.table)).mappings()]
        if self.kind == "csv":
            return [row for path in sorted((self.folder / "out").glob("*.csv")) for row in lines_of(path)]
        return self.posted

    def close(self) -> None:
        if self.kind == "sql":
            self.engine.dispose()
        if self.kind == "odata":
            self.server.stop()


@pytest.fixture(params=["sql", "odata", "csv"])
def erp(request, tmp_path):
    found = Erp(request.param, tmp_path)
    yield found
    found.close()


def test_a_request_is_there_once_with_its_mapped_columns(erp, staging):
    writer = erp.writer()
    number, is_new = write_once(writer, staging, "erp", REQUEST, 1)
    again = write_once(writer, staging, "erp", REQUEST, 2)
    writer.close()
    (row,) = erp.rows()
    assert (is_new, again) == (True, (number, False))
    assert (row["ext_ref"], row["equipment"], row["kind"], str(row["prio"])) == ("cp-03-wear-1", "cp-03", "PM01", "2")
    assert "because; it leaks" in row["note"]


def test_a_write_whose_note_was_lost_is_found_and_not_repeated(erp, staging, tmp_path):
    writer = erp.writer()
    first, _ = write_once(writer, staging, "erp", REQUEST, 1)
    lost = Staging(f"sqlite:///{tmp_path / 'lost.db'}")
    assert write_once(writer, lost, "erp", REQUEST, 2) == (first, False)
    assert noted_number(lost, "erp", REQUEST.reference) == first
    lost.close()
    writer.close()
    assert len(erp.rows()) == 1


def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(tmp_path):
    writer = Outbox(SourceConfig("erp", "", ()), Target(str(tmp_path), COLUMNS, {}))
    writer.send(REQUEST)
    (row,) = lines_of(tmp_path / "cp-03-wear-1.csv")
    assert row["note"].startswith("'=because")


@pytest.mark.parametrize("reference", ["../evil", "a/b", "", ".hidden", "x" * 300])
def test_a_reference_that_is_no_file_name_leads_nowhere(tmp_path, reference):
    writer = Outbox(SourceConfig("erp", "", ()), Target(str(tmp_path), COLUMNS, {}))
    with pytest.raises(ConfigError, match="file name"):
        writer.find(reference)


def test_a_column_that_the_table_lacks_is_named_before_anything_is_written(tmp_path, staging):
    erp = Erp("sql", tmp_path)
    writer = SqlWriter(SourceConfig("erp", erp.url, ()), Target("request", {**COLUMNS, "due": "due_date"}, {}))
    with pytest.raises(ConfigError, match="no column due_date"):
        write_once(writer, staging, "erp", REQUEST, 1)
    assert erp.rows() == []
    with pytest.raises(ConnectError, match="no table absent"):
        SqlWriter(SourceConfig("erp", erp.url, ()), Target("absent", COLUMNS, {})).find("x")
    writer.close()
    erp.close()


def test_an_erp_that_refuses_the_write_leaves_no_note(tmp_path, staging):
    erp = Erp("sql", tmp_path)
    with erp.engine.begin() as db:
        db.execute(text("create trigger no before insert on request begin select raise(abort, 'closed for the night'); end"))
    writer = erp.writer()
    with pytest.raises(ConnectError, match="closed for the night"):
        write_once(writer, staging, "erp", REQUEST, 1)
    assert noted_number(staging, "erp", REQUEST.reference) is None
    writer.close()
    erp.close()


def test_a_server_that_stored_the_post_and_died_before_its_answer_is_not_posted_to_again(staging):
    posted: list[bytes] = []

    def answer(path, headers, body=None):
        if body is None:
            rows = [{"id": "7", "ext_ref": REQUEST.reference}] if posted else []
            return 200, {}, {"value": rows}
        posted.append(body)
        return 502, {}, b"gateway"

    server = serve(answer)
    writer = ODataWriter(SourceConfig("erp", server.url, ()), Target("request", COLUMNS, {}))
    with pytest.raises(ConnectError, match="502"):
        write_once(writer, staging, "erp", REQUEST, 1)
    assert write_once(writer, staging, "erp", REQUEST, 2) == ("7", False)
    writer.close()
    server.stop()
    assert len(posted) == 1
