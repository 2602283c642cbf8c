"""Fatigue constants against what their sources print beside them, and against one another."""

import numpy as np
import pytest

from didymos.assets import materials
from didymos.assets.materials import METALS, WELDS
from didymos.core.errors import ModelError
from didymos.numerics.fatigue import stress_life


def test_an_unknown_material_is_refused_with_the_names_there_are():
    with pytest.raises(ModelError, match=r"material 'unobtainium' is not known\. Allowed: sae_1015, .*Welded steel is in WELDS"):
        materials.metal("unobtainium")
    with pytest.raises(ModelError, match=r"weld detail 'x' is not known\. Allowed: dnv_b1"):
        materials.weld("x")
    with pytest.raises(ModelError, match="'tin' is not known"):
        materials.smooth_specimen("tin")
    with pytest.raises(ModelError, match=r"'al_2024_t4' has no strain-life constants here, .* With both: sae_1015"):
        materials.strain_curve("al_2024_t4")


@pytest.mark.parametrize(
    ("name", "A_MPa"),
    [
        ("sae_1015", 927),
        ("man_ten", 1006),
        ("rqc_100", 897),
        ("sae_4142_450hb", 1837),
        ("aisi_4340", 1643),
        ("al_2024_t4", 839),
        ("ti_6al_4v", 1889),
    ],
)
def test_the_stress_life_line_has_the_constant_A_of_dowlings_table_9_1(name, A_MPa):
    """s_a = s_f' (2N)^b = A N^b: A is the amplitude at one cycle."""
    curve = materials.smooth_specimen(name, below=1e6)
    assert stress_life.cycles_to_failure(curve, A_MPa * 1e6) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("name", METALS)
def test_every_metals_strengths_rise_and_its_stress_life_line_bends_where_asked(name):
    m = METALS[name]
    assert m.yield_Pa < m.ultimate_Pa < m.true_fracture_Pa
    assert m.source
    curve = materials.smooth_specimen(name, 1e7)
    assert curve.knee_amplitude_Pa == pytest.approx(m.strength_coefficient_Pa * 2e7**m.strength_exponent)


@pytest.mark.parametrize("name", [n for n, m in METALS.items() if m.strain_life])
def test_every_metals_two_curves_agree(name):
    """Elastic and plastic strain are the same in both: n' = b / c and K' = s_f' / e_f'^n', but for their being fitted apart."""
    c = materials.strain_curve(name)
    assert c.cyclic_hardening == pytest.approx(c.strength_exponent / c.ductility_exponent, abs=0.02)
    assert c.cyclic_strength_Pa == pytest.approx(c.strength_coefficient_Pa / c.ductility_coefficient**c.cyclic_hardening, rel=0.08)


@pytest.mark.parametrize(
    ("name", "limit_MPa", "log10_a2"),
    [("dnv_b1", 106.97, 17.146), ("dnv_c", 73.10, 16.320), ("dnv_d", 52.63, 15.606), ("dnv_f", 41.52, 15.091)],
)
def test_dnv_curves_have_the_fatigue_limit_at_1e7_cycles_and_the_second_line_that_the_code_prints(name, limit_MPa, log10_a2):
    curve = WELDS[name]
    assert 2e-6 * curve.knee_amplitude_Pa == pytest.approx(limit_MPa, rel=3e-4)
    N = stress_life.cycles_to_failure(curve, 0.5e6 * 20.0)
    assert np.log10(N) == pytest.approx(log10_a2 - 5 * np.log10(20.0), abs=1e-3)


@pytest.mark.parametrize("detail", materials.EN_CLASSES)
def test_eurocode_classes_are_named_by_their_strength_at_2e6_and_bend_at_0737_of_it(detail):
    curve = WELDS[f"en_{detail}"]
    assert stress_life.cycles_to_failure(curve, 0.5e6 * detail) == pytest.approx(2e6)
    assert 2e-6 * curve.knee_amplitude_Pa / detail == pytest.approx(0.737, abs=5e-4)
    assert stress_life.cycles_to_failure(curve, curve.knee_amplitude_Pa * 0.549) == pytest.approx(1e8, rel=5e-3)
