"""An epoch, record by record and in batches, compiled and in NumPy, against plain loops."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, UNITS, laid, problems

from fallline import Activation
from fallline.maths._records import Layer, Records
from fallline.maths._updates import Updates

FUNCTIONS = np.tanh, lambda h: 1 / np.cosh(h) ** 2


def digits(dtype):
    return 1e-11 if dtype == np.float64 else 3e-5


def run(updates, X, problem, order, activation):
    records = Records(X, problem.y, problem.sample_weight)
    layer = Layer(problem.weights.copy(), problem.intercept.copy(), Activation(activation))
    after, met = updates.through(records, order, layer)
    np.testing.assert_array_equal(layer.weights, problem.weights)
    assert after.weights.dtype == after.intercept.dtype == np.float64
    return after.weights, after.intercept, met


def by_loops(updates, problem, order, unit):
    return reference.epoch(
        *(numbers.tolist() for numbers in problem[:4]), *UNITS[unit], order.tolist(), updates.batch_size,
        updates.rate, updates.mean_weight, updates.fit_intercept,
        None if problem.sample_weight is None else problem.sample_weight.tolist(),
    )  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    data=st.data(),
    problem=problems(),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from(["rows", "read-only", "columns", "view with gaps", "csr"]),
    activation=st.sampled_from(["identity", "tanh", "sigmoid", FUNCTIONS]),
    batch_size=st.sampled_from([1, 2, 3, 4, 7, 100]),
    mean=st.booleans(),
    intercept=st.booleans(),
)
def test_an_epoch_is_that_of_plain_loops(
    data, problem, dtype, layout, activation, batch_size, mean, intercept
):
    n, s = len(problem.X), problem.sample_weight
    mean_weight = (1.0 if s is None else s.mean()) if mean else None
    rate = 1 / 256 if not mean else min(1.0, mean_weight) / 64
    updates = Updates(rate, batch_size, mean_weight, intercept)
    order = np.array(data.draw(st.permutations(range(n))))
    found = run(updates, laid(problem.X, dtype, layout), problem, order, activation)
    expected = by_loops(updates, problem, order, "tanh" if activation is FUNCTIONS else activation)
    for ours, loops in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, loops, rtol=digits(dtype), atol=digits(dtype))


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
def test_one_record_by_hand(layout):
    """w ← w + η δ x with x = (1, 2), y = 3, w = (0.5, 0.25): h = 1, δ = 2, η = 0.1."""
    records = Records(laid(np.array([[1.0, 2.0]]), np.float64, layout), np.array([[3.0]]), None)
    layer = Layer(np.array([[0.5], [0.25]]), np.zeros(1), Activation("identity"))
    for fit_intercept in (False, True):
        updates = Updates(0.1, 1, 1.0, fit_intercept)
        after, met = updates.through(records, np.arange(1), layer)
        np.testing.assert_allclose(after.weights[:, 0], [0.7, 0.65])
        np.testing.assert_allclose(after.intercept, 0.2 if fit_intercept else 0.0)
        assert met == pytest.approx(2.0)


def test_only_the_rows_in_order_are_used():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    layer, updates = Layer(np.zeros((3, 1)), np.zeros(1), Activation("tanh")), Updates(0.05, 4, 1.0, True)
    some = rng.permutation(50)[:21]
    among_all, met = updates.through(Records(X, y, None), some, layer)
    alone, met_alone = updates.through(Records(X[some], y[some], None), np.arange(21), layer)
    np.testing.assert_array_equal(among_all.weights, alone.weights)
    assert met == met_alone
