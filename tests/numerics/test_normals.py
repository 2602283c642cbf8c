"""The ziggurat: exact normal deviates, independent streams."""

import numpy as np
import pytest
from scipy import stats

from didymos.numerics.normals import EDGE, HEIGHT, normals, normals_above


def test_the_256_strips_have_equal_area_and_end_at_the_published_tail():
    """Marsaglia & Tsang 2000: r = 3.6541528853610088, v = 0.00492867323399 for 256 strips."""
    areas = EDGE[1:256] * (HEIGHT[2:257] - HEIGHT[1:256])
    np.testing.assert_allclose(areas, 0.00492867323399, rtol=1e-9)
    assert EDGE[256] == 0.0
    assert HEIGHT[256] == 1.0


def test_two_million_deviates_pass_chi_square_and_kolmogorov_smirnov():
    z = normals(seed=11, streams=2000, count=1000).ravel()
    edges = stats.norm.ppf(np.linspace(0, 1, 1001))
    seen = np.histogram(z, edges)[0]
    assert stats.chisquare(seen).pvalue > 1e-3
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_the_tail_beyond_the_last_strip_is_as_heavy_as_it_should_be():
    """P(|z| > 3.654) = 2.58e-4: 10 M deviates hold 2,580 of them, standard deviation 51; their shape by Kolmogorov-Smirnov."""
    z = np.abs(normals(seed=5, streams=1000, count=10_000).ravel())
    tail = z[z > 3.6541528853610088]
    expected = 2 * stats.norm.sf(3.6541528853610088) * len(z)
    assert abs(len(tail) - expected) < 4 * np.sqrt(expected)
    assert stats.kstest(stats.norm.sf(tail) / stats.norm.sf(3.6541528853610088), "uniform").pvalue > 1e-3


def test_neighbouring_streams_and_successive_deviates_are_uncorrelated():
    """Standard error of a correlation of a million pairs: 0.001."""
    z = normals(seed=3, streams=1001, count=1000)
    assert abs(np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]) < 0.004
    assert abs(np.corrcoef(z[:, :-1].ravel(), z[:, 1:].ravel())[0, 1]) < 0.004
    first = normals(seed=3, streams=200_000, count=1).ravel()
    assert stats.kstest(first, "norm").pvalue > 1e-3


def test_a_stream_is_the_same_alone_and_among_others_and_another_seed_gives_another():
    whole = normals(seed=9, streams=10, count=50)
    np.testing.assert_array_equal(normals(seed=9, streams=3, count=50, first=7), whole[7:])
    assert not (normals(seed=10, streams=10, count=50) == whole).any()


@pytest.mark.parametrize("least", [-np.inf, -1.0, 0.4, 0.6, 3.0, 8.0])
def test_deviates_above_a_limit_follow_the_truncated_normal(least):
    z = normals_above(seed=2, least=least, count=100_000)
    assert (z > least).all() or least == -np.inf
    assert stats.kstest(z, stats.truncnorm(least, np.inf).cdf).pvalue > 1e-3
