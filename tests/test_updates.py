"""An epoch, record by record and in batches, compiled and in NumPy, against plain loops."""

import math
from itertools import islice

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, UNITS, laid, problems, sigmoid, small_blocks

import fallline
from fallline import Activation
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import Coordinates
from fallline.descent._epochs import Epochs
from fallline.descent._objective import Objective
from fallline.descent._penalty import Penalty
from fallline.descent._schedules import Fixed
from fallline.descent.methods._plain import Plain
from fallline.execution.engines._threads import thread_engine
from fallline.maths._records import NO_THETA, Layer, Records
from fallline.maths._updates import FIXED, IMPORTANCE_AWARE, NORMALISED, Updates

FUNCTIONS = np.tanh, lambda h: 1 / np.cosh(h) ** 2
RULES = {"fixed": FIXED, "normalised": NORMALISED, "importance-aware": IMPORTANCE_AWARE}
COMPILED = ("rows", "read-only")
seeds = st.integers(0, 10**6)
FREE = {
    "bottom + (top - bottom)*sigmoid(h)": (
        lambda h, bottom, top: bottom + (top - bottom) * sigmoid(h),
        lambda h, bottom, top: (top - bottom) * sigmoid(h) * sigmoid(-h),
        (lambda h, bottom, top: sigmoid(-h), lambda h, bottom, top: sigmoid(h)),
    ),
    "a*tanh(h)": (
        lambda h, a: a * math.tanh(h),
        lambda h, a: a / math.cosh(h) ** 2,
        (lambda h, a: math.tanh(h),),
    ),
}
"""Formulas with free names: value, slope, and slopes by the names."""


def unit_of(activation):
    """Return f, f′ and the slopes by free names, in plain Python."""
    name = "tanh" if activation is FUNCTIONS else activation
    return FREE.get(name) or (*UNITS[name], ())


def digits(dtype):
    return 1e-11 if dtype == np.float64 else 3e-5


def compiled(updates, records, order, layer, rates, penalty):
    assert updates.can_take(records, layer)
    return updates.through(records, order, layer, rates)


def in_numpy(updates, records, order, layer, rates, penalty):
    """Make the updates batch by batch in NumPy, as for CSR, Fortran order and Python functions."""
    coordinates, unbounded = penalty.coordinates, np.full(updates.theta_scale.size, np.inf)
    source = ArraySource(records.X, records.y, records.sample_weight)
    objective = Objective(
        source, layer.activation, coordinates, penalty, -unbounded, unbounded, thread_engine(1)
    )
    method = Plain(1.0, Penalty(penalty.l2, 0.0, coordinates))
    epochs = Epochs(objective, method, penalty, updates, Fixed(1.0), False, False)
    point = coordinates.join(layer.weights, layer.intercept, layer.theta)
    memory, met = epochs._by_method(records, order, {"point": point}, rates)
    weights, intercept, theta = coordinates.split(memory["point"])
    return Layer(weights, intercept, layer.activation, theta), met


@st.composite
def epochs_of(draw):
    """A problem and the updates to make: rule, batches, schedule, penalty, parameters."""
    problem = draw(problems())
    (n, d), k = problem.X.shape, problem.y.shape[1]
    activation = draw(st.sampled_from(["identity", "tanh", "sigmoid", FUNCTIONS, *FREE]))
    rng, s = np.random.default_rng(draw(seeds)), problem.sample_weight
    rule = draw(st.sampled_from(list(RULES)))
    batch = 1 if rule != "fixed" else draw(st.sampled_from([1, 2, 3, 4, 7, 100]))
    mean_weight = (1.0 if s is None else float(s.mean())) * draw(st.booleans())
    pace = min(1.0, mean_weight) / 64 if mean_weight else 1 / 256
    rates = pace * rng.uniform(0.2, 1.0, size=-(-n // batch))
    p = len(unit_of(activation)[2])
    shape = (p, 1 if draw(st.booleans()) else k) if p else (0, 1)
    l2, l1 = (strength * draw(st.booleans()) for strength in (0.7, 0.3))
    T = np.exp(rng.normal(size=d) / 4)
    fixed, theta_scale = problem.intercept.astype(float), rng.uniform(0.5, 1.5, size=shape)
    coordinates = Coordinates(np.zeros(d), T, 1 / T, draw(st.booleans()), fixed, theta_scale)
    updates = Updates(
        batch, mean_weight, coordinates.fit_intercept, RULES[rule], theta_scale,
        l1 * T if l1 else np.zeros(0), l2 * T**2 if l2 else np.zeros(0),
    )  # fmt: skip
    layer = Layer(problem.weights.copy(), fixed, Activation(activation), rng.normal(size=shape))
    order = np.array(draw(st.permutations(range(n))))
    return problem, activation, rule, updates, layer, order, rates, Penalty(l2, l1, coordinates)


def by_loops(problem, activation, rule, updates, layer, order, rates):
    f, slope, theta_slopes = unit_of(activation)
    s, listed = problem.sample_weight, updates.theta_scale
    found = reference.epoch(
        *(numbers.tolist() for numbers in problem[:4]), f, slope, order.tolist(), updates.batch_size,
        rates.tolist(), updates.mean_weight or None, updates.fit_intercept,
        None if s is None else s.tolist(), rule=rule, l1=updates.l1.tolist(), l2=updates.l2.tolist(),
        theta=layer.theta.tolist(), theta_slopes=theta_slopes, theta_pace=(listed**2).tolist(),
    )  # fmt: skip
    return found if theta_slopes else (*found[:2], NO_THETA, found[2])


@settings(deadline=None, max_examples=400)
@given(drawn=epochs_of(), dtype=st.sampled_from(FLOATS), layout=st.sampled_from(COMPILED))
def test_a_compiled_epoch_is_that_of_plain_loops(drawn, dtype, layout):
    if drawn[1] is not FUNCTIONS:
        check_epoch(compiled, *drawn, dtype, layout)


@settings(deadline=None, max_examples=300)
@given(
    drawn=epochs_of(),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from([*COMPILED, "columns", "view with gaps", "csr"]),
)
def test_an_epoch_in_numpy_is_that_of_plain_loops(drawn, dtype, layout):
    check_epoch(in_numpy, *drawn, dtype, layout)


def check_epoch(way, problem, activation, rule, updates, layer, order, rates, penalty, dtype, layout):
    records = Records(laid(problem.X, dtype, layout), problem.y, problem.sample_weight)
    before = [part.copy() for part in layer if isinstance(part, np.ndarray)]
    after, met = way(updates, records, order, layer, rates, penalty)
    for kept, part in zip(before, (layer.weights, layer.intercept, layer.theta), strict=True):
        np.testing.assert_array_equal(kept, part)
    assert after.weights.dtype == after.intercept.dtype == after.theta.dtype == np.float64
    expected = by_loops(problem, activation, rule, updates, layer, order, rates)
    for ours, loops in zip((after.weights, after.intercept, after.theta, met), expected, strict=True):
        np.testing.assert_allclose(ours, loops, rtol=digits(dtype), atol=digits(dtype))
    if penalty.l1 and dtype == np.float64:
        np.testing.assert_array_equal(after.weights == 0.0, np.array(expected[0]) == 0.0)


def test_one_record_by_hand():
    """w ← w + η δ x with x = (1, 2), y = 3, w = (0.5, 0.25): h = 1, δ = 2, η = 0.1."""
    records = Records(np.array([[1.0, 2.0]]), np.array([[3.0]]), None)
    layer = Layer(np.array([[0.5], [0.25]]), np.zeros(1), Activation("identity"))
    for fit_intercept in (False, True):
        updates = Updates(1, 1.0, fit_intercept)
        after, met = updates.through(records, np.arange(1), layer, np.array([0.1]))
        np.testing.assert_allclose(after.weights[:, 0], [0.7, 0.65])
        np.testing.assert_allclose(after.intercept, 0.2 if fit_intercept else 0.0)
        assert met == pytest.approx(2.0)


def test_only_the_rows_in_order_are_used():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    layer, updates = Layer(np.zeros((3, 1)), np.zeros(1), Activation("tanh")), Updates(4, 1.0, True)
    some, rates = rng.permutation(50)[:21], np.full(6, 0.05)
    among_all, met = updates.through(Records(X, y, None), some, layer, rates)
    alone, met_alone = updates.through(Records(X[some], y[some], None), np.arange(21), layer, rates)
    np.testing.assert_array_equal(among_all.weights, alone.weights)
    assert met == met_alone


@pytest.mark.parametrize(("dtype", "layout"), [(np.float16, "rows"), (np.float16, "columns")])
def test_narrow_squares_do_not_overflow(dtype, layout):
    """‖x‖² = 2·300² is beyond float16."""
    X = laid(np.full((1, 2), 300.0), dtype, layout)
    _, state = islice(
        fallline.descend(X, [6.0], batch_size=1, learning_rate="normalised", initial_weights=[0.0, 0.0]), 2
    )
    np.testing.assert_allclose(state.weights, 0.5 * 6.0 * 300 / (2 * 300.0**2), rtol=1e-5)


def one_after_another(rule, rate, unit, *, seed, fit_intercept=False, mean_weight=1.0, s=None, k=2):
    """Yield y − ŷ of each record just before and just after its own update, and its ‖x‖² and weight."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 4)) * 10.0 ** rng.uniform(-3, 1, size=(12, 1))
    low, high = {"identity": (-3, 3), "sigmoid": (0, 1), "tanh": (-1, 1), "softplus": (0, 5)}[unit]
    y, f = rng.uniform(low, high, size=(12, k)), Activation(unit)
    layer, updates = Layer(rng.normal(size=(4, k)) / 9, np.zeros(k), f), Updates(
        1, mean_weight, fit_intercept, RULES[rule]
    )  # fmt: skip
    for m in range(12):
        before = y[m] - f.value(X[m] @ layer.weights + layer.intercept)
        layer, _ = updates.through(Records(X, y, s), np.array([m]), layer, np.array([rate]))
        after = y[m] - f.value(X[m] @ layer.weights + layer.intercept)
        yield before, after, X[m] @ X[m] + fit_intercept, 1.0 if s is None else s[m]


@settings(deadline=None)
@given(seed=seeds, rate=st.floats(0.01, 1.99), fit_intercept=st.booleans())
def test_a_normalised_step_leaves_one_minus_its_rate_of_the_error(seed, rate, fit_intercept):
    """Haykin, Adaptive Filter Theory: the a posteriori error is (1 − η) times the a priori one."""
    for before, after, _, _ in one_after_another(
        "normalised", rate, "identity", seed=seed, fit_intercept=fit_intercept
    ):
        np.testing.assert_allclose(after, (1 - rate) * before, atol=1e-9)


@pytest.mark.parametrize("unit", ["identity", "sigmoid", "tanh", "softplus"])
@settings(deadline=None, max_examples=50)
@given(seed=seeds, share=st.floats(0.01, 1.99), fit_intercept=st.booleans())
def test_a_normalised_step_never_overshoots(unit, seed, share, fit_intercept):
    """The step of η / c ‖x‖² lowers the error of its record for η below 2."""
    from fallline.maths._bounds import curvature_bound

    low, high = {"identity": (-3, 3), "sigmoid": (0, 1), "tanh": (-1, 1), "softplus": (0, 5)}[unit]
    rate = share / curvature_bound(Activation(unit), low, high)
    for before, after, _, _ in one_after_another("normalised", rate, unit, seed=seed, k=1):
        assert after**2 <= before**2 * (1 + 1e-12) + 1e-24


@settings(deadline=None)
@given(
    seed=seeds, rate=st.floats(1e-6, 1e6), mean=st.sampled_from([0.0, 1.0, 1.7]), fit_intercept=st.booleans()
)
def test_an_importance_aware_step_leaves_an_exponential_of_the_error(seed, rate, mean, fit_intercept):
    """Karampatziakis and Langford (2011), table 1; it never changes sign, whatever the rate is."""
    s = np.random.default_rng(seed).uniform(0.0, 9.0, size=12) * (np.arange(12) != 5)
    steps = one_after_another(
        "importance-aware", rate, "identity", seed=seed, fit_intercept=fit_intercept, mean_weight=mean, s=s
    )
    for before, after, square, weight in steps:
        left = np.exp(-rate * weight * square / (mean or 1.0))
        np.testing.assert_allclose(after, left * before, atol=1e-9)
        assert (after * np.sign(before) >= -1e-9).all()


@settings(deadline=None)
@given(seed=seeds, rate=st.floats(1e-6, 1e2))
def test_an_importance_of_two_is_two_updates(seed, rate):
    """The invariance the rule is made for: weight s at once, or in two halves."""
    rng = np.random.default_rng(seed)
    X, y, layer = rng.normal(size=(1, 3)), rng.normal(size=(1, 1)), Layer(
        rng.normal(size=(3, 1)), np.zeros(1), Activation("identity")
    )  # fmt: skip
    updates, order = Updates(1, 0.0, True, IMPORTANCE_AWARE), np.zeros(1, int)
    at_once, _ = updates.through(Records(X, y, np.array([2.0])), order, layer, np.array([rate]))
    for _ in range(2):
        layer, _ = updates.through(Records(X, y, np.array([1.0])), order, layer, np.array([rate]))
    np.testing.assert_allclose(layer.weights, at_once.weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.4, 0.0), (0.2, 0.3)])
def test_epochs_of_the_stream(layout, reduction, batch_size, alpha, l1_ratio):
    """Rates go on from epoch to epoch and block to block; a batch has its records' share of the penalty."""
    rng = np.random.default_rng(1)
    X, y, s = rng.normal(size=(20, 4)), rng.uniform(0.1, 0.9, size=(20, 2)), rng.uniform(0.5, 2, size=20)
    w, b, schedule = rng.normal(size=(4, 2)), rng.normal(size=2), fallline.InverseScaling(0.05, 0.7)
    per_epoch, mean = -(-20 // batch_size), s.mean() if reduction == "mean" else None
    penalty = alpha * (1.0 if mean else s.mean())
    with small_blocks():
        states = fallline.descend(
            laid(X, np.float64, layout), y, activation="sigmoid", learning_rate=schedule, sample_weight=s,
            batch_size=batch_size, shuffle=False, reduction=reduction, fit_intercept=True, alpha=alpha,
            l1_ratio=l1_ratio, initial_weights=w, initial_intercept=b,
        )  # fmt: skip
        for number, state in enumerate(islice(states, 4)):
            np.testing.assert_allclose(state.weights, w, rtol=1e-9, atol=1e-12)
            np.testing.assert_array_equal(state.weights == 0.0, np.equal(w, 0.0))
            np.testing.assert_allclose(state.intercept, b, rtol=1e-9)
            rates = [schedule(number * per_epoch + t) for t in range(per_epoch)]
            w, b, _ = reference.epoch(
                X, y, w, b, *UNITS["sigmoid"], range(20), batch_size, rates, mean, True, s,
                l1=[penalty * l1_ratio] * 4, l2=[penalty * (1 - l1_ratio)] * 4,
            )  # fmt: skip
    assert state.learning_rate == pytest.approx(schedule(3 * per_epoch - 1))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_heavy_records_do_not_overshoot_either(reduction):
    """A rate below 2 promises that no record is overshot, one of ten times the usual weight neither."""
    X, y, s = np.ones((10, 1)), 1.0 + np.arange(10) / 1e3, np.array([10.0, *[0.1] * 9])
    states = fallline.descend(
        X, y, sample_weight=s, batch_size=1, learning_rate="normalised", reduction=reduction,
        initial_weights=[0.0],
    )  # fmt: skip
    errors = [state.error for state in islice(states, 20)]
    assert errors[-1] < errors[0]


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_whitened_batches_with_a_penalty(fit_intercept):
    """The penalty is that of the raw weights, in whatever coordinates the batches are descended."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3)), rng.normal(size=60)
    asked = {"alpha": 0.3, "fit_intercept": fit_intercept, "scaling": "whiten"}
    *_, full = islice(fallline.descend(X, y, **asked), 2000)
    _, first = islice(fallline.descend(X, y, batch_size=5, **asked), 2)
    rate = fallline.InverseScaling(first.learning_rate, 0.3)
    *_, last = islice(fallline.descend(X, y, batch_size=5, learning_rate=rate, **asked), 300)
    assert last.objective == pytest.approx(full.objective, rel=0.01)


@pytest.mark.parametrize("rate", ["normalised", "importance-aware"])
def test_steps_that_fit_the_record_know_no_penalty(rate):
    """A record near zero has a long step, which the slope of the penalty must not be multiplied by."""
    with pytest.raises(fallline.InputError, match="knows no penalty: give a number, or leave alpha out"):
        fallline.descend([[1.0], [2.0]], [1.0, 2.0], batch_size=1, learning_rate=rate, alpha=0.1)
