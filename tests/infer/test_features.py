"""Vibration features against closed forms, and bearing lines in the CWRU records."""

from __future__ import annotations

import csv
import os
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.infer.features import LINES, match_frequency, vibration_features
from didymos.numerics.spectra import BearingOrders

ORDERS = BearingOrders(bpfo=3.5848, bpfi=5.4152, bsf=2.357, ftf=0.3983)  # SKF 6205, order of the drive-end bearing of CWRU
DATA = Path(os.environ.get("DIDYMOS_DATA", Path(__file__).parents[2] / "../shared/data")) / "cwru_bearing"
RATE = 20_000.0


def test_a_record_with_missing_samples_is_refused() -> None:
    with pytest.raises(DataError, match="1 of 1000 samples are not numbers"):
        vibration_features(np.r_[np.zeros(999), np.inf], RATE, 100.0, ORDERS)


def test_a_sine_has_the_levels_of_a_sine() -> None:
    t = np.arange(20_000) / RATE
    got = vibration_features(5.0 * np.sin(2 * pi * 100.0 * t) + 1.0, RATE, 100.0, None)
    assert got["acceleration_rms"] == pytest.approx(5.0 / sqrt(2), rel=1e-6)
    assert got["peak"] == pytest.approx(5.0, rel=1e-6)
    assert got["crest"] == pytest.approx(sqrt(2), rel=1e-6)
    assert got["kurtosis"] == pytest.approx(1.5, rel=1e-6)
    assert got["velocity_rms"] == pytest.approx(5.0 / sqrt(2) / (2 * pi * 100.0), rel=2e-3)


def test_noise_has_kurtosis_three() -> None:
    got = vibration_features(np.random.default_rng(2).normal(size=100_000), RATE, 100.0, None)
    assert got["kurtosis"] == pytest.approx(3.0, abs=4 * sqrt(24 / 100_000))  # 4 standard errors


def test_without_geometry_there_are_no_envelope_features() -> None:
    assert not any(name.startswith("envelope") for name in vibration_features(np.ones(1000), RATE, 100.0, None))


@pytest.mark.parametrize("speed", [0.0, np.nan])
def test_a_shaft_that_stands_or_has_no_known_speed_shows_no_line(speed: float) -> None:
    record = np.random.default_rng(2).normal(size=4000)
    got = vibration_features(record, RATE, speed, ORDERS)
    assert all(np.isnan(got[f"envelope_{name}"]) for name in LINES)
    assert match_frequency(record, RATE, speed, ORDERS) == ()


def test_a_constant_record_has_no_line_and_no_crest() -> None:
    got = vibration_features(np.full(4000, 2.5), RATE, 100.0, ORDERS)
    assert got["acceleration_rms"] == 0.0
    assert np.isnan(got["crest"])
    assert match_frequency(np.full(4000, 2.5), RATE, 100.0, ORDERS) == ()


def test_an_outer_race_defect_is_named_and_its_line_grows_with_the_impacts() -> None:
    """Impacts at BPFO ring a 4 kHz resonance: the amplitude of the line is proportional to the impacts."""
    rng, n = np.random.default_rng(11), 40_000
    hits = np.zeros(n)
    hits[(np.arange(0, 2.0, 1.0 / (ORDERS.bpfo * 25.0)) * RATE).astype(int)] = 1.0
    t = np.arange(400) / RATE
    ring = np.convolve(hits, np.exp(-t * 800.0) * np.sin(2 * pi * 4000.0 * t))[:n]
    noise = 0.3 * rng.normal(size=n)
    small, large = (vibration_features(k * ring + noise, RATE, 2 * pi * 25.0, ORDERS) for k in (10.0, 20.0))
    assert large["envelope_bpfo"] == pytest.approx(2.0 * small["envelope_bpfo"], rel=0.1)
    found = match_frequency(10.0 * ring + noise, RATE, 2 * pi * 25.0, ORDERS, component="front_bearing")
    assert (found[0].name, found[0].component) == ("bpfo", "front_bearing")


def _cwru(fault: str) -> list[tuple[str, float, float]]:
    if not (DATA / "index.csv").exists():
        pytest.skip(f"no CWRU records in {DATA}; set DIDYMOS_DATA")
    rows = csv.DictReader((DATA / "index.csv").read_text().splitlines())
    return [(r["name"], float(r["fs_hz"]), float(r["rpm_nominal"]) * 2 * pi / 60) for r in rows if r["fault"] == fault]


@pytest.mark.data
@pytest.mark.parametrize(("fault", "line", "share"), [("OR", "bpfo", 0.8), ("IR", "bpfi", 0.8)])
def test_race_defects_of_cwru_are_named_from_the_spectrum(fault: str, line: str, share: float) -> None:
    """First two seconds of each record. Published diagnosis (Smith and Randall, MSSP 64 (2015) 100-131): 0.028 inch inner race
    and 0.014 inch outer race records cannot be diagnosed by the envelope, so a share, not all."""
    rows = _cwru(fault)
    with np.load(DATA / "cwru_de_12k.npz") as records:
        named = [match_frequency(records[name][: int(2 * rate)] * 9.80665, rate, w, ORDERS) for name, rate, w in rows]
    assert np.mean([bool(found) and found[0].name == line for found in named]) >= share


@pytest.mark.data
def test_the_healthy_bearing_of_cwru_shows_no_line() -> None:
    (name, rate, speed) = _cwru("normal")[0]
    with np.load(DATA / "cwru_de_12k.npz") as records:
        assert match_frequency(records[name][: int(2 * rate)] * 9.80665, rate, speed, ORDERS) == ()
