"""Methods, state by state against their published recursions."""

from itertools import cycle, islice

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import UNITS, laid, small_blocks

import fallline
from fallline import Activation
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import find_coordinates, raw
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._penalty import Penalty
from fallline.descent._schedules import Fixed
from fallline.descent.methods._gauss_newton import GaussNewton
from fallline.descent.methods._lbfgs import LBFGS
from fallline.execution.engines._threads import thread_engine

seeds = st.integers(0, 10**6)


def drawn(seed=0, n=12, d=3, k=2):
    """Records (X, y, s), weights and intercepts whose targets suit every unit."""
    rng = np.random.default_rng(seed)
    problem = rng.normal(size=(n, d)), rng.uniform(0.1, 0.9, size=(n, k)), rng.uniform(0.5, 2.0, size=n)
    return *problem, rng.normal(size=(d, k)), rng.normal(size=k)


def flat_gradient(X, y, s, unit, divisor, l2=0.0):
    """Return the gradient by weights (row by row) and intercepts, of lists; l2 is for the weights."""
    d, k = X.shape[1], y.shape[1]

    def gradient(point):
        weights, intercept = [point[i * k : (i + 1) * k] for i in range(d)], point[d * k :]
        _, by_weights, by_intercept = reference.error_and_gradient(X, y, weights, intercept, *UNITS[unit], s)
        flat = [g for row in by_weights for g in row] + by_intercept
        decay = [l2 * w for w in point[: d * k]] + [0.0] * k
        return [g / divisor + p for g, p in zip(flat, decay, strict=True)]

    return gradient


def flat(state):
    return np.append(state.weights.ravel(), state.intercept)


def descended(X, y, s, w, b, **asked):
    start = {"initial_weights": w, "initial_intercept": b, "fit_intercept": True, "sample_weight": s}
    return fallline.descend(X, y, **start, **asked)


def shrinking(size, n_weights):
    """Return the proximal step of size·|w| over the first coordinates."""

    def shrink(point, rate):
        few = [reference.soft_threshold(w, rate * size) for w in point[:n_weights]]
        return few + list(point[n_weights:])

    return shrink


@pytest.mark.parametrize("unit", ["identity", "sigmoid", "tanh"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["momentum", "nesterov"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.6)])
@pytest.mark.parametrize("changing", [False, True])
def test_first_order_methods_are_their_recursions(unit, reduction, method, alpha, l1_ratio, changing):
    """A hundred steps: Nesterov's method starts afresh several times on the way."""
    if method == "momentum" and l1_ratio:
        return
    X, y, s, w, b = drawn()
    divisor = s.sum() if reduction == "mean" else 1.0
    rate = 0.3 * divisor / s.sum()
    schedule = fallline.InverseScaling(rate, 0.3) if changing else Fixed(rate)
    strength = alpha * s.sum() / divisor
    gradient = flat_gradient(X, y, s, unit, divisor, strength * (1 - l1_ratio))
    more = {"shrink": shrinking(strength * l1_ratio, w.size)} if l1_ratio else {}
    oracle = getattr(reference, method)(
        cycle([gradient]), [*w.ravel(), *b], [schedule(t) for t in range(100)], **more
    )
    states = descended(
        X, y, s, w, b, activation=unit, method=method, reduction=reduction, alpha=alpha, l1_ratio=l1_ratio,
        learning_rate=schedule if changing else rate,
    )  # fmt: skip
    for expected, state in zip(oracle, states, strict=False):
        np.testing.assert_allclose(flat(state), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["momentum", "nesterov", "adam"])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_methods_in_batches_are_their_recursions(method, reduction, layout, batch_size):
    """Each update takes the gradient of its own batch; there is a state an epoch."""
    X, y, s, w, b = drawn()
    parts = [slice(start, start + batch_size) for start in range(0, 12, batch_size)]
    alpha, mean = 0.2, reduction == "mean"
    gradients = []
    for rows in parts:
        n = len(y[rows])
        divisor = n * s.mean() if mean else 1.0
        l2 = alpha if mean else alpha * n * s.mean()
        gradients.append(flat_gradient(X[rows], y[rows], s[rows], "tanh", divisor, l2))
    schedule = fallline.InverseScaling(0.01, 0.5)
    oracle = getattr(reference, method)(
        cycle(gradients), [*w.ravel(), *b], [schedule(t) for t in range(6 * len(parts))]
    )
    with small_blocks():
        states = descended(
            laid(X, np.float64, layout), y, s, w, b, activation="tanh", method=method, reduction=reduction,
            alpha=alpha, learning_rate=schedule, batch_size=batch_size, shuffle=False,
        )  # fmt: skip
        for expected, state in zip(islice(oracle, 0, None, len(parts)), states, strict=False):
            np.testing.assert_allclose(flat(state), expected, rtol=1e-9, atol=1e-11)


def evaluation(gradient, point=None, error=1.0, mass=1.0, curvature=None):
    gradient = np.asarray(gradient, dtype=float)
    point = np.zeros_like(gradient) if point is None else point
    curvature = np.zeros(0) if curvature is None else curvature
    return Evaluation(point, error, 0.0, gradient, 0.0, np.atleast_2d(mass), curvature)


def bowl(rng, size):
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


def dense_bfgs(steps, changes):
    """H ← (I − s cᵀ/sᵀc) H (I − c sᵀ/sᵀc) + s sᵀ/sᵀc, from γ I with γ of the last pair."""
    inverse = np.eye(len(steps[0])) * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, c in zip(steps, changes, strict=True):
        shear = np.eye(len(s)) - np.outer(s, c) / (s @ c)
        inverse = shear @ inverse @ shear.T + np.outer(s, s) / (s @ c)
    return inverse


def of_pairs(steps, changes):
    """Return what L-BFGS remembers of these pairs."""
    method, memory = LBFGS(raw(len(steps[0]), False, np.zeros(1))), {}
    zero = np.zeros(len(steps[0]))
    for s, c in zip(steps, changes, strict=True):
        memory = method.remember(evaluation(zero), memory, 1.0, evaluation(c, point=s))
    return method, memory


@settings(deadline=None)
@given(seeds, st.integers(1, 6), st.integers(1, 10), st.floats(0.01, 1.0))
def test_lbfgs_is_the_dense_recursion_of_bfgs(seed, size, n_pairs, rate):
    rng = np.random.default_rng(seed)
    hessian, steps = bowl(rng, size), rng.normal(size=(n_pairs, size))
    method, memory = of_pairs(steps, steps @ hessian)
    point, gradient = rng.normal(size=(2, size))
    expected = point - rate * dense_bfgs(steps, steps @ hessian) @ gradient
    found = method.propose(evaluation(gradient, point=point), memory, rate)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_lbfgs_begins_with_the_slope_over_the_mass_of_each_output():
    gradient = np.array([2.0, 4.0, 5.0, 6.0, -8.0, 1.0])
    method = LBFGS(raw(2, False, np.zeros(3)))
    found = method.propose(evaluation(gradient, mass=[2.0, 4.0, 0.0]), {}, 1.0)
    np.testing.assert_array_equal(found, [-1.0, -1.0, -5.0, -3.0, 2.0, -1.0])


def test_lbfgs_keeps_the_last_ten_pairs_that_curve_upwards():
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(30, 3))
    changes = steps * [[number + 1.0 if number % 3 else -1.0] for number in range(30)]
    for number in range(1, 31):
        _, memory = of_pairs(steps[:number], changes[:number])
        kept = [i for i in range(number) if i % 3][-10:]
        np.testing.assert_array_equal(memory.get("steps", np.empty(0)).reshape(-1, 3), steps[kept])
        np.testing.assert_array_equal(memory.get("changes", np.empty(0)).reshape(-1, 3), changes[kept])


def halved(error, at, start, slope, way, rate=1.0):
    """Return where the first share of a way that Armijo's rule allows leads: all, a half, a quarter …"""
    while True:
        moved = way(rate)
        if error(moved) < start and error(moved) <= start + 1e-4 * slope @ (moved - at):
            return moved, rate
        rate /= 2


@pytest.mark.parametrize("unit", ["identity", "tanh"])
def test_lbfgs_is_dense_bfgs_state_by_state(unit):
    X, y, s, w, b = drawn(n=40)
    gradient = flat_gradient(X, y, s, unit, 1.0)
    states = descended(X, y, s, w, b, activation=unit, method="lbfgs")

    def error(point):
        return reference.error(X, y, point[:6].reshape(3, 2), point[6:], UNITS[unit][0], s)

    point, steps, changes = np.append(w.ravel(), b), [], []
    for state in islice(states, 5):
        np.testing.assert_allclose(flat(state), point, rtol=1e-6)
        g = np.array(gradient(point))
        h = X @ w + b
        mass = s @ np.vectorize(UNITS[unit][1])(h) ** 2
        first = np.diag(1 / np.tile(mass, 4)) if not steps else None
        inverse = dense_bfgs(steps, changes) if steps else first
        after, _ = halved(error, point, error(point), g, lambda rate, at=point, p=inverse @ g: at - rate * p)
        steps.append(after - point)
        changes.append(gradient(after) - g)
        point = after


@pytest.mark.parametrize("unit", ["sigmoid", "softplus"])
@pytest.mark.parametrize("method", ["lbfgs", "gauss-newton", "nesterov"])
@pytest.mark.parametrize("scaling", ["none", "whiten"])
def test_methods_end_where_scipy_ends(unit, method, scaling):
    X, y, s, w, b = drawn(n=60)
    gradient = flat_gradient(X, y, s, unit, 1.0)

    def error(point):
        return reference.error(X, y, point[:6].reshape(3, 2), point[6:], UNITS[unit][0], s)

    best = minimize(error, np.zeros(8), jac=lambda p: np.array(gradient(p)), method="BFGS", tol=1e-9)
    *_, last = islice(descended(X, y, s, w, b, activation=unit, method=method, scaling=scaling), 2000)
    assert last.error == pytest.approx(best.fun, rel=1e-12)
    np.testing.assert_allclose(flat(last), best.x, rtol=1e-5, atol=1e-6)


def objective_of(X, Y, s, scaling, fit_intercept, *, unit="identity", l2=0.0, theta_scale=None):
    source, engine = ArraySource(X, Y, s), thread_engine(2)
    coordinates, _ = find_coordinates(source, engine, scaling, fit_intercept, np.zeros(Y.shape[1]))
    if theta_scale is not None:
        coordinates = coordinates.__class__(**{**vars(coordinates), "theta_scale": theta_scale})
    ends = np.full(coordinates.n_thetas, np.inf)
    penalty = Penalty(l2, 0.0, coordinates)
    return Objective(source, Activation(unit), coordinates, penalty, -ends, ends, engine)


def gauss_newton_from(objective, point, rate=1.0):
    at = objective.with_curvature(point)
    return GaussNewton(objective.coordinates, objective.penalty).propose(at, {}, rate)


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
        step = gauss_newton_from(
            objective_of(X, Y, s, "none", fit_intercept), np.zeros(columns.shape[1] * k)
        ).reshape(-1, k)
    expected, *_ = np.linalg.lstsq(root * columns, root * Y, rcond=1e-9)
    np.testing.assert_allclose(step, expected, rtol=0, atol=1e-7 * (1 + np.abs(expected).max()))


def jacobian(objective, point):
    """Return √s ∂ŷ/∂point (n k, m) by complex steps, and √s (y − ŷ), for a logistic curve with free ends."""
    X, Y, s = objective.source.X, objective.source.y, objective.source.sample_weight

    def predicted(at):
        weights, intercept, (bottom, top) = objective.coordinates.fold(at)
        return bottom + (top - bottom) / (1 + np.exp(-(X @ weights + intercept)))

    steps = 1e-30j * np.eye(len(point))
    columns = [predicted(point.astype(complex) + step).imag / 1e-30 for step in steps]
    J, residual = np.stack(columns, axis=2), Y - predicted(point)
    root = np.sqrt(s)[:, None]
    return (root[:, :, None] * J).reshape(-1, len(point)), (root * residual).ravel()


@settings(deadline=None, max_examples=40)
@given(
    seed=seeds, k=st.integers(1, 3), shared=st.booleans(), fit_intercept=st.booleans(),
    scaling=st.sampled_from(["none", "standard", "whiten"]), l2=st.sampled_from([0.0, 0.7]),
    rate=st.sampled_from([1.0, 0.25]),
)  # fmt: skip
def test_a_gauss_newton_step_with_parameters_solves_the_tangent(
    seed, k, shared, fit_intercept, scaling, l2, rate
):
    """min ‖r − J p‖² + l2 ‖w + T p_w‖², with free ends for each output or shared by all."""
    rng = np.random.default_rng(seed)
    X, Y, s = rng.normal(size=(40, 3)), rng.normal(size=(40, k)), rng.uniform(0.5, 2, size=40)
    scale = rng.uniform(0.5, 2.0, size=(2, 1 if shared else k))
    objective = objective_of(
        X, Y, s, scaling, fit_intercept, unit="bottom + (top - bottom)*sigmoid(h)", l2=l2, theta_scale=scale
    )
    theta = np.array([[-1.0], [2.0]]) + rng.normal(size=scale.shape) / 4
    point = objective.coordinates.join(rng.normal(size=(3, k)), rng.normal(size=k) / 2, theta)
    J, residual = jacobian(objective, point)
    n, T = 3 * k, objective.coordinates.times(np.eye(3))
    decay = np.zeros((n, len(point)))
    decay[:, :n] = np.sqrt(l2) * np.kron(T, np.eye(k))
    matrix = J.T @ J + decay.T @ decay
    slope = -J.T @ residual + decay.T @ decay @ point
    if rate < 1.0:
        if k > 1:
            return  # the damping of each output has its own size
        matrix += (
            1e-6
            * (rate**-4 - 1)
            * np.diag(np.r_[np.full(n, np.diag(matrix)[:n].mean()), np.diag(matrix)[n:]])
        )
    expected = point - np.linalg.lstsq(matrix, slope, rcond=None)[0]
    found = gauss_newton_from(objective, point, rate)
    size = np.abs(expected - point).max()
    np.testing.assert_allclose(found, expected, atol=1e-6 * (1 + size) * max(1, np.linalg.cond(matrix) / 1e6))


@settings(deadline=None)
@given(seeds, st.sampled_from(["standard", "whiten"]))
def test_gauss_newton_in_scaled_coordinates_needs_no_similar_columns(seed, scaling):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(50, 4)) + 3) * 10.0 ** rng.integers(-7, 8, 4)
    Y = rng.normal(size=(50, 2))
    objective = objective_of(X, Y, None, scaling, True)
    start = objective.coordinates.unfold(np.zeros((4, 2)), np.zeros(2))
    weights, intercept, _ = objective.coordinates.fold(gauss_newton_from(objective, start))
    scale = np.abs(X).max(axis=0)
    expected, *_ = np.linalg.lstsq(np.column_stack([X / scale, np.ones(50)]), Y, rcond=None)
    np.testing.assert_allclose(X @ weights + intercept, X / scale @ expected[:-1] + expected[-1], atol=1e-6)


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "softplus"])
def test_gauss_newton_state_by_state(unit):
    """(A + μ D) p = −∂E/∂w, A = JᵀJ, μ = (1/t⁴ − 1) 10⁻⁶: t is halved until E falls enough, then doubled.

    Five states: after two slow steps, at the earliest, the Hessian takes its turn.
    """
    X, y, s, w, b = drawn(n=40, k=1)
    Z, gradient = np.column_stack([X, np.ones(40)]), flat_gradient(X, y, s, unit, 1.0)
    states = descended(X, y, s, 4 * w, b, activation=unit, method="gauss-newton")

    def error(point):
        return reference.error(X, y, point[:3, None], point[3:], UNITS[unit][0], s)

    def way(rate):
        J = np.sqrt(s)[:, None] * Z * np.vectorize(UNITS[unit][1])(Z @ point)[:, None]
        A = J.T @ J
        D = np.diag([*[np.diag(A)[:3].mean()] * 3, A[3, 3]])
        return point - np.linalg.solve(A + 1e-6 * (rate**-4 - 1) * D, g)

    point, rate, rates = np.append(4 * w, b), 1.0, []
    for state in islice(states, 5):
        np.testing.assert_allclose(flat(state), point, rtol=1e-6, atol=1e-8)
        g = np.array(gradient(point))
        point, rate = halved(error, point, error(point), g, way, min(1.0, 2 * rate))
        rates.append(rate)
    assert min(rates) < 1.0 or unit == "softplus"


def test_gauss_newton_of_what_is_not_finite_leads_nowhere():
    coordinates = raw(2, False, np.zeros(1))
    broken = evaluation(np.ones(2), curvature=np.full((1, 2, 2), np.inf))
    assert np.isnan(GaussNewton(coordinates, Penalty(0.0, 0.0, coordinates)).propose(broken, {}, 1.0)).all()
