"""Standardised and whitened inputs: the same predictions, the true gradient, no constant columns."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import find_coordinates
from fallline.descent._objective import Objective
from fallline.descent._penalty import Penalty
from fallline.execution.engines._threads import thread_engine

SCALINGS = ("none", "standard", "whiten")


def coordinates_of(X, scaling, fit_intercept, s=None, fixed=None):
    fixed = np.zeros(2) if fixed is None else fixed
    source = ArraySource(X, np.zeros((len(X), len(fixed))), s)
    return find_coordinates(source, thread_engine(1), scaling, fit_intercept, fixed)[0]


@st.composite
def settings_of(draw):
    """Correlated inputs off centre, in columns of very different sizes; points for two outputs, two names."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d = draw(st.integers(1, 6))
    sizes = 10.0 ** rng.integers(-6, 7, size=d)
    X = (rng.normal(size=(40, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=d)) * sizes
    s = rng.integers(0, 3, 40).astype(float) if draw(st.booleans()) else None
    fit_intercept, fixed = draw(st.booleans()), rng.normal(size=2)
    coordinates = coordinates_of(X, draw(st.sampled_from(SCALINGS)), fit_intercept, s, fixed)
    scale = 10.0 ** rng.integers(-3, 4, size=(2, draw(st.sampled_from([1, 2]))))
    coordinates = replace(coordinates, theta_scale=scale)
    weights = rng.normal(size=(coordinates.rank, 2))
    if coordinates.is_raw:
        weights /= sizes[:, None]
    point = coordinates.join(weights, rng.normal(size=2), scale * rng.uniform(0.5, 2.0, size=scale.shape))
    return X, s, coordinates, point


@settings(deadline=None)
@given(settings_of())
def test_fold_and_unfold_undo_each_other(drawn):
    X, _, coordinates, point = drawn
    weights, intercept, theta = coordinates.fold(point)
    assert weights.shape == (X.shape[1], 2)
    np.testing.assert_allclose(coordinates.unfold(weights, intercept, theta), point, rtol=1e-7, atol=1e-7)
    again, intercept_again, _ = coordinates.fold(coordinates.unfold(weights, intercept, theta))
    np.testing.assert_allclose(X @ again + intercept_again, X @ weights + intercept, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(settings_of())
def test_net_inputs_are_the_same(drawn):
    X, _, coordinates, point = drawn
    weights, intercept, theta = coordinates.fold(point)
    v, c, theta_again = coordinates.split(point)
    np.testing.assert_allclose(coordinates.apply(X) @ v + c, X @ weights + intercept, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(theta, theta_again)
    np.testing.assert_array_equal(coordinates.join(v, c, theta), point)


@settings(deadline=None)
@given(settings_of())
def test_a_point_is_a_row_for_each_output(drawn):
    """Parameters that all share are in every row, and are read off the first."""
    _, _, coordinates, point = drawn
    rows = coordinates.by_output(point)
    own = point[: coordinates.n_weights].reshape(-1, 2).T
    assert rows.shape == (2, coordinates.rank + coordinates.fit_intercept + 2)
    np.testing.assert_array_equal(rows[:, : coordinates.rank], own)
    np.testing.assert_array_equal(coordinates.from_outputs(rows), point)
    assert coordinates.shares_theta == np.array_equal(rows[0, -2:], rows[1, -2:])


@settings(deadline=None)
@given(settings_of())
def test_pull_is_the_gradient_at_the_point(drawn):
    """Derivatives of E(fold(point)) by complex steps, which subtract nothing; f(h) = a sin(h) + b."""
    X, s, coordinates, point = drawn
    Y, weight = np.random.default_rng(0).normal(size=(40, 2)), 1.0 if s is None else s[:, None]

    def error(at):
        weights, intercept, (a, b) = coordinates.fold(at)
        return np.sum(weight * (Y - a * np.sin(X @ weights + intercept) - b) ** 2) / 2

    weights, intercept, (a, b) = coordinates.fold(point)
    h = X @ weights + intercept
    delta = weight * (Y - a * np.sin(h) - b)
    slope = -delta * a * np.cos(h)
    by_theta = np.array([-np.sum(delta * np.sin(h), axis=0), -np.sum(delta, axis=0)])
    pulled = coordinates.pull(X.T @ slope, slope.sum(axis=0), by_theta)
    assert pulled.shape == point.shape
    for place in range(len(point)):
        ahead = point.astype(complex)
        ahead[place] += 1e-30j
        # a raw derivative has the size of its column, or of its unit
        size = 1 + np.abs(X).max() if coordinates.is_raw else 1.0
        size *= max(1.0, np.abs(by_theta).max(), np.abs(a).max()) * max(1.0, coordinates.theta_scale.max())
        assert pulled[place] == pytest.approx(error(ahead).imag / 1e-30, rel=1e-6, abs=1e-6 * size * 40)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_scaled_inputs_have_unit_variance_and_whitened_ones_no_correlation(seed, fit_intercept, weighted):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.integers(-6, 7, size=4)
    X = (rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + rng.normal(size=4)) * sizes
    s = rng.random(60) if weighted else None
    mass = 60.0 if s is None else s.sum()
    for scaling in ("standard", "whiten"):
        coordinates = coordinates_of(X, scaling, fit_intercept, s)
        z = coordinates.apply(X)
        second = z.T @ (z if s is None else z * s[:, None]) / mass
        np.testing.assert_allclose(np.diagonal(second), 1, rtol=1e-6)
        if scaling == "whiten":
            np.testing.assert_allclose(second, np.eye(4), atol=1e-6)
        if fit_intercept:
            np.testing.assert_allclose(np.average(z, axis=0, weights=s), 0, atol=1e-6)
        else:
            assert not coordinates.centre.any()


def test_only_raw_inputs_are_raw():
    X = np.random.default_rng(0).normal(size=(20, 3))
    for fit_intercept in (False, True):
        flags = [coordinates_of(X, scaling, fit_intercept).is_raw for scaling in SCALINGS]
        assert flags == [True, False, False]


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 5), st.booleans())
def test_whitening_keeps_the_rank(seed, rank, more, fit_intercept):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.integers(-3, 4, size=rank + more)
    X = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, rank + more)) * sizes
    coordinates = coordinates_of(X, "whiten", fit_intercept)
    assert coordinates.transform.shape == (rank + more, rank)
    weights, intercept = rng.normal(size=(rank + more, 2)), rng.normal(size=2) * fit_intercept
    folded, folded_intercept, _ = coordinates.fold(coordinates.unfold(weights, intercept))
    expected = X @ weights + intercept
    np.testing.assert_allclose(X @ folded + folded_intercept, expected, atol=1e-6 * np.abs(expected).max())


constants = st.floats(-1e12, 1e12).filter(lambda c: c == 0 or abs(c) > 1e-100)


@settings(deadline=None)
@example(439804651110.928, 5)
@example(1e12 / 3, 1000)
@given(constants, st.integers(1, 3000))
def test_constant_columns_are_left_alone(constant, n):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=n), np.full(n, constant), np.zeros(n)])
    whitened = coordinates_of(X, "whiten", True)
    of_constants = (whitened.transform[1:] != 0.0).any(axis=0)
    assert not whitened.transform[0, of_constants].any()
    spread = whitened.apply(X)[:, ~of_constants].std(axis=0)
    np.testing.assert_allclose(spread, float(n > 1), rtol=1e-9)
    np.testing.assert_array_equal(coordinates_of(X, "standard", True).transform[1:], 1.0)


def test_without_intercept_a_constant_column_is_an_input_like_any_other():
    X = np.column_stack([np.arange(5.0), np.full(5, 7.0), np.zeros(5)])
    coordinates = coordinates_of(X, "standard", False)
    np.testing.assert_allclose(coordinates.transform, [6**-0.5, 1 / 7, 1.0])
    z = coordinates_of(X, "whiten", False).apply(X)
    varying = z.any(axis=0)
    assert np.count_nonzero(varying) == 2
    np.testing.assert_allclose(z[:, varying].T @ z[:, varying] / 5, np.eye(2), atol=1e-12)


def test_a_fixed_intercept_stays():
    coordinates = coordinates_of(np.arange(6.0).reshape(3, 2), "standard", False, fixed=np.array([3.0, -1.0]))
    _, intercept, _ = coordinates.fold(np.ones(4))
    np.testing.assert_array_equal(intercept, [3.0, -1.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaling", ["standard", "whiten"])
def test_inputs_that_never_vary_leave_the_intercept(dtype, scaling):
    X, y = np.full((4, 2), 3.0, dtype), np.array([1.0, 2.0, 3.0, 6.0])
    states = fallline.descend(X, y, scaling=scaling, fit_intercept=True, initial_weights=[0.0, 0.0])
    last = list(islice(states, 200))[-1]
    assert last.error == pytest.approx(7.0)


@pytest.mark.parametrize("scaling", ["standard", "whiten"])
def test_narrow_floats_far_from_zero_keep_their_digits(scaling):
    rng = np.random.default_rng(0)
    X = (1e4 + rng.normal(size=(500, 3))).astype(np.float32)
    y, point = rng.normal(size=(500, 1)), np.array([0.5, -0.7, 0.2, 0.1])
    narrow, wide = (objective(x, y, scaling).at(point) for x in (X, X.astype(np.float64)))
    assert narrow.error == pytest.approx(wide.error, rel=1e-6)
    np.testing.assert_allclose(narrow.gradient, wide.gradient, rtol=1e-5)


def objective(X, y, scaling):
    """Return E of a tanh unit with an intercept, without penalty and bounds."""
    coordinates = coordinates_of(X, scaling, True, fixed=np.zeros(1))
    return Objective(
        ArraySource(X, y),
        fallline.Activation("tanh"),
        coordinates,
        Penalty(0.0, 0.0, coordinates),
        np.zeros(0),
        np.zeros(0),
        thread_engine(1),
    )
