"""The file of a part: every mistake in one pass, on its line, with what is allowed and what to do."""

import pytest

from didymos.core.errors import ConfigError
from didymos.plant.part import file
from tests.plant.part_rig import BEAM, PLATE


def read(tmp_path, text):
    path = tmp_path / "part.toml"
    path.write_text(text)
    return file.read(path)


def test_a_sound_file_has_no_mistake_and_keeps_its_numbers(tmp_path):
    part, mistakes = read(tmp_path, BEAM)
    assert mistakes == ()
    assert part.material["young_Pa"] == 210e9
    assert part.rows["load"][0]["force_N"] == (0.0, 0.0, -100.0)
    assert part.axes == ("x", "y", "z")


def test_a_material_of_the_table_gives_what_the_file_leaves_out(tmp_path):
    part, mistakes = read(
        tmp_path, BEAM.replace("young_Pa = 210e9\npoisson = 0.0\n", 'name = "structural_steel"\nyoung_Pa = 205e9\n')
    )
    assert mistakes == ()
    assert (part.material["young_Pa"], part.material["poisson"], part.material["density_kg_m3"]) == (205e9, 0.3, 7850.0)


WRONG = [
    (BEAM, 'analysis = "static"', 'analysis = "statik"', "analysis: 'statik'. Allowed: one of static, heat"),
    (BEAM, 'analysis = "static"', "", "analysis: missing"),
    (BEAM, "poisson = 0.0", "poisson = 0.5", "material.poisson: 0.5. Allowed: a finite number, -1 < it < 0.5"),
    (BEAM, "young_Pa = 210e9", "young_Pa = -1.0", "material.young_Pa: -1.0. Allowed: a finite number, 0 < it"),
    (BEAM, "young_Pa = 210e9", "", "material.young_Pa: missing. Allowed: what static needs: young_Pa, poisson"),
    (PLATE, "= 20.0", "= -20.0", "material.conductivity_W_mK: -20.0. Allowed: a finite number, 0 < it"),
    (PLATE, "= 20.0", "= [[400, 20.0], [300, 10.0]]", "rising temperature"),
    (PLATE, "= 20.0", "= [[400, 20.0], [500, 0.0]]", "a finite number, 0 < it"),
    (BEAM, "-100.0]", "nan]", "load.0.force_N: [0.0, 0.0, nan]. Allowed: a finite number"),
    (BEAM, "-100.0]", "]", "load.0.force_N: 2 numbers. Allowed: 3 numbers"),
    (BEAM, "force_N = [0.0, 0.0, -100.0]", "", "load.0: nothing. Allowed: one of pressure_Pa"),
    (BEAM, "force_N =", "pressure_Pa = 3\nforce_N =", "load.0: pressure_Pa, force_N"),
    (BEAM, 'surface = "tip"', "", "load.0: force_N with surface None"),
    (BEAM, 'surface = "tip"', 'surface = "tipp"', "load.0.surface: 'tipp'. Allowed: wall, tip. Did you mean 'tip'?"),
    (BEAM, "[material]", "[materials]", "materials: nobody reads this key"),
    (BEAM, 'name = "tip"', 'name = "wall"', "surface.1.name: 'wall' again"),
    (BEAM, 'plane = { axis = "x", at = 0.4 }', "", "surface.1: no place"),
    (BEAM, 'axis = "x", at = 0.4', 'axis = "q"', "surface.1.plane: {'axis': 'q'}. Allowed: `axis` one of x, y, z, r"),
    (BEAM, 'fix = ["x", "y", "z"]', "", "support.0: neither. Allowed: fix or move_m"),
    (BEAM, "elements = [8, 1, 1]", "elements = [8, 1]", "mesh.box_m: box_m [0.4, 0.02, 0.02], elements [8, 1]"),
    (BEAM, "box_m =", 'step = "a.step"\nbox_m =', "mesh: step, box_m at once"),
    (BEAM, "[mesh]\nbox_m = [0.4, 0.02, 0.02]\nelements = [8, 1, 1]", "", "mesh: missing. Allowed: one of step, file, box_m"),
    (BEAM, "[mesh]", "[[mesh]]", "mesh: an array. Allowed: one table [mesh]"),
    (BEAM, "[[load]]", "[load]", "load: one table. Allowed: tables [[load]]"),
    (BEAM, '"static"', '"harmonic"', "harmonic: missing. Allowed: a table [harmonic]"),
    (BEAM, '"static"', '"transient"', "heat: no step_s or steps"),
    (BEAM, '[[support]]\nsurface = "wall"\nfix = ["x", "y", "z"]', "", "support: missing"),
    (PLATE, 'surface = "hot"\nkelvin = 500', 'surface = "hot"', "temperature.0.kelvin: missing"),
    (PLATE, "kelvin = 500", "kelvin = -5", "temperature.0.kelvin: -5. Allowed: a finite number, 0 to inf"),
    (PLATE, "film_W_m2K = 40", "emissivity = 1.4", "exchange.0.emissivity: 1.4. Allowed: a finite number, 0 to 1"),
]


@pytest.mark.parametrize(("text", "old", "new", "said"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(tmp_path, text, old, new, said):
    assert old in text
    changed = text.replace(old, new, 1)
    part, mistakes = read(tmp_path, changed)
    assert part is None
    assert any(said in str(mistake) for mistake in mistakes), [str(mistake) for mistake in mistakes]


def test_ten_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path):
    text = BEAM
    for old, new in (
        ('"static"', '"statics"'),
        ("[8, 1, 1]", "[8, 0, 1]"),
        ('name = "tip"', "nam = 3"),
        ("poisson = 0.0", "poisson = 0.7"),
        ("7850", "-7850"),
        ('fix = ["x", "y", "z"]', 'fix = ["w"]'),
        ("-100.0]", "inf]"),
        ("at = [0.4, 0.0, 0.0]", "at = 0.4"),
    ):
        text = text.replace(old, new, 1)
    _, mistakes = read(tmp_path, text)
    assert len(mistakes) >= 8
    assert [m.line for m in mistakes] == sorted(m.line for m in mistakes)
    with pytest.raises(ConfigError) as error:
        file.load(tmp_path / "part.toml")
    assert len(str(error.value).splitlines()) == len(mistakes)


def test_a_refused_value_is_told_once_and_not_as_missing_too(tmp_path):
    _, mistakes = read(tmp_path, BEAM.replace("poisson = 0.0", "poisson = 0.5"))
    assert len(mistakes) == 1
    _, mistakes = read(tmp_path, BEAM.replace("-100.0]", "nan]"))
    assert len(mistakes) == 1


def test_a_file_that_is_no_toml_or_not_there_is_named(tmp_path):
    _, mistakes = read(tmp_path, "analysis = ")
    assert "TOML" in str(mistakes[0])
    with pytest.raises(ConfigError, match="cannot be read"):
        file.read(tmp_path / "none.toml")
