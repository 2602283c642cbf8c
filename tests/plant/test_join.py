"""The join by hand-made rows: expected windows and reasons are read off the rows, minute by minute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didymos.core.clock import SECOND_NS, parse_time
from didymos.core.series import Quality, Series
from didymos.plant.cycles import Cycle, Shown, cycles_of_counter, cycles_of_running
from didymos.plant.join import Claim, Facts, join

DAY = parse_time("2026-01-05T06:00:00Z")
MINUTE = 60 * SECOND_NS
FACTS = Facts(frozenset({"sp-01", "sp-02"}), {("PO-1", "10"): "sp-01", ("PO-1", "20"): ""}, {}, {})


def at(minutes: float) -> int:
    return DAY + round(minutes * MINUTE)


def claim(number: str, begin: float | None, end: float | None, **more) -> Claim:
    usual = {"order": "PO-1", "operation": "10", "serial": f"SN-{number}", "lot": "", "asset": "sp-01", "known_ns": at(600)}
    start = None if begin is None else at(begin)
    return Claim(number=number, start_ns=start, end_ns=None if end is None else at(end), **{**usual, **more})


def shown(*cycles: tuple[float, float], upto: float = 1000, tolerance_s: float = 60) -> dict[str, Shown]:
    return {"sp-01": Shown(tuple(Cycle(at(a), at(b)) for a, b in cycles), ((at(-1000), at(upto)),), round(tolerance_s * SECOND_NS))}


def only_reason(found) -> str:
    records, (left,) = found
    assert not records
    return f"{left.kind}: {left.reason}"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (claim("1", 0, 10, asset="sp-99", operation="20"), "machine: machine 'sp-99' is not in the plant"),
        (claim("1", 0, 10, asset="", operation="20"), "machine: neither the row nor operation 20 names a machine"),
        (claim("1", 0, 10, asset="sp-02"), "machine: operation 10 of PO-1 is planned on sp-01 and was told from sp-02"),
        (claim("1", 0, 10, operation="99"), "operation: operation 99 of order PO-1 is not known"),
        (claim("1", 0, 10, order="PO-9"), "operation: operation 10 of order PO-9 is not known"),
        (claim("1", None, None), "window: it has neither start nor end"),
        (claim("1", None, 10), "window: it has only one time"),
        (claim("1", 10, 10), "window: its window ends"),
        (claim("1", 20, 10), "window: its window ends"),
        (claim("1", 700, 710), "clock: it was told at"),
        (claim("1", 0, 10, serial=""), "serial: it names neither serial nor lot"),
    ],
)
def test_what_is_not_one_thing_is_quarantined_with_its_reason(wrong, reason):
    assert reason in only_reason(join([wrong], FACTS, {}))


def test_what_was_told_ahead_of_its_time_is_joined_once_that_time_is_past():
    early = claim("1", 700, 710)
    assert "clock" in only_reason(join([early], FACTS, {}))
    assert len(join([early], replace(FACTS, now_ns=at(720)), {})[0]) == 1


def test_a_serial_of_another_order_is_quarantined():
    facts = replace(FACTS, order_of={"SN-1": "PO-7"})
    assert "SN-1 belongs to order PO-7, not to PO-1" in only_reason(join([claim("1", 0, 10)], facts, {}))


def test_a_missing_serial_is_filled_only_when_the_order_has_one():
    bare = claim("1", 0, 10, serial="")
    (joined,), _ = join([bare], replace(FACTS, serials={"PO-1": ("SN-7",)}), {})
    assert joined.record.body["serial"] == "SN-7"
    assert "has 2" in only_reason(join([bare], replace(FACTS, serials={"PO-1": ("SN-7", "SN-8")}), {}))


def test_a_lot_stands_for_its_units_where_no_serial_is_given():
    (joined,), _ = join([claim("1", 0, 10, serial="", lot="L-5")], FACTS, {})
    assert (joined.record.subject, joined.record.body["lot"]) == ("lot L-5", "L-5")


def test_without_a_cycle_channel_the_row_itself_is_the_window():
    (joined,), left = join([claim("1", 0, 10, good=1.0)], FACTS, {})
    record = joined.record
    assert not left
    assert record.subject == "SN-1"
    assert record.time_ns == at(10)
    assert [record.body[k] for k in ("order", "operation", "serial", "asset", "start_ns", "end_ns", "cycles", "good")] == [
        "PO-1", "10", "SN-1", "sp-01", at(0), at(10), 0, 1.0
    ]  # fmt: skip


def test_the_machine_of_the_routing_is_taken_where_the_row_names_none():
    (joined,), _ = join([claim("1", 0, 10, asset="")], FACTS, {})
    assert joined.record.body["asset"] == "sp-01"


def test_the_cycle_whose_middle_lies_in_the_claimed_window_gives_the_true_window():
    (joined,), _ = join([claim("1", 0, 15)], FACTS, shown((-9, -1), (2, 11), (14, 22)))
    assert (joined.record.body["start_ns"], joined.record.body["end_ns"]) == (at(2), at(11))


def test_several_cycles_that_nobody_else_claims_are_one_operation():
    (joined,), _ = join([claim("1", 0, 30)], FACTS, shown((2, 8), (10, 18), (20, 28)))
    assert [joined.record.body[k] for k in ("start_ns", "end_ns", "cycles")] == [at(2), at(28), 3]


def test_one_time_is_enough_when_exactly_one_cycle_ends_there():
    cycles = shown((2, 11), (12, 20))
    (joined,), _ = join([claim("1", None, 11.5)], FACTS, cycles)
    assert (joined.record.body["start_ns"], joined.record.body["end_ns"]) == (at(2), at(11))
    (joined,), _ = join([claim("1", 12.2, None)], FACTS, cycles)
    assert joined.record.body["start_ns"] == at(12)


def test_one_time_between_two_cycles_is_never_guessed():
    assert "2 cycles of sp-01 end within 600 s" in only_reason(
        join([claim("1", None, 11)], FACTS, shown((2, 11), (12, 20), tolerance_s=600))
    )
    assert "no cycle of sp-01 end" in only_reason(join([claim("1", None, 40)], FACTS, shown((2, 11))))


def test_a_counter_that_jumped_by_two_is_not_one_part():
    jumped = {"sp-01": Shown((Cycle(at(2), at(11), 2),), ((at(-1000), at(1000)),), MINUTE)}
    assert "2 cycles" in only_reason(join([claim("1", None, 11)], FACTS, jumped))


def test_two_serials_in_one_window_are_both_quarantined_and_name_each_other():
    records, left = join([claim("1", 0, 10), claim("2", 5, 15), claim("3", 20, 30)], FACTS, {})
    assert [j.claim.number for j in records] == ["3"]
    assert [q.key for q in left] == ["1", "2"]
    assert "two serials in one window: SN-1 and SN-2 (2)" in left[0].reason


def test_windows_that_overlap_on_paper_are_told_apart_by_their_cycles():
    records, left = join([claim("1", 0, 11), claim("2", 9, 20)], FACTS, shown((1, 9), (10, 19)))
    assert not left
    assert [j.record.body["start_ns"] for j in records] == [at(1), at(10)]


def test_the_same_work_told_twice_is_quarantined_as_that():
    _, left = join([claim("1", 0, 10, serial="SN-1"), claim("2", 0, 10, serial="SN-1")], FACTS, {})
    assert [q.key for q in left] == ["1", "2"]
    assert "the same work is told by 2 too" in left[0].reason


def test_windows_that_touch_do_not_disturb_each_other():
    records, left = join([claim("1", 0, 10), claim("2", 10, 20)], FACTS, {})
    assert (len(records), left) == (2, ())


def test_a_clock_that_is_an_hour_off_is_named_with_its_distance():
    reason = only_reason(join([claim("1", 62, 71)], FACTS, shown((2, 11))))
    assert reason.startswith("clock: sp-01 made no cycle")
    assert "the nearest one is 3600 s earlier: do the clocks agree?" in reason


def test_a_window_without_telemetry_yet_waits_and_is_resolved_when_it_comes():
    late = claim("1", 62, 71)
    assert only_reason(join([late], FACTS, shown((2, 11), upto=30))).startswith("waiting: no samples of sp-01")
    (joined,), left = join([late], FACTS, shown((2, 11), (63, 70), upto=100))
    assert not left
    assert joined.record.body["start_ns"] == at(63)


def test_a_later_row_that_makes_it_plain_resolves_it():
    one = claim("1", 0, 10)
    assert join([one, claim("2", 0, 10)], FACTS, {})[0] == ()
    records, left = join([one, claim("2", 20, 30)], FACTS, {})
    assert (len(records), left) == (2, ())


def test_a_row_joined_before_is_a_neighbour_and_no_record_again():
    before = claim("1", 0, 10, joined="operation:…", pending=False)
    assert join([before], FACTS, {}) == ((), ())
    records, left = join([before, claim("2", 5, 15)], FACTS, {})
    assert not records
    assert [q.key for q in left] == ["2"]


def test_a_corrected_row_becomes_a_record_that_names_the_one_it_corrects():
    (first,), _ = join([claim("1", 0, 10)], FACTS, {})
    (second,), _ = join([claim("1", 0, 12, joined=first.record.key)], FACTS, {})
    assert second.record.key != first.record.key
    assert second.record.body["corrects"] == first.record.key


def test_the_same_rows_give_the_same_records_to_the_letter():
    rows = [claim("1", 0, 10, good=1.0), claim("2", 10, 20), claim("3", 15, 25)]
    assert join(rows, FACTS, {}) == join(list(rows), FACTS, {})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=12))
def test_every_claim_ends_as_record_or_in_quarantine_and_no_two_records_share_a_machine_minute(windows):
    rows = [claim(str(i), a, a + n) for i, (a, n) in enumerate(windows)]
    records, left = join(rows, FACTS, {})
    assert sorted([j.claim.number for j in records] + [q.key for q in left]) == sorted(c.number for c in rows)
    taken = [(j.record.body["start_ns"], j.record.body["end_ns"]) for j in records]
    naive = {i for i, (a, n) in enumerate(windows) for j, (b, m) in enumerate(windows) if i != j and a < b + m and b < a + n}
    assert {int(q.key) for q in left} == naive
    assert len(set(taken)) == len(taken)


def series(rows: list[tuple[float, float, int]]) -> Series:
    times, values, quality = zip(*rows, strict=True)
    return Series("sp-01.x", np.array([at(t) for t in times], np.int64), np.array(values, float), np.array(quality, np.uint8))


def test_each_step_of_a_counter_ends_the_cycle_that_began_at_the_step_before():
    found = cycles_of_counter(series([(0, 7, 0), (1, 8, 0), (2, 8, 0), (5, 9, 0), (9, 11, 0)]))
    assert [(c.start_ns, c.end_ns, c.count) for c in found.cycles] == [(at(1), at(5), 1), (at(5), at(9), 2)]


def test_a_reset_or_a_gap_of_the_counter_makes_no_cycle():
    gap = (4, float("nan"), int(Quality.GAP))
    found = cycles_of_counter(series([(0, 7, 0), (1, 8, 0), gap, (5, 9, 0), (6, 10, 0), (7, 0, 0), (8, 1, 0), (9, 2, 0)]))
    assert [(c.start_ns, c.end_ns) for c in found.cycles] == [(at(8), at(9))]
    assert found.spans == ((at(0), at(1)), (at(5), at(9)))


def test_a_program_that_runs_is_a_cycle_from_edge_to_edge_and_one_cut_by_a_gap_is_none():
    gap = (6, float("nan"), int(Quality.GAP))
    found = cycles_of_running(series([(0, 0, 0), (1, 1, 0), (3, 0, 0), (5, 1, 0), gap, (7, 0, 0), (8, 1, 0), (9, 0, 0)]))
    assert [(c.start_ns, c.end_ns) for c in found.cycles] == [(at(1), at(3)), (at(8), at(9))]
