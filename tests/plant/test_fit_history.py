"""The record of `didymos fit` out of the store of a stopped plant: as known then, the usable samples only, on the worker's grid."""

import numpy as np
import pytest

from didymos.core.clock import SECOND_NS, parse_time
from didymos.core.errors import DataError
from didymos.core.series import Quality, batch_of
from didymos.data.history.store import Rows, Store
from didymos.plant import fit
from didymos.plant.config import load
from tests.plant.fit_rig import END, START, plant_file

T0, STEP_NS = parse_time(START), 600 * SECOND_NS


@pytest.fixture
def plant(tmp_path):
    plant = load(plant_file(tmp_path))
    store = Store(plant.store / "history")
    store.begin_source("one")
    rows = [("mo-01.winding_temperature", T0 + k * STEP_NS, 300.0 + k, 0) for k in range(1, 5)]
    rows += [("mo-01.winding_temperature", T0 + 5 * STEP_NS, 999.0, int(Quality.BAD))]
    rows += [("mo-01.winding_temperature", T0 + 6 * STEP_NS - 1, 306.0, int(Quality.LATE))]
    rows += [("mo-01.current", T0 + 2 * STEP_NS, 9.0, int(Quality.UNCERTAIN)), ("mo-01.current", T0 + 3 * STEP_NS, 1e9, 0)]
    store.commit("plant", 1, Rows(samples=[(batch_of(rows), 1, T0)]))
    store.commit("plant", 2, Rows(samples=[(batch_of([("mo-01.bearing_temperature", T0 + STEP_NS, 310.0, 0)]), 2, T0 + 10**15)]))
    store.close()
    return plant


def test_usable_samples_stand_on_the_grid_and_the_rest_is_missing(plant):
    given = fit.job(plant, "mo-01", T0, parse_time(END))
    record, origin = fit.record(given, fit.from_history(plant, ""))
    assert record.measured.shape == (288, 3)
    np.testing.assert_array_equal(record.measured[:6, 0], [301.0, 302.0, 303.0, 304.0, np.nan, 306.0])
    np.testing.assert_array_equal(record.inputs[:3, 0], [np.nan, 9.0, np.nan])  # out of the channel's range is missing
    assert (record.inputs[:, 1] == 152.0).all()  # a constant of the plant file
    assert origin.steps == 288
    assert len(origin.data_sha256) == 64


def test_only_what_was_known_then_counts_and_other_samples_have_another_hash(plant):
    given = fit.job(plant, "mo-01", T0, parse_time(END))
    now, after = fit.record(given, fit.from_history(plant, ""))
    then, before = fit.record(given, fit.from_history(plant, "", known_ns=T0 + 1))
    assert now.measured[0, 1] == 310.0
    assert np.isnan(then.measured[:, 1]).all()
    assert before.data_sha256 != after.data_sha256


def test_a_machine_that_history_knows_nothing_of_is_named(plant):
    with pytest.raises(DataError, match="mo-02: no usable sample of any sensor"):
        fit.record(fit.job(plant, "mo-02", T0, parse_time(END)), fit.from_history(plant, ""))
