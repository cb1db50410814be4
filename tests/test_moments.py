"""Mean and scatter against NumPy's own, joined in any way, and far from zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, laid, problems

from fallline.maths._moments import Moments, block_moments

SOME_LAYOUTS = ["rows", "columns", "view with gaps", "csr", "csr with zeros"]


def assert_same(found, expected, rtol=1e-12):
    assert found.mass == pytest.approx(expected.mass, rel=rtol)
    size = 1 + np.abs(expected.mean).max()
    np.testing.assert_allclose(found.mean, expected.mean, rtol=0, atol=rtol * size)
    most = rtol * size**2 * (1 + expected.mass)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=0, atol=most)


def by_numpy(X, s, full):
    X, s = X.astype(np.float64), np.ones(len(X)) if s is None else s
    mean = np.average(X, axis=0, weights=s)
    matrix = np.atleast_2d(np.cov(X, rowvar=False, aweights=s, ddof=0)) * s.sum()
    return Moments(s.sum(), mean, matrix if full else np.diagonal(matrix))


@settings(deadline=None)
@given(problems(), st.sampled_from(FLOATS), st.sampled_from(SOME_LAYOUTS), st.booleans())
def test_moments_are_numpy_s(problem, dtype, layout, full):
    X, s = problem.X, problem.sample_weight
    found = block_moments(laid(X, dtype, layout), s, full=full)
    expected = by_numpy(X, s, full)
    assert_same(found, expected)
    variance = np.diagonal(expected.scatter) / expected.mass if full else expected.scatter / expected.mass
    np.testing.assert_allclose(found.variance, variance, atol=1e-12)
    products = (X * (1.0 if s is None else s[:, None])).T @ X
    np.testing.assert_allclose(found.second_moment, products if full else np.diagonal(products), atol=1e-10)


def test_many_tiles_of_a_block():
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(5003, 37)) + 3, rng.random(5003)
    for full in (True, False):
        assert_same(block_moments(X, s, full=full), by_numpy(X, s, full))


@settings(deadline=None)
@given(problems(), st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), st.booleans())
def test_sums_join_in_any_way(problem, cuts, full):
    X = problem.X
    s = np.ones(len(X)) if problem.sample_weight is None else problem.sample_weight
    one, two, three = (
        block_moments(X[rows], s[rows], full=full)
        for rows in (slice(0, cuts[0]), slice(*cuts), slice(cuts[1], None))
    )
    expected = by_numpy(X, s, full)
    for total in ((one + two) + three, one + (two + three), (three + one) + two):
        assert_same(total, expected)


@pytest.mark.parametrize("layout", ["rows", "csr"])
@pytest.mark.parametrize("full", [True, False])
def test_records_of_no_weight_change_nothing(layout, full):
    X = np.arange(12.0).reshape(6, 2) ** 2
    s = np.array([0.0, 0.0, 1.0, 2.0, 0.0, 0.0])
    before, block, after = (
        block_moments(laid(X[rows], X.dtype, layout), s[rows], full=full)
        for rows in np.split(np.arange(6), 3)
    )
    assert_same(before + block + after, by_numpy(X[2:4], s[2:4], full))
    assert (before + after).mass == 0.0
    assert not (before + after).scatter.any()


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e4, np.float32)])
def test_digits_survive_far_from_zero(layout, full, offset, dtype):
    X = (offset + np.random.default_rng(0).normal(size=(3000, 3))).astype(dtype)
    noise = X.astype(np.float64) - offset
    found = sum(
        (block_moments(laid(part, dtype, layout), None, full=full) for part in np.array_split(X, 7)),
        start=Moments(0.0, np.zeros(3), np.zeros((3, 3) if full else 3)),
    )
    np.testing.assert_allclose(found.mean - offset, noise.mean(axis=0), atol=1e-15 * offset)
    np.testing.assert_allclose(found.variance, noise.var(axis=0), rtol=1e-6)
    if full:
        np.testing.assert_allclose(found.scatter / found.mass, np.cov(noise.T, ddof=0), rtol=0, atol=1e-6)
