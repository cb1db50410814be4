"""Inverse and curvature bound of activations: published numbers, and the true second derivative."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import UNITS

from fallline import Activation
from fallline.maths._bounds import curvature_bound, net_input_nearest

SMOOTH = sorted(set(UNITS) - {"relu", "leaky_relu", "exp", "reciprocal", "where(h > 1, h*h, 2*h - 1)"})


@pytest.mark.parametrize(
    ("name", "low", "high", "bound"),
    [
        ("identity", -5, 5, 1.0),
        ("sigmoid", 0, 1, 0.0771),
        ("tanh", -1, 1, 1.2325),
        ("relu", 0, 9, 1.0),
        ("leaky_relu", 0, 9, 1.0),
        ("sin", 0, 0, 1.0),
        ("exp", 0, 1, np.inf),
        ("reciprocal", 0, 1, np.inf),
        ("h*h", 0, 1, np.inf),
    ],
)
def test_known_bounds(name, low, high, bound):
    assert curvature_bound(Activation(name), low, high) == pytest.approx(bound, rel=1e-2)


def second_derivative(unit, y, h, scale=1.0):
    """Of ½ (y − f(scale h))², as a difference of the first."""
    f, slope = UNITS[unit]
    step = 1e-5 / scale

    def first(at):
        return -(y - f(scale * at)) * slope(scale * at) * scale

    return (first(h + step) - first(h - step)) / (2 * step)


targets = st.lists(st.integers(-12, 12).map(lambda n: n / 4), min_size=3, max_size=3).map(sorted)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SMOOTH), targets, st.floats(-20, 20))
def test_the_second_derivative_stays_below_the_bound(unit, some, h):
    low, y, high = some
    bound = curvature_bound(Activation(unit), low, high)
    assert second_derivative(unit, y, h) <= 1.005 * bound + 1e-6


@pytest.mark.parametrize("unit", SMOOTH)
def test_the_bound_is_no_larger_than_it_has_to_be(unit):
    """It is what λmax is multiplied by: twice too much would make every step half as long."""
    grid = [*np.linspace(-12, 12, 4001), -1e-4, 1e-4]
    largest = max(second_derivative(unit, y, h) for h in grid for y in (-1.0, 1.0))
    assert curvature_bound(Activation(unit), -1.0, 1.0) <= 1.005 * largest


@pytest.mark.parametrize("scale", [1e-3, 0.1, 10.0, 100.0])
@pytest.mark.parametrize("shift", [0.0, 0.5, -30.0])
def test_the_bound_of_a_unit_steeper_or_elsewhere(scale, shift):
    """Of sigmoid(a (h − b)) it is a² times that of the sigmoid, wherever b is."""
    bound = curvature_bound(Activation(f"sigmoid({scale}*(h - ({shift})))"), 0.0, 1.0)
    assert bound >= 0.97 * scale**2 * 0.0771


@pytest.mark.parametrize("unit", ["relu", "leaky_relu"])
def test_no_bound_where_the_slope_of_the_error_jumps_up(unit):
    """At the kink of ½ (y − f)² with y < 0 no step is short enough for every place."""
    assert second_derivative(unit, -1.0, 0.0) > 1e4
    assert curvature_bound(Activation(unit), -1.0, 1.0) == np.inf


def test_the_bound_of_a_pair_of_functions():
    pair = Activation((np.tanh, lambda h: 1 / np.cosh(np.clip(h, -300, 300)) ** 2))
    assert curvature_bound(pair, -1, 1) == pytest.approx(1.2325, rel=1e-2)


@pytest.mark.parametrize("unit", UNITS)
@settings(deadline=None)
@given(h=st.floats(-4, 4))
def test_the_net_input_of_a_value(unit, h):
    f, slope = UNITS[unit]
    assume(abs(h) > 1e-3)
    assume(abs(slope(h)) > 0.05)
    target = f(h)
    found = net_input_nearest(Activation(unit), target)
    assert f(found) == pytest.approx(target, rel=1e-6, abs=1e-9)
    assert abs(found) <= abs(h) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("unit", "target", "side"),
    [
        ("sigmoid", 1.5, 1),
        ("sigmoid", -2, -1),
        ("tanh", 9, 1),
        ("tanh", -1, -1),
        ("exp", -3, -1),
        ("arctan", 2, 1),
    ],
)
def test_a_value_out_of_reach_is_clamped_where_the_slope_is_alive(unit, target, side):
    found = net_input_nearest(Activation(unit), target)
    assert found * side > 0
    assert abs(target - UNITS[unit][0](found)) < abs(target - UNITS[unit][0](0.0))
    assert UNITS[unit][1](found) > 1e-4
