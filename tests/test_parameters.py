"""Free names of a formula are learned: gradients, the Gauss–Newton step, certified fits, bounds."""

import math
from itertools import islice

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from published import LEARNED
from scipy.optimize import least_squares
from scipy.special import expit
from strategies import laid, problems, sigmoid, small_blocks

import fallline
from fallline import Activation
from fallline.data.sources._arrays import ArraySource
from fallline.execution._evaluate import evaluate
from fallline.execution.engines._threads import thread_engine
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._records import Layer, Records

LOGISTIC = "bottom + (top - bottom)*sigmoid(h)"


def logistic_slopes(h, theta):
    bottom, top = theta
    return [(top - bottom) * sigmoid(h) * sigmoid(-h), sigmoid(-h), sigmoid(h)]


FORMULAS = {
    LOGISTIC: (lambda h, t: t[0] + (t[1] - t[0]) * sigmoid(h), logistic_slopes),
    "a*tanh(h)": (
        lambda h, t: t[0] * math.tanh(h),
        lambda h, t: [t[0] / math.cosh(h) ** 2, math.tanh(h)],
    ),
    "exp(-a*h*h/64) + b*h + c": (
        lambda h, t: math.exp(-t[0] * h * h / 64) + t[1] * h + t[2],
        lambda h, t: [
            -t[0] * h / 32 * math.exp(-t[0] * h * h / 64) + t[1],
            -h * h / 64 * math.exp(-t[0] * h * h / 64),
            h,
            1.0,
        ],
    ),
}
"""Formulas with value and slopes of one number in plain Python."""


@st.composite
def layers(draw):
    """Records with a formula, and θ (p, k) or (p, 1) in quarters."""
    formula = draw(st.sampled_from(sorted(FORMULAS)))
    problem = draw(problems(most=12))
    columns = draw(st.sampled_from([1, problem.y.shape[1]]))
    quarters = st.lists(st.integers(1, 8), min_size=columns, max_size=columns)
    theta = np.array([draw(quarters) for _ in Activation(formula).parameters]) / 4
    return problem, formula, theta


def by_loops(problem, formula, theta):
    """Return ∂E/∂θ and the masses by plain loops, for a θ of each output."""
    X, y, weights, intercept, s = problem
    own = np.broadcast_to(theta, (len(theta), y.shape[1]))
    numbers = (part.tolist() for part in (X, y, weights, intercept, own))
    found = reference.parameter_gradient(*numbers, *FORMULAS[formula], None if s is None else s.tolist())
    return tuple(map(np.array, found))


def partial_of(problem, formula, theta, dtype=np.float64, layout="rows"):
    X, y, weights, intercept, s = problem
    source = ArraySource(laid(X, dtype, layout), y, s)
    return evaluate(source, Layer(weights, intercept, Activation(formula), theta), thread_engine(2))


@settings(deadline=None, max_examples=60)
@given(
    drawn=layers(),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    layout=st.sampled_from(["rows", "columns", "csr", "view with gaps"]),
)
def test_gradients_by_parameters_are_those_of_plain_loops(drawn, dtype, layout):
    problem, formula, theta = drawn
    gradient, mass = by_loops(*drawn)
    with small_blocks():
        found = partial_of(problem, formula, theta, dtype, layout)
    eps = np.finfo(np.float64 if dtype == np.float64 else np.float32).eps
    sizes = 1e3 * len(problem.y) * max(1.0, np.abs(mass).max())
    assert found.theta.shape == (len(theta), problem.y.shape[1])
    np.testing.assert_allclose(found.theta, gradient, rtol=0, atol=8 * eps * sizes)
    np.testing.assert_allclose(found.mass, mass, rtol=0, atol=8 * eps * sizes)


@settings(deadline=None, max_examples=60)
@given(layers())
def test_they_are_the_slopes_of_the_error(drawn):
    problem, formula, theta = drawn
    found = partial_of(*drawn).theta
    if theta.shape[1] < problem.y.shape[1]:
        found = found.sum(axis=1, keepdims=True)
    step = 2.0**-13
    for at in np.ndindex(theta.shape):
        nudge = np.zeros_like(theta)
        nudge[at] = step
        ends = [partial_of(problem, formula, theta + sign * nudge).error for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert found[at] == pytest.approx(slope, rel=1e-5, abs=1e-6 * (1 + abs(ends[0])))


@settings(deadline=None, max_examples=40)
@given(layers(), st.booleans())
def test_the_gauss_newton_matrix_is_that_of_the_predictions_slopes(drawn, fit_intercept):
    (X, y, weights, intercept, s), formula, theta = drawn
    f, (d, k) = Activation(formula), weights.shape
    own = np.broadcast_to(theta, (len(theta), k))
    found = block_in_coordinates(
        Records(X, y, s), lambda x: x, Layer(weights, intercept, f, theta),
        curvature=True, fit_intercept=fit_intercept,
    ).curvature  # fmt: skip
    for j in range(k):
        start = np.concatenate([weights[:, j], intercept[[j]] if fit_intercept else [], own[:, j]])

        def predicted(point, j=j):
            b = point[d] if fit_intercept else intercept[j]
            return f.pair(X @ point[:d] + b, point[len(point) - len(theta) :])[0]

        jacobian = central_differences(predicted, start)
        weighted = jacobian if s is None else jacobian * s[:, None]
        expected = jacobian.T @ weighted
        np.testing.assert_allclose(found[j], expected, rtol=1e-6, atol=1e-6 * (1 + np.abs(expected).max()))


def central_differences(values, point, step=1e-5):
    columns = [values(point + n) - values(point - n) for n in step * np.eye(len(point))]
    return np.column_stack(columns) / (2 * step)


def responses(seed, k, n=80, d=3):
    """Return inputs and outputs of units with a LOGISTIC each, or the same one, and what made them."""
    rng = np.random.default_rng(seed)
    X, s = rng.normal(size=(n, d)) + 1.0, rng.integers(1, 4, n) / 2
    weights, intercept = rng.normal(size=(d, k)), rng.normal(size=k)
    y = 1.0 + 4.0 * expit(X @ weights + intercept) + 0.1 * rng.normal(size=(n, k))
    return X, y, s, weights, intercept


@pytest.mark.parametrize("alpha", [0.0, 1e-4])
@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("k", [2, 5])
def test_a_gauss_newton_step_is_that_of_the_whole_jacobian(k, shared, scaling, alpha):
    X, y, s, weights, intercept = responses(0, k)
    d, f = len(weights), Activation(LOGISTIC)
    theta = np.full((2, 1 if shared else k), 0.9) + np.array([[0.0], [3.8]])
    start = np.concatenate([weights.ravel(), intercept, theta.ravel()])

    def residuals(point):
        w, b, t = np.split(point, [d * k, d * k + k])
        value = f.pair(X @ w.reshape(d, k) + b, t.reshape(2, -1))[0]
        return np.concatenate([(np.sqrt(s)[:, None] * (value - y)).ravel(), np.sqrt(alpha * s.sum()) * w])

    step = np.linalg.lstsq(central_differences(residuals, start), -residuals(start))[0]
    states = fallline.descend(
        X, y, activation=LOGISTIC, method="gauss-newton", scaling=scaling, fit_intercept=True, alpha=alpha,
        sample_weight=s, initial_weights=weights, initial_intercept=intercept, shared_parameters=shared,
        initial_parameters=dict(zip(f.parameters, theta if not shared else theta[:, 0], strict=True)),
    )  # fmt: skip
    _, after = islice(states, 2)
    assert after.learning_rate == 1.0
    reached = [after.weights.ravel(), after.intercept, *map(np.atleast_1d, after.parameters.values())]
    np.testing.assert_allclose(np.concatenate(reached), start + step, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_data_and_certificates_belong_together(name):
    x, y, formula, _, sse, (w, b, theta), *_ = LEARNED[name]
    network = fallline.SingleLayer([w], b, formula, parameters=theta)
    assert np.sum((y - network.predict(x)) ** 2) == pytest.approx(sse, rel=1e-9)


def fitted(name, **settings):
    x, y, formula, fit_intercept, *_ = LEARNED[name]
    run = fallline.train(x, y, activation=formula, fit_intercept=fit_intercept, **settings)
    assert run.stop.is_converged
    return run


def assert_certified(run, name):
    (w, b, theta), network = LEARNED[name].optimum, run.network
    assert 2 * run.state.error == pytest.approx(LEARNED[name].sse, rel=1e-9)
    sign = np.sign(network.weights[0] * w) if name == "eckerle4" else 1.0
    found = [sign * network.weights[0], sign * network.intercept, *network.parameters.values()]
    np.testing.assert_allclose(found, [w, b, *theta.values()], rtol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_defaults_reach_the_certified_error(name):
    assert 2 * fitted(name).state.error == pytest.approx(LEARNED[name].sse, rel=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_defaults_reach_the_certified_parameters(name):
    assert_certified(fitted(name, tol=1e-15), name)


IN_ANOTHER_BASIN = {("boxbod", "far"), ("mgh10", "far"), ("rat43", "far")}
"""Starts from which E falls to a bottom at infinity."""
STARTS = sorted({(name, start) for name in LEARNED for start in ("far", "near")} - IN_ANOTHER_BASIN)


@pytest.mark.parametrize(("name", "start"), STARTS)
def test_published_starts_lead_to_the_certified_parameters(name, start):
    w, b, theta = getattr(LEARNED[name], start)
    run = fitted(name, tol=1e-15, initial_weights=[w], initial_intercept=b, initial_parameters=theta)
    assert_certified(run, name)


def doses(seed):
    """Return log doses in triplicate, their response, and w, b, bottom, top of the curve behind it."""
    rng = np.random.default_rng(seed)
    dose = np.repeat(np.geomspace(1e-9, 1e-4, rng.integers(8, 16)), 3)
    x = np.log10(dose) if seed % 2 else np.log(dose)
    slope = rng.choice([-1, 1]) * rng.uniform(0.8, 3.0) * (1 if seed % 2 else 1 / np.log(10))
    bottom = rng.uniform(-5, 20)
    top = bottom + rng.uniform(20, 200)
    middle = rng.uniform(*np.quantile(x, [0.35, 0.65]))
    y = bottom + (top - bottom) * expit(slope * (x - middle))
    noise = (top - bottom) * rng.choice([0.002, 0.01, 0.03, 0.06]) * rng.normal(size=len(x))
    return x[:, None], y + noise, np.array([slope, -slope * middle, bottom, top])


def scipy_cost(X, y, truth, low=(-np.inf, -np.inf), high=(np.inf, np.inf)):
    """Return the least E that SciPy finds from the truth, bottom and top within bounds."""
    bounds = np.r_[-np.inf, -np.inf, low], np.r_[np.inf, np.inf, high]
    start = np.clip(truth, bounds[0] + 1e-3, bounds[1] - 1e-3)

    def residuals(point):
        w, b, bottom, top = point
        return bottom + (top - bottom) * expit(w * X[:, 0] + b) - y

    scale, tight = np.maximum(np.abs(truth), 1e-3), {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    return least_squares(residuals, start, bounds=bounds, x_scale=scale, max_nfev=5000, **tight).cost


@pytest.mark.parametrize("seed", range(60))
def test_dose_response_curves_are_found_from_the_data_alone(seed):
    X, y, truth = doses(seed)
    run = fallline.train(X, y, activation=LOGISTIC)
    assert run.stop.is_converged
    assert run.state.error <= scipy_cost(X, y, truth) * (1 + 1e-6)


@pytest.mark.parametrize("method", ["gauss-newton", "lbfgs"])
@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_on_a_bound(seed, method):
    X, y, truth = doses(seed)
    low, high = (truth[2] + 4.0, -np.inf), (np.inf, truth[3] - 4.0)
    run = fallline.train(
        X, y, activation=LOGISTIC, method=method, tol=1e-10,
        parameter_bounds={"bottom": (low[0], None), "top": (-np.inf, high[1])},
    )  # fmt: skip
    assert run.stop.is_converged
    assert run.state.error <= scipy_cost(X, y, truth, low, high) * (1 + 1e-6)


@pytest.mark.parametrize("settings", [{"batch_size": 8}, {"method": "lbfgs"}, {"method": "gauss-newton"}, {}])
@pytest.mark.parametrize("seed", range(20))
def test_no_state_leaves_the_bounds(seed, settings):
    X, y, truth = doses(seed)
    low, high = truth[2] + 1.7, truth[3] - 1.3
    states = fallline.descend(
        X, y, activation=LOGISTIC, fit_intercept=True, scaling="standard",
        parameter_bounds={"bottom": (low, low + 0.1), "top": (None, high)}, **settings,
    )  # fmt: skip
    for state in islice(states, 30):
        assert low <= state.parameters["bottom"] <= low + 0.1
        assert state.parameters["top"] <= high


def test_bounds_that_leave_no_room_hold_a_parameter():
    X, y, _ = doses(1)
    run = fallline.train(X, y, activation=LOGISTIC, parameter_bounds={"bottom": (3.0, 3.0)})
    known = fallline.train(X, y, activation="3 + (top - 3)*sigmoid(h)")
    assert run.network.parameters["bottom"] == 3.0
    assert run.state.error == pytest.approx(known.state.error, rel=1e-9)


@pytest.mark.parametrize("method", ["auto", "lbfgs"])
def test_one_set_of_parameters_for_all_outputs(method):
    X, y, s, weights, intercept = responses(1, 5)
    run = fallline.train(
        X, y, activation=LOGISTIC, method=method, shared_parameters=True, sample_weight=s, tol=1e-12
    )

    def residuals(point):
        w, b, theta = np.split(point, [weights.size, weights.size + 5])
        value = theta[0] + (theta[1] - theta[0]) * expit(X @ w.reshape(weights.shape) + b)
        return (np.sqrt(s)[:, None] * (value - y)).ravel()

    best = least_squares(residuals, np.concatenate([weights.ravel(), intercept, [1.0, 5.0]]), xtol=1e-14)
    assert run.stop.is_converged
    assert run.state.error == pytest.approx(best.cost, rel=1e-8)
    assert list(run.network.parameters.values()) == pytest.approx(best.x[-2:], rel=1e-4)


def test_each_output_has_its_own_parameters_by_default():
    X, y, _, _, _ = responses(2, 3)
    y *= [1.0, 10.0, 100.0]
    together = fallline.train(X, y, activation=LOGISTIC, tol=1e-12)
    for j in range(3):
        alone = fallline.train(X, y[:, j], activation=LOGISTIC, tol=1e-12)
        for name, value in alone.network.parameters.items():
            assert isinstance(value, float)
            assert together.network.parameters[name][j] == pytest.approx(value, rel=1e-4)


METHODS = {
    "plain": {},
    "lbfgs": {"method": "lbfgs"},
    "gauss-newton": {"method": "gauss-newton"},
    "batches": {"batch_size": 8},
    "adam": {"batch_size": 8, "method": "adam", "learning_rate": 0.05},
}


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize("shared", [True, False])
def test_every_method_moves_parameters_downhill(way, k, shared):
    X, y, _, weights, intercept = responses(3, k or 1)
    w, b, y = (weights[:, 0], float(intercept[0]), y[:, 0]) if k is None else (weights, intercept, y)
    stream = fallline.descend(
        X, y, activation=LOGISTIC, fit_intercept=True, scaling="standard", shared_parameters=shared,
        initial_weights=w, initial_intercept=b, initial_parameters={"bottom": 0.0, "top": 4.0},
        **METHODS[way],
    )  # fmt: skip
    states = list(islice(stream, 12))
    assert states[-1].error < 0.5 * states[0].error
    for name, true, start in (("bottom", 1.0, 0.0), ("top", 5.0, 4.0)):
        values = np.array(states[-1].parameters[name])
        assert values.shape == (() if shared or k is None else (k,))
        assert (np.abs(values - true) < np.abs(start - true)).all()


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize("shared", [True, False])
def test_the_history_has_a_column_for_each(way, shared):
    X, y, _, _, _ = responses(4, 2)
    run = fallline.train(
        X, y, activation=LOGISTIC, shared_parameters=shared, max_iter=3, callbacks=[lambda s: s.step >= 2],
        **METHODS[way],
    )  # fmt: skip
    for name in ("bottom", "top"):
        assert run.history[name].shape == (len(run.history["step"]), *(() if shared else (2,)))
        np.testing.assert_array_equal(run.history[name][-1], run.network.parameters[name])


def test_a_plain_step_is_the_rate_times_the_gradient():
    X, y, _, w, b = responses(5, 2)
    theta = np.array([[0.5, 0.8], [4.5, 5.5]])
    slope = partial_of((X, y, w, b, None), LOGISTIC, theta).theta
    states = fallline.descend(
        X, y, activation=LOGISTIC, learning_rate=0.3, fit_intercept=True, initial_weights=w,
        initial_intercept=b, initial_parameters=dict(zip(("bottom", "top"), theta, strict=True)),
    )  # fmt: skip
    _, after = islice(states, 2)
    np.testing.assert_allclose(list(after.parameters.values()), theta - 0.3 * slope / len(X), rtol=1e-12)


START, BOUNDS = "initial_parameters", "parameter_bounds"
BAD = {
    "unknown start": ({START: {"topp": 1.0}}, "names 'topp', but the free names .* are: bottom, top"),
    "unknown bound": ({BOUNDS: {"a": (0, 1)}}, "names 'a', but the free names .* are: bottom, top"),
    "empty bounds": ({BOUNDS: {"top": (2, 1)}}, r"parameter_bounds\['top'\] is empty: 2 is above 1"),
    "no pair": ({BOUNDS: {"top": 1.0}}, r"parameter_bounds\['top'\] must be a pair \(low, high\)"),
    "three ends": ({BOUNDS: {"top": (0, 1, 2)}}, "must be a pair"),
    "nan bound": ({BOUNDS: {"top": (np.nan, 1)}}, r"\['top'\] must be finite"),
    "word bound": ({BOUNDS: {"top": ("low", 1)}}, r"\['top'\] must be a number"),
    "bounds the wrong way round": ({BOUNDS: {"top": (np.inf, -np.inf)}}, r"parameter_bounds\['top'\]"),
    "too many": ({START: {"top": [1.0, 2.0]}}, r"initial_parameters\['top'\] must be a number"),
    "infinite": ({START: {"top": np.inf}}, r"initial_parameters\['top'\] must be finite"),
    "no mapping": ({START: [1.0, 2.0]}, "initial_parameters must be a mapping"),
    "shared": ({"shared_parameters": 1}, "shared_parameters must be True or False"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_in_one_sentence(case):
    settings, sentence = BAD[case]
    with pytest.raises(fallline.InputError, match=sentence) as refusal:
        fallline.train([[0.0], [1.0], [2.0]], [0.0, 1.0, 3.0], activation=LOGISTIC, **settings)
    assert "\n" not in str(refusal.value)
    assert ". " not in str(refusal.value)


def test_a_formula_without_free_names_has_none_to_start_from():
    with pytest.raises(fallline.InputError, match=r"names 'a', but the free names .* are: none"):
        fallline.train([[0.0], [1.0]], [0.0, 1.0], activation="tanh", initial_parameters={"a": 1.0})
