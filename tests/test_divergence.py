"""Rates that are safe, and what is said where a rate is not."""

import re
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import REAL
from sklearn.exceptions import ConvergenceWarning

import fallline

RANGES = {"identity": (-5.0, 5.0), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softplus": (0.0, 8.0)}
INTERCEPT = {True: np.ones, False: np.zeros}
REAL_LINEAR = [name for name, real in REAL.items() if real.activation == "identity"]


@pytest.mark.parametrize("name", RANGES)
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 30),
    d=st.integers(1, 6),
    k=st.integers(1, 3),
    spread=st.floats(-3, 3),
    far=st.floats(-10, 10),
    reduction=st.sampled_from(["mean", "sum"]),
    scaling=st.sampled_from(["none", "standard", "whiten"]),
    fit_intercept=st.booleans(),
    share=st.sampled_from([1.0, 1.95]),
)
def test_up_to_twice_the_automatic_rate_the_error_never_rises(
    name, seed, n, d, k, spread, far, reduction, scaling, fit_intercept, share
):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** (spread * rng.random(d)) + far
    y = rng.uniform(*RANGES[name], size=(n, k))
    asked = {
        "activation": name, "reduction": reduction, "scaling": scaling, "fit_intercept": fit_intercept,
        "sample_weight": rng.uniform(0.1, 3, size=n),
        "initial_weights": rng.normal(size=(d, k)) / np.abs(X).max(),
    }  # fmt: skip
    rate = share * automatic_rate(X, y, asked)
    assert_never_rises(fallline.descend(X, y, learning_rate=rate, **asked), 200, np.sum(y**2))


def automatic_rate(X, y, asked):
    _, first = islice(fallline.descend(X, y, **asked), 2)
    return first.learning_rate


def assert_never_rises(states, steps, squares):
    errors = np.array([state.error for state in islice(states, steps + 1)])
    assert (errors[1:] <= errors[:-1] * (1 + 1e-10) + 1e-20 * squares).all()
    assert errors[-1] < errors[0]


def limit(X, fit_intercept, reduction):
    """Return 2/λmax of the Hessian XᵀX, or of its mean."""
    inputs = np.column_stack([X, INTERCEPT[fit_intercept](len(X))])
    return 2 / np.linalg.norm(inputs, 2) ** 2 * (len(X) if reduction == "mean" else 1)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", REAL_LINEAR)
class TestTheLimitOfTheIdentity:
    """2/λmax is exact for the identity."""

    def descend(self, name, reduction, fit_intercept, share):
        X, y = REAL[name].X, REAL[name].y
        rate = share * limit(X, fit_intercept, reduction)
        return fallline.descend(
            X, y, learning_rate=rate, reduction=reduction, fit_intercept=fit_intercept,
            initial_weights=np.zeros((X.shape[1], *y.shape[1:])),
        )  # fmt: skip

    def test_above_it_five_steps_show_the_divergence(self, name, reduction, fit_intercept):
        states = []
        with pytest.raises(fallline.DivergenceError) as caught:
            states.extend(self.descend(name, reduction, fit_intercept, 1.5))
        assert states[-1].step < 5
        assert caught.value.state is states[-1]
        assert f"step {states[-1].step + 1}:" in str(caught.value)
        assert f"{1.5 * limit(REAL[name].X, fit_intercept, reduction):.6g}" in str(caught.value)

    def test_below_it_the_error_falls_a_thousand_times(self, name, reduction, fit_intercept):
        assert_never_rises(
            self.descend(name, reduction, fit_intercept, 0.99), 1000, np.sum(REAL[name].y ** 2)
        )

    def test_the_rate_that_is_named_is_the_limit(self, name, reduction, fit_intercept):
        with pytest.raises(fallline.DivergenceError, match="below") as caught:
            list(self.descend(name, reduction, fit_intercept, 3.0))
        expected = limit(REAL[name].X, fit_intercept, reduction)
        assert named_rate(caught.value) == pytest.approx(expected, rel=1e-4)


def named_rate(error):
    return float(re.search(r"(?:below|rate of) ([-+.e\d]+)", str(error))[1])


def diabetes(name):
    X, y = REAL["diabetes"].X, REAL["diabetes"].y
    low, high = RANGES[name]
    return X, low + (high - low) * (y - y.min()) / np.ptp(y)


@pytest.mark.parametrize(
    ("name", "scaling", "too_much"),
    [
        ("identity", "none", 50),
        ("identity", "whiten", 50),
        ("softplus", "standard", 50),
    ],
)
def test_a_named_rate_works(name, scaling, too_much):
    X, y = diabetes(name)
    asked = {"activation": name, "scaling": scaling, "fit_intercept": True, "initial_weights": np.zeros(10)}
    rate = automatic_rate(X, y, asked)
    with pytest.raises(fallline.DivergenceError) as caught:
        list(islice(fallline.descend(X, y, learning_rate=too_much * rate, **asked), 100))
    named = named_rate(caught.value)
    assert named == pytest.approx(2 * rate, rel=1e-5)
    assert_never_rises(fallline.descend(X, y, learning_rate=0.999 * named, **asked), 300, np.sum(y**2))


@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("evaluate", [False, True])
def test_a_named_rate_works_in_batches(batch_size, reduction, evaluate):
    X, y = diabetes("identity")
    asked = {
        "scaling": "standard", "fit_intercept": True, "batch_size": batch_size, "reduction": reduction,
        "evaluate": evaluate,
    }  # fmt: skip
    states = []
    with pytest.raises(fallline.DivergenceError, match="usually safe") as caught:
        states.extend(islice(fallline.descend(X, y, learning_rate=3.0, **asked), 500))
    assert caught.value.state is states[-1]
    assert np.isfinite(states[-1].weights).all()
    *_, last = islice(
        fallline.descend(X, y, learning_rate=named_rate(caught.value), **asked | {"evaluate": True}), 50
    )
    best = REAL["diabetes"].sse * (10 / np.ptp(REAL["diabetes"].y)) ** 2 / 2
    assert last.error < 1.5 * best


def test_without_a_bound_the_advice_is_a_search_and_it_works():
    X, y = REAL["danwood"].X, REAL["danwood"].y
    asked = {"activation": "exp", "initial_weights": [1.0], "fit_intercept": True}
    with pytest.raises(fallline.DivergenceError, match="learning_rate='auto'"):
        list(islice(fallline.descend(X, y, learning_rate=1e6, **asked), 100))
    errors = [state.error for state in islice(fallline.descend(X, y, **asked), 100)]
    assert all(after < before for before, after in pairwise(errors))


def test_a_start_out_of_bounds_says_so():
    X, y = np.array([[1e6], [2e6]]), [1.0, 2.0]
    with pytest.raises(fallline.DivergenceError, match=r"start is inf.*give initial_weights") as caught:
        next(fallline.descend(X, y, activation="exp", initial_weights=[1.0]))
    assert caught.value.state.step == 0


@pytest.mark.parametrize("batch_size", [None, 16])
def test_train_keeps_the_last_good_weights_and_warns(batch_size):
    X, y = diabetes("identity")
    asked = {"learning_rate": 3.0, "batch_size": batch_size, "scaling": "standard", "fit_intercept": True}
    with pytest.raises(fallline.DivergenceError) as caught:
        list(islice(fallline.descend(X, y, **asked), 500))
    with pytest.warns(ConvergenceWarning, match="diverged at step") as warned:
        run = fallline.train(X, y, **asked)
    assert run.stop is fallline.StopReason.DIVERGED
    assert run.message == str(caught.value) == str(warned[0].message)
    np.testing.assert_array_equal(run.network.weights, caught.value.state.weights)
    assert run.network.intercept == caught.value.state.intercept
    assert run.history["step"][-1] == run.state.step == caught.value.state.step


def test_train_does_not_raise_where_even_the_start_is_out_of_bounds():
    X, y = np.array([[1e6], [2e6]]), [1.0, 2.0]
    with pytest.warns(ConvergenceWarning, match="at the start"):
        run = fallline.train(X, y, activation="exp", initial_weights=[1.0])
    assert run.stop is fallline.StopReason.DIVERGED
    np.testing.assert_array_equal(run.network.weights, [1.0])
    assert run.history["step"].tolist() == [0]
    assert run.history["error"].tolist() == [run.state.error]
