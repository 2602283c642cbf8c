"""The staging store, on SQLite and, where a server can be started, on PostgreSQL: revisions, order, two writers, bad input."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.erp.delivery import Delivery
from didymos.data.erp.entities import ENTITIES, entity
from didymos.data.erp.iso14224 import CAUSES, MECHANISMS, MODES
from didymos.data.erp.rows import BadRow, EntityMap, Raw, Row, checked
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.staging_join import Doubt, keep_doubts, keep_joined, pending, quarantine

LOTS = ENTITIES["lots"]


def lots(*rows: tuple[str, str | None, int | None], source: str = "erp", position: str = "") -> Delivery:
    found = tuple(Row("1", (lot, part, *[None] * (len(LOTS.fields) - 2)), changed) for lot, part, changed in rows)
    return Delivery(source, "q", "", False, ((LOTS, found),), (), ("q", position) if position else None)


def postgres_bin() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """URL of a server of our own; skips, saying why, where there is none."""
    pytest.importorskip("psycopg", reason="psycopg, the driver of PostgreSQL, is not installed")
    bin = postgres_bin()
    if bin is None:
        pytest.skip("PostgreSQL is absent: no /usr/lib/postgresql/*/bin/initdb")
    folder = tmp_path_factory.mktemp("pg")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    as_user = {"user": user} if os.geteuid() == 0 else {}
    if as_user:
        for path in (folder, *folder.parents):
            if path == Path("/tmp"):
                break
            path.chmod(0o755)
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_user}
    subprocess.run([bin / "initdb", "-D", data, "-A", "trust", "-U", "me", "-E", "UTF8", "--no-sync"], **quiet)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([bin / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **quiet)
    yield f"postgresql+psycopg://me@127.0.0.1:{port}/postgres"
    subprocess.run([bin / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


@pytest.fixture(params=["sqlite", "postgresql"])
def staging(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'staging.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    found = Staging(url)
    yield found
    if request.param == "postgresql":
        with found.engine.begin() as db:
            db.execute(text("drop schema public cascade; create schema public"))
    found.close()


def parts_of(staging: Staging, lot: str = "L") -> list[tuple]:
    return [(r["revision"], r["part"], r["changed_ns"], r["known_ns"]) for r in staging.revisions("lots", lot)]


@pytest.mark.parametrize("url", ["nosuch://x", "not a url"])
def test_a_url_that_cannot_be_is_refused(url):
    with pytest.raises(ConfigError, match="staging"):
        Staging(url)


def test_a_store_that_cannot_be_reached_is_named_without_its_password():
    pytest.importorskip("psycopg", reason="psycopg, the driver of PostgreSQL, is not installed")
    with pytest.raises(ConnectError) as refusal:
        Staging("postgresql+psycopg://me:secret@127.0.0.1:9/none")
    assert "secret" not in str(refusal.value)


def test_a_content_is_recorded_once_and_another_one_is_the_next_revision(staging):
    for known_ns, part in enumerate(("A", "A", "B", "A"), 1):
        staging.take(lots(("L", part, None)), known_ns)
    assert parts_of(staging) == [(1, "A", None, 1), (2, "B", None, 3), (3, "A", None, 4)]
    (row,) = staging.rows("lots")
    assert (row["part"], row["revision"], row["first_seen_ns"], row["known_ns"]) == ("A", 3, 1, 4)


def test_an_older_content_that_comes_late_is_recorded_and_does_not_rule(staging):
    staging.take(lots(("L", "new", 20)), 1)
    staging.take(lots(("L", "old", 10)), 2)
    staging.take(lots(("L", "old", 10)), 3)
    assert parts_of(staging) == [(1, "new", 20, 1), (2, "old", 10, 2)]
    assert staging.rows("lots")[0]["part"] == "new"


def test_two_sources_that_disagree_do_not_swing_with_every_poll(staging):
    for known_ns in range(1, 6):
        staging.take(lots(("L", "A", None), source="one"), known_ns)
        staging.take(lots(("L", "B", None), source="two"), known_ns)
    assert [part for _, part, _, _ in parts_of(staging)] == ["A", "B"]


def test_several_versions_in_one_delivery_are_all_kept_in_order(staging):
    staging.take(lots(("L", "A", 1), ("L", "B", 2), ("M", "C", 2)), 7)
    assert [part for _, part, _, _ in parts_of(staging)] == ["A", "B"]
    assert [row["part"] for row in staging.rows("lots")] == ["B", "C"]


def test_rows_and_position_are_on_disk_together_or_not_at_all(staging):
    broken = Delivery("erp", "q", "", False, ((LOTS, (Row("1", ("L",), None),)),), (), ("q", "7"))
    with pytest.raises((ValueError, ConnectError)):
        staging.take(broken, 1)
    assert (staging.position("erp", "q"), staging.rows("lots")) == ("", [])
    staging.take(lots(("L", "A", None), position="7"), 1)
    assert staging.position("erp", "q") == "7"


def test_a_refused_cell_is_recorded_once(staging):
    bad = BadRow("erp", "f", "1", "c", "x", "a number")
    for known_ns in (1, 2):
        staging.take(Delivery("erp", "f", "", False, (), (bad, bad)), known_ns)
    assert staging.rejected() == staging.rejected("erp") == [bad]


def test_many_keys_at_once_and_odd_ones(staging):
    names = ['L"1', "L'2", "L\\3", "Ö", "", "a\nb", *(f"N{i}" for i in range(1000))]
    staging.take(lots(*((name, "A", None) for name in names)), 1)
    first = dump(staging)
    assert staging.take(lots(*((name, "A", None) for name in names)), 2).same == len(names)
    assert dump(staging) == first
    assert {row["lot"] for row in staging.rows("lots")} == set(names)


def test_two_writers_at_once_lose_nothing(staging):
    other = Staging(staging.engine.url.render_as_string(hide_password=False))
    errors: list[Exception] = []

    def write(store: Staging, name: str) -> None:
        try:
            for i in range(20):
                store.take(lots((f"{name}{i}", "A", None), ("shared", f"{name}{i}", None), source=name), i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in ((staging, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert errors == []
    assert len(staging.rows("lots")) == 41
    assert len(staging.revisions("lots", "shared")) == 40


def test_a_doubt_stays_as_it_was_until_its_reason_changes_and_is_resolved_by_the_record(staging):
    performance = ENTITIES["performance"]
    rows = tuple(Row(n, (n, *[None] * (len(performance.fields) - 1))) for n in ("1", "2"))
    staging.take(Delivery("erp", "q", "", False, ((performance, rows),)), 1)
    keep_doubts(staging, [Doubt("1", "window", "none", "sp-01")], 5)
    first = dump(staging)
    keep_doubts(staging, [Doubt("1", "window", "none", "sp-01")], 6)
    assert dump(staging) == first
    assert [row["number"] for row in pending(staging)] == ["2", "1"]
    assert quarantine(staging) == [Doubt("1", "window", "none", "sp-01", 5)]
    keep_joined(staging, [("1", "operation:…", pending(staging)[1]["hash"])], 7)
    assert quarantine(staging) == []
    assert [row["number"] for row in pending(staging)] == ["2"]


def test_an_entity_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="work_orders"):
        entity("workorders")


def test_every_key_is_the_first_of_its_fields_and_no_field_is_there_twice():
    for e in ENTITIES.values():
        assert tuple(f.name for f in e.fields[: len(e.key)]) == e.key
        assert len({f.name for f in e.fields}) == len(e.fields)


def test_failure_codes_are_those_of_iso_14224_and_others_are_refused_until_they_are_mapped():
    assert all(len(code) == 3 and code.isupper() for code in MODES)
    assert all(code[0] in "123456" and code[1] == "." for code in (*MECHANISMS, *CAUSES))
    columns = {"number": "n", "failure_mode": "m", "mechanism": "k"}
    raws = [Raw("1", {"n": "1", "m": "VIB", "k": "2.4"}), Raw("2", {"n": "2", "m": "LECK", "k": "2.4"})]
    rows, (bad,) = checked(EntityMap(ENTITIES["work_orders"], "t", columns), raws, "erp", "t")
    assert [row.values[0] for row in rows] == ["1"]
    assert "ELP" in bad.allowed
    rows, none = checked(EntityMap(ENTITIES["work_orders"], "t", columns, {}, {"failure_mode": {"LECK": "ELP"}}), raws, "erp", "t")
    assert (len(rows), none) == (2, ())
