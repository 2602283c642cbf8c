"""Furnace: cylinders heated exactly, balances, tempering by Hollomon and Jaffe, hardness against two published sources."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import j0, j1

from didymos.assets import PROCESSES, heat_treat_furnace, heat_treatment
from didymos.assets.heat_treat_furnace import MODEL, STEEL_DENSITY, Params
from didymos.assets.heat_treatment import STEELS, Steel
from didymos.assets.process import figures

P = Params()
U = MODEL.nominal
X = MODEL.steady(MODEL.initial, U, P)
DIFFUSIVITY = P.steel_conductivity_W_per_m_K / (STEEL_DENSITY * P.steel_heat_capacity_J_per_kg_K)
RADIUS = P.bar_diameter_m / 2


def run(x, u, p, seconds, step_s=5.0):
    for _ in range(round(seconds / step_s)):
        x = MODEL.State(*(float(a + step_s * d) for a, d in zip(x, MODEL.rhs(x, u, p), strict=True)))
    return x


def test_under_a_steady_ramp_outer_and_inner_half_differ_as_in_an_exactly_heated_cylinder():
    """T(r) = T_s - b (R^2 - r^2) / 4a; means over the two halves of the area differ by b R^2 / 8a."""
    ramp = 0.02
    heat = ramp * 0.5 * U.load_mass_kg * P.steel_heat_capacity_J_per_kg_K
    assert heat / heat_treat_furnace.inward_W_per_K(U, P) == pytest.approx(ramp * RADIUS**2 / (8 * DIFFUSIVITY), rel=1e-12)


def test_two_halves_heat_through_like_the_exact_cylinder():
    """Convection only, Bi = 0.1 and 0.3: mean temperature of the halves against the series of Incropera eq. 5.52, ten terms."""
    for biot in (0.1, 0.3):
        h = biot * P.steel_conductivity_W_per_m_K / RADIUS
        p = P._replace(film_W_per_m2K=h, emissivity=0.0, zone_heat_capacity_J_per_K=1e15)
        x = X._replace(**dict.fromkeys(MODEL.State._fields[:2], 800.0), **dict.fromkeys(MODEL.State._fields[2:4], 293.15))
        roots = [brentq(lambda z, b=biot: z * j1(z) - b * j0(z), 3.2 * n + 1e-6, 3.2 * n + 2.4) for n in range(6)]
        for fourier in (1.0, 3.0):
            y = run(x, U, p, fourier * RADIUS**2 / DIFFUSIVITY, 10.0)
            left = sum(4 * j1(z) ** 2 / (z**2 * (j0(z) ** 2 + j1(z) ** 2)) * np.exp(-(z**2) * fourier) for z in roots)
            mean = 0.5 * (y.surface_temperature_K + y.core_temperature_K)
            assert (800.0 - mean) / (800.0 - 293.15) == pytest.approx(left, abs=0.015)


def test_a_load_as_hot_as_the_zones_takes_nothing_and_radiation_follows_the_fourth_power():
    assert heat_treat_furnace.onto_load_W(900.0, 900.0, U, P) == 0.0
    dark = P._replace(film_W_per_m2K=0.0)
    taken = heat_treat_furnace.onto_load_W(900.0, 600.0, U, dark)
    area = 4 * 3000.0 / (7850.0 * 0.16)
    assert taken == pytest.approx(0.5 * area * 0.5 * 5.670374e-8 * (900.0**4 - 600.0**4), rel=1e-6)


def test_what_the_elements_give_is_stored_or_lost():
    x = X._replace(front_temperature_K=700.0, back_temperature_K=720.0, surface_temperature_K=500.0, core_temperature_K=480.0)
    u = U._replace(front_duty=0.8, back_duty=0.6)
    d, y = MODEL.rhs(x, u, P), MODEL.out(x, u, P)
    half = 0.5 * u.load_mass_kg * P.steel_heat_capacity_J_per_kg_K
    stored = P.zone_heat_capacity_J_per_K * (d.front_temperature_K + d.back_temperature_K)
    stored += half * (d.surface_temperature_K + d.core_temperature_K)
    lost = MODEL.virtual(x, u, P).lining_loss_W
    assert stored + lost == pytest.approx(y.front_power_W + y.back_power_W, rel=1e-9)
    assert MODEL.out(x, u._replace(front_duty=1.0), P).front_power_W == pytest.approx(45e3, rel=1e-3)


def test_at_the_duties_of_nominal_operation_the_furnace_stays_at_its_target():
    away = X._replace(front_temperature_K=866.15, back_temperature_K=880.15)
    settled = run(away, U, P, 2 * 3600.0, 10.0)
    for field in MODEL.State._fields[:4]:
        assert getattr(settled, field) == pytest.approx(873.15, abs=1.5), field


def test_a_cold_start_at_full_power_is_as_accurate_at_the_longest_step_as_the_sensors():
    cold, u = X._replace(**dict.fromkeys(MODEL.State._fields[:4], 293.15)), U._replace(front_duty=1.0, back_duty=1.0)
    coarse, fine = run(cold, u, P, 1200.0, MODEL.max_step_s), run(cold, u, P, 1200.0, MODEL.max_step_s / 20)
    for channel, a, b in zip(MODEL.sensors, MODEL.out(coarse, u, P), MODEL.out(fine, u, P), strict=True):
        assert abs(a - b) < 2.0 * channel.noise, channel.name
    assert coarse.front_temperature_K > 330.0


def test_hours_at_the_target_count_as_themselves_and_give_hollomons_parameter():
    x = X._replace(core_temperature_K=U.target_temperature_K, surface_temperature_K=U.target_temperature_K)
    assert MODEL.rhs(x, U, P).tempering_h * 3600.0 == pytest.approx(1.0, rel=1e-12)
    found = MODEL.virtual(x._replace(tempering_h=2.0), U, P).tempering_parameter_K
    assert found == pytest.approx(873.15 * (20 + np.log10(2.0)), rel=1e-12)


@pytest.mark.parametrize("away_K", [-30.0, -10.0, 10.0, 30.0])
def test_hours_beside_the_target_are_worth_what_the_parameter_says_within_a_few_percent(away_K):
    target = 873.15
    hours = 10 ** (target * heat_treatment.TWO_HOURS / (target + away_K) - 20)  # these hours there do what two do at the target
    assert hours * heat_treatment.tempering_pace(target + away_K, target) == pytest.approx(2.0, rel=0.01)


def test_one_hour_at_600_C_does_what_16_hours_do_at_550_C():
    """The textbook use of the parameter: 873 (20 + 0) = 823 (20 + log t)."""
    same = heat_treatment.tempering_parameter_K(873.15, 1.0) / 823.15 - 20.0
    assert 10**same == pytest.approx(16.4, abs=0.1)


SAE_4140 = Steel(0.40, 0.25, 0.85, 0.95, 0.20, 0.0)


@pytest.mark.parametrize(("celsius", "HB"), [(540.0, 381.0), (595.0, 344.0), (650.0, 311.0)])
def test_hardness_after_two_hours_is_that_of_the_heat_treaters_guide(celsius, HB):
    """SAE 4140, oil quenched to 57 HRC, tempered 2 h: 41, 37, 33 HRC (Heat Treater's Guide, ASM 1982); HB by ASTM E140."""
    found = heat_treatment.tempered_HB(57.0, heat_treatment.composition_HB(SAE_4140), celsius + 273.15)
    assert found == pytest.approx(HB, abs=14.0)


def test_quenched_hardness_of_martensite_depends_on_carbon_alone():
    """SAE 4140: 57 HRC at the surface; half martensite 42 HRC (Just)."""
    assert heat_treatment.quenched_HRC(0.40) == pytest.approx(57.9, abs=0.1)
    assert heat_treatment.half_martensite_HRC(0.40) == pytest.approx(41.8, abs=0.1)
    assert all(heat_treatment.half_martensite_HRC(s.carbon) < heat_treatment.quenched_HRC(s.carbon) for s in STEELS.values())


def test_classes_of_the_pyrometry_standard_get_wider():
    assert list(heat_treatment.UNIFORMITY_K.values()) == [3.0, 6.0, 8.0, 10.0, 14.0, 28.0]
    assert P.band_K == heat_treatment.UNIFORMITY_K[5]
    assert P.drift_limit_K == heat_treatment.ACCURACY_K[5]


def test_each_limit_is_where_the_severity_is_one():
    worn = MODEL.severity(X._replace(front_ageing=1.0, back_drift=-1.0), U, P)
    assert (worn.elements, worn.thermocouples) == (1.0, 1.0)
    assert MODEL.out(X._replace(back_drift=1.0), U, P).back_temperature_K - X.back_temperature_K == pytest.approx(2.8)
    fresh, aged = (MODEL.out(X._replace(front_ageing=a), U, P).front_power_W for a in (0.0, 1.0))
    assert fresh / aged == pytest.approx(1.1, rel=1e-12)
    new = MODEL.steady(X, U, P)
    w = 1.0 / MODEL.severity(new._replace(lining_wear=1.0), U, P).lining
    hot = new._replace(front_temperature_K=873.15, back_temperature_K=873.15, lining_wear=w)
    assert MODEL.out(hot, U, P).shell_temperature_K == pytest.approx(338.15, abs=1e-6)


def test_between_two_loads_clocks_and_load_return_to_the_beginning():
    used = X._replace(tempering_h=2.5, soak_h=2.0)
    x = run(used, U._replace(charged=0.0), P, 3600.0)
    assert x.tempering_h + x.soak_h < 1e-3
    assert x.core_temperature_K == pytest.approx(293.15, abs=0.1)


def test_the_record_of_a_load_tells_hardness_with_its_interval_and_flags_a_short_soak():
    x = X._replace(tempering_h=2.0, soak_h=0.5)
    sd = np.array(MODEL.initial_sd, float)
    sd[:4], sd[4], sd[5] = 2.0, 0.1, 0.02
    rows = np.array([U, U._replace(charged=0.0)], float)
    found = {f.name: f for f in figures(PROCESSES["heat_treat_furnace"], np.array(P), np.array(x, float), np.diag(sd**2), rows)}
    steel = STEELS["42CrMo4"]
    assert found["hardness"].value == pytest.approx(heat_treatment.tempered_HB(55.0, heat_treatment.composition_HB(steel), 873.15))
    assert found["hardness"].low < found["hardness"].value < found["hardness"].high
    assert 300.0 < found["hardness"].value < 380.0
    assert {name for name, f in found.items() if f.outside} == {"soak_time"}
    assert found["core_temperature"].high - found["core_temperature"].low == pytest.approx(2 * 1.645 * 2.0, rel=0.06)
