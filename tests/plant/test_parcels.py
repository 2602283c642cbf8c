"""Merging and dividing batches: no sample is lost, doubled or moved, and a message names only what it holds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from didymos.core.channel import partition
from didymos.core.series import Batch, batch_of
from didymos.plant.parcels import concatenate, parcels

NAMES = [f"m-{a}.{c}" for a in range(9) for c in "xyz"]
ROWS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.floats(-9, 9), st.sampled_from([0, 1, 6])), max_size=40)


def rows_of(batch: Batch) -> list[tuple]:
    names = [batch.channels[i] for i in batch.channel]
    return list(zip(names, batch.time_ns.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True))


def with_all_names(rows: list[tuple]) -> Batch:
    """As a binder makes it: every channel of the source is listed."""
    place = [NAMES.index(row[0]) for row in rows]
    shape = (np.array([row[i] for row in rows]) for i in (1, 2, 3))
    time_ns, value, quality = shape
    return Batch(tuple(NAMES), np.array(place, np.uint16), time_ns, value, quality.astype(np.uint8), "s", 7)


@given(st.lists(st.tuples(ROWS.filter(len), st.booleans()), min_size=1, max_size=5))
def test_merged_batches_hold_all_samples_in_order_whatever_they_list(parts):
    batches = [with_all_names(rows) if whole else batch_of(rows) for rows, whole in parts]
    merged = concatenate(batches)
    assert rows_of(merged) == [row for rows, _ in parts for row in rows]
    assert len(set(merged.channels)) == len(merged.channels)


@given(ROWS.filter(len), st.integers(1, 7))
def test_each_sample_is_in_the_parcel_of_its_partition_in_order(rows, most):
    found = list(parcels(with_all_names(rows), most))
    for p in range(16):
        mine = [row for row in rows if partition(row[0].split(".")[0]) == p]
        here = [batch for q, _, batch in found if q == p]
        assert [row for batch in here for row in rows_of(batch)] == mine
        assert [i for q, i, _ in found if q == p] == list(range(len(here)))
    for _, _, batch in found:
        assert len(batch) <= most
        assert set(batch.channels) == {row[0] for row in rows_of(batch)}
        assert (batch.source, batch.sequence) == ("s", 7)
