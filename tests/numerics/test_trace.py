"""Recording, rebinding and the cache of generated kernels."""

import logging
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from small_models import LINE, MOTOR

from didymos.core.errors import ModelError
from didymos.numerics import cache, kernels
from didymos.numerics.source import check
from didymos.numerics.trace import FORMS, Recording
from didymos.numerics.ukf import ukf_kernel

MODEL_FILE = (Path(__file__).parent / "small_models.py").read_text()


def load_model(folder, name, text):
    """A model from a file of its own, as an author would have it."""
    import importlib.util

    file = folder / f"{name}.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(old, new):
    assert old in MODEL_FILE
    return MODEL_FILE.replace(old, new)


HEAT = "return p.resistance_ohm * (1 + p.copper_per_K * (temperature_K - 293.15)) * current_A**2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HEAT, "return math.exp(current_A)", r"math\.exp works on single numbers only; write np\.exp"),
        (HEAT, "return 1.0 if current_A > 1 else 2.0", r"write np\.where\(c, a, b\)"),
        (HEAT, "return min(current_A, 2.0)", r"min\(\) is not allowed; use np\.minimum"),
        (HEAT, "return max(current_A, 2.0)", r"max\(\) is not allowed; use np\.maximum"),
        (HEAT, "return np.interp(current_A, [0, 1], [0, 1])", r"np\.interp does not run on every engine; allowed: abs"),
        (HEAT, "return np.where(0 < current_A < 3, 1.0, 2.0)", r"chained comparison"),
        (HEAT, "return np.where(current_A > 0 and current_A < 3, 1.0, 2.0)", r"np\.logical_and"),
        (HEAT, "return (lambda a: a)(current_A)", r"lambda"),
        (HEAT, "return TABLE['a'] * current_A", r"TABLE is a dict"),
        (HEAT, "return exp(current_A)", r"exp is a ufunc"),
        ("def heat_W(", "@np.vectorize\ndef heat_W(", r"heat_W is a vectorize"),
    ],
)
def test_what_an_engine_cannot_run_is_named_with_file_and_line_in_one_line(tmp_path, old, new, message):
    text = "import math\nfrom numpy import exp\nTABLE = {'a': 1.0}\n" + changed(old, new)
    module = load_model(tmp_path, "machine", text)
    with pytest.raises(ModelError, match=message) as caught:
        check(module.MOTOR)
    assert "\n" not in str(caught.value)
    line = int(str(caught.value).split("machine.py:")[1].split(":")[0])
    guilty = "loss = heat_W(" if new.startswith("@") else new  # a decorated function is found where it is called
    assert guilty in text.splitlines()[line - 1]


def test_a_misspelt_state_is_told_with_the_models_file_and_line(tmp_path):
    module = load_model(tmp_path, "machine", changed("20.0 * x.wear", "20.0 * x.ware"))
    with pytest.raises(ModelError, match=r"machine\.py:\d+: small_motor\.rhs: .*'ware'") as caught:
        ukf_kernel(module.MOTOR, "loop")
    assert "\n" not in str(caught.value)


def test_a_partial_instead_of_a_function_is_refused():
    from dataclasses import replace
    from functools import partial

    with pytest.raises(ModelError, match="is not a plain function"):
        check(replace(LINE, rhs=partial(LINE.rhs)))


def test_branching_on_a_recorded_value_raises_the_advice():
    rec = Recording()
    with pytest.raises(ModelError, match=r"cannot branch on a value; write np\.where"):
        bool(rec.symbol("x") > 0)


ONE = ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "tanh", "sinh", "cosh", "sin", "cos", "tan")
CASES = {
    **{name: (0.3,) for name in (*ONE, "arctan", "arcsin", "arccos")},
    **{name: (-2.0,) for name in ("abs", "absolute", "fabs", "square", "negative")},
    "floor": (-1.5,), "isnan": (np.nan,), "where": (True, 1.0, 2.0), "clip": (5.0, 1.0, 3.0), "hypot": (3.0, 4.0),
    "arctan2": (-1.0, -2.0), "minimum": (2.0, 1.0), "maximum": (2.0, 1.0), "logical_and": (True, False),
    "logical_or": (True, False), "logical_not": (True,),
}  # fmt: skip


def test_every_allowed_function_is_in_the_cases_below():
    assert set(CASES) == set(FORMS)


def evaluated(rec, value, **values):
    import math

    def choose(condition, a, b):
        return a if condition else b

    scope = {**values, "choose": choose, "math": math, "np": np, "nan": math.nan, "inf": math.inf}
    exec(rec.body([("result", value)], ""), scope)
    return scope["result"]


@pytest.mark.parametrize("name", CASES)
def test_the_recorded_form_of_a_function_is_numpys(name):
    rec = Recording()
    symbols = rec.symbols("a", len(CASES[name]))
    got = evaluated(rec, getattr(rec.xp, name)(*symbols), **{f"a{i}": v for i, v in enumerate(CASES[name])})
    assert got == pytest.approx(getattr(np, name)(*CASES[name]), rel=1e-15)


@pytest.mark.parametrize("power", [1, 2, 3, 8, -1, -2, 0.5, 0.8, 9, 2.5])
def test_a_recorded_power_is_the_power(power):
    rec = Recording()
    assert evaluated(rec, rec.symbol("x") ** power, x=1.7) == pytest.approx(1.7**power, rel=1e-14)


def test_recorded_operators_are_pythons():
    rec = Recording()
    x, y = rec.symbol("x"), rec.symbol("y")
    for value, expected in [
        (2 - x, 1.5), (2 / x, 4.0), (x - y, -2.5), (-x, -0.5), (abs(-y), 3.0), (2**x, 2**0.5), (x * 0 + y, 3.0), (0 - y, -3.0),
        (x * 1 + 0, 0.5), (x - x, 0.0), (rec.xp.where((x < y) & ~(x > y), y, x), 3.0),
        (rec.xp.where((x == 0.5) | (x != x), 1, 2), 1),
    ]:  # fmt: skip
        assert evaluated(rec, value, x=0.5, y=3.0) == expected


def test_equal_text_is_computed_once_and_unused_lines_are_dropped():
    rec = Recording()
    x, y = rec.symbols("x", 2)
    total = rec.xp.exp(x * y) + rec.xp.exp(y * x)
    rec.xp.exp(x + 100.0)
    text = rec.body([("out", total)], "")
    assert text.count("exp") == 1


def test_a_recorded_loop_repeats_its_body_and_shares_entries_that_stay_equal():
    rec = Recording()
    x, y = rec.symbols("x", 2)

    def body(c):
        return [c[0] * 2.0 + c[2], c[1] * 2.0 + c[2], c[2], c[3] + c[0]]

    after = rec.repeat(5, body, [x, x, y, 0.0])
    assert after[0].name == after[1].name
    value = evaluated(rec, after[0] + after[1] * 1000.0 + after[3], x0=1.0, x1=3.0)
    a, total = 1.0, 0.0
    for _ in range(5):
        a, total = a * 2 + 3, total + a
    assert value == a + 1000 * a + total


SCRIPT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from machine import LINE
import small_models
from didymos.numerics import kernels
from didymos.numerics.ukf import ukf_kernel
result = ukf_kernel(LINE, sys.argv[2])(*small_models.random_fleet(LINE, 4))
kernel = kernels.loop_kernel(LINE) if sys.argv[2] == "loop" else kernels.traced_kernel(LINE, 1)
print(repr(float(result.mean.sum())), sum(kernel.stats.cache_hits.values()), kernel.__code__.co_filename)
"""


def start(folder, engine, **env):
    """A process of its own: (sum of means, cache hits, kernel file, standard error)."""
    search = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), engine],
        env={**os.environ, "PYTHONPATH": search, **env}, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    value, hits, file = done.stdout.split()
    return float(value), int(hits), Path(file), done.stderr


@pytest.mark.parametrize("engine", [pytest.param("loop", marks=pytest.mark.slow), "traced"])
def test_a_second_start_hits_the_cache_and_an_edited_model_gives_its_own_result(tmp_path, engine):
    (tmp_path / "machine.py").write_text(MODEL_FILE)
    store = str(tmp_path / "cache")
    first, hits, file, _ = start(tmp_path, engine, DIDYMOS_CACHE=store)
    assert hits == 0
    assert file.parent == Path(store)
    assert start(tmp_path, engine, DIDYMOS_CACHE=store)[:3] == (first, 1, file)
    (tmp_path / "machine.py").write_text(changed("u.force - p.damping", "2.0 * u.force - p.damping"))
    edited, hits, other, _ = start(tmp_path, engine, DIDYMOS_CACHE=store)
    assert (hits, edited != first, other != file) == (0, True, True)
    (tmp_path / "machine.py").write_text(MODEL_FILE)
    assert start(tmp_path, engine, DIDYMOS_CACHE=store)[:3] == (first, 1, file)


def test_two_models_of_one_name_do_not_share_machine_code(tmp_path, monkeypatch):
    monkeypatch.setenv("DIDYMOS_CACHE", str(tmp_path))
    other = load_model(
        tmp_path,
        "other",
        changed("def line_out(x, u, p):\n    return Seen(x.position", "def line_out(x, u, p):\n    return Seen(3.0 * x.position"),
    )
    texts = {
        kernels.loop_text(LINE),
        kernels.loop_text(other.LINE),
        kernels.traced_text(LINE, 1),
        kernels.traced_text(other.LINE, 1),
    }
    assert len(texts) == len({cache.module_name("line", text) for text in texts}) == 4


def test_where_the_cache_cannot_be_written_a_temporary_one_is_used_and_said_once(tmp_path, monkeypatch, caplog):
    """A file stands where the directory should be: nobody, not even root, can write there."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("DIDYMOS_CACHE", str(blocked / "kernels"))
    with caplog.at_level(logging.WARNING, "didymos.numerics"):
        folder = cache.kernel_directory()
        assert cache.kernel_directory() == folder
    assert folder.is_dir()
    assert len(caplog.records) == 1
    assert str(blocked) in caplog.text
    folder.rmdir()
    cache._temporary.cache_clear()


def test_a_read_only_installation_works_because_nothing_is_written_beside_the_code(tmp_path):
    """The package copied to a read-only folder, with the cache elsewhere."""
    import shutil

    import didymos

    (tmp_path / "machine.py").write_text(MODEL_FILE)
    site = tmp_path / "site"
    shutil.copytree(Path(didymos.__file__).parent, site / "didymos", ignore=shutil.ignore_patterns("__pycache__", "static"))
    folders = [site, *(p for p in site.rglob("*") if p.is_dir())]
    before = sorted(site.rglob("*"))
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        _, _, file, _ = start(tmp_path, "loop", DIDYMOS_CACHE=str(tmp_path / "cache"), PYTHONDONTWRITEBYTECODE="1",
                              PYTHONPATH=os.pathsep.join([str(site), str(Path(__file__).parent)]))  # fmt: skip
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert file.parent == tmp_path / "cache"
    assert sorted(site.rglob("*")) == before


def test_a_damaged_kernel_file_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("DIDYMOS_CACHE", str(tmp_path))
    text = "def fleet():\n    return 42\n"
    file = tmp_path / f"{cache.module_name('damaged', text)}.py"
    file.write_text("def fleet(")
    assert cache.load("damaged", text).fleet() == 42
    assert file.read_text() == text


def test_importing_the_kernels_does_not_import_numba():
    code = textwrap.dedent("""
        import sys
        import didymos.numerics.ukf, didymos.numerics.futures, didymos.numerics.normals, didymos.infer.life, didymos.infer.filters
        assert "numba" not in sys.modules and "jax" not in sys.modules
    """)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_tracing_twice_gives_the_same_text():
    """One trace, one text: the straight-line kernel is the same however often it is made."""
    assert kernels.traced_text(MOTOR, 3) == kernels.traced_text(MOTOR, 3)
