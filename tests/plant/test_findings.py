"""What becomes a finding of a machine with a model: a risk, a fault that is sure but not urgent, a condition out of range."""

from dataclasses import replace

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.estimate import Life, Snapshot, Validity, Why
from didymos.decide.alerts import CONFIRM
from didymos.plant.judge import SURE_REVIEWS, findings
from tests.plant.small import small_plant

SPINDLE = ASSETS["spindle"]
MODES = [mode.name for mode in SPINDLE.failure_modes]
STOP_S = 14 * 86_400.0


def life(mode: str, chance: float, withheld: str | None = None) -> Life:
    """`chance` that it fails before the stop."""
    return Life(mode, mode, (), ((STOP_S, chance),), withheld=withheld)


def snapshot(chances: list[float], modes: tuple[tuple[str, float], ...], withheld: str | None = None) -> Snapshot:
    lives = tuple(life(mode, chance, withheld) for mode, chance in zip(MODES, chances, strict=True))
    return Snapshot(
        "sp-01", 0, 1, "spindle", "1", np.zeros(8), np.zeros(36), (), (), Validity(True, 1.0, "ok", ""), lives,
        Why("The front bearing is spalled.", (), modes), 0.0, 0.0, None,
    )  # fmt: skip


@pytest.fixture
def found(tmp_path):
    plant = small_plant(tmp_path)
    config = replace(plant.assets[0], id="sp-01", model="spindle")

    def of(shown: Snapshot, symptoms=None, begun=None):
        every = findings(plant, config, SPINDLE, shown, STOP_S, (), symptoms or {}, begun or {})
        return {f.mode: f for f in every if f.mode in MODES}

    return of


def test_a_withheld_life_says_nothing_for_or_against_a_mode(found):
    assert found(snapshot([0.9, 0.0, 0.0], ((MODES[0], 0.99),), "sensor silent")) == {}


def test_a_fault_that_is_sure_but_not_urgent_is_an_advisory_after_some_reviews(found):
    one = found(snapshot([0.0, 0.0, 0.0], ((MODES[0], 0.95), ("none", 0.05))))[MODES[0]]
    assert (one.advisory, one.ratio >= 1.0, one.confirm) == (True, True, SURE_REVIEWS)


def test_a_guess_is_no_finding(found):
    one = found(snapshot([0.0, 0.0, 0.0], ((MODES[0], 0.7), ("none", 0.3))))[MODES[0]]
    assert (one.advisory, one.ratio) == (False, 0.0)


def test_a_risk_is_a_risk_also_when_the_mode_is_sure(found):
    one = found(snapshot([0.5, 0.0, 0.0], ((MODES[0], 0.95),)))[MODES[0]]
    assert (one.advisory, one.p_fail_next_stop) == (False, 0.5)


def test_oil_outside_its_range_is_an_advisory_of_lubrication_alone_while_the_prediction_is_withheld(found):
    symptom = "Oil viscosity 22 mm2/s is below the 31 mm2/s seen at commissioning"
    shown = snapshot([0.0, 0.0, 0.0], ((MODES[0], 0.99),), f"{symptom}; the twin is not calibrated there")
    every = found(shown, {"oil_viscosity": symptom, "speed": "Spindle speed is above"})
    assert list(every) == ["lubrication"]
    assert every["lubrication"].advisory
    assert symptom in every["lubrication"].sentence


def test_a_fault_that_has_just_begun_is_seen_through_a_day_where_there_is_time_for_that(found):
    """small plant: a review every hour. An eighth of the time that is left is enough when the end is near."""
    shown = snapshot([0.5, 0.5, 0.5], ((MODES[0], 0.95),))
    ends = {MODES[0]: 30 * 86_400.0, MODES[1]: 40 * 3600.0, MODES[2]: 3600.0}
    lives = tuple(replace(one, quantiles_s=((0.1, 1.0), (0.5, ends[one.mode]), (0.9, None))) for one in shown.life)
    shown = replace(shown, life=lives)
    assert [found(shown, begun=dict.fromkeys(MODES, 0.9))[mode].confirm for mode in MODES] == [24, 5, CONFIRM]
    assert [found(shown, begun=dict.fromkeys(MODES, 0.4))[mode].confirm for mode in MODES] == [CONFIRM] * 3
