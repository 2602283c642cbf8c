"""Parameters that history taught: the file refuses what was changed, and the worker starts from it instead of commissioning."""

import json

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.errors import ConfigError
from didymos.infer.fit import Convergence, Fit, published
from didymos.infer.identify import Identifiability
from didymos.plant.config import load
from didymos.plant.config import read as read_plant
from didymos.plant.fitted import Origin, document, read, write
from didymos.plant.loop import Loop
from tests.plant.fit_rig import ASSET, MOTOR, NAMES, params, plant_file


def made(p, asset="mo-01"):
    """A fit's document with parameters p, as if found."""
    n, m, ones = len(p), MOTOR.n_sensors, np.ones(MOTOR.n_sensors)
    told = Identifiability((), np.zeros(0), (), (), np.zeros((0, 0)))
    found = Fit(
        p, 0.9 * p, 1.1 * p, ("data",) * n, np.ones(n), told, 0.7 * ones, 0.6 * ones, 0.9 * ones, 0.2 * ones, np.full(m, np.nan),
        ones, ones, 1.0, np.array([7.0, 152.0, 291.0]), np.array([13.0, 152.0, 299.0]),
        Convergence(True, 0.001, 3, 3, 100, "done"), published(np.array(MOTOR.Params(), float)), np.zeros(n), np.eye(n),
    )  # fmt: skip
    return document(MOTOR, found, Origin(asset, "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z", "0" * 64, 2016, 300.0))


@pytest.fixture
def file(tmp_path):
    write(tmp_path / "fit" / "mo-01.json", made(params(frame_to_ambient_K_per_W=1.2)))
    return tmp_path / "fit" / "mo-01.json"


def test_what_is_written_is_read_again(file):
    found = read(file, MOTOR)
    np.testing.assert_array_equal(found.params, params(frame_to_ambient_K_per_W=1.2))
    assert found.noise.tolist() == [0.7] * 3
    assert (found.low[0], found.high[2]) == (7.0, 299.0)


def test_a_number_changed_by_hand_is_refused(file):
    body = json.loads(file.read_text())
    body["params"]["iron_loss_W"]["value"] *= 1.01
    file.write_text(json.dumps(body))
    with pytest.raises(ConfigError, match="changed after the fit"):
        read(file, MOTOR)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json", '{"format": "didymos-fitted-1"}'])
def test_anything_else_is_refused_with_what_is_allowed(file, text):
    file.write_text(text)
    with pytest.raises(ConfigError, match="Allowed: a file written by `didymos fit`"):
        read(file, MOTOR)


def test_a_file_of_another_model_is_refused(file):
    with pytest.raises(ConfigError, match="it is for model induction_motor version 1; this is fan"):
        read(file, ASSETS["fan"])


def test_the_check_names_a_fitted_file_that_is_not_there_with_its_line(tmp_path):
    plant, mistakes = read_plant(plant_file(tmp_path, {"mo-02": 'fitted = "fit/none.json"'}))
    assert plant is None
    (mistake,) = mistakes
    assert "none.json" in mistake.given
    assert mistake.line > 1


def test_a_generic_machine_has_nothing_that_could_be_fitted(tmp_path, file):
    path = plant_file(tmp_path, ids=())
    channel = '[[asset.channel]]\nname = "x"\nunit = "1"\n'
    path.write_text(path.read_text() + f'[[asset]]\nid = "g"\nmodel = "generic"\nfitted = "fit/mo-01.json"\n{channel}')
    _, mistakes = read_plant(path)
    assert [m.where for m in mistakes] == ["asset.0.fitted"]


def test_a_fitted_machine_starts_with_its_own_parameters_and_is_not_commissioned_again(tmp_path, file):
    loop = Loop(load(plant_file(tmp_path, {"mo-01": 'fitted = "fit/mo-01.json"'})))
    fleet = loop.fleets["induction_motor"]
    np.testing.assert_array_equal(fleet.state.params[0], params(frame_to_ambient_K_per_W=1.2))
    assert fleet.state.commissioned.tolist() == [True, False, False]
    assert [fleet.learns(i) for i in range(3)] == [False, True, True]
    assert fleet.state.noise[0].tolist() == [0.7] * 3
    assert (fleet.state.seen_low[0, 0], fleet.state.seen_high[0, 0]) == (7.0, 13.0)


def test_a_checkpoint_of_before_takes_the_fitted_parameters_and_begins_its_belief_anew(tmp_path, file):
    before = Loop(load(plant_file(tmp_path)))
    state = before.state()
    after = Loop(load(plant_file(tmp_path, {"mo-01": 'fitted = "fit/mo-01.json"'})))
    after.restore(state)
    fleet = after.fleets["induction_motor"]
    assert (
        fleet.state.params[0, NAMES.index("frame_to_ambient_K_per_W")]
        > fleet.state.params[1, NAMES.index("frame_to_ambient_K_per_W")]
    )
    assert fleet.state.commissioned[0]
    again = after.state()
    after.restore(again)  # nothing changes a second time
    assert after.state() == again


def test_the_tag_list_of_the_rig_is_whole():
    assert ASSET.count("channel =") == 5
