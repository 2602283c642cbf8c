"""The reason in one sentence, on a small made-up pump whose likelihoods can be worked out by hand."""

from __future__ import annotations

from math import exp, log
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest

from didymos.core.channel import Channel
from didymos.core.estimate import Estimate, Life, ParameterEstimate, Score, Validity
from didymos.core.model import Component, FailureMode, Model
from didymos.infer.explain import severity_gained, why, why_anomaly
from didymos.infer.plain import plain, plain_chance, plain_change, plain_interval, plain_time
from didymos.numerics.spectra import Line


class State(NamedTuple):
    clearance: float = 0.00045
    bearing_damage: float = 0.0
    heat_path: float = 1.0


class Params(NamedTuple):
    pass


class Severity(NamedTuple):
    wear_ring: float
    bearing: float
    fouling: float


def mode(name: str, component: str, wear: tuple[str, ...], sensors: tuple[str, ...], title: str) -> FailureMode:
    return FailureMode(name, title, component, wear, "limit", "source", 0.1, sensors, "open it")


MODEL = cast(
    Model,
    SimpleNamespace(
        State=State,
        Params=Params,
        initial=State(),
        nominal=None,
        steady=lambda x, u, p: x,
        severity=lambda x, u, p: Severity((x.clearance - 0.00045) / 0.00045, x.bearing_damage, (1.0 - x.heat_path) / 0.4),
        sensors=(
            Channel("discharge_pressure", "Discharge pressure", "Pa"),
            Channel("vibration_velocity", "Vibration", "m/s"),
            Channel("oil_temperature", "Oil temperature", "K"),
        ),
        components=(
            Component("wear_ring", "Wear ring", ()),
            Component("bearing", "Bearing", ()),
            Component("cooler", "Cooler", ()),
        ),
        failure_modes=(
            mode("wear_ring", "wear_ring", ("clearance",), ("discharge_pressure",), "Clearance too wide"),
            mode("bearing", "bearing", ("bearing_damage",), ("vibration_velocity",), "Rolling fatigue"),
            mode("fouling", "cooler", ("heat_path",), ("oil_temperature",), "Cooler fouled"),
        ),
    ),
)
OK = Validity(True, 0.95, "ok", "")
WIDE = ParameterEstimate("clearance", "Clearance", "m", 0.00062, 0.00058, 0.00066, 0.00045)
LIFE = (Life("wear_ring", "Clearance", ((0.1, 2e5), (0.5, 5e5), (0.9, 9e5)), ((0.0, 0.0), (1e6, 1.0))),)
QUIET = {"discharge_pressure": 0.3, "vibration_velocity": -0.5, "oil_temperature": 0.1}


def test_a_healthy_machine_is_said_to_be_healthy_with_the_number_of_sensors_that_agree() -> None:
    got = why(MODEL, (), QUIET, (), (), OK)
    assert got.modes[0][0] == "none"
    assert "No failure mode stands out" in got.sentence
    assert "3 of 3 sensors agree with the twin within 0.5 standard deviations" in got.sentence


def test_a_drifted_wear_state_names_part_mode_numbers_units_and_urgency() -> None:
    got = why(MODEL, (WIDE,), QUIET, (), LIFE, OK, seconds_to_stop=2.5e5)
    assert got.sentence == (
        "Wear ring: clearance too wide, over 99 % likely, because clearance is 0.620 mm [0.580 to 0.660] against 0.450 mm at "
        "commissioning; 25 % chance that it fails before the planned stop in 2.9 days."
    )
    assert got.evidence[0].kind == "drift"


def test_the_posterior_of_one_residual_is_bayes_rule_by_hand() -> None:
    r, s2 = 4.0, 16.0
    told = exp(-0.5 * log(1 + s2) + 0.5 * r * r * s2 / (1 + s2))
    quiet = exp(-0.5 * log(1 + s2))
    odds = {"none": 0.9, "bearing": 0.1 / 3 * told, "wear_ring": 0.1 / 3 * quiet, "fouling": 0.1 / 3 * quiet}
    got = dict(why(MODEL, (), {"discharge_pressure": 0.0, "vibration_velocity": r, "oil_temperature": 0.0}, (), (), OK).modes)
    for name, chance in odds.items():
        assert got[name] == pytest.approx(chance / sum(odds.values()), rel=1e-12)


def test_evidence_weights_sum_to_one_and_the_strongest_comes_first() -> None:
    line = Line("bpfo", 3.58, 2.0, 12.0, 1e-9)
    got = why(MODEL, (), QUIET | {"vibration_velocity": 4.0}, (line,), (), Validity(False, 0.4, "S", "current tag is stale"))
    assert sum(e.weight for e in got.evidence) == pytest.approx(1.0)
    weights = [e.weight for e in got.evidence]
    assert weights == sorted(weights, reverse=True)
    assert {e.kind for e in got.evidence} == {"frequency", "residual", "quality"}


def test_a_matched_line_points_to_the_bearing_and_says_which_race() -> None:
    got = why(MODEL, (), QUIET, (Line("bpfo", 3.58, 2.0, 12.0, 1e-9),), (), OK)
    assert got.modes[0][0] == "bearing"
    assert "the outer race line at 3.58 per turn stands 12 times above the noise" in got.sentence


def test_a_line_of_another_bearing_says_nothing_about_this_one() -> None:
    got = why(MODEL, (), QUIET, (Line("bpfo", 3.58, 2.0, 12.0, 1e-9, component="gearbox"),), (), OK)
    assert got.modes[0][0] == "none"


def test_a_residual_is_shown_in_plant_units() -> None:
    shown = Estimate("cp-01.oil_temperature", "Oil temperature", "sensor", "K", 337.25, 336.0, 338.0, 344.45, 0, 1.0, 6.0)
    got = why(MODEL, (), QUIET | {"oil_temperature": 6.0}, (), (), OK, estimates=(shown,))
    assert "oil temperature reads 71.3 degC where the twin expects 64.1 degC (6.0 standard deviations above)" in got.sentence


def test_a_wear_state_that_falls_when_it_wears_counts_in_its_own_direction() -> None:
    worn = ParameterEstimate("heat_path", "Heat path", "1", 0.7, 0.65, 0.75, 1.0)
    better = ParameterEstimate("heat_path", "Heat path", "1", 1.3, 1.25, 1.35, 1.0)
    assert severity_gained(MODEL, MODEL.failure_modes[2], worn) == pytest.approx(0.75)
    assert why(MODEL, (worn,), QUIET, (), (), OK).modes[0][0] == "fouling"
    assert why(MODEL, (better,), QUIET, (), (), OK).modes[0][0] == "none"


def test_a_certain_but_tiny_drift_is_no_alarm() -> None:
    tiny = ParameterEstimate("bearing_damage", "Bearing damage", "1", 0.01, 0.009, 0.011, 0.0)  # 1 % of the limit, 20 sd
    assert why(MODEL, (tiny,), QUIET, (), (), OK).modes[0][0] == "none"


def test_the_runner_up_is_named_when_it_is_close() -> None:
    got = why(MODEL, (), QUIET | {"vibration_velocity": 5.0, "discharge_pressure": 4.95}, (), (), OK)
    assert got.modes[0][0] == "bearing"
    assert "clearance too wide is the next guess" in got.sentence


def test_a_withheld_life_and_a_twin_in_doubt_are_said() -> None:
    withheld = (Life("wear_ring", "Clearance", withheld="flow outside the calibrated range"),)
    got = why(MODEL, (WIDE,), QUIET, (), withheld, Validity(False, 0.2, "S", "flow is 40 % above anything seen"))
    assert "no date given: flow outside the calibrated range" in got.sentence
    assert "the prediction is not to be relied on: flow is 40 % above anything seen" in got.sentence


def test_a_missing_reading_is_no_evidence() -> None:
    with_nan = dict(why(MODEL, (WIDE,), {"vibration_velocity": float("nan")}, (), (), OK).modes)
    without = dict(why(MODEL, (WIDE,), {}, (), (), OK).modes)
    assert with_nan == without


def test_an_anomaly_names_the_channels_that_carry_it() -> None:
    score = Score(2.3, 0.1, (("oil_temperature", 0.6), ("pressure", 0.3), ("level", 0.1)))
    got = why_anomaly(score, {"oil_temperature": Channel("oil_temperature", "Oil temperature", "K")})
    assert got.sentence.startswith("The machine runs unlike its normal operation: score 2.3 of the alarm limit")
    assert "oil temperature and pressure" in got.sentence
    assert sum(e.weight for e in got.evidence) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (344.45, "K", "71.3 degC"),
        (6.21e5, "Pa", "6.21 bar"),
        (0.0045, "m/s", "4.50 mm/s"),
        (0.0125, "m3/s", "45.0 m3/h"),
        (2e-9, "m3/s", "7.20 ml/h"),
        (314.159265, "rad/s", "3000 rpm"),
        (5500.0, "W", "5.50 kW"),
        (19.6133, "m/s2", "2.00 g"),
        (32e-6, "m2/s", "32.0 mm2/s"),
        (1.38, "1", "1.38"),
        (0.65, "K/W", "0.650 K/W"),
    ],
)
def test_si_is_turned_into_plant_units(value: float, unit: str, text: str) -> None:
    assert plain(value, unit) == text


def test_a_difference_of_temperature_has_no_offset() -> None:
    assert plain_change(-7.2, "K") == "7.20 degC"


def test_an_interval_uses_one_unit_and_the_decimals_it_deserves() -> None:
    assert plain_interval(6.2e-4, 5.8e-4, 6.6e-4, "m") == ("0.620 mm", "0.580 to 0.660")
    assert plain_interval(344.45, 324.45, 364.45, "K") == ("71 degC", "51 to 91")


@pytest.mark.parametrize(
    ("seconds", "text"), [(30.0, "a minute"), (2400.0, "40 minutes"), (18_000.0, "5 hours"), (276_480.0, "3.2 days")]
)
def test_times_read_as_people_say_them(seconds: float, text: str) -> None:
    assert plain_time(seconds) == text


@pytest.mark.parametrize(("chance", "text"), [(0.001, "under 1 %"), (0.124, "12 %"), (0.9999, "over 99 %")])
def test_no_chance_is_said_to_be_nought_or_certain(chance: float, text: str) -> None:
    assert plain_chance(chance) == text
