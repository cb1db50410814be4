"""The triangle of a QR adds up like any sum, and whitens inputs whose products XᵀX are of no use."""

from fractions import Fraction
from itertools import pairwise
from operator import mul
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, laid, problems

from fallline.execution._reduction import Node, fold_tree
from fallline.maths._moments import block_moments
from fallline.maths._triangle import block_triangle, whitening

EPS = np.finfo(np.float64).eps
SOME_LAYOUTS = ["rows", "columns", "view with gaps", "csr", "csr with zeros"]


def sums_of_products(X, s, centre, scale):
    """Σ s (1, u)(1, u)ᵀ in plain loops, u = (x − centre) scale."""
    size = len(centre) + 1
    total = [[0.0] * size for _ in range(size)]
    for row, weight in zip(X, s, strict=True):
        u = [1.0, *((x - c) * a for x, c, a in zip(row, centre, scale, strict=True))]
        for i in range(size):
            for j in range(size):
                total[i][j] += weight * u[i] * u[j]
    return np.array(total)


def blocks_of(X, s, centre, scale, cuts=()):
    """The leaves of the tree: a triangle for the rows between any two cuts."""
    edges = [0, *sorted(cuts), X.shape[0]]
    rows = [slice(*pair) for pair in pairwise(edges)]
    return [
        (Node(0, i), block_triangle(X[part], None if s is None else s[part], centre, scale))
        for i, part in enumerate(rows)
    ]


def assert_triangular(factor):
    np.testing.assert_array_equal(factor, np.triu(factor))
    assert (np.diagonal(factor) >= 0).all()


@settings(deadline=None)
@given(problems(), st.sampled_from(FLOATS), st.sampled_from(SOME_LAYOUTS), st.data())
def test_products_of_the_factor_are_the_sums(problem, dtype, layout, data):
    X, s = laid(problem.X, dtype, layout), problem.sample_weight
    centre = problem.weights[:, 0]
    scale = np.array([data.draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])) for _ in centre])
    cuts = data.draw(st.lists(st.integers(0, len(problem.X)), max_size=5))
    found = fold_tree(blocks_of(X, s, centre, scale, cuts)).factor
    expected = sums_of_products(problem.X, np.ones(len(problem.X)) if s is None else s, centre, scale)
    assert found.shape == (min(len(problem.X), 1 + len(centre)), 1 + len(centre))
    assert_triangular(found)
    np.testing.assert_allclose(found.T @ found, expected, rtol=0, atol=1e-13 * (1 + np.trace(expected)))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.data())
def test_any_cut_has_the_same_factor(seed, d, data):
    rng = np.random.default_rng(seed)
    n = 4 * d + 20
    X, s = rng.normal(size=(n, d)) + 3, 0.5 + rng.random(n)
    centre, scale = rng.normal(size=d) + 3, 0.5 + rng.random(d)
    whole = block_triangle(X, s, centre, scale).factor
    blocks = blocks_of(X, s, centre, scale, data.draw(st.lists(st.integers(0, n), max_size=12)))
    found = fold_tree(blocks).factor
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-12 * np.abs(whole).max())
    again = fold_tree(data.draw(st.permutations(blocks))).factor
    np.testing.assert_array_equal(again, found)


@settings(deadline=None)
@given(problems(), st.integers(0, 10**6))
def test_records_of_no_weight_change_nothing(problem, seed):
    X, rng = problem.X, np.random.default_rng(seed)
    s = np.ones(len(X)) if problem.sample_weight is None else problem.sample_weight
    places = np.sort(rng.integers(0, len(X) + 1, 7))
    more = np.insert(X, places, 1e3 * rng.normal(size=(7, X.shape[1])), axis=0)
    centre, scale = problem.weights[:, 0], np.ones(X.shape[1])
    padded = block_triangle(more, np.insert(s, places, 0.0), centre, scale).factor
    found = block_triangle(X, s, centre, scale).factor
    expected = found.T @ found
    np.testing.assert_allclose(padded.T @ padded, expected, rtol=0, atol=1e-13 * (1 + np.trace(expected)))


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize(("n", "d"), [(5003, 37), (1500, 300), (20, 300)])
def test_many_tiles_of_a_block(n, d, layout):
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(n, d)) + 3, rng.random(n)
    found = block_triangle(laid(X, X.dtype, layout), s, np.full(d, 3.0), np.full(d, 2.0)).factor
    rows = np.sqrt(s)[:, None] * np.column_stack([np.ones(n), 2 * (X - 3)])
    assert_triangular(found)
    np.testing.assert_allclose(found.T @ found, rows.T @ rows, rtol=0, atol=1e-12 * n)


class Axes(NamedTuple):
    """A whitening in units of X: z = (x − centre) @ transform."""

    centre: Any
    transform: Any
    inverse: Any
    found: Any

    def apply(self, X):
        return (X - self.centre) @ self.transform


def axes_of(X, s=None, fit_intercept=True, nudge=0.0, layout="rows", cuts=()):
    """Standardise by the moments, whiten by the triangle; the centre may be off by a relative nudge."""
    moments = block_moments(X, s)
    centre = moments.mean * (1 + nudge) if fit_intercept else np.zeros(X.shape[1])
    spread = moments.variance if fit_intercept else moments.second_moment / moments.mass
    varies = spread > (1e-13 * centre) ** 2
    deviation = np.sqrt(np.where(varies, spread, 1.0))
    scale = varies / deviation
    triangle = fold_tree(blocks_of(laid(X, X.dtype, layout), s, centre, scale, cuts))
    found = whitening(triangle, np.abs(centre) * scale, fit_intercept)
    return Axes(centre, found.transform * scale[:, None], found.inverse * deviation[:, None], found)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans(), st.booleans(), st.booleans())
def test_whitened_inputs_have_unit_second_moments(seed, d, weighted, fit_intercept, sparse):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.integers(-6, 7, size=d)
    X = (rng.normal(size=(60, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)) * sizes
    s = rng.random(60) if weighted else None
    axes = axes_of(X, s, fit_intercept, layout="csr" if sparse else "rows", cuts=[3, 30])
    z = axes.apply(X)
    roots = np.ones((60, 1)) if s is None else np.sqrt(s)[:, None]
    np.testing.assert_allclose((z * roots).T @ (z * roots) / np.sum(roots**2), np.eye(d), atol=1e-8)
    np.testing.assert_allclose(axes.inverse.T @ axes.transform, np.eye(d), atol=1e-8)
    deviation = X.std(axis=0)
    np.testing.assert_allclose(z @ axes.inverse.T / deviation, (X - axes.centre) / deviation, atol=1e-8)
    assert not axes.found.is_short


@settings(deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.floats(-11, 0))
def test_condition_is_that_of_the_standardised_inputs(seed, fit_intercept, power):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=100) + 1
    X = np.column_stack([x, x + 10**power * rng.normal(size=100), rng.normal(size=100)])
    u = (X - X.mean(axis=0)) / X.std(axis=0) if fit_intercept else X / np.sqrt(np.mean(X**2, axis=0))
    found = axes_of(X, None, fit_intercept).found
    assert not found.is_short
    assert found.condition == pytest.approx(np.linalg.cond(u), rel=1e-3)


@given(st.integers(0, 10**6), st.floats(-300, -15.8))
def test_what_differs_by_rounding_only_is_the_same(seed, power):
    x = np.random.default_rng(seed).normal(size=100)
    found = axes_of(np.column_stack([x, x * (1 + 10**power), -x])).found
    assert found.transform.shape == (3, 1)
    assert found.is_short
    assert found.condition == 1.0


# Polynomials: exact arithmetic is the judge.


def exact(numbers):
    return [Fraction(float(number)) for number in numbers]


def with_ones(X):
    return np.column_stack([np.ones(len(X)), X])


def exact_optimum(X, y):
    """Intercept and weights of the least squares of these very floats, by elimination in fractions."""
    rows = [exact(row) for row in np.column_stack([with_ones(X), y])]
    size = len(rows[0]) - 1
    M = [[sum(row[i] * row[j] for row in rows) for j in range(size + 1)] for i in range(size)]
    for i in range(size):
        M[i] = [a / M[i][i] for a in M[i]]
        for k in range(size):
            if k != i:
                M[k] = [a - M[k][i] * b for a, b in zip(M[k], M[i], strict=True)]
    return [row[-1] for row in M]


def exact_error(X, y, solution):
    rows = [exact(row) for row in np.column_stack([with_ones(X), y])]
    residuals = (row[-1] - sum(map(mul, row, solution)) for row in rows)
    return sum(r * r for r in residuals) / 2


def least_squares(axes, X, y):
    """Solve the normal equations in z, and fold intercept and weights back to raw inputs."""
    Z = with_ones(axes.apply(X))
    c, *v = np.linalg.solve(Z.T @ Z, Z.T @ y)
    weights = axes.transform @ v
    return np.array([c - axes.centre @ weights, *weights])


def largest_relative_error(found, expected):
    pairs = zip(exact(found), map(Fraction, expected), strict=True)
    return float(max(abs(a - b) / abs(b) for a, b in pairs))


def powers(x):
    return x[:, None] ** np.arange(1, 11)


POLYNOMIALS = [(0.0, 10.0, 1.11e7), (4.2, 10.0, 1.29e10), (5.0, 10.0, 7.33e10)]
"""A range of x, and the condition of x, x², …, x¹⁰ on it after standardising, by singular values."""
COEFFICIENTS = [(-1) ** j * Fraction(j + 1, 10**j) for j in range(11)]


def polynomial(low, high, noise):
    X = powers(np.linspace(low, high, 82))
    y = np.array([float(sum(map(mul, COEFFICIENTS, exact(row)))) for row in with_ones(X)])
    return X, y + noise * y.std() * np.random.default_rng(0).normal(size=len(y))


def through_products(X):
    """Whiten by the eigenvectors of XᵀX, standardised; eigenvalues below 1e-12 of the largest are dropped."""
    moments = block_moments(X, None, full=True)
    deviation = np.sqrt(moments.variance)
    values, axes = np.linalg.eigh(moments.scatter / moments.mass / np.outer(deviation, deviation))
    kept = values > 1e-12 * values[-1]
    transform = axes[:, kept] / np.sqrt(values[kept])
    return Axes(moments.mean, transform / deviation[:, None], None, None)


@pytest.mark.parametrize(("low", "high", "condition"), POLYNOMIALS)
def test_coefficients_of_a_polynomial_have_the_digits_that_its_condition_leaves(low, high, condition):
    X, y = polynomial(low, high, noise=0.0)
    axes = axes_of(X, cuts=[3, 20, 40, 60])
    assert axes.found.condition == pytest.approx(condition, rel=0.01)
    assert not axes.found.is_short
    assert largest_relative_error(least_squares(axes, X, y), COEFFICIENTS) < EPS * condition

    products = through_products(X)
    assert products.transform.shape[1] < 10
    assert largest_relative_error(least_squares(products, X, y), COEFFICIENTS) > 0.5


@pytest.mark.parametrize(("low", "high", "condition"), POLYNOMIALS)
def test_error_of_a_noisy_polynomial_is_the_least(low, high, condition):
    X, y = polynomial(low, high, noise=0.01)
    optimum = exact_optimum(X, y)
    least = exact_error(X, y, optimum)
    found = least_squares(axes_of(X, cuts=[3, 20, 40, 60]), X, y)
    assert 0 <= exact_error(X, y, exact(found)) / least - 1 < 1e-11
    assert largest_relative_error(found, optimum) < EPS * condition

    assert exact_error(X, y, exact(least_squares(through_products(X), X, y))) / least - 1 > 0.01


FILIP = """
.8116,-6.860120914 .9072,-4.324130045 .9052,-4.358625055 .9039,-4.358426747 .8053,-6.955852379
.8377,-6.661145254 .8667,-6.355462942 .8809,-6.118102026 .7975,-7.115148017 .8162,-6.815308569
.8515,-6.519993057 .8766,-6.204119983 .8885,-5.853871964 .8859,-6.109523091 .8959,-5.79832982
.8913,-5.482672118 .8959,-5.171791386 .8971,-4.851705903 .9021,-4.517126416 .909,-4.143573228
.9139,-3.709075441 .9199,-3.499489089 .8692,-6.300769497 .8872,-5.953504836 .89,-5.642065153
.891,-5.031376979 .8977,-4.680685696 .9035,-4.329846955 .9078,-3.928486195 .7675,-8.56735134
.7705,-8.363211311 .7713,-8.107682739 .7736,-7.823908741 .7775,-7.522878745 .7841,-7.218819279
.7971,-6.920818754 .8329,-6.628932138 .8641,-6.323946875 .8804,-5.991399828 .7668,-8.781464495
.7633,-8.663140179 .7678,-8.473531488 .7697,-8.247337057 .77,-7.971428747 .7749,-7.676129393
.7796,-7.352812702 .7897,-7.072065318 .8131,-6.774174009 .8498,-6.478861916 .8741,-6.159517513
.8061,-6.835647144 .846,-6.53165267 .8751,-6.224098421 .8856,-5.910094889 .8919,-5.598599459
.8934,-5.290645224 .894,-4.974284616 .8957,-4.64454848 .9047,-4.290560426 .9129,-3.885055584
.9209,-3.408378962 .9219,-3.13200249 .7739,-8.726767166 .7681,-8.66695597 .7665,-8.511026475
.7703,-8.165388579 .7702,-7.886056648 .7761,-7.588043762 .7809,-7.283412422 .7961,-6.995678626
.8253,-6.691862621 .8602,-6.392544977 .8809,-6.067374056 .8301,-6.684029655 .8664,-6.378719832
.8834,-6.065855188 .8898,-5.752272167 .8964,-5.132414673 .8963,-4.811352704 .9074,-4.098269308
.9119,-3.66174277 .9228,-3.2644011
"""
"""Rows "y,x"; Statistical Reference Datasets of NIST, https://www.itl.nist.gov/div898/strd, public domain."""
FILIP_CERTIFIED = """
-1467.48961422980 -2772.17959193342 -2316.37108160893 -1127.97394098372 -354.478233703349 -75.1242017393757
-10.8753180355343 -1.06221498588947 -0.0670191154593408 -0.00246781078275479 -0.0000402962525080404
"""


@pytest.mark.parametrize("nudge", [0.0, 1e-14, -1e-12])
def test_filip_has_its_certified_coefficients(nudge):
    """Also about a centre of which only 14 or 12 digits are right."""
    y, x = np.array([row.split(",") for row in FILIP.split()], dtype=float).T
    X = powers(x)
    axes = axes_of(X, nudge=nudge, cuts=[7, 50])
    assert axes.found.condition > 1e9
    certified = FILIP_CERTIFIED.split()
    assert largest_relative_error(least_squares(axes, X, y), certified) < 1e-6
    assert largest_relative_error(least_squares(through_products(X), X, y), certified) > 0.5


# Directions that do not vary.


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3, 1e6])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("nudge", [0.0, 1e-12])
def test_a_total_of_two_columns_is_no_third_however_far_from_zero(offset, whole, nudge):
    """Rounding, of the numbers and of each centre by itself, is not taken for a direction."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5000)) * 5
    a, b = (np.round(a), np.round(b)) if whole else (a, b)
    X = np.column_stack([a + offset, b + 2 * offset, a + b + 3 * offset, a + offset])
    if not whole:
        X[:, 2] = X[:, 0] + X[:, 1]
    axes = axes_of(X, nudge=nudge * np.array([1.0, -1.0, 1.0, 0.5]))
    assert axes.transform.shape == (4, 2)
    assert axes.found.condition < 10
    np.testing.assert_allclose(np.cov(axes.apply(X).T, ddof=0), np.eye(2), atol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 3), st.booleans())
def test_duplicates_and_constants_leave_the_rank_and_the_minimum_norm(seed, rank, copies, fit_intercept):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, rank)) + rng.normal(size=rank)
    copied = base[:, rng.integers(0, rank, copies)]
    constants = [np.full(50, 7.3), np.zeros(50)] if fit_intercept else [np.zeros(50)]
    X = np.column_stack([base, copied, *constants])
    X, y = X[:, rng.permutation(X.shape[1])], rng.normal(size=50)
    axes = axes_of(X, None, fit_intercept, cuts=[20])
    assert axes.transform.shape == (X.shape[1], rank)
    assert axes.found.is_short

    z = axes.apply(X)
    target = y - y.mean() if fit_intercept else y
    weights = axes.transform @ np.linalg.solve(z.T @ z, z.T @ target)
    u = X - X.mean(axis=0) if fit_intercept else X
    deviation = np.sqrt(np.mean(u**2, axis=0))
    deviation[deviation < 1e-12] = np.inf
    least_norm = np.linalg.lstsq(u / deviation, target, rcond=1e-12)[0]
    constant = np.isinf(deviation)
    assert not weights[constant].any()
    found = weights[~constant] * deviation[~constant]
    np.testing.assert_allclose(found, least_norm[~constant], atol=1e-7 * (1 + np.abs(least_norm).max()))


@pytest.mark.parametrize("X", [np.full((5, 3), 2.5), np.array([[1.0, 2.0]])])
def test_inputs_that_never_vary_have_no_direction(X):
    found = axes_of(X).found
    assert found.transform.shape == found.inverse.shape == (X.shape[1], 0)
    assert found.is_short
    assert found.condition == 1.0


def test_fewer_records_than_columns():
    X = np.random.default_rng(0).normal(size=(4, 9))
    for fit_intercept, rank in [(True, 3), (False, 4)]:
        axes = axes_of(X, None, fit_intercept, cuts=[1, 2])
        z = axes.apply(X)
        assert z.shape == (4, rank)
        np.testing.assert_allclose(z.T @ z / 4, np.eye(rank), atol=1e-12)
