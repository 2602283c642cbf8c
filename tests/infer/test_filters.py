"""Start, step, reset and packing of a belief, on the motor of the ASSETS table."""

import numpy as np
import pytest

from didymos.assets.induction_motor import MODEL
from didymos.core.errors import DataError, ModelError
from didymos.infer import filters
from didymos.numerics.ukf import substeps_for, ukf_kernel

PARAMS = np.tile(np.array(MODEL.Params(), float), (3, 1))
WEAR = ("bearing_wear", "log_bearing_rate")


def random_belief():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(3, MODEL.n_states, MODEL.n_states))
    belief = filters.init(MODEL, PARAMS, 3)
    return type(belief)(belief.time_ns, belief.mean + rng.uniform(0, 0.1, belief.mean.shape), root @ root.transpose(0, 2, 1))


def test_parameters_of_another_shape_are_refused():
    with pytest.raises(ModelError, match="params has shape"):
        filters.init(MODEL, PARAMS[:, :3], 3)


def test_a_wear_field_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ModelError, match=r"wear field 'ball' is not in State\. Allowed: winding_temperature_K"):
        filters.reset(MODEL, random_belief(), 0, ["ball"])


def test_a_packed_covariance_of_impossible_length_is_refused():
    with pytest.raises(DataError, match="7 entries"):
        filters.unpack_cov(np.zeros(7))


def test_a_step_back_in_time_is_refused():
    belief = filters.init(MODEL, PARAMS, 3)
    now = np.array([60, 60, -60]) * 10**9
    with pytest.raises(DataError, match=r"asset row 2 is asked to step back in time by 60\.000 s"):
        filters.step(
            ukf_kernel(MODEL, "numpy"), belief, now, *(np.zeros((3, 3)) for _ in range(2)), PARAMS, MODEL.process_noise, 1.0
        )


def test_a_new_belief_is_the_models_commissioning_state():
    belief = filters.init(MODEL, PARAMS, 3)
    np.testing.assert_array_equal(belief.mean, [MODEL.initial] * 3)
    np.testing.assert_array_equal(belief.cov[1], np.diag(np.square(MODEL.initial_sd)))


def test_a_step_takes_each_asset_over_its_own_interval():
    belief = filters.init(MODEL, PARAMS, 3)
    kernel = ukf_kernel(MODEL, "numpy", substeps_for(MODEL, 60.0))
    u, y, r = np.tile(MODEL.nominal, (3, 1)), np.full((3, 3), np.nan), np.ones((3, 3))
    dt_s = np.array([10, 30, 60])
    after, result = filters.step(kernel, belief, dt_s * 10**9, u, y, PARAMS, MODEL.process_noise, r)
    np.testing.assert_array_equal(after.time_ns, dt_s * 10**9)
    alone = kernel(belief.mean, belief.cov, u, y, PARAMS, MODEL.process_noise, r, dt_s)
    np.testing.assert_array_equal(after.mean, alone.mean)
    np.testing.assert_array_equal(result.predicted, alone.predicted)
    assert (np.diff(after.mean[:, 0]) > 0).all()


def test_a_reset_restarts_one_components_wear_without_memory_and_doubts_only_what_the_same_sensors_told():
    belief = random_belief()
    before = belief.cov.copy()
    after = filters.reset(MODEL, belief, 1, WEAR)
    places = [MODEL.state_index(field) for field in WEAR]
    rest = [i for i in range(MODEL.n_states) if i not in places]
    np.testing.assert_array_equal(after.mean[1, places], [MODEL.initial[i] for i in places])
    np.testing.assert_array_equal(np.diag(after.cov[1])[places], [MODEL.initial_sd[i] ** 2 for i in places])
    assert (after.cov[1][np.ix_(places, rest)] == 0).all()
    assert after.cov[1][places[0], places[1]] == 0
    told = [MODEL.state_index(field) for field in ("fouling", "log_fouling_rate")]  # shown by the bearing's thermometer too
    far = np.diag([(belief.mean[1, i] - MODEL.initial[i]) ** 2 if i in told else 0.0 for i in range(MODEL.n_states)])
    np.testing.assert_array_equal(after.cov[1][np.ix_(rest, rest)], (before[1] + far)[np.ix_(rest, rest)])
    np.testing.assert_array_equal(after.mean[1, rest], belief.mean[1, rest])
    np.testing.assert_array_equal(after.cov[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(belief.cov, before)
    np.testing.assert_array_equal(after.cov, after.cov.transpose(0, 2, 1))


def test_packing_keeps_every_bit_and_is_row_by_row():
    cov = random_belief().cov
    cov = np.tril(cov) + np.tril(cov, -1).transpose(0, 2, 1)
    np.testing.assert_array_equal(filters.unpack_cov(filters.pack_cov(cov)), cov)
    np.testing.assert_array_equal(filters.pack_cov(np.array([[1.0, 2.0], [2.0, 3.0]])), [1.0, 2.0, 3.0])
