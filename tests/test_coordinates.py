"""Standardised and whitened inputs: the same predictions, the true gradient, no constant columns."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import from_moments, raw
from fallline.descent._objective import Objective
from fallline.execution.engines._threads import thread_engine
from fallline.maths._moments import block_moments

SCALINGS = ("none", "standard", "whiten")


def coordinates_of(X, scaling, fit_intercept, s=None, fixed=None):
    fixed = np.zeros(2) if fixed is None else fixed
    if scaling == "none":
        return raw(X.shape[1], fit_intercept, fixed)
    return from_moments(scaling, block_moments(X, s, full=scaling == "whiten"), fit_intercept, fixed)


@st.composite
def settings_of(draw):
    """Correlated inputs off centre, in columns of very different sizes; points for two outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d = draw(st.integers(1, 6))
    sizes = 10.0 ** rng.integers(-6, 7, size=d)
    X = (rng.normal(size=(40, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=d)) * sizes
    s = rng.integers(0, 3, 40).astype(float) if draw(st.booleans()) else None
    fit_intercept, fixed = draw(st.booleans()), rng.normal(size=2)
    coordinates = coordinates_of(X, draw(st.sampled_from(SCALINGS)), fit_intercept, s, fixed)
    point = rng.normal(size=(coordinates.transform.shape[-1] + fit_intercept, 2))
    if coordinates.is_raw:
        point[:d] /= sizes[:, None]
    return X, s, coordinates, point


@settings(deadline=None)
@given(settings_of())
def test_fold_and_unfold_undo_each_other(drawn):
    X, _, coordinates, point = drawn
    weights, intercept = coordinates.fold(point)
    assert weights.shape == (X.shape[1], 2)
    np.testing.assert_allclose(coordinates.unfold(weights, intercept), point, rtol=1e-7, atol=1e-7)
    again, intercept_again = coordinates.fold(coordinates.unfold(weights, intercept))
    np.testing.assert_allclose(X @ again + intercept_again, X @ weights + intercept, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(settings_of())
def test_net_inputs_are_the_same(drawn):
    X, _, coordinates, point = drawn
    weights, intercept = coordinates.fold(point)
    v, c = coordinates.split(point)
    np.testing.assert_allclose(coordinates.apply(X) @ v + c, X @ weights + intercept, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(coordinates.join(v, c), point)


@settings(deadline=None)
@given(settings_of())
def test_pull_is_the_gradient_at_the_point(drawn):
    """Derivatives of E(fold(point)) by complex steps, which subtract nothing."""
    X, s, coordinates, point = drawn
    Y, weight = np.random.default_rng(0).normal(size=(40, 2)), 1.0 if s is None else s[:, None]

    def error(at):
        weights, intercept = coordinates.fold(at)
        return np.sum(weight * (Y - np.sin(X @ weights + intercept)) ** 2) / 2

    weights, intercept = coordinates.fold(point)
    _, *gradients = fallline.error_and_gradient(
        X, Y, weights, intercept=intercept, activation="sin", sample_weight=s
    )
    pulled = coordinates.pull(*gradients)
    assert pulled.shape == point.shape
    for place in np.ndindex(point.shape):
        ahead = point.astype(complex)
        ahead[place] += 1e-30j
        # a raw weight's derivative has the size of its column
        size = 1 + np.abs(X).max() if coordinates.is_raw else 1.0
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
    folded, folded_intercept = coordinates.fold(coordinates.unfold(weights, intercept))
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
    assert whitened.transform.shape == (3, min(n - 1, 1))
    np.testing.assert_allclose(whitened.transform[1:], 0, atol=1e-7 * whitened.transform.max(initial=0))
    np.testing.assert_array_equal(coordinates_of(X, "standard", True).transform[1:], 1.0)


def test_without_intercept_a_constant_column_is_an_input_like_any_other():
    X = np.column_stack([np.arange(5.0), np.full(5, 7.0), np.zeros(5)])
    coordinates = coordinates_of(X, "standard", False)
    np.testing.assert_allclose(coordinates.transform, [6**-0.5, 1 / 7, 1.0])
    assert coordinates_of(X, "whiten", False).transform.shape == (3, 2)


def test_a_fixed_intercept_stays():
    coordinates = coordinates_of(np.arange(6.0).reshape(3, 2), "standard", False, fixed=np.array([3.0, -1.0]))
    _, intercept = coordinates.fold(np.ones((2, 2)))
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
    y, point = rng.normal(size=(500, 1)), np.array([[0.5], [-0.7], [0.2], [0.1]])
    narrow, wide = (
        Objective(
            ArraySource(x, y),
            fallline.Activation("tanh"),
            coordinates_of(X, scaling, True, fixed=np.zeros(1)),
            thread_engine(1),
        ).at(point)
        for x in (X, X.astype(np.float64))
    )
    assert narrow.error == pytest.approx(wide.error, rel=1e-6)
    np.testing.assert_allclose(narrow.gradient, wide.gradient, rtol=1e-5)
