"""The ledger stores each record once and names every attack on it that a chain of hashes can find."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didymos.core.case import Record
from didymos.core.errors import LedgerError
from didymos.core.ports import Ledger
from didymos.thread.ledger import FIRST, Head, SqliteLedger, canonical, chain_hash


def record(n: int, **more) -> Record:
    return Record(f"case-{n}", "case", f"cp-{n % 3:02d}", 1_700_000_000_000_000_000 + n, {"state": "open", "p": 0.1 * n, **more})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    opened = SqliteLedger(path)
    for n in range(1, 11):
        assert opened.append(record(n)) == n
    yield opened
    opened.close()


def attack(path, *statements):
    """Changes the file as someone who knows SQLite would: the triggers go first."""
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER record_is_final_update")
        db.execute("DROP TRIGGER record_is_final_delete")
        for statement in statements:
            db.execute(*statement) if isinstance(statement, tuple) else db.execute(statement)
    db.close()


def test_an_untouched_ledger_verifies_and_reads_back_what_was_appended(ledger):
    port: Ledger = ledger
    assert port.verify() == 10
    assert list(ledger.records()) == [record(n) for n in range(1, 11)]
    assert list(ledger.records(subject="cp-01")) == [record(n) for n in (1, 4, 7, 10)]
    assert list(ledger.records(kind="maintenance")) == []


def test_the_same_record_twice_is_one_record(ledger):
    assert ledger.append(record(4)) == 4
    assert ledger.verify() == 10


def test_a_known_key_with_another_body_is_refused_and_named(ledger):
    with pytest.raises(LedgerError, match="key 'case-4' is record 4 already, with another content"):
        ledger.append(record(4, state="closed"))
    assert ledger.verify() == 10


def test_update_and_delete_are_refused(path, ledger):
    with sqlite3.connect(path) as db:
        for statement in (
            "UPDATE record SET kind = 'x' WHERE number = 3",
            "DELETE FROM record WHERE number = 3",
            "DELETE FROM record",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="the ledger is append-only"):
                db.execute(statement)
    db.close()


def test_replacing_a_record_by_insert_or_replace_is_found(path, ledger):
    with sqlite3.connect(path) as db:
        old = db.execute("SELECT * FROM record WHERE number = 3").fetchone()
        db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", [*old[:4], old[4].replace(b"open", b"OPEN"), *old[5:]]
        )
    db.close()
    with pytest.raises(LedgerError, match=r"record 3 \('case-3'\) was altered"):
        ledger.verify()


@pytest.mark.parametrize("place", [0, 20, -1])
def test_one_altered_byte_is_found(path, ledger, place):
    body = bytearray(canonical(record(6)))
    body[place] ^= 1
    attack(path, ("UPDATE record SET body = ? WHERE number = 6", [bytes(body)]))
    with pytest.raises(LedgerError, match=r"record 6 \('case-6'\) was altered; its content does not give its hash"):
        ledger.verify()


@pytest.mark.parametrize(("column", "value"), [("key", "case-66"), ("kind", "verdict"), ("subject", "cp-99")])
def test_an_altered_column_is_found(path, ledger, column, value):
    attack(path, (f"UPDATE record SET {column} = ? WHERE number = 6", [value]))
    with pytest.raises(LedgerError, match=r"record 6 .* was altered"):
        ledger.verify()


def test_an_altered_body_with_its_hash_recomputed_is_found_at_the_next_record(path, ledger):
    body = canonical(record(6)).replace(b"open", b"shut")
    with sqlite3.connect(path) as db:
        before = db.execute("SELECT previous FROM record WHERE number = 6").fetchone()[0]
    db.close()
    attack(path, ("UPDATE record SET body = ?, hash = ? WHERE number = 6", [body, chain_hash(6, before, "case-6", body)]))
    with pytest.raises(LedgerError, match="record 7 does not follow record 6"):
        ledger.verify()


def test_a_last_record_forged_with_a_right_hash_but_no_content_is_refused_without_a_crash(path, ledger):
    previous = ledger.head().hash
    for number, body in ((11, b"\xff\xfe"), (11, b"[1]")):
        row = [number, f"k{body!r}", "case", "s", body, previous, chain_hash(number, previous, f"k{body!r}", body)]
        with sqlite3.connect(path) as db:
            db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        db.close()
        with pytest.raises(LedgerError, match=r"record 11 .* do not agree with its content"):
            ledger.verify()


def test_a_deleted_row_is_found(path, ledger):
    attack(path, "DELETE FROM record WHERE number = 5")
    with pytest.raises(LedgerError, match="record 5 is missing; record 6 follows record 4"):
        ledger.verify()


def test_a_deleted_row_with_the_rest_renumbered_is_found(path, ledger):
    attack(
        path,
        "DELETE FROM record WHERE number = 5",
        *(f"UPDATE record SET number = {n - 1} WHERE number = {n}" for n in range(6, 11)),
    )
    with pytest.raises(LedgerError, match="record 5 does not follow record 4"):
        ledger.verify()


def test_two_swapped_rows_are_found(path, ledger):
    attack(path, *(f"UPDATE record SET number = {b} WHERE number = {a}" for a, b in ((3, 99), (4, 3), (99, 4))))
    with pytest.raises(LedgerError, match="record 3 does not follow record 2"):
        ledger.verify()


def test_an_inserted_row_is_found(path, ledger):
    moves = [f"UPDATE record SET number = {n + 1} WHERE number = {n}" for n in range(10, 5, -1)]
    with sqlite3.connect(path) as db:
        previous = db.execute("SELECT hash FROM record WHERE number = 5").fetchone()[0]
    db.close()
    body = canonical(record(100))
    row = [6, "case-100", "case", "cp-01", body, previous, chain_hash(6, previous, "case-100", body)]
    attack(path, *moves, ("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row))
    with pytest.raises(LedgerError, match="record 7 does not follow record 6"):
        ledger.verify()


def test_a_cut_tail_or_a_rewritten_chain_is_found_by_a_kept_head(path, ledger):
    kept = ledger.head()
    assert kept.number == ledger.verify(kept) == 10
    ledger.append(record(11))
    assert ledger.verify(kept) == 11
    attack(path, "DELETE FROM record WHERE number > 8")
    assert ledger.verify() == 8  # without a kept head a cut cannot be seen
    with pytest.raises(LedgerError, match="records 9 to 10 are missing"):
        ledger.verify(kept)
    ledger.append(record(9, other=True))
    ledger.append(record(10))
    with pytest.raises(LedgerError, match="record 10 is not the one of the kept head"):
        ledger.verify(kept)


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(LedgerError, match="cannot be opened"):
        SqliteLedger(tmp_path / "x")


def test_an_empty_ledger_has_no_records(path):
    ledger = SqliteLedger(path)
    assert (ledger.verify(), ledger.head()) == (0, Head(0, FIRST))
    ledger.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1: "x"}, {"deep": [{2: 3}]}, object()])
def test_a_body_without_one_canonical_form_is_refused(ledger, value):
    with pytest.raises(LedgerError, match="record 'k' cannot be written"):
        ledger.append(Record("k", "case", "cp-01", 0, {"value": value}))
    assert ledger.verify() == 10


def test_canonical_bytes_are_fixed_for_ever():
    """Written by hand after the rules in ledger.py."""
    found = canonical(Record("k", "case", "cp-01", 5, {"b": [1, 1.0, 0.1, 1e300], "a": "Größe", "c": None, "d": True}))
    expected = (
        '{"body":{"a":"Größe","b":[1,1.0,0.1,1e+300],"c":null,"d":true},"key":"k","kind":"case","subject":"cp-01","time_ns":5}'
    )
    assert found == expected.encode()


def test_the_hash_is_the_documented_one():
    """RFC-style: length and bytes of each of number, previous hash, key, body."""
    parts = [(7).to_bytes(8, "big"), b"p" * 32, b"key", b"{}"]
    text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert chain_hash(7, b"p" * 32, "key", b"{}") == hashlib.sha256(text).digest()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), json_values, max_size=4))
def test_order_of_keys_does_not_matter_and_what_is_read_gives_the_same_bytes(body):
    one = canonical(Record("k", "case", "s", 1, body))
    assert canonical(Record("k", "case", "s", 1, dict(reversed(body.items())))) == one
    assert canonical(Record(**json.loads(one))) == one


def test_kill_9_in_the_middle_of_appending_leaves_a_whole_chain_with_everything_acknowledged(path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom didymos.core.case import Record\n"
        "from didymos.thread.ledger import SqliteLedger\n"
        "ledger = SqliteLedger(Path(sys.argv[1]))\n"
        "for n in range(1, 100000):\n    print(ledger.append(Record(f'k{n}', 'case', 's', n, {'n': n})), flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(60)]
    child.kill()
    acknowledged += [int(line) for line in child.stdout.read().splitlines() if line]
    child.stdout.close()
    child.wait()
    ledger = SqliteLedger(path)
    assert ledger.verify() in (len(acknowledged), len(acknowledged) + 1)
    assert ledger.append(Record("k5", "case", "s", 5, {"n": 5})) == 5
    ledger.close()
