"""Several starts, where the error has more than one bottom."""

import numpy as np
import pytest
from published import LEARNED
from sklearn.exceptions import ConvergenceWarning

import fallline


def bump(seed):
    """A narrow hill far from the mean of the inputs: from the middle it is out of sight."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1.0, 1.0, 200))
    return x[:, None], np.exp(-((12.0 * x - 8.0) ** 2)) + 0.01 * rng.normal(size=200)


def wave(seed):
    """Several periods of a sine: every frequency nearby has a bottom of its own."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1.0, 1.0, 200))
    return x[:, None], np.sin(11.0 * x + 0.7) + 0.05 * rng.normal(size=200)


LANDSCAPES = {"gaussian": (bump, 12.0, -8.0), "sin": (wave, 11.0, 0.7)}


def least_error(activation, data):
    """Return E at the bottom that the truth lies in."""
    _, weight, intercept = LANDSCAPES[activation]
    start = {"initial_weights": [weight], "initial_intercept": intercept}
    return fallline.train(*data, activation=activation, **start).state.error


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
@pytest.mark.parametrize("activation", LANDSCAPES)
@pytest.mark.parametrize("seed", range(3))
def test_twenty_starts_find_the_lowest_bottom(activation, seed):
    data = LANDSCAPES[activation][0](seed)
    least = least_error(activation, data)
    once = fallline.train(*data, activation=activation)
    often = fallline.train(*data, activation=activation, n_init=20, random_state=0)
    assert once.state.error > 1.5 * least
    assert often.state.error == pytest.approx(least, rel=1e-6)
    assert often.stop.is_converged
    assert often.restarts.shape == (20,)
    assert often.restarts.min() == often.state.objective
    assert often.restarts[0] == once.state.objective


def test_where_no_start_has_a_finite_error_the_message_says_so():
    with pytest.warns(ConvergenceWarning):
        run = fallline.train([[1.0], [2.0], [4.0]], [1e200, -1e200, 3e200], n_init=3)
    assert not np.isfinite(run.restarts).any()
    assert run.message.endswith("3 of 3 starts ended at inf")


@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
def test_the_message_tells_where_the_starts_ended():
    run = fallline.train(*wave(0), activation="sin", n_init=20)
    finite = run.restarts[np.isfinite(run.restarts)]
    near = np.sum(run.restarts <= finite.min() * (1 + 1e-6))
    ended = f"{near} of 20 starts ended at {finite.min():.6g}, others at up to {finite.max():.6g}"
    assert 0 < near < 20
    assert run.message.endswith(ended)


@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
def test_starts_depend_on_the_seed_alone():
    runs = [fallline.train(*wave(0), activation="sin", n_init=5, random_state=s) for s in (3, 3, 4)]
    np.testing.assert_array_equal(runs[0].restarts, runs[1].restarts)
    assert not np.array_equal(runs[0].restarts, runs[2].restarts)


@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
def test_more_starts_begin_with_the_same():
    few, many = (fallline.train(*wave(1), activation="sin", n_init=n).restarts for n in (4, 7))
    np.testing.assert_array_equal(few, many[:4])


def test_one_start_has_no_restarts():
    run = fallline.train([[0.0], [1.0], [2.0]], [0.0, 1.0, 3.0])
    assert run.restarts.size == 0
    assert "starts" not in run.message


def test_all_starts_of_a_bowl_end_at_its_bottom():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    run = fallline.train(X, y, n_init=4)
    np.testing.assert_allclose(run.restarts, run.restarts[0], rtol=1e-9)
    assert run.message.endswith(f"4 of 4 starts ended at {run.restarts.min():.6g}")


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_what_is_compared_counts_the_penalty(alpha):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    run = fallline.train(X, np.tanh(y), activation="tanh", alpha=alpha, n_init=3)
    assert run.restarts.min() == run.state.error + run.state.penalty


def test_starts_of_parameters_keep_their_bounds():
    rng = np.random.default_rng(2)
    x = rng.uniform(-3.0, 3.0, 60)
    y = 5.0 / (1.0 + np.exp(-2.0 * x)) + 0.05 * rng.normal(size=60)
    seen = []
    run = fallline.train(
        x[:, None], y, activation="top*sigmoid(h)", parameter_bounds={"top": (4.0, 4.5)}, n_init=6,
        callbacks=[lambda state: seen.append(state.parameters["top"])],
    )  # fmt: skip
    assert 4.0 <= min(seen) <= max(seen) <= 4.5
    assert run.network.parameters["top"] == pytest.approx(4.5)


def test_a_parameter_of_the_wrong_sign_is_left_behind():
    """From a < 0 the curve a (1 − e⁻ʷˣ) of these points is reached through infinity alone."""
    x = np.linspace(0.5, 5.0, 20)
    y = 3.0 * (1.0 - np.exp(-x))
    wrong = {"activation": "a*(1 - exp(-h))", "fit_intercept": False, "initial_parameters": {"a": -1.0}}
    run = fallline.train(x[:, None], y, n_init=20, **wrong)
    assert run.network.parameters["a"] == pytest.approx(3.0, rel=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_starts_without_an_end_do_not_hide_the_spread():
    misra = LEARNED["misra1c"]
    run = fallline.train(misra.x, misra.y, activation=misra.formula, fit_intercept=False, n_init=20)
    assert np.isinf(run.restarts).any()
    assert "inf" not in run.message


@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
def test_starts_whose_error_is_not_measured_cannot_be_compared():
    settings = {"batch_size": 20, "evaluate": False, "max_iter": 2, "n_init": 3}
    with pytest.raises(fallline.InputError, match="n_init"):
        fallline.train(*wave(0), activation="sin", **settings)


@pytest.mark.parametrize("bad", [0, -1, 1.5, "many", None])
def test_a_number_of_starts_that_is_none(bad):
    with pytest.raises(fallline.InputError, match="n_init must be"):
        fallline.train([[0.0], [1.0]], [0.0, 1.0], n_init=bad)
