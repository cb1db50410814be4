"""Mean and scatter against NumPy's own, joined in any way, and far from zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DENSE, FLOATS, SPARSE, problems

from fallline.maths._moments import Moments, block_moments

LAYOUTS = {name: (DENSE | SPARSE)[name] for name in ("rows", "columns", "view with gaps", "csr", "csr in pieces")}


def assert_same(found, expected, rtol=1e-12):
    assert found.mass == pytest.approx(expected.mass, rel=rtol)
    size = 1 + np.abs(expected.mean).max()
    np.testing.assert_allclose(found.mean, expected.mean, rtol=0, atol=rtol * size)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=0, atol=rtol * size**2 * (1 + expected.mass))


def by_numpy(X, s, full):
    X, s = X.astype(np.float64), np.ones(len(X)) if s is None else s
    mean = np.average(X, axis=0, weights=s)
    matrix = np.atleast_2d(np.cov(X, rowvar=False, aweights=s, ddof=0)) * s.sum()
    return Moments(s.sum(), mean, matrix if full else np.diagonal(matrix))


@settings(deadline=None)
@given(problems(), st.sampled_from(FLOATS), st.sampled_from(sorted(LAYOUTS)), st.booleans())
def test_moments_are_numpy_s(problem, dtype, layout, full):
    if layout.startswith("csr") and dtype == np.float16:
        dtype = np.float32
    X, s = problem.X.astype(dtype), problem.sample_weight
    found = block_moments(LAYOUTS[layout](X), s, full=full)
    expected = by_numpy(X, s, full)
    assert_same(found, expected)
    variance = np.diagonal(expected.scatter) / expected.mass if full else expected.scatter / expected.mass
    np.testing.assert_allclose(found.variance, variance, atol=1e-12)
    weighted = X.astype(np.float64) * (1.0 if s is None else s[:, None])
    products = weighted.T @ X.astype(np.float64)
    np.testing.assert_allclose(found.second_moment, products if full else np.diagonal(products), atol=1e-10)


def test_many_tiles_of_a_block():
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(5003, 37)) + 3, rng.random(5003)
    for full in (True, False):
        assert_same(block_moments(X, s, full=full), by_numpy(X, s, full))


@settings(deadline=None)
@given(problems(records=st.integers(3, 40)), st.data(), st.booleans())
def test_sums_join_in_any_way(problem, data, full):
    cuts = sorted(data.draw(st.lists(st.integers(1, len(problem.X) - 1), min_size=2, max_size=2)))
    parts = [
        block_moments(problem.X[rows], None if problem.sample_weight is None else problem.sample_weight[rows], full=full)
        for rows in (slice(0, cuts[0]), slice(*cuts), slice(cuts[1], None))
    ]
    one, two, three = parts
    expected = by_numpy(problem.X, problem.sample_weight, full)
    for total in ((one + two) + three, one + (two + three), (three + one) + two):
        assert_same(total, expected)


@pytest.mark.parametrize("layout", ["rows", "csr"])
@pytest.mark.parametrize("full", [True, False])
def test_records_of_no_weight_change_nothing(layout, full):
    X = np.arange(12.0).reshape(6, 2) ** 2
    s = np.array([0.0, 0.0, 1.0, 2.0, 0.0, 0.0])
    blocks = [block_moments(LAYOUTS[layout](X[rows]), s[rows], full=full) for rows in np.split(np.arange(6), 3)]
    assert_same(blocks[0] + blocks[1] + blocks[2], by_numpy(X[2:4], s[2:4], full))
    assert (blocks[0] + blocks[2]).mass == 0.0
    assert not (blocks[0] + blocks[2]).scatter.any()


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e4, np.float32)])
def test_digits_survive_far_from_zero(layout, full, offset, dtype):
    X = (offset + np.random.default_rng(0).normal(size=(3000, 3))).astype(dtype)
    noise = X.astype(np.float64) - offset
    found = sum(
        (block_moments(LAYOUTS[layout](part), None, full=full) for part in np.array_split(X, 7)),
        start=Moments(0.0, np.zeros(3), np.zeros((3, 3) if full else 3)),
    )
    np.testing.assert_allclose(found.mean - offset, noise.mean(axis=0), atol=1e-15 * offset)
    np.testing.assert_allclose(found.variance, noise.var(axis=0), rtol=1e-6)
    if full:
        np.testing.assert_allclose(found.scatter / found.mass, np.cov(noise.T, ddof=0), rtol=0, atol=1e-6)
