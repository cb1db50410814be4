"""Directions and distances on problems whose answers are known."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import small_blocks

from fallline import Activation
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import from_moments, raw
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._search import HALVINGS, Constant, Halving, Line
from fallline.descent.methods._gauss_newton import GaussNewton
from fallline.descent.methods._lbfgs import LBFGS
from fallline.descent.methods._plain import Plain
from fallline.execution.engines._threads import thread_engine
from fallline.maths._moments import block_moments

seeds = st.integers(0, 10**6)


def evaluation(error=1.0, gradient=None, mass=1.0, curvature=None):
    return Evaluation(error, gradient, np.atleast_1d(mass), np.zeros(0) if curvature is None else curvature)


def test_plain_is_the_gradient_downwards():
    gradient = np.array([[2.0, -4.0]])
    np.testing.assert_array_equal(Plain(4.0).direction(evaluation(gradient=gradient), {}), [[-0.5, 1.0]])


def bowl(rng, size):
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


@settings(deadline=None)
@given(seeds, st.integers(1, 4), st.integers(1, 3), st.integers(1, 10))
def test_lbfgs_is_the_dense_recursion_of_bfgs(seed, r, k, n_pairs):
    """H ← (I − s cᵀ/sᵀc) H (I − c sᵀ/sᵀc) + s sᵀ/sᵀc, from γ I with γ of the last pair."""
    rng = np.random.default_rng(seed)
    hessian, method, memory = bowl(rng, r * k), LBFGS(), {}
    steps = rng.normal(size=(n_pairs, r * k))
    changes = steps @ hessian
    for s, c in zip(steps, changes, strict=True):
        memory = method.remember(memory, s.reshape(r, k), c.reshape(r, k))
    inverse = np.eye(r * k) * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, c in zip(steps, changes, strict=True):
        shear = np.eye(r * k) - np.outer(s, c) / (s @ c)
        inverse = shear @ inverse @ shear.T + np.outer(s, s) / (s @ c)
    gradient = rng.normal(size=(r, k))
    expected = -(inverse @ gradient.ravel()).reshape(r, k)
    found = method.direction(evaluation(gradient=gradient), memory)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_lbfgs_begins_with_the_slope_over_the_mass_of_each_output():
    gradient = np.array([[2.0, 4.0, 5.0], [6.0, -8.0, 1.0]])
    found = LBFGS().direction(evaluation(gradient=gradient, mass=[2.0, 4.0, 0.0]), {})
    np.testing.assert_array_equal(found, [[-1.0, -1.0, -5.0], [-3.0, 2.0, -1.0]])


def test_lbfgs_keeps_the_last_ten_pairs_that_curve_upwards():
    rng, method, memory = np.random.default_rng(0), LBFGS(), {}
    kept = []
    for number in range(30):
        step = rng.normal(size=(3, 1))
        change = step * (number + 1) if number % 3 else -step
        memory = method.remember(memory, step, change)
        kept += [(step, change)] if number % 3 else []
        assert len(memory["steps"]) == len(memory["changes"]) == min(len(kept), 10)
    np.testing.assert_array_equal(memory["steps"], [step for step, _ in kept[-10:]])
    np.testing.assert_array_equal(memory["changes"], [change for _, change in kept[-10:]])


def objective_of(X, Y, s, scaling, fit_intercept, unit="identity"):
    fixed = np.zeros(Y.shape[1])
    coordinates = raw(X.shape[1], fit_intercept, fixed)
    if scaling != "none":
        coordinates = from_moments(scaling, block_moments(X, s, full=True), fit_intercept, fixed)
    source = ArraySource(X, Y, s)
    return Objective(source, Activation(unit), coordinates, thread_engine(2))


@settings(deadline=None)
@given(
    seed=seeds,
    size=st.tuples(st.integers(1, 60), st.integers(1, 8), st.integers(1, 3)),
    rank=st.integers(1, 8),
    weighted=st.booleans(),
    fit_intercept=st.booleans(),
)
def test_one_gauss_newton_step_solves_least_squares(seed, size, rank, weighted, fit_intercept):
    rng, (n, d, k) = np.random.default_rng(seed), size
    X = rng.normal(size=(n, d)) if rank >= d else rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d))
    Y, s = rng.normal(size=(n, k)), 0.5 + rng.random(n) if weighted else None
    columns = np.column_stack([X, np.ones(n)]) if fit_intercept else X
    root = 1.0 if s is None else np.sqrt(s)[:, None]
    singular = np.linalg.svd(root * columns, compute_uv=False)
    inner = singular[singular > 1e-9 * singular[0]]
    assume(inner[-1] > 1e-3 * inner[0])  # products square the condition
    with small_blocks():
        objective = objective_of(X, Y, s, "none", fit_intercept)
        start = np.zeros((columns.shape[1], k))
        step = GaussNewton().direction(objective.with_curvature(start), {})
    expected, *_ = np.linalg.lstsq(root * columns, root * Y, rcond=1e-9)
    np.testing.assert_allclose(step, expected, rtol=0, atol=1e-7 * (1 + np.abs(expected).max()))


@settings(deadline=None)
@given(seeds, st.sampled_from(["standard", "whiten"]))
def test_gauss_newton_in_scaled_coordinates_needs_no_similar_columns(seed, scaling):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(50, 4)) + 3) * 10.0 ** rng.integers(-7, 8, 4)
    Y = rng.normal(size=(50, 2))
    objective = objective_of(X, Y, None, scaling, True)
    start = objective.coordinates.unfold(np.zeros((4, 2)), np.zeros(2))
    weights, intercept = objective.raw(start + GaussNewton().direction(objective.with_curvature(start), {}))
    scale = np.abs(X).max(axis=0)
    expected, *_ = np.linalg.lstsq(np.column_stack([X / scale, np.ones(50)]), Y, rcond=None)
    np.testing.assert_allclose(X @ weights + intercept, X / scale @ expected[:-1] + expected[-1], atol=1e-6)


def test_gauss_newton_of_what_is_not_finite_is_no_direction():
    broken = evaluation(gradient=np.ones((2, 1)), curvature=np.full((1, 2, 2), np.inf))
    assert np.isnan(GaussNewton().direction(broken, {})).all()


@settings(deadline=None)
@given(
    seed=seeds,
    first=st.floats(1e-3, 1e3),
    growth=st.none() | st.floats(1.0, 4.0),
    last=st.just(np.nan) | st.floats(1e-3, 1e3),
)
def test_halving_takes_the_first_trial_that_armijo_allows(seed, first, growth, last):
    rng = np.random.default_rng(seed)
    hessian, point = bowl(rng, 3), rng.normal(size=(3, 1))
    rates = []

    def error(at):
        return float(np.sum(at * (hessian @ at))) / 2

    def evaluate(at):
        rates.append(float((at - point)[0, 0] / direction[0, 0]))
        return evaluation(error(at), hessian @ at)

    gradient = hessian @ point
    direction = -gradient * rng.uniform(0.5, 2.0, size=(3, 1))
    slope = float(np.vdot(gradient, direction))
    search = Halving(first, growth)
    move = search(Line(evaluate, point, direction, error(point), slope, search.first_rate(last)))
    begin = first if growth is None or np.isnan(last) else growth * last
    np.testing.assert_allclose(rates, begin / 2.0 ** np.arange(len(rates)), rtol=1e-6)
    assert move.passes == len(rates)
    assert move.rate == pytest.approx(rates[-1], rel=1e-6)
    np.testing.assert_array_equal(move.point, point + move.rate * direction)
    assert move.evaluation.error == error(move.point)

    def allowed(rate):
        return error(point + rate * direction) <= error(point) + 1e-4 * rate * slope

    assert allowed(move.rate)
    assert not any(allowed(begin / 2**trial) for trial in range(len(rates) - 1))


@pytest.mark.parametrize("error", [np.inf, 2.0, 1.0])
def test_halving_gives_up_where_nothing_lowers_the_error(error):
    trials = []

    def evaluate(at):
        trials.append(at)
        return evaluation(error, -np.ones((1, 1)))

    assert Halving()(Line(evaluate, np.zeros((1, 1)), np.ones((1, 1)), 1.0, -1.0, 1.0)) == HALVINGS
    assert len(trials) == HALVINGS


def test_halving_does_not_stand_still():
    """Where a step is lost in rounding, E is 'not higher': that is no move."""
    point = np.full((1, 1), 1e20)
    assert Halving()(Line(lambda at: evaluation(1.0), point, np.ones((1, 1)), 1.0, 0.0, 1.0)) == HALVINGS


def test_a_constant_rate_goes_wherever_it_leads():
    point, direction = np.ones((1, 1)), np.full((1, 1), 4.0)
    search = Constant(0.5)
    rate = search.first_rate(np.nan)
    move = search(Line(lambda at: evaluation(np.inf), point, direction, 1.0, -1.0, rate))
    assert (move.rate, move.point[0, 0], move.evaluation.error, move.passes) == (0.5, 3.0, np.inf, 1)
