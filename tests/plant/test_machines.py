"""plant.toml and every machine of the ASSETS table: `didymos check` accepts one of each; only those of the plant are compiled."""

import pytest
from typer.testing import CliRunner

from didymos.assets import ASSETS
from didymos.plant.config import load, read
from didymos.plant.warm import models
from didymos.service.cli import app
from tests.plant.small import TOML


def asset_text(name: str) -> str:
    machine = ASSETS[name]
    text = f'[[asset]]\nid = "{name.replace("_", "-")}"\nmodel = "{name}"\nconsequence_cost = 5000\ntag = [\n'
    for c in (*machine.inputs, *machine.sensors):
        text += f'  {{ channel = "{c.name}", source = "s", address = "{name}.{c.name}", unit = "{c.unit}" }},\n'
    components = ", ".join(f'{{ id = "{c.id}", part = "P-{i}", serial = "S-{i}" }}' for i, c in enumerate(machine.components))
    return text + f"]\ncomponent = [ {components} ]\n"


def test_check_accepts_a_plant_with_one_machine_of_each_model(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(TOML + "".join(asset_text(name) for name in ASSETS))
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 0, done.output
    assert [a.model for a in load(path).assets] == list(ASSETS)


@pytest.mark.parametrize("name", ASSETS)
def test_a_missing_input_of_any_machine_is_named(tmp_path, name):
    first = ASSETS[name].inputs[0].name
    line = next(row for row in asset_text(name).splitlines(keepends=True) if f'channel = "{first}"' in row)
    path = tmp_path / "plant.toml"
    path.write_text(TOML + asset_text(name).replace(line, ""))
    plant, mistakes = read(path)
    assert plant is None
    assert any(f"input {first!r}" in str(mistake) for mistake in mistakes)


@pytest.mark.parametrize(("unit", "wrong"), [("t/h", False), ("m3/h", True), ("kg", True)])
def test_a_mass_flow_may_be_given_per_hour_and_not_as_a_volume(tmp_path, unit, wrong):
    path = tmp_path / "plant.toml"
    path.write_text(TOML + asset_text("heat_exchanger").replace('"kg/s"', f'"{unit}"'))
    _, mistakes = read(path)
    assert bool(mistakes) == wrong
    assert all("kg/s, t/h" in str(mistake) for mistake in mistakes)


def test_only_models_of_the_plant_are_compiled(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(TOML + asset_text("fan"))
    assert [model.name for model in models(load(path))] == ["fan"]
