"""The posterior by sampling agrees with the closed form of a straight line, and says when it is not to be believed."""

import numpy as np
import pytest
from tests.infer.heater import HEATER, Params, duty, readings

from didymos.infer.fit import Prior, fit
from didymos.infer.posterior import posterior
from didymos.infer.prediction_error import Record

NAMES = Params._fields


@pytest.fixture(scope="module")
def found():
    u = duty(80)
    record = Record(u, readings(Params(gain=0.9, slope=0.023, offset=4.4), u, 300.0), 300.0)
    prior = Prior(np.array(Params(gain=0.9), float), np.full(len(NAMES), 2.0))
    known = np.array([name not in ("slope", "offset") for name in NAMES])
    return record, fit(HEATER, record, prior, known, starts=1, engine="numpy")


@pytest.mark.slow
def test_slope_and_offset_are_distributed_as_least_squares_says(found):
    """Student's t with T - 2 degrees of freedom around the least-squares line; 80 readings: its normal limit."""
    record, fitted = found
    draws = posterior(HEATER, record, fitted, sweeps=150, seed=2)
    A = np.stack([record.inputs[:, 0], np.ones(80)], axis=1)
    best, rest, *_ = np.linalg.lstsq(A, record.measured[:, 1], rcond=None)
    sd = np.sqrt(rest[0] / 78 * np.diag(np.linalg.inv(A.T @ A)) * fitted.tau[1])
    for name, value, error in zip(("slope", "offset"), best, sd, strict=True):
        i = NAMES.index(name)
        assert draws.median[i] == pytest.approx(value, abs=0.5 * error)
        assert draws.high[i] - draws.low[i] == pytest.approx(2 * 1.645 * error, rel=0.35)
    assert draws.r_hat < 1.2


def test_a_parameter_that_was_not_moved_stands_at_its_value_and_a_short_chain_is_not_believed(found):
    draws = posterior(HEATER, *found, sweeps=8, seed=1, engine="numpy")
    i = NAMES.index("gain")
    assert draws.low[i] == draws.median[i] == draws.high[i] == 0.9
    assert not draws.believed
