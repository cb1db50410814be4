"""A layer predicts what plain loops predict, in the precision of its inputs."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, NUMBERS, UNITS, clear_of_zero, laid, problems

from fallline import Activation, InputError, SingleLayer, error_and_gradient


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(sorted(UNITS)), st.sampled_from(NUMBERS), st.sampled_from(sorted(LAYOUTS)))
def test_predictions_are_those_of_plain_loops(data, unit, dtype, layout):
    problem = data.draw(problems(dtype=dtype))
    problem = clear_of_zero(problem) if unit == "reciprocal" else problem
    network = SingleLayer(problem.weights, problem.intercept, unit)
    X = laid(problem.X, dtype, layout)
    weights, intercept = problem.weights.tolist(), problem.intercept.tolist()
    outputs = range(len(intercept))
    h = [[reference.net_input(x, weights, intercept, j) for j in outputs] for x in problem.X.tolist()]
    np.testing.assert_array_equal(network.net_input(X), h)
    expected = np.vectorize(UNITS[unit][0], otypes=[float])(h)
    np.testing.assert_allclose(network.predict(X), expected, rtol=2e-5, atol=2e-6)
    if dtype == np.float64:
        np.testing.assert_allclose(network.predict(X), expected, rtol=1e-13, atol=1e-15)


@settings(deadline=None)
@given(problems(), st.sampled_from(["tanh", "softplus"]))
def test_predictions_have_the_error_that_is_descended(problem, unit):
    error, _, _ = error_and_gradient(
        problem.X, problem.y, problem.weights, intercept=problem.intercept, activation=unit
    )
    y_hat = SingleLayer(problem.weights, problem.intercept, unit).predict(problem.X)
    assert np.sum((problem.y - y_hat) ** 2) / 2 == pytest.approx(error, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64), (np.int8, np.float64)],
)
def test_precision_follows_the_inputs(dtype, expected):
    network = SingleLayer([0.1, 0.2], 0.3, "tanh")
    assert network.net_input(np.ones((3, 2), dtype)).dtype == expected
    assert network.predict(np.ones((3, 2), dtype)).dtype == expected


def test_shapes_follow_the_weights():
    X = np.ones((5, 2))
    assert SingleLayer([1.0, 2.0]).predict(X).shape == (5,)
    assert SingleLayer([[1.0], [2.0]]).predict(X).shape == (5, 1)
    wide = SingleLayer(np.ones((2, 3)), 0.5)
    assert wide.predict(X).shape == (5, 3)
    np.testing.assert_array_equal(wide.intercept, [0.5, 0.5, 0.5])


def test_a_network_keeps_its_own_numbers():
    weights, intercept = np.ones((2, 3)), np.zeros(3)
    network = SingleLayer(weights, intercept, Activation("tanh"))
    weights[:], intercept[:] = 7.0, 7.0
    np.testing.assert_array_equal(network.weights, 1.0)
    np.testing.assert_array_equal(network.intercept, 0.0)
    assert repr(network) == "SingleLayer(2×3 weights, activation='tanh')"


@pytest.mark.parametrize(
    ("weights", "intercept", "message"),
    [
        (1.0, 0.0, "weights must have shape"),
        (np.ones((1, 2, 3)), 0.0, "weights must have shape"),
        (np.ones(2), np.zeros(2), "intercept must be a number"),
        (np.ones((2, 3)), np.zeros(2), "intercept must be a number"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(weights, intercept, message):
    with pytest.raises(InputError, match=message):
        SingleLayer(weights, intercept)


@pytest.mark.parametrize("X", [np.ones((4, 3)), np.ones(2), np.ones((2, 2, 2)), [[1.0]]])
def test_inputs_of_another_width_are_refused(X):
    with pytest.raises(InputError, match=r"takes \(n_samples, 2\)"):
        SingleLayer([1.0, 2.0]).predict(X)
