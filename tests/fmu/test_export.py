"""Our machines as FMUs: equal to NumPy, accepted by FMPy's checks, the same bytes each time, no Python inside."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.assets.fmu import c_machine
from didymos.assets.fmu.bind import of_file, open_fmu
from didymos.assets.fmu.c_machine import OUTPUTS, Affine, of_affine, of_model
from didymos.assets.fmu.export import describe, export
from didymos.core.channel import Channel
from didymos.core.errors import ConfigError, ModelError, SolveError
from didymos.core.model import Model
from didymos.formats.fmu import read_fmu
from tests.fmu import built

PUMP = ASSETS["centrifugal_pump"]


def stepped(model: Model, u: np.ndarray, dt_s: float) -> np.ndarray:
    """The model's own functions in NumPy, classical Runge-Kutta, within its bounds: what the C must reproduce."""
    p, low, high = model.Params(), np.array(model.low, float), np.array(model.high, float)
    parts = max(1, int(np.ceil(dt_s / model.max_step_s - 1e-9)))
    h, x, found = dt_s / parts, np.array(model.initial, float), []
    for row in u:
        inputs = model.Input(*row)

        def slope(x, inputs=inputs):
            return np.array(model.rhs(model.State(*np.clip(x, low, high)), inputs, p), float)

        for _ in range(parts):
            k1 = slope(x)
            k2 = slope(x + 0.5 * h * k1)
            k3 = slope(x + 0.5 * h * k2)
            k4 = slope(x + h * k3)
            x = np.clip(x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), low, high)
        state = model.State(*x)
        found.append([float(v) for name in OUTPUTS for v in getattr(model, name)(state, inputs, p)])
    return np.array(found)


def load(model: Model, steps: int) -> np.ndarray:
    nominal = np.array(model.nominal, float)
    return nominal * (1.0 + 0.1 * np.random.default_rng(1).uniform(-1.0, 1.0, (steps, len(nominal))))


def agrees(model: Model, version: str, steps: int) -> None:
    built.compiler()
    file = read_fmu(export(of_model(model), version), f"{model.name}.fmu")
    u, dt_s = load(model, steps), 2.5 * model.max_step_s
    with of_file(file, stop_s=1e12) as fmu:
        y = fmu.steps(u, dt_s)
    expected = stepped(model, u, dt_s)
    scale = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max(axis=0))
    assert np.max(np.abs(y - expected) / np.maximum(scale, 1e-300)) < 1e-9


def test_an_exported_pump_equals_numpy():
    agrees(PUMP, "2.0", 200)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_machine_exported_equals_numpy_over_a_long_run(name, version):
    agrees(ASSETS[name], version, 3000)


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_machine_can_be_written_as_c(name):
    assert read_fmu(export(of_model(ASSETS[name]), "2.0", library=False), "a.fmu").description.has_sources


def test_the_same_machine_is_the_same_bytes():
    assert export(of_model(PUMP), "3.0", library=False) == export(of_model(PUMP), "3.0", library=False)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_what_is_written_reads_back_as_the_same_description(version):
    machine = of_model(PUMP)
    read = read_fmu(export(machine, version, library=False), "pump.fmu").description
    meant = describe(machine, version)
    kind = "Real" if version == "2.0" else "Float64"
    variables = tuple(replace(v, type=kind) for v in meant.variables)
    assert repr(read) == repr(replace(meant, sha256=read.sha256, variables=variables))  # NaN counts as equal to itself


def test_fmpys_own_checks_find_nothing(tmp_path):
    paths = []
    for name, versions in {"centrifugal_pump": ("2.0", "3.0"), "induction_motor": ("3.0",)}.items():
        for version in versions:
            paths.append(tmp_path / f"{name}{version[0]}.fmu")
            paths[-1].write_bytes(export(of_model(ASSETS[name]), version, library=False))
    check = "import sys; from fmpy.validation import validate_fmu; print([validate_fmu(p) for p in sys.argv[1:]])"
    said = subprocess.run([sys.executable, "-c", check, *map(str, paths)], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str([[]] * 3)


def test_start_values_are_taken_from_what_is_given():
    d = read_fmu(export(of_model(PUMP, {"ring_life_s": 1e7}, {"ring_wear": 0.5}), "3.0", library=False), "pump.fmu").description
    assert d.variable("parameter.ring_life_s").start == 1e7
    assert d.variable("state.ring_wear").start == 0.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (({"ring_live_s": 1.0}, {}), "parameter 'ring_live_s' is not known. Allowed: .*ring_life_s"),
        (({}, {"wear": 1.0}), "state 'wear' is not known"),
        (({"ring_life_s": float("inf")}, {}), "a finite number is needed"),
    ],
)
def test_start_values_that_cannot_be_are_named(words, said):
    with pytest.raises(ModelError, match=said):
        of_model(PUMP, *words)


def test_an_unknown_version_is_named():
    with pytest.raises(ConfigError, match=r"'1.0'. Allowed: 2\.0, 3\.0"):
        export(of_model(PUMP), "1.0")


def test_a_missing_compiler_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ConfigError, match=r"no C compiler .*apt-get install gcc.*--sources-only"):
        export(of_model(PUMP), "2.0")
    assert export(of_model(PUMP), "2.0", library=False)


def test_the_file_holds_no_python(tmp_path):
    path = tmp_path / "pump.fmu"
    path.write_bytes(export(of_model(PUMP), "3.0", library=False))
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".py", ".pyc"))]


# ---- a reduced field


def field(r: int = 6) -> Affine:
    """A rod of r nodes: heat into its left end, a film on its right end."""
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.normal(size=(r, r)))[0]
    conduction = 8.0 * (2.0 * np.eye(r) - np.eye(r, k=1) - np.eye(r, k=-1))
    conduction[0, 0] = conduction[-1, -1] = 8.0
    film = np.zeros((r, r))
    film[-1, -1] = 0.02
    ends = np.eye(r)[:, [0, -1]]
    return Affine(
        name="rod",
        mass=basis.T @ (50.0 * np.eye(r)) @ basis,
        stiffness=basis.T @ conduction @ basis,
        films=(basis.T @ film @ basis)[None],
        loads=basis.T @ ends[:, :1],
        behind=0.02 * basis.T @ ends[:, 1:],
        out=ends.T @ basis,
        offset=np.full(2, 293.15),
        start=np.zeros(r),
        inputs=tuple(
            Channel(name, name, unit) for name, unit in {"heat": "W", "film": "W/(m2 K)", "air": "K", "pull": "N"}.items()
        ),
        outputs=tuple(Channel(name, name, unit) for name, unit in {"left": "K", "right": "K", "a": "Pa", "b": "Pa"}.items()),
        nominal=(10.0, 20.0, 300.0, 0.0),
        step_s=5.0,
        reference=293.15,
        hot=1e6 * rng.normal(size=(2, 6, r + 1)),
    )


def backward_euler(s: Affine, u: np.ndarray, dt_s: float) -> np.ndarray:
    parts = int(np.ceil(dt_s / s.step_s - 1e-9))
    h, a, found = dt_s / parts, s.start, []
    assert s.hot is not None
    for q, film, behind, pull in u:
        for _ in range(parts):
            heat = s.loads[:, 0] * q + s.behind[:, 0] * film * (behind - s.reference)
            a = np.linalg.solve(s.mass / h + s.stiffness + film * s.films[0], s.mass @ a / h + heat)
        xx, yy, zz, yz, xz, xy = np.moveaxis(s.hot @ np.append(a, pull), -1, 0)
        shear = 3.0 * (yz**2 + xz**2 + xy**2)
        found.append(np.append(s.out @ a + s.offset, np.sqrt(0.5 * ((xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2) + shear)))
    return np.array(found)


@pytest.mark.parametrize("version", [pytest.param("2.0", marks=pytest.mark.slow), "3.0"])
def test_an_exported_field_equals_backward_euler_in_numpy(version):
    built.compiler()
    rng = np.random.default_rng(2)
    u = np.column_stack(
        [rng.uniform(0.0, 100.0, 400), rng.uniform(5.0, 80.0, 400), rng.uniform(280.0, 310.0, 400), rng.normal(size=400)]
    )
    with of_file(read_fmu(export(of_affine(field()), version), "rod.fmu"), stop_s=1e9) as fmu:
        y = fmu.steps(u, 12.0)
    assert y == pytest.approx(backward_euler(field(), u, 12.0), rel=1e-12)


def test_arrays_of_a_field_that_do_not_fit_are_named():
    with pytest.raises(ModelError, match=r"rod: loads has shape \(6, 2\); \(6, 1\)|rod: nominal has shape"):
        of_affine(replace(field(), loads=np.zeros((6, 2))))
    with pytest.raises(ModelError, match="mass holds a value that is no finite number"):
        of_affine(replace(field(), mass=np.full((6, 6), np.nan)))
    with pytest.raises(ModelError, match=r"hot has shape \(2, 5, 7\)"):
        of_affine(replace(field(), hot=np.zeros((2, 5, 7))))
    with pytest.raises(ModelError, match="step above 0"):
        of_affine(replace(field(), step_s=0.0))


@pytest.mark.slow
def test_a_negative_film_that_has_no_solution_is_refused_by_the_fmu():
    built.compiler()
    with (
        of_file(read_fmu(export(of_affine(field()), "2.0"), "rod.fmu"), stop_s=1e9) as fmu,
        pytest.raises(SolveError, match="the step has no finite result"),
    ):
        fmu.steps(np.array([[1.0, -1e9, 300.0, 0.0]]), 5.0)


@pytest.mark.slow
def test_the_state_of_an_exported_machine_goes_on_in_another_process(tmp_path):
    built.compiler()
    path = tmp_path / "pump.fmu"
    path.write_bytes(export(of_model(PUMP), "2.0"))
    u = load(PUMP, 40)
    with open_fmu(path, stop_s=1e9) as fmu:
        fmu.steps(u[:20], 600.0)
        kept, rest = fmu.get(), fmu.steps(u[20:], 600.0)
    with open_fmu(path, stop_s=1e9) as fmu:
        fmu.set(kept)
        assert np.array_equal(fmu.steps(u[20:], 600.0), rest)


def test_names_become_identifiers_of_c():
    assert c_machine._identifier("3 way-valve") == "m_3_way_valve"
