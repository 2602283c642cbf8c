"""The figure `fatigue`: its arguments, and that what it says about E1049, cuts and the peer can also be no."""

import numpy as np
import pytest

from didymos.bench import BENCHES, fatigue
from didymos.core.errors import ConfigError
from didymos.numerics.fatigue.rainflow import Cycles


def test_an_unknown_part_is_refused_and_the_bench_is_listed():
    with pytest.raises(ConfigError, match=r"fatigue: part 'creep' is not known\. Allowed: rainflow"):
        fatigue.run(None, "creep")
    assert "fatigue" in BENCHES


def test_a_short_run_tells_every_figure(monkeypatch):
    for name, value in {"SAMPLES": 64_000, "PEER_SAMPLES": 5000, "REPEATS": 1}.items():
        monkeypatch.setattr(fatigue, name, value)
    told = fatigue.run()
    assert (told["e1049_exact"], told["cuts_equal"], told["equals_rainflow"]) == (True, True, True)
    assert all(told[key] > 0 for key in told if "samples_per_core_s" in key)


def test_a_count_that_loses_a_cycle_is_not_called_equal(monkeypatch):
    right = fatigue.whole

    def lossy(x, cuts=()):
        c = right(x, cuts)
        return c if len(cuts) else Cycles(c.location[1:], c.range[1:], c.mean[1:], c.weight[1:])

    monkeypatch.setattr(fatigue, "whole", lossy)
    x = np.random.default_rng(0).normal(size=500)
    assert not fatigue.cuts_equal(x)
    assert not fatigue.equals_peer(x)
    assert fatigue.by_range(lossy(np.array(fatigue.E1049))) != fatigue.EXPECTED
