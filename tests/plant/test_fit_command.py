"""`didymos fit` from a logger's CSV to the file the worker reads and the page a person reads; bad orders first."""

import json
import re

import pytest
from typer.testing import CliRunner

from didymos.assets import ASSETS
from didymos.core.errors import ConfigError, DataError
from didymos.plant.config import load
from didymos.plant.fitted import read
from didymos.service.cli import app
from tests.plant.fit_rig import END, NAMES, START, csv_file, params, plant_file

TRUE = {"frame_to_ambient_K_per_W": 1.2, "vibration_healthy_m_per_s": 0.85}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    plant_file(folder)
    csv_file(folder / "log.csv", {id: params(**TRUE) for id in ("mo-01", "mo-02")})
    return folder


@pytest.fixture(scope="module")
def answer(folder):
    done = call(folder, "mo-01", "--json", "--starts", "1")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


def call(folder, asset, *more, start=START, end=END, data="log.csv"):
    given = ["fit", str(folder / "plant.toml"), asset, "--from", start, "--to", end, "--data", str(folder / data), *more]
    return CliRunner().invoke(app, given)


@pytest.mark.parametrize(
    ("asset", "more", "error", "says"),
    [
        ("mo-09", {}, ConfigError, "asset 'mo-09' is not in plant"),
        ("mo-01", {"end": START}, ConfigError, "are 0 steps of 600 s"),
        ("mo-01", {"start": "2020-01-01T00:00:00Z"}, ConfigError, "1 to 20000 are allowed"),
        ("mo-01", {"data": "nothing.csv"}, ConfigError, "there is no such file"),
        ("mo-03", {}, ConfigError, "no column belongs to mo-03"),
        ("mo-01", {"start": "2026-02-05T00:00:00Z", "end": "2026-02-06T00:00:00Z"}, DataError, "no usable sample of any sensor"),
        ("mo-01", {"end": "2026-01-05T05:00:00Z"}, DataError, "at least 50 steps"),
    ],
)
def test_an_order_that_cannot_be_done_says_what_is_wrong(folder, asset, more, error, says):
    done = call(folder, asset, **more)
    assert isinstance(done.exception, error)
    assert says in str(done.exception)


def test_sisters_need_to_be_fitted_first(folder):
    done = call(folder, "mo-01", "--sisters")
    assert isinstance(done.exception, ConfigError)
    assert "needs at least 2 other machines" in str(done.exception)


def test_a_column_of_nonsense_is_left_out_and_a_machine_without_any_reading_refused(folder):
    text = (folder / "log.csv").read_text()
    (folder / "bad.csv").write_text(re.sub(r"(Z,[^,]*,[^,]*),[^,]*,[^,]*,[^,]*,", r"\1,nan,-9999,1e9,", text))
    done = call(folder, "mo-01", data="bad.csv")
    assert isinstance(done.exception, DataError)
    assert "no usable sample" in str(done.exception)


def test_the_answer_names_what_is_told_and_what_stays(answer):
    assert answer["params"]["vibration_healthy_m_per_s"]["kind"] == "data"
    assert answer["params"]["winding_limit_K"]["kind"] == "known"
    assert answer["params"]["insulation_life_s"]["kind"] == "prior"
    assert answer["not_told"]
    assert answer["convergence"]["reached"]
    assert answer["residual"]["used"] == []  # the data came from the same equations: there is nothing to learn
    assert len(answer["residual"]["said"]) == 3
    assert answer["sensors"]["winding_temperature"]["explained"] > answer["sensors"]["winding_temperature"]["explained_before"]


def test_the_file_is_what_the_worker_reads(folder, answer):
    plant_file(folder, {"mo-01": 'fitted = "fit/mo-01.json"'})
    fitted = load(folder / "plant.toml").asset("mo-01").fitted
    found = read(fitted, ASSETS["induction_motor"])
    assert found.name == answer["sha256"]
    assert found.params[NAMES.index("frame_to_ambient_K_per_W")] > 1.05 * params()[NAMES.index("frame_to_ambient_K_per_W")]
    plant_file(folder)


def test_the_report_is_one_page_that_fetches_nothing(folder, answer):
    page = (folder / "fit" / "mo-01.html").read_text()
    assert page.count("<svg") == 6  # data against model, and correlogram, of three sensors
    assert not re.search(r"(src|href)=", page)
    assert "http" not in page
    assert answer["sha256"] in page
    assert "NaN" not in page
    assert all(name in page for name in ("told by the data", "What these data cannot tell", "Winding", "not used: "))


@pytest.mark.slow
def test_the_posterior_is_drawn_and_said_where_asked(folder):
    done = call(folder, "mo-02", "--json", "--starts", "1", "--posterior")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout.splitlines()[-1])
    low, median, high = answer["posterior"]["params"]["vibration_healthy_m_per_s"]
    row = answer["params"]["vibration_healthy_m_per_s"]
    assert median == pytest.approx(row["value"], rel=0.01)
    assert (high - low) == pytest.approx(row["high"] - row["low"], rel=0.3)
    assert answer["posterior"]["r_hat"] < 1.1
    assert "Posterior by sampling" in (folder / "fit" / "mo-02.html").read_text()
