"""The largest stable rate: exact for the identity, and below it E never rises."""

import re
import warnings
from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published import REAL
from strategies import laid

import fallline

RANGES = {"identity": (-5.0, 5.0), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softplus": (0.0, 8.0)}
REAL_LINEAR = [name for name, real in REAL.items() if real.activation == "identity"]
EPSILON = np.finfo(float).eps
seeds = st.integers(0, 2**32 - 1)


def hessian(X, s, fit_intercept, penalty=0.0):
    """Return Σ s z zᵀ of the identity, with a penalty's own curvature for the weights."""
    z = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    d = X.shape[1]
    return z.T @ (z * s[:, None]) + penalty * np.diag([*[1.0] * d, *[0.0] * fit_intercept])


@settings(deadline=None)
@given(
    seed=seeds, n=st.integers(1, 40), d=st.integers(1, 8), fit_intercept=st.booleans(),
    reduction=st.sampled_from(["mean", "sum"]), alpha=st.sampled_from([0.0, 0.3]),
    layout=st.sampled_from(["rows", "columns", "csr", "lists"]),
)  # fmt: skip
def test_the_limit_of_the_identity_is_exact(seed, n, d, fit_intercept, reduction, alpha, layout):
    rng = np.random.default_rng(seed)
    X, s = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-2, 3, d), rng.uniform(0.1, 2, size=n)
    found = fallline.largest_stable_rate(
        laid(X, np.float64, layout), fit_intercept=fit_intercept, sample_weight=s, reduction=reduction,
        alpha=alpha,
    )  # fmt: skip
    matrix = hessian(X, s, fit_intercept, alpha * s.sum())
    exact = 2 * (s.sum() if reduction == "mean" else 1.0) / np.linalg.eigvalsh(matrix)[-1]
    assert found <= exact * (1 + 1e-9)
    if alpha and fit_intercept:  # the intercept is free, which the bound leaves out of account
        assert found >= exact / 2
    else:
        assert found >= exact * (1 - 1e-9)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("scaling", ["standard", "whiten"])
def test_the_limit_in_scaled_coordinates(scaling, fit_intercept):
    """Whitened inputs have the identity for mean products: the limit is 2."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) + 3
    centre = X.mean(axis=0) * fit_intercept
    z = (X - centre) / np.sqrt(np.mean((X - centre) ** 2, axis=0))
    found = fallline.largest_stable_rate(X, scaling=scaling, fit_intercept=fit_intercept)
    steepest = np.linalg.eigvalsh(z.T @ z / 50)[-1] if scaling == "standard" else 1.0
    assert found == pytest.approx(2 / steepest)


@pytest.mark.parametrize(
    ("unit", "bound"),
    [("identity", 1.0), ("sigmoid", 0.0771), ("tanh", 1.2325), ("2*sigmoid(h)", 4 * 0.0771)],
)
def test_the_limit_without_targets_suits_all_in_range(unit, bound):
    """The bounds of the sigmoid for y in [0, 1] and of tanh for y in [−1, 1]."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    limit = fallline.largest_stable_rate(X, activation=unit)
    assert limit == pytest.approx(2 * 30 / (bound * np.linalg.norm(X, 2) ** 2), rel=1e-3)
    low, high = fallline.Activation(unit).range
    ends = (low, high) if unit != "identity" else (0, 1)
    y = np.resize(ends, 30)
    assert fallline.largest_stable_rate(X, y, activation=unit) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"activation": "exp"}, r"give y"),
        ({"activation": "softplus"}, r"give y"),
        ({"activation": "exp", "y": [1.0, 2.0]}, r"exp has no bound"),
        ({"activation": "a*tanh(h)", "y": [1.0, 2.0]}, r"no bound"),
        ({"scaling": "most"}, r"unknown scaling"),
        ({"alpha": -1.0}, r"alpha"),
        ({"sample_weight": [1.0]}, r"sample_weight"),
        ({"X": [[np.nan], [1.0]]}, r"X"),
        ({"X": [1.0, 2.0]}, r"X must be two-dimensional"),
        ({"X": 5.0}, r"X must be two-dimensional"),
        ({"X": None}, r"X"),
        ({"X": [[1.0], [1.0, 2.0]]}, r"X"),
    ],
)
def test_what_has_no_limit_is_said(asked, told):
    with pytest.raises(fallline.InputError, match=told) as caught:
        fallline.largest_stable_rate(**{"X": [[1.0], [2.0]], **asked})
    assert "\n" not in str(caught.value)


@st.composite
def descents(draw):
    """Records of many shapes and scales, weights to start from, and what is asked of the descent."""
    rng, unit = np.random.default_rng(draw(seeds)), draw(st.sampled_from(list(RANGES)))
    n, d = draw(st.integers(1, 25)), draw(st.integers(1, 6))
    k = draw(st.none() | st.integers(1, 6))
    kind = draw(st.sampled_from(["normal", "heavy tails", "binary", "collinear", "far"]))
    X = rng.standard_t(2, size=(n, d)) if kind == "heavy tails" else rng.normal(size=(n, d))
    X = (X > 0.5).astype(float) if kind == "binary" else X
    X[:, 1:] = X[:, :1] + 1e-4 * X[:, 1:] if kind == "collinear" else X[:, 1:]
    X = X * 10.0 ** (draw(st.floats(-3, 3)) * rng.random(d)) + (10.0 if kind == "far" else 0.0)
    low, high = RANGES[unit]
    beyond = draw(st.sampled_from([0.0, 0.0, 0.5]))  # targets out of reach are allowed for as well
    y = rng.uniform(low - beyond, high + beyond, size=n if k is None else (n, k))
    start = draw(st.sampled_from([0.0, 0.1, 1.0, 5.0]))
    w = start * rng.normal(size=(d,) if k is None else (d, k)) / max(np.abs(X).max(), 1e-9)
    asked = {
        "activation": unit,
        "fit_intercept": draw(st.booleans()),
        "reduction": draw(st.sampled_from(["mean", "sum"])),
        "sample_weight": rng.uniform(0.1, 3, size=n) if draw(st.booleans()) else None,
        "alpha": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "scaling": draw(st.sampled_from(["none", "none", "standard", "whiten"])),
    }
    return X, y, w, asked


def rounding(X, y, state, s):
    """Bound how far E at the weights of a state may be wrong, and move when they are rounded.

    Net input, prediction and residual are wrong by at most m ε (Σ|x w| + |b| + |y|) = a, m being the terms
    of the longest sum: f′ is at most 1 here. So ½ Σ s r² is wrong by Σ s |r| a + ½ Σ s a² at most, and by
    m ε of itself for its own sum. Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    """
    terms = EPSILON * (y.size + X.shape[1] + 16)
    size = np.abs(X) @ np.abs(state.weights) + np.abs(state.intercept) + np.abs(y)
    s = (1.0 if s is None else s) * np.ones(len(X))
    weights = s.reshape(-1, *[1] * (y.ndim - 1))
    largest = np.sqrt(np.sum(weights * size**2))
    return terms * (np.sqrt(2 * state.error) * largest + state.objective) + (terms * largest) ** 2


def check_that_the_error_never_rises(X, y, w, asked):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fallline.DataWarning)
        rates = ["auto", 0.999 * fallline.largest_stable_rate(X, y, **asked)]
        for rate in rates:
            states = fallline.descend(X, y, learning_rate=rate, initial_weights=w, n_jobs=1, **asked)
            before = next(states)
            for state in islice(states, 50):
                allowed = rounding(X, y, before, asked["sample_weight"])
                allowed += rounding(X, y, state, asked["sample_weight"])
                assert state.objective <= before.objective + allowed
                before = state


@settings(deadline=None, max_examples=300)
@given(descents())
def test_up_to_the_limit_the_error_never_rises(drawn):
    check_that_the_error_never_rises(*drawn)


@pytest.mark.slow
@settings(deadline=None, max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(descents())
def test_up_to_the_limit_the_error_never_rises_on_ten_thousand_problems(drawn):
    check_that_the_error_never_rises(*drawn)


def states_until_named(X, y, share, **asked):
    """Return the states up to a divergence, and what was said then."""
    limit, states = fallline.largest_stable_rate(X, **asked), []
    descent = fallline.descend(
        X, y, learning_rate=share * limit, initial_weights=np.zeros((X.shape[1], *y.shape[1:])), **asked
    )
    with pytest.raises(fallline.DivergenceError) as caught:
        states.extend(islice(descent, 10_000))
    assert float(re.search(r"below ([-+.e\d]+)", str(caught.value))[1]) == pytest.approx(limit, rel=1e-4)
    assert f"at learning rate {share * limit:.6g};" in str(caught.value)
    return states, caught.value


@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", REAL_LINEAR)
def test_half_above_the_limit_is_named_by_step_five(name, reduction, fit_intercept, scaling):
    X, y = REAL[name].X, REAL[name].y
    asked = {"reduction": reduction, "fit_intercept": fit_intercept, "scaling": scaling}
    states, error = states_until_named(X, y, 1.5, **asked)
    # centred and of one size, inputs have no steepest direction that stands out: E falls first in some sets
    assert len(states) == 5 or (scaling == "standard" and fit_intercept and len(states) <= 8)
    assert all(state.error < states[0].error for state in states[1 : len(states) - 4])
    assert error.state is states[-1]
    assert str(error).startswith(f"diverged at step {len(states)}:")


@settings(deadline=None)
@given(seed=seeds, n=st.integers(2, 60), d=st.integers(1, 8), k=st.integers(1, 3), spread=st.floats(0, 3))
def test_half_above_the_limit_is_named_as_soon_as_five_steps_have_risen(seed, n, d, k, spread):
    """In the axes of XᵀX each part of E changes by (1 − 3 λ/λmax)² a step: that tells when E has risen."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** (spread * rng.random(d)) + rng.normal(size=d)
    y = X @ rng.normal(size=(d, k)) + rng.normal(size=(n, k))
    states, _ = states_until_named(X, y, 1.5)
    U, singular, _ = np.linalg.svd(X, full_matrices=False)
    factors = (1 - 3 * (singular / singular[0]) ** 2) ** 2
    parts = np.sum((U.T @ y) ** 2, axis=1) / 2
    rest = np.sum(y**2) / 2 - parts.sum()
    E = np.array([rest + parts @ factors**t for t in range(len(states) + 1)])
    np.testing.assert_allclose([state.error for state in states], E[:-1], rtol=1e-7)
    rises = np.diff(E) > 0
    named = [t for t in range(5, len(E)) if rises[t - 5 : t].all() and E[t] > E[0]]
    assert named == [len(states)]
    assert len(states) == 5 or not E[1] > E[0]


@settings(deadline=None)
@given(seed=seeds, n=st.integers(2, 60), d=st.integers(1, 8), fit_intercept=st.booleans())
def test_inputs_of_one_sign_show_it_at_step_five(seed, n, d, fit_intercept):
    """Their steepest direction is that of their mean, in which targets off zero have most of their error."""
    rng = np.random.default_rng(seed)
    X, y = rng.uniform(1, 3, size=(n, d)), rng.uniform(2, 6, size=n)
    states, _ = states_until_named(X, y, 1.5, fit_intercept=fit_intercept)
    if not fit_intercept:
        assert len(states) == 5


@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", REAL_LINEAR)
def test_just_below_the_limit_there_is_no_false_alarm_in_5000_steps(name, fit_intercept, scaling):
    X, y = REAL[name].X, REAL[name].y
    asked = {"fit_intercept": fit_intercept, "scaling": scaling}
    rate = 0.99 * fallline.largest_stable_rate(X, **asked)
    states = fallline.descend(X, y, learning_rate=rate, n_jobs=1, **asked)
    *_, last = islice(states, 5001)
    assert last.step == 5000


@settings(deadline=None, max_examples=8)
@given(seed=seeds, n=st.integers(1, 30), d=st.integers(1, 8))
def test_on_random_sets_there_is_no_false_alarm_either(seed, n, d):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-3, 3, d), rng.normal(size=n)
    rate = 0.99 * fallline.largest_stable_rate(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fallline.DataWarning)
        *_, last = islice(fallline.descend(X, y, learning_rate=rate, n_jobs=1), 5001)
    assert last.step == 5000
