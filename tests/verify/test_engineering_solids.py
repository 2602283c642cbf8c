"""Solids of the table: bounds that any real solid keeps, and the codes' formulae at one temperature."""

import numpy as np
import pytest

from didymos.assets.engineering_solids import SOLIDS, solid
from didymos.core.errors import ModelError
from didymos.numerics.fe.material import Conductor, Isotropic


@pytest.mark.parametrize("name", SOLIDS)
def test_every_solid_is_one_that_can_exist_and_names_its_source(name):
    s = solid(name)
    assert s.source
    Isotropic(s.young_Pa, s.poisson, s.density_kg_m3, s.expansion_per_K)
    pairs = [(293.15, s.conductivity_W_mK)] if isinstance(s.conductivity_W_mK, float) else s.conductivity_W_mK
    Conductor(pairs[0][1], s.density_kg_m3, s.heat_J_kgK)
    assert [t for t, _ in pairs] == sorted(t for t, _ in pairs)
    sound = np.sqrt(s.young_Pa / s.density_kg_m3)
    assert 3000.0 < sound < 5300.0  # of a bar of metal, m/s
    assert 2.2e6 < s.density_kg_m3 * s.heat_J_kgK < 4.0e6  # J/(m³ K) of solids near room temperature


def test_conductivity_of_structural_steel_is_the_code_s_at_its_ends():
    # EN 1993-1-2: 54 - 0.0333 t; 27.3 W/(m K) from 800 C on
    (cold, first), (hot, last) = solid("structural_steel").conductivity_W_mK
    assert (cold, hot) == (293.15, 1073.15)
    assert first == pytest.approx(53.334)
    assert last == pytest.approx(27.36)


def test_an_unknown_solid_lists_those_there_are():
    with pytest.raises(ModelError, match="Allowed: structural_steel, stainless_1_4301"):
        solid("unobtainium")
