"""Held-out records: which they are, that they weigh nothing, and that the best weights are kept."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from strategies import small_blocks
from test_descend import CountedSource

import fallline
from fallline import StopReason
from fallline.data.sources._arrays import ArraySource
from fallline.data.sources._parts import split

RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 25))
Y = np.tanh(X[:, :1] @ [[0.5, -0.3]] + 0.6 * RNG.normal(size=(200, 2)))

WAYS = [
    {"method": "plain"}, {"method": "plain", "learning_rate": 0.1}, {"method": "nesterov"},
    {"method": "lbfgs"}, {"method": "gauss-newton"}, {"method": "lbfgs", "alpha": 0.01},
    {"batch_size": 16}, {"batch_size": 16, "shuffle": False}, {"batch_size": 7, "method": "adam"},
]  # fmt: skip


def run_of(asked, x=X, y=Y, **more):
    """Train tanh units, without the warnings of a run that was cut short."""
    with small_blocks(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        source = (x(), None) if callable(x) else (x, y)
        return fallline.train(*source, **({"activation": "tanh", "max_iter": 60} | asked | more))


def held_out(n=200, share=0.1, seed=0):
    """Return which records are held out: the n-th draw belongs to the n-th record."""
    source = ArraySource(np.zeros((n, 1)), np.zeros(n))
    return split(source, share, int(np.random.default_rng(seed).integers(2**31)))[1].chosen


def error_of(records, state, **more):
    return fallline.error_and_gradient(
        X[records], Y[records], state.weights, intercept=state.intercept, activation="tanh", **more
    )[0]


def seen_by(asked, **more):
    states = []
    run = run_of(asked, early_stopping=True, callbacks=[states.append], **more)
    return run, states


@pytest.mark.parametrize("asked", WAYS, ids=str)
@pytest.mark.parametrize("seed", [None, 3])
def test_the_same_records_are_held_out_whatever_the_method(asked, seed):
    """E of the training part and of the held-out part at every state tell which records are in which."""
    _, states = seen_by(asked, random_state=seed)
    held = held_out(seed=seed or 0)
    assert 5 < held.sum() < 40
    for state in states:
        assert state.error == pytest.approx(error_of(~held, state), rel=1e-9)
        assert state.validation_error == pytest.approx(error_of(held, state), rel=1e-9)


@pytest.mark.parametrize("asked", WAYS, ids=str)
def test_threads_and_sources_hold_out_the_same(asked):
    runs = [run_of(asked, early_stopping=True, n_jobs=n_jobs) for n_jobs in (1, 3)]
    runs.append(run_of(asked, x=lambda: ArraySource(X, Y), early_stopping=True))
    for run in runs[1:]:
        for column in ("error", "validation_error"):
            np.testing.assert_array_equal(run.history[column], runs[0].history[column])


def test_other_seeds_and_shares_hold_out_others():
    assert not np.array_equal(held_out(seed=0), held_out(seed=1))
    many, few = held_out(10_000, 0.3), held_out(10_000, 0.1)
    assert (many.mean(), few.mean()) == (pytest.approx(0.3, abs=0.02), pytest.approx(0.1, abs=0.02))
    assert (few <= many).all()


def test_a_record_is_held_out_by_its_number_alone():
    """More records at the end change nothing for those before them."""
    np.testing.assert_array_equal(held_out(200), held_out(5000)[:200])


@pytest.mark.parametrize("asked", WAYS, ids=str)
def test_it_is_training_with_weights_of_zero(asked):
    """Held-out records have no part in coordinates, start, rates or steps."""
    run, states = seen_by(asked)
    by_hand = []
    run_of(
        asked, sample_weight=(~held_out()).astype(float), callbacks=[by_hand.append],
        max_iter=len(run.history["step"]) - 1, tol=0.0,
    )  # fmt: skip
    for one, other in zip(states, by_hand, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.intercept, other.intercept)
        assert one.error == other.error


def test_sample_weights_count_in_both_parts():
    s = RNG.integers(0, 4, size=200) / 2
    _, states = seen_by({"method": "lbfgs"}, sample_weight=s)
    held = held_out()
    for state in states:
        assert state.error == pytest.approx(error_of(~held, state, sample_weight=s[~held]))
        assert state.validation_error == pytest.approx(error_of(held, state, sample_weight=s[held]))


@pytest.mark.parametrize("n_iter_no_change", [1, 4])
@pytest.mark.parametrize("asked", [WAYS[1], WAYS[2], WAYS[6]], ids=str)
def test_the_best_weights_are_restored(asked, n_iter_no_change):
    run, states = seen_by(asked, tol=0.0, n_iter_no_change=n_iter_no_change, max_iter=2000)
    held = run.history["validation_error"]
    best = int(np.argmin(held))
    assert run.stop is StopReason.VALIDATION
    assert len(held) - 1 - best == n_iter_no_change
    np.testing.assert_array_equal(run.network.weights, states[best].weights)
    assert run.state.step == run.history["step"][best]
    assert error_of(held_out(), run.state) == pytest.approx(held[best])


def test_the_best_weights_are_restored_whatever_stops_it():
    """The run ends by max_iter; the least validation error was before."""
    run, states = seen_by(WAYS[1], tol=0.0, n_iter_no_change=3000, max_iter=1000)
    held = run.history["validation_error"]
    assert run.stop is StopReason.MAX_ITER
    assert run.state.step == np.argmin(held) < 1000
    np.testing.assert_array_equal(run.network.weights, states[int(np.argmin(held))].weights)


def test_the_state_of_the_run_shows_its_validation_error():
    run, _ = seen_by(WAYS[2], tol=0.0)
    assert run.state.validation_error == run.history["validation_error"].min()


def test_without_early_stopping_there_is_no_validation_error():
    run = run_of({})
    assert np.isnan(run.history["validation_error"]).all()
    assert np.isnan(run.state.validation_error)


@pytest.mark.parametrize(("n", "share"), [(1, 0.1), (1, 0.5), (5, 0.999)])
def test_too_few_records_are_one_sentence(n, share):
    with pytest.raises(fallline.InputError, match=f"{n} records are too few") as caught:
        fallline.train(X[:n], Y[:n], early_stopping=True, validation_fraction=share)
    assert "\n" not in str(caught.value)


def test_held_out_records_of_weight_zero_are_too_few():
    held = held_out()
    with pytest.raises(fallline.InputError, match="too few"):
        fallline.train(X, Y, early_stopping=True, sample_weight=(~held).astype(float))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2, "0.1"])
def test_a_share_is_between_nothing_and_all(share):
    with pytest.raises(fallline.InputError, match="validation_fraction"):
        fallline.train(X, Y, early_stopping=True, validation_fraction=share)


@pytest.mark.parametrize("patience", [0, -1, 2.5])
def test_patience_is_a_number_of_steps(patience):
    with pytest.raises(fallline.InputError, match="n_iter_no_change"):
        fallline.train(X, Y, early_stopping=True, n_iter_no_change=patience)


def test_reads_for_validation_are_passes():
    """The first three readings are of y and the weights alone: both parts must weigh something."""
    source = CountedSource(X, Y)
    shown, read = [], []
    fallline.train(
        source, activation="tanh", method="lbfgs", early_stopping=True, n_jobs=1,
        callbacks=[lambda state: shown.append(state.passes), lambda state: read.append(source.passes - 3)],
    )  # fmt: skip
    assert shown == read


def test_each_start_has_a_validation_of_its_own():
    run = run_of({"method": "lbfgs"}, early_stopping=True, n_init=3)
    assert len(run.restarts) == 3
    held = run.history["validation_error"]
    assert run.state.step == np.argmin(held)


def test_a_diverged_run_keeps_its_best():
    run = run_of({"method": "plain", "learning_rate": 30.0, "activation": "identity"}, early_stopping=True)
    assert run.stop is StopReason.DIVERGED
    assert run.state.step == np.argmin(run.history["validation_error"])
