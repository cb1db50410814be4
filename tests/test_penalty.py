"""Penalties against scikit-learn and SciPy: the same bottom, the same exact zeros."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from strategies import laid, sigmoid

import fallline
from fallline.descent._coordinates import Coordinates, raw
from fallline.descent._penalty import Penalty

seeds = st.integers(0, 10**6)
CORNERED = ["plain", "nesterov", "gauss-newton"]
SMOOTH = [*CORNERED, "momentum", "lbfgs"]


def linear(seed=0, n=60, d=8, k=None, spread=0.5):
    """Correlated inputs of different sizes, of which half matter; sample weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 4) * 10.0 ** (spread * rng.random(d))
    w = rng.normal(size=(d,) if k is None else (d, k))
    w[::2] = 0
    return X + 1, X @ w + rng.normal(size=(n,) if k is None else (n, k)), rng.uniform(0.5, 2, size=n)


def logistic(seed=0, n=80, d=6, k=None):
    X, y, s = linear(seed, n, d, k, spread=0.2)
    return X, np.vectorize(sigmoid)((y - y.mean(axis=0)) / y.std(axis=0)), s


def bottom(X, y, s=None, *, most=20_000, near=1e-10, **asked):
    """Descend until the gradient, corners counted, is zero to rounding or no step is left."""
    asked = {"fit_intercept": True, "sample_weight": s, "n_jobs": 1, **asked}
    last, size = None, near * np.linalg.norm(y)
    for last in islice(fallline.descend(X, y, **asked), most):
        if last.gradient_norm <= size:
            break
    return last


def value(state, X, y, s, alpha, ratio, unit):
    """E + Σs α [(1 − ρ) ½‖w‖² + ρ‖w‖₁], and the gradient of its smooth part by w, in raw units."""
    E, gradient, by_intercept = fallline.error_and_gradient(
        X, y, state.weights, intercept=state.intercept, activation=unit, sample_weight=s
    )
    w, mass = state.weights, len(X) if s is None else s.sum()
    penalty = mass * alpha * ((1 - ratio) * 0.5 * np.sum(w**2) + ratio * np.sum(np.abs(w)))
    return E, penalty, gradient + mass * alpha * (1 - ratio) * w, by_intercept


def check_bottom(state, X, y, s, alpha, ratio, unit, tolerance):
    """Check that 0 is a subgradient: smooth slopes balance the corners, and do not exceed them at zeros."""
    _, _, slope, by_intercept = value(state, X, y, s, alpha, ratio, unit)
    corner = (len(X) if s is None else s.sum()) * alpha * ratio
    w = state.weights
    assert (np.abs(slope[w == 0]) <= corner + tolerance).all()
    np.testing.assert_allclose(slope[w != 0], -corner * np.sign(w[w != 0]), atol=tolerance)
    np.testing.assert_allclose(by_intercept, 0, atol=tolerance)


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("alpha", [1e-3, 0.3, 100.0])
@pytest.mark.parametrize("method", SMOOTH)
def test_ridge(method, alpha, fit_intercept, weighted, k):
    """Ridge has ‖y − Xw‖² + α‖w‖²: its α is Σs times this one."""
    X, y, s = linear(k=k)
    s = s if weighted else None
    ridge = Ridge(alpha=alpha * (60 if s is None else s.sum()), fit_intercept=fit_intercept, tol=1e-12)
    ridge.fit(X, y, sample_weight=s)
    scaling = "none" if method in ("gauss-newton", "lbfgs") else "whiten"
    last = bottom(X, y, s, method=method, alpha=alpha, fit_intercept=fit_intercept, scaling=scaling)
    np.testing.assert_allclose(last.weights, ridge.coef_.T, atol=1e-6)
    np.testing.assert_allclose(last.intercept, ridge.intercept_, atol=1e-6)


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("alpha", "ratio"), [(0.05, 1.0), (0.3, 0.5), (1.0, 0.9), (100.0, 1.0)])
@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("method", CORNERED)
def test_elastic_net_and_lasso(method, scaling, alpha, ratio, fit_intercept, weighted, k):
    X, y, s = linear(k=k, spread=0.2)
    s = s if weighted else None
    model = {"alpha": alpha, "fit_intercept": fit_intercept, "tol": 1e-14, "max_iter": 10**6}
    columns = y.reshape(60, -1).T
    nets = [
        (Lasso(**model) if ratio == 1.0 else ElasticNet(l1_ratio=ratio, **model)).fit(X, column, s)
        for column in columns
    ]
    asked = {"alpha": alpha, "l1_ratio": ratio, "fit_intercept": fit_intercept, "scaling": scaling}
    last = bottom(X, y, s, method=method, **asked)
    coefficients = np.array([net.coef_ for net in nets]).T.reshape(last.weights.shape)
    np.testing.assert_allclose(last.weights, coefficients, atol=1e-6)
    np.testing.assert_allclose(last.intercept, np.squeeze([net.intercept_ for net in nets]), atol=1e-6)
    np.testing.assert_array_equal(last.weights == 0, coefficients == 0)
    assert last.gradient_norm <= 1e-6 * np.linalg.norm(y)


def by_scipy(X, y, s, alpha, ratio):
    """Return w and b at the bottom for the sigmoid: w = p − q with p, q ≥ 0 makes the corners smooth."""
    d, mass = X.shape[1], s.sum()

    def value_and_slope(z):
        w = z[:d] - z[d : 2 * d]
        E, gradient, by_intercept = fallline.error_and_gradient(
            X, y, w, intercept=z[-1], activation="sigmoid", sample_weight=s
        )
        gradient = gradient + mass * alpha * (1 - ratio) * w
        E += mass * alpha * ((1 - ratio) / 2 * w @ w + ratio * z[:-1].sum())
        corner = mass * alpha * ratio
        return E, np.concatenate([gradient + corner, corner - gradient, [by_intercept]])

    bounds = [(0, None)] * (2 * d) + [(None, None)]
    best = minimize(
        value_and_slope, np.zeros(2 * d + 1), jac=True, bounds=bounds, method="L-BFGS-B",
        options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 10**5, "maxfun": 10**5, "maxcor": 30},
    )  # fmt: skip
    return best.x[:d] - best.x[d : 2 * d], best.x[-1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("alpha", "ratio"), [(0.002, 1.0), (0.01, 0.5), (0.01, 0.0)])
@pytest.mark.parametrize("method", CORNERED)
def test_the_sigmoid_against_scipy(method, alpha, ratio, seed):
    X, y, s = logistic(seed)
    w, b = by_scipy(X, y, s, alpha, ratio)
    scaling = {"gauss-newton": "none"}.get(method, "standard")
    asked = {"alpha": alpha, "l1_ratio": ratio, "activation": "sigmoid", "scaling": scaling}
    last = bottom(X, y, s, method=method, **asked)
    check_bottom(last, X, y, s, alpha, ratio, "sigmoid", 1e-6)
    np.testing.assert_allclose(last.weights, w, atol=1e-5)
    assert last.intercept == pytest.approx(b, abs=1e-5)


@pytest.mark.parametrize("k", [None, 1, 4, 6])
@pytest.mark.parametrize(("alpha", "ratio"), [(0.01, 1.0), (0.01, 0.5)])
@pytest.mark.parametrize("unit", ["identity", "sigmoid", "tanh", "softplus"])
@pytest.mark.parametrize("method", CORNERED)
def test_zero_is_a_subgradient_at_the_end(method, unit, alpha, ratio, k):
    X, y, s = logistic(k=k)
    asked = {"alpha": alpha, "l1_ratio": ratio, "activation": unit, "scaling": "standard"}
    last = bottom(X, y, s, method=method, **asked)
    check_bottom(last, X, y, s, alpha, ratio, unit, 1e-6)
    assert last.gradient_norm <= 1e-6
    assert (last.weights == 0).any() or (unit, k) == ("identity", 4)
    assert last.weights.shape == (6,) if k is None else (6, k)


@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("ratio", [0.0, 0.4])
@pytest.mark.parametrize("method", [*SMOOTH, "auto"])
def test_the_penalty_of_a_state_is_the_formula_in_raw_units(method, ratio, scaling):
    if ratio and (scaling == "whiten" or method not in (*CORNERED, "auto")):
        return
    X, y, s = linear(k=2)
    states = fallline.descend(
        X, y, sample_weight=s, alpha=0.7, l1_ratio=ratio, method=method, scaling=scaling, fit_intercept=True
    )
    for state in islice(states, 6):
        E, penalty, _, _ = value(state, X, y, s, 0.7, ratio, "identity")
        assert state.error == pytest.approx(E, rel=1e-9)
        assert state.penalty == pytest.approx(penalty, rel=1e-9, abs=1e-12)
        assert state.objective == state.error + state.penalty


@pytest.mark.parametrize("rate", [1e150, 1e300])
def test_no_penalty_is_zero_where_the_square_of_the_weights_overflows(rate):
    X, y = [[1.0], [2.0], [3.0]], [0.2, 1.0, 0.4]
    states = fallline.descend(X, y, activation="sin", method="plain", learning_rate=rate)
    *_, last = islice(states, 10)
    assert np.abs(last.weights).max() > 1e140
    assert last.penalty == 0.0
    assert last.objective == last.error <= 6.0


@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
def test_the_gradient_norm_counts_the_penalty(scaling):
    """‖∂(E + penalty)/∂point‖ by complex steps through the folded weights, no corners."""
    rng, (X, y, s) = np.random.default_rng(1), linear(k=2)
    state = next(
        fallline.descend(
            X, y, sample_weight=s, alpha=0.7, scaling=scaling, initial_weights=rng.normal(size=(8, 2)),
            fit_intercept=True,
        )
    )  # fmt: skip
    _, _, slope, by_intercept = value(state, X, y, s, 0.7, 0.0, "identity")
    centre = np.average(X, axis=0, weights=s) if scaling != "none" else np.zeros(8)
    spread = (X - centre).T @ ((X - centre) * s[:, None]) / s.sum()
    T = {
        "none": np.eye(8), "standard": np.diag(np.diag(spread) ** -0.5),
        "whiten": np.linalg.inv(np.linalg.cholesky(spread)).T,
    }[scaling]  # fmt: skip
    pulled = T.T @ (slope - np.outer(centre, by_intercept))
    expected = np.sqrt(np.sum(pulled**2) + np.sum(by_intercept**2))
    assert state.gradient_norm == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", CORNERED)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_strong_penalty_leaves_the_intercept_alone(method, fit_intercept):
    """All weights are exactly 0, b is the mean of y, and the gradient, corners counted, is zero."""
    X, y, s = linear()
    last = bottom(X, y + 5, s, alpha=1e4, l1_ratio=1.0, method=method, fit_intercept=fit_intercept)
    np.testing.assert_array_equal(last.weights, np.zeros(8))
    assert last.intercept == pytest.approx(np.average(y + 5, weights=s) * fit_intercept, rel=1e-9)
    assert last.gradient_norm <= 1e-8 * np.abs(y).sum()
    assert last.penalty == 0.0


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["plain", "nesterov"])
@pytest.mark.parametrize("batch_size", [1, 10])
def test_batches_give_exact_zeros_and_come_near_the_bottom(batch_size, method, reduction, scaling, layout):
    """Inputs whose slope never exceeds the corner, for no record, are left at zero once they are there."""
    X, y, s = linear(spread=0.1)
    X[:, 5:] = np.random.default_rng(2).uniform(-1, 1, size=(60, 3)) * (0.02 if scaling == "none" else 1.0)
    asked = {"alpha": 0.5, "l1_ratio": 0.8, "scaling": scaling, "reduction": reduction, "method": method}
    asked |= {"batch_size": batch_size, "initial_weights": np.full(8, 0.1)}
    _, first = islice(fallline.descend(X, y, sample_weight=s, fit_intercept=True, **asked), 2)
    rate = fallline.InverseScaling(first.learning_rate, 0.3)
    best = bottom(X, y, s, method="gauss-newton", alpha=0.5, l1_ratio=0.8)
    last = bottom(laid(X, np.float64, layout), y, s, most=80, learning_rate=rate, **asked)
    assert last.objective <= 1.05 * best.objective
    if scaling == "none":
        np.testing.assert_array_equal(last.weights[5:], 0.0)


@settings(deadline=None)
@given(seeds, st.floats(0, 2), st.floats(0, 2), st.booleans())
def test_the_proximal_step_is_a_minimum(seed, length, strength, fit_intercept):
    """It minimises ½‖v − point‖² + length · l1 ‖w‖₁, w = T v; the intercepts stay."""
    rng = np.random.default_rng(seed)
    T = np.exp(rng.normal(size=3))
    coordinates = Coordinates(np.zeros(3), T, 1 / T, fit_intercept, np.zeros(2))
    penalty = Penalty(0.0, strength, coordinates)
    point = rng.normal(size=6 + 2 * fit_intercept)

    def worth(v):
        return 0.5 * np.sum((v - point) ** 2) + length * penalty.sharp(v)

    found = penalty.shrunk(point, length)
    np.testing.assert_array_equal(found[6:], point[6:])
    ways = [np.eye(len(point))[i] * size for i in range(len(point)) for size in (1e-4, -1e-4, 0.3, -0.3)]
    assert all(worth(found + way) >= worth(found) for way in ways)


@settings(deadline=None)
@given(seeds, st.floats(0, 2), st.sampled_from(["raw", "diagonal", "mixed"]))
def test_the_smooth_part_has_its_gradient_its_matrix_and_its_steepness(seed, strength, kind):
    rng = np.random.default_rng(seed)
    T = {"raw": np.ones(3), "diagonal": np.exp(rng.normal(size=3)), "mixed": rng.normal(size=(3, 2))}[kind]
    r = T.shape[-1]
    inverse = 1 / T if T.ndim == 1 else np.linalg.pinv(T).T
    coordinates = Coordinates(np.zeros(3), T, inverse, True, np.zeros(2))
    penalty, point = Penalty(strength, 0.0, coordinates), rng.normal(size=2 * r + 2)
    gradient = penalty.gradient(point)
    steps = 1e-6 * np.eye(len(point))
    slopes = [(penalty.value(point + h) - penalty.value(point - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)
    hessian = np.kron(penalty.matrix, np.eye(2))
    np.testing.assert_allclose(hessian @ point[: 2 * r], gradient[: 2 * r], atol=1e-12)
    top = np.linalg.eigvalsh(penalty.matrix)[-1]
    assert penalty.steepness == pytest.approx(top, rel=1e-9, abs=1e-12)


def test_the_subgradient_of_least_norm():
    penalty = Penalty(0.0, 2.0, raw(4, True, np.zeros(1)))
    point, slope = np.array([1.0, -1.0, 0.0, 0.0, 0.0]), np.array([-2.0, 5.0, 1.5, -3.0, 7.0])
    np.testing.assert_array_equal(penalty.steepest(point, slope), [0.0, 3.0, 0.0, -1.0, 7.0])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": 0.1, "l1_ratio": 1.5}, "from 0 to 1, got 1.5"),
        ({"alpha": 0.1, "l1_ratio": -0.5}, "l1_ratio"),
        ({"alpha": 0.1, "l1_ratio": 0.5, "scaling": "whiten"}, "choose scaling 'standard' or 'none'"),
    ],
)
def test_what_is_no_penalty(asked, told):
    with pytest.raises(fallline.InputError, match=told) as caught:
        fallline.descend(*linear()[:2], **asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_train_and_estimators_take_penalties_by_default_settings(l1_ratio):
    X, y, s = linear(k=2)
    run = fallline.train(X, y, sample_weight=s, alpha=0.3, l1_ratio=l1_ratio, tol=1e-13)
    assert run.stop.is_converged
    check_bottom(run.state, X, y, s, 0.3, l1_ratio, "identity", 1e-3)
