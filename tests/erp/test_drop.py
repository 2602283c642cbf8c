"""A drop folder as it really is: half-written files, checksums, exports in the wrong encoding, ten customs in one file."""

from __future__ import annotations

import hashlib
import os

import pytest

from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError
from didymos.data.erp import SOURCES
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.drop import Drop, _one_entity
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import EntityMap
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.tabular import read_csv
from didymos.formats.cells import Customs
from tests.erp.rigs import NAMES, CsvRig, XlsxRig, line, mapping, workbook

GOOD = CsvRig.bytes_of(None, [line("1"), line("2")])  # type: ignore[arg-type]


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "drop").mkdir()
    return tmp_path / "drop"


def drop(folder, sleep=lambda s: None, m=None, **options):
    config = SourceConfig("erp", str(folder), (m or mapping("*.csv"),), {"settle_s": 0, **options})
    return Drop(config, _one_entity(read_csv), sleep)


def take(source, staging, known_ns=1):
    return [staging.take(delivery, known_ns) for delivery in source.deliveries(staging)]


def test_a_file_that_still_grows_is_waited_for(folder, staging):
    path = folder / "a.csv"
    path.write_bytes(GOOD[:40])
    writes = [GOOD[40:60], b""]

    def writer(seconds):
        with path.open("ab") as file:
            file.write(writes.pop(0))

    source = drop(folder, writer)
    assert take(source, staging) == []
    with path.open("ab") as file:
        file.write(GOOD[60:])
    assert take(source, staging) == []  # it has changed since the last look
    assert [t.new for t in take(source, staging)] == [2]
    assert staging.rejected() == []


def test_a_checksum_beside_says_at_once_that_the_file_is_complete(folder, staging):
    (folder / "a.csv").write_bytes(GOOD)
    (folder / "a.csv.sha256").write_text(f"{hashlib.sha256(GOOD).hexdigest()}  a.csv\n")

    def never(seconds):
        raise AssertionError("it waited")

    assert [t.new for t in take(drop(folder, never), staging)] == [2]


@pytest.mark.parametrize("manifest", ["SHA256SUMS", "manifest.sha256"])
def test_a_manifest_does_the_same_for_all_its_files(folder, staging, manifest):
    (folder / "a.csv").write_bytes(GOOD)
    (folder / manifest).write_text(f"{hashlib.sha256(GOOD).hexdigest().upper()} *a.csv\n")
    assert [t.new for t in take(drop(folder, require_checksum=True), staging)] == [2]


def test_a_file_unlike_its_checksum_is_refused_by_name_and_taken_when_it_is_mended(folder, staging):
    (folder / "a.csv").write_bytes(GOOD[:-5])
    (folder / "a.csv.sha256").write_text(hashlib.sha256(GOOD).hexdigest())
    source = drop(folder)
    for _ in range(3):
        take(source, staging)
    (bad,) = staging.rejected()
    assert bad.file == "a.csv"
    assert hashlib.sha256(GOOD).hexdigest() in bad.allowed
    assert staging.rows("performance") == []
    (folder / "a.csv").write_bytes(GOOD)
    assert sum(t.new for t in take(source, staging)) == 2


def test_without_a_required_checksum_nothing_is_taken(folder, staging):
    (folder / "a.csv").write_bytes(GOOD)
    source = drop(folder, require_checksum=True)
    assert [take(source, staging) for _ in range(3)] == [[], [], []]


def test_temporary_and_hidden_files_are_left_alone(folder, staging):
    for name in (".a.csv", "a.csv.part", "b.csv.tmp", "~", "c.csv~"):
        (folder / name).write_bytes(GOOD)
    assert take(drop(folder, m=mapping("*")), staging) == []


def test_the_same_bytes_under_another_name_and_time_change_nothing(folder, staging):
    (folder / "a.csv").write_bytes(GOOD)
    take(drop(folder), staging)
    first = dump(staging)
    (folder / "b.csv").write_bytes(GOOD)
    os.utime(folder / "a.csv", (1, 1))
    assert take(drop(folder), staging, 2) == []
    assert dump(staging) == first


def test_a_corrected_mapping_reads_the_files_anew_and_keeps_what_was_there(folder, staging):
    (folder / "a.csv").write_bytes(GOOD)
    take(drop(folder), staging, 1)
    m = mapping("*.csv")
    meant = EntityMap(m.entity, m.origin, m.columns, {}, {"asset": {"sp-01": "sp-07"}}, customs=m.customs)
    take(drop(folder, m=meant), staging, 2)
    assert {row["asset"] for row in staging.rows("performance")} == {"sp-07"}
    assert [r["asset"] for r in staging.revisions("performance", "1")] == ["sp-01", "sp-07"]


@pytest.mark.parametrize("origin", ["/etc/*.csv", "../*.csv", "a/../../b.csv"])
def test_a_pattern_cannot_lead_out_of_the_folder(folder, origin):
    with pytest.raises(ConfigError, match="leads out"):
        drop(folder, m=mapping(origin))


REAL = """Rückmeldung;Auftrag;Vorgang;Serien-Nr;Maschine;Beginn;Ende;Gut;Kommentar
7001;PO-1;10;SN-1;sp-01;05.01.2026 06:00;05.01.2026 06:10;1;Gehäuse
7002;PO-1;10;SN-2;sp-01;05.01.2026 06:10;05.01.2026 06:20;1,0;
7002;PO-1;10;SN-2;sp-01;05.01.2026 06:10;05.01.2026 06:20;1,0;
7003;PO-1;10;SN-3;sp-01;05.01.2026 06:20;31.02.2026 06:30;1;
7004;PO-1;10;SN-4;sp-01;05.01.2026 06:30;05.01.2026 06:40;eins;
7005;PO-1;10;SN-5;sp-01;05.01.2026 06:40;05.01.2026 06:50;1;
7005;PO-1;10;SN-9;sp-01;05.01.2026 06:40;05.01.2026 06:50;1;
;PO-1;10;SN-6;sp-01;05.01.2026 06:50;05.01.2026 07:00;1;
7007;PO-1;10;1,23E+11;sp-01;05.01.2026 07:00;05.01.2026 07:10;1;
7008;PO-1;10;SN-8
7009;PO-1;10;SN-9;sp-01;29.03.2026 02:30;29.03.2026 03:10;1;
7010;PO-1;10;SN-10;sp-01;01/02/2026 06:00;01.02.2026 06:10;1;
7011;PO-1;10;SN-11;sp-01;05.01.2026 08:00;05.01.2026 08:10;1.234;
7012;PO-1;10;SN-12;sp-01;05.01.2026 08:10;05.01.2026 08:20;1.234,5;"Fräsen; schlichten"
"""
COLUMNS = dict(zip(NAMES, ("Rückmeldung", "Auftrag", "Vorgang", "Serien-Nr", "Maschine", "Beginn", "Ende"), strict=True))


def test_an_export_with_wrong_encodings_commas_dates_and_duplicates_names_each_row_and_brings_the_good_ones(folder, staging):
    (folder / "export.csv").write_bytes(REAL.encode("cp1252"))
    m = EntityMap(
        ENTITIES["performance"], "*.csv", {**COLUMNS, "good": "Gut", "lot": "Charge"}, customs=Customs(zone="Europe/Vienna")
    )
    take(drop(folder, m=m), staging)
    rows = staging.rows("performance")
    assert [row["number"] for row in rows] == ["7001", "7002", "7012"]
    assert (rows[0]["start"], rows[2]["good"]) == (parse_time("2026-01-05T05:00:00Z"), 1234.5)
    found = {(bad.row, bad.column): bad for bad in staging.rejected()}
    assert set(found) == {
        ("1", "Charge"), ("5", "Ende"), ("6", "Gut"), ("7", ""), ("8", ""), ("9", "Rückmeldung"), ("10", "Serien-Nr"), ("11", ""),
        ("12", "Beginn"), ("13", "Beginn"), ("14", "Gut"),
    }  # fmt: skip
    assert all(bad.file == "export.csv" and bad.given and bad.allowed for bad in found.values())
    assert "also in row 8" in found["7", ""].given
    assert "declare `dates`" in found["13", "Beginn"].allowed
    assert "declare `decimal`" in found["14", "Gut"].allowed


def test_a_missing_key_column_is_told_once_and_no_row_is_made_up(folder, staging):
    (folder / "a.csv").write_bytes(GOOD.replace(b"number", b"nummer"))
    take(drop(folder), staging)
    (bad,) = staging.rejected()
    assert (bad.row, bad.column) == ("1", "number")
    assert "the header has nummer, order" in bad.given
    assert staging.rows("performance") == []


@pytest.mark.parametrize("data", [b"", b"\n\n", b"number;order\n"])
def test_a_file_without_header_or_rows_makes_no_row(folder, staging, data):
    (folder / "a.csv").write_bytes(data)
    take(drop(folder), staging)
    assert staging.rows("performance") == []


def test_a_workbook_that_was_cut_is_named_and_the_next_one_comes_in(folder, staging):
    rig = XlsxRig.bytes_of(None, [line("1")])  # type: ignore[arg-type]
    (folder / "a.xlsx").write_bytes(rig[:-100])
    (folder / "b.xlsx").write_bytes(rig)
    source = SOURCES["xlsx"](SourceConfig("erp", str(folder), (mapping("*.xlsx"),), {"settle_s": 0}))
    take(source, staging)
    assert [bad.file for bad in staging.rejected()] == ["a.xlsx"]
    assert len(staging.rows("performance")) == 1


def test_dates_and_numbers_of_a_workbook_come_as_they_are(folder, staging):
    cells = (
        "<row>" + "".join(f"<c t='inlineStr'><is><t>{n}</t></is></c>" for n in ("number", "start", "good", "serial")) + "</row>"
        '<row><c><v>4711</v></c><c s="1"><v>46027.25</v></c><c><v>1.5</v></c><c><v>12345678901234567</v></c></row>'
        '<row><c><v>4712</v></c><c s="1"><v>60</v></c><c><v>2</v></c><c t="inlineStr"><is><t>SN</t></is></c></row>'
        '<row><c><v>4713</v></c><c s="1"><v>46027.25</v></c><c><v>2.5</v></c><c t="inlineStr"><is><t>SN-3</t></is></c></row>'
    )
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    (folder / "a.xlsx").write_bytes(workbook([], cells, styles))
    m = EntityMap(ENTITIES["performance"], "*.xlsx", {n: n for n in ("number", "start", "good", "serial")})
    source = SOURCES["xlsx"](SourceConfig("erp", str(folder), (m,), {"settle_s": 0}))
    take(source, staging)
    assert [(r["number"], r["start"], r["good"]) for r in staging.rows("performance")] == [
        ("4713", parse_time("2026-01-05T06:00:00Z"), 2.5)
    ]
    assert {(bad.row, bad.column) for bad in staging.rejected()} == {("2", "serial"), ("3", "start")}
