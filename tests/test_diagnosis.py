"""What is said of a run that stopped short, or claims that it did not, against what is true."""

import re
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import REAL
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

import fallline
from fallline import StopReason

TOL = 1e-8


def run_of(X, y, **asked):
    """Train without the warnings of a run that was cut short."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fallline.train(X, y, **asked)


def optimum(X, y, **asked):
    """Return the least E and penalty that Gauss–Newton and L-BFGS find from the same start, to rounding."""
    asked = {name: value for name, value in asked.items() if name in ("activation", "alpha", "fit_intercept")}
    ways = [{"method": "gauss-newton", "scaling": "auto"}, {"method": "lbfgs", "scaling": "whiten"}]
    runs = [run_of(X, y, tol=1e-15, max_iter=3000, **way, **asked) for way in ways]
    return min(run.state.objective for run in runs)


def noisy_classes(n=200, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, (X @ [1.0, -2.0, 0.5] + noise * rng.normal(size=n) > 0).astype(float)


def correlated(gap, seed=0):
    """Two inputs that differ by ``gap`` times noise, of which the difference matters."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=300)
    X = np.c_[z, z + gap * rng.normal(size=300), rng.normal(size=300)]
    return X, X @ [1.0, 2.0, 3.0] + 0.5 * (X[:, 0] - X[:, 1]) / gap + 0.1 * rng.normal(size=300)


def one_side(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(1.0, 2.0, size=(100, 2))
    return X, 1.0 / (X @ [1.0, 2.0] - 1.0) + 0.001 * rng.normal(size=100)


def wide_exp(seed=0):
    """Targets from e^−8 to e^8."""
    X = np.linspace(-4.0, 4.0, 60)[:, None]
    return X, np.exp(2.0 * X[:, 0]) * (1.0 + 0.01 * np.random.default_rng(seed).normal(size=60))


def saturating(seed=0):
    """Most records lie on the flat ends of the sigmoid that made them."""
    rng = np.random.default_rng(seed)
    X = 10.0 * rng.normal(size=(300, 2))
    return X, np.clip(expit(X @ [1.0, 1.0] + 2.0) + 0.02 * rng.normal(size=300), 0.0, 1.0)


DIABETES = REAL["diabetes, tanh"].X, REAL["diabetes, tanh"].y
RAW_DIABETES = REAL["diabetes"].X, REAL["diabetes"].y
ORDINARY = {
    "noisy classes": (noisy_classes(), {"activation": "sigmoid"}),
    "noisy classes, penalty": (noisy_classes(), {"activation": "sigmoid", "alpha": 1e-3}),
    "saturating": (saturating(), {"activation": "sigmoid"}),
    "somewhat correlated": (correlated(1.0), {}),
    "exp of large range": (wide_exp(), {"activation": "exp"}),
    "reciprocal on one side": (one_side(), {"activation": "reciprocal"}),
    "diabetes, tanh": (DIABETES, {"activation": "tanh"}),
    "diabetes": (RAW_DIABETES, {}),
    "diabetes, softplus": (REAL["diabetes, softplus"][:2], {"activation": "softplus"}),
    "gaussian, log link": (REAL["gaussian, log link"][:2], {"activation": "exp"}),
    "longley": (REAL["longley"][:2], {}),
    "linnerud": (REAL["linnerud"][:2], {}),
}  # fmt: skip
CUT = {
    "plain": {"method": "plain", "scaling": "whiten"},
    "nesterov": {"method": "nesterov", "scaling": "whiten"},
    "momentum": {"method": "momentum", "scaling": "whiten"},
    "lbfgs": {"method": "lbfgs", "scaling": "whiten"},
    "gauss-newton": {"method": "gauss-newton"},
    "batches": {"batch_size": 16, "scaling": "whiten"},
}
HONEST = {StopReason.MAX_ITER, StopReason.CONVERGED, StopReason.EXACT, StopReason.LEVEL, StopReason.ROUNDING}


def has_a_rate(asked, way):
    """Whether a rate is guaranteed, or found by itself."""
    return not (asked.get("activation") in ("exp", "reciprocal") and way in ("nesterov", "momentum"))


@pytest.mark.parametrize("max_iter", [1, 3, 10, 100])
@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name, way in product(ORDINARY, CUT) if has_a_rate(ORDINARY[name][1], way)],
)
def test_ordinary_problems_are_said_to_be_cut_short_or_converged(name, way, max_iter):
    """Their bottoms are finite, whitened inputs are not collinear, and no start is saturated."""
    (X, y), asked = ORDINARY[name]
    run = run_of(X, y, max_iter=max_iter, **asked, **CUT[way])
    allowed = HONEST | ({StopReason.NO_PROGRESS} if way == "batches" else set())
    assert run.stop in allowed, run.message
    if run.stop.is_converged:
        least = optimum(X, y, **asked)
        assert run.state.objective <= least * (1.0 + 100 * TOL) + 1e-12 * run.baseline_error


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_problems_converge_by_default(name):
    (X, y), asked = ORDINARY[name]
    run = run_of(X, y, **asked)
    assert run.stop.is_converged, run.message
    assert run.state.objective <= optimum(X, y, **asked) * (1.0 + 100 * TOL)


# ---- a claim of convergence -----------------------------------------------------------------------------


def random_problem(seed, collinear):
    """Inputs of unlike scales, a target that the unit can make, and noise."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(10, 200)), int(rng.integers(2, 8))
    X = rng.normal(size=(n, d))
    if collinear:
        X[:, 1] = X[:, 0] + 10.0 ** rng.uniform(-4, -1) * rng.normal(size=n)
    h = X @ rng.normal(size=d)
    h *= 10.0 ** rng.uniform(-0.5, 0.5) / h.std()
    X = X * 10.0 ** rng.uniform(-1, 1, size=d) + rng.normal(size=d)
    unit = str(rng.choice(["identity", "sigmoid", "tanh", "softplus"]))
    f = fallline.Activation(unit)
    y = f.value(h)
    y = np.clip(y + 10.0 ** rng.uniform(-3, -0.5) * y.std() * rng.normal(size=n), *f.range)
    return X, y, {"activation": unit, "alpha": float(rng.choice([0.0, 1e-4, 1e-2]))}


METHODS = ["plain", "momentum", "nesterov", "lbfgs", "gauss-newton"]


@pytest.mark.parametrize("collinear", [False, True])
@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_what_is_said_to_have_converged_is_at_the_bottom(collinear, scaling, method, seed):
    """Within 100 tol of the optimum, the penalty counted; whatever is not must not claim it."""
    X, y, asked = random_problem(seed, collinear)
    run = run_of(X, y, method=method, scaling=scaling, max_iter=300, **asked)
    if run.stop.is_converged:
        assert run.state.objective <= optimum(X, y, **asked) * (1.0 + 100 * TOL)


@pytest.mark.parametrize("alpha", [0.0, 1e-2, 1.0])
@pytest.mark.parametrize("method", ["plain", "nesterov", "lbfgs", "gauss-newton"])
def test_tol_and_gtol_count_the_penalty(method, alpha):
    """At the bottom the gradient of E and the penalty is zero, that of E alone is not."""
    X, y = DIABETES
    asked = {"activation": "tanh", "alpha": alpha, "method": method, "max_iter": 20_000}
    least = optimum(X, y, **asked)
    by_tol = run_of(X, y, **asked)
    by_gtol = run_of(X, y, tol=0.0, gtol=1e-4, **asked)
    assert (by_tol.stop, by_gtol.stop) == (StopReason.CONVERGED, StopReason.LEVEL)
    assert by_gtol.state.gradient_norm <= 1e-4
    for run in (by_tol, by_gtol):
        assert run.state.objective == pytest.approx(least, rel=100 * TOL)
    w, b = by_gtol.state.weights, by_gtol.state.intercept
    _, gradient, _ = fallline.error_and_gradient(X, y, w, intercept=b, activation="tanh")
    scale = X.std(axis=0)
    assert np.linalg.norm((gradient + len(X) * alpha * w) / scale) < 1e-3
    assert (np.linalg.norm(gradient / scale) > 0.1) == (alpha > 0.0)


def test_a_start_at_the_bottom_is_noticed():
    arrived = run_of(*DIABETES, activation="tanh", tol=1e-15)
    start = {"initial_weights": arrived.state.weights, "initial_intercept": arrived.state.intercept}
    for method in METHODS:
        run = run_of(*DIABETES, activation="tanh", method=method, **start)
        assert run.stop.is_converged
        assert run.state.step <= 10


# ---- the number of steps to come ------------------------------------------------------------------------


def steps_said(run):
    found = re.search(r"about ([\d,]+) more steps would be needed", run.message)
    return int(found[1].replace(",", "")) if found else None


def steps_needed(X, y, rate_share=1.0, tol=TOL):
    """Return after how many plain steps the rest of E is below tol: in closed form, standardised inputs.

    With c_i the distance from the bottom along an axis of the bowl, E − E* = ½ Σ λ_i c_i² (1 − η λ_i)^2t.
    """
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])
    curvatures, axes = np.linalg.eigh(Z.T @ Z)
    bottom = np.linalg.lstsq(Z, y, rcond=None)[0]
    start = np.append(np.zeros(X.shape[1]), y.mean())
    heights = 0.5 * curvatures * (axes.T @ (start - bottom)) ** 2
    least = 0.5 * np.sum((y - Z @ bottom) ** 2)
    shrinks = 2.0 * np.log(np.maximum(1.0 - rate_share * curvatures / curvatures[-1], 1e-300))

    def is_there(t):
        return np.sum(heights * np.exp(t * shrinks)) <= tol * least

    high = 1
    while not is_there(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_there(middle) else (middle, high)
    return high


@pytest.mark.parametrize("max_iter", [100, 300, 1000])
@pytest.mark.parametrize("gap", [0.03, 0.01, 3e-3, 1e-3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_steps_that_would_be_needed_are_told_truly(gap, max_iter, seed):
    """Within a factor of three of what the same plain descent needs; or, where noise hides it, not at all."""
    X, y = correlated(gap, seed)
    run = run_of(X, y, method="plain", scaling="standard", max_iter=max_iter)
    needed = steps_needed(X, y) - max_iter
    assert run.stop is StopReason.COLLINEAR
    condition = float(re.search(r"condition ([\d.e+]+)\)", run.message)[1])
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert condition == pytest.approx(np.linalg.cond(Z), rel=0.06)
    said = steps_said(run)
    assert said is not None
    assert needed / 3 <= said <= 3 * needed


@pytest.mark.parametrize("max_iter", [100, 300, 1000])
def test_the_steps_of_a_real_set_are_told_truly(max_iter):
    run = run_of(*RAW_DIABETES, method="plain", scaling="standard", max_iter=max_iter)
    needed = steps_needed(*RAW_DIABETES) - max_iter
    assert needed / 3 <= steps_said(run) <= 3 * needed


@pytest.mark.parametrize("max_iter", [5, 10, 20])
def test_steps_are_estimated_where_the_gain_expected_is_near_the_largest_number(max_iter):
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([0.2, 1.0, 0.4])
    run = run_of(X, y, activation="sin", method="plain", learning_rate=1e300, max_iter=max_iter)
    assert run.stop is StopReason.MAX_ITER
    assert np.isfinite(run.state.objective)


def test_the_steps_said_lead_there():
    """The same, by making them."""
    asked = {"activation": "tanh", "method": "plain", "scaling": "standard"}
    short = run_of(*DIABETES, max_iter=300, **asked)
    whole = run_of(*DIABETES, max_iter=100_000, **asked)
    assert whole.stop is StopReason.CONVERGED
    needed = whole.state.step - 300
    assert needed / 3 <= steps_said(short) <= 3 * needed


# ---- each diagnosis where it is true, and not where it is not -------------------------------------------


@pytest.mark.parametrize("method", ["momentum", "nesterov", "lbfgs", "gauss-newton"])
def test_separable_classes_are_told_from_noisy_ones(method):
    X, y = noisy_classes(noise=0.0)
    apart = run_of(X, y, activation="sigmoid", method=method, max_iter=10_000)
    assert apart.stop in (StopReason.SEPARABLE, StopReason.AT_INFINITY, StopReason.MINIMUM_AT_INFINITY)
    X, y = noisy_classes()
    mixed = run_of(X, y, activation="sigmoid", method=method, max_iter=150)
    assert mixed.stop in (StopReason.CONVERGED, StopReason.MAX_ITER), mixed.message


def test_a_penalty_brings_the_bottom_back_from_infinity():
    X, y = noisy_classes(noise=0.0)
    for max_iter in (3, 1000):
        run = run_of(X, y, activation="sigmoid", alpha=1e-3, method="plain", max_iter=max_iter)
        assert run.stop in (StopReason.CONVERGED, StopReason.MAX_ITER), run.message


@pytest.mark.parametrize("method", ["lbfgs", "gauss-newton", "plain"])
def test_one_column_that_tells_all_lies_at_infinity(method):
    """Records with x₀ = 1 are fitted ever better; those with x₀ = 0 are a coin, whatever x₁ is."""
    X = np.array([[0.0, 1], [0, 1], [0, -1], [0, -1], [1, 1], [1, -1], [1, 0]])
    y = np.array([0.0, 1, 0, 1, 1, 1, 1])
    run = run_of(X, y, activation="sigmoid", method=method, tol=0.0, max_iter=40)
    assert run.state.error < 0.51
    true = {StopReason.MINIMUM_AT_INFINITY, StopReason.ROUNDING, StopReason.MAX_ITER}
    assert run.stop in true, run.message


def test_saturated_units_are_not_said_to_have_converged():
    """Every record is fitted wrongly, from where f′ has died."""
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    for method in ("plain", "lbfgs", "gauss-newton"):
        run = run_of(X, y, activation="sigmoid", method=method, initial_weights=[-30.0])
        if run.state.error > run.baseline_error:
            assert run.stop in (StopReason.SATURATED, StopReason.FLAT, StopReason.STUCK), run.message


def test_a_saturated_start_that_gets_away_is_not_called_saturated():
    X, y = saturating()
    run = run_of(X, y, activation="sigmoid", initial_weights=[0.5, 0.5])
    assert run.stop.is_converged
    run = run_of(X, y, activation="sigmoid", max_iter=2)
    assert run.stop is StopReason.MAX_ITER


def test_saturation_says_how_many():
    X, y = noisy_classes()
    run = run_of(
        X, y, activation="sigmoid", method="plain", scaling="none", initial_weights=[300.0, 300.0, 300.0],
        max_iter=50,
    )  # fmt: skip
    assert run.stop is StopReason.SATURATED
    h = X @ run.state.weights + run.state.intercept
    slope = expit(h) * expit(-h)
    share = np.mean(slope < 1e-4 * 0.25)
    assert f"({100 * share:.0f} % of them)" in run.message


def test_a_pole_in_the_way_is_named():
    """Half of the targets lie beyond the pole, and no record can get there."""
    X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), [1.0, 1.0, -1.0, -1.0]
    run = run_of(X, y, activation="1/(h - 3)", initial_weights=[1.0], initial_intercept=0.6, max_iter=2)
    assert run.stop is StopReason.POLE
    assert "a pole at h = 3 " in run.message


def test_a_pole_that_is_not_in_the_way_is_not_blamed():
    """All records are on the sides of the pole on which their targets are: two more steps and it is exact."""
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    y = 1.0 / (X[:, 0] - 2.5)
    asked = {"activation": "reciprocal", "initial_weights": [1.0], "initial_intercept": -2.4}
    assert run_of(X, y, **asked).stop is StopReason.EXACT
    assert run_of(X, y, max_iter=2, **asked).stop is StopReason.MAX_ITER


def test_a_method_that_sees_the_matrix_does_not_blame_collinear_inputs():
    for gap in (1e-2, 1e-4, 1e-6):
        X, y = correlated(gap)
        run = run_of(X, expit(y), activation="sigmoid", method="gauss-newton", max_iter=1)
        assert run.stop is not StopReason.COLLINEAR, run.message
        assert run_of(X, y, method="gauss-newton").stop.is_converged


def test_a_flat_unit_is_named():
    run = run_of(
        [[1.0], [2.0]], [1.0, 2.0], activation="relu", initial_weights=[-1.0], initial_intercept=-1.0
    )
    assert run.stop is StopReason.FLAT


@pytest.mark.parametrize("reason", StopReason, ids=lambda reason: reason.name)
def test_sentences_are_sentences(reason):
    text = str(reason)
    assert text == reason.sentence
    assert "\n" not in text
    assert text.split(":")[0].split(" to ")[0] in (
        "converged", "not converged", "stopped", "stopped early", "stopped by a callback", "interrupted",
        "diverged",
    )  # fmt: skip
    assert reason.is_converged == text.startswith("converged")
    assert reason.is_failure == text.startswith(("not converged", "diverged"))
