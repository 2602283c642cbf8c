"""The demo's Fields against the virtual line's own full model: thermocouples shrink the bands, which still hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from didymos.assets.housing_field import build
from didymos.bench import housing
from didymos.core.errors import ConfigError


@pytest.mark.parametrize("part", ["measured", "-1", "1.5"])
def test_a_part_that_is_no_seed_is_told(part):
    with pytest.raises(ConfigError, match="Allowed: a seed"):
        housing.run(part=part)


@pytest.mark.slow
def test_four_thermocouples_shrink_the_bands_and_these_still_hold_the_truth(tmp_path):
    from didymos.plant.virtual import housings
    from didymos.plant.virtual.template import THERMOCOUPLES

    made = build(housing.JOB)
    plant = housing.plant_of(tmp_path, made)
    place = {s.name: s.point for s in made.sensors}
    for name, channel in THERMOCOUPLES.items():  # on the drawing they are where the twin is told that they are
        r, degrees, z = housings.THERMOCOUPLES[channel]
        told = r * np.cos(np.deg2rad(degrees)), r * np.sin(np.deg2rad(degrees)), z
        assert np.linalg.norm(np.subtract(place[name], told)) < 1e-6
    alone = housing.pooled([housing.judge(housing.blind(plant), made, 4, 0.75)])
    measured = housing.pooled([housing.judge(plant, made, 4, 0.75)])
    print(alone, measured)
    assert measured["band90_k"] < alone["band90_k"] / 3.0
    assert measured["rmse_k"] < alone["rmse_k"] / 2.0
    assert measured["coverage90"] > 0.85
