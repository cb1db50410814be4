"""A descent drained until it should stop: why it stops, and what it leaves."""

import warnings
from itertools import islice

import numpy as np
import pytest
from published import REAL
from sklearn.exceptions import ConvergenceWarning
from strategies import small_blocks

import fallline
from fallline import StopReason
from fallline.descent._run import Recorder

NORRIS = REAL["norris"].X, REAL["norris"].y
DIABETES = REAL["diabetes, tanh"].X, REAL["diabetes, tanh"].y


def raise_interrupt(state):
    if state.step == 2:
        raise KeyboardInterrupt


def nearly_collinear():
    """Two inputs that differ by a thousandth, of which the difference matters."""
    z = np.linspace(-1.0, 1.0, 40)
    X = np.c_[z, z + 1e-3 * np.cos(30 * z)]
    return X, X @ [301.0, -298.0] + 0.01 * np.sin(99 * z)


APART = np.array([[-2.0], [-1.0], [1.0], [2.0]])
DOUBTFUL = np.array([[-2.0], [-1.0], [0.0], [0.0], [1.0], [2.0]]), [0, 0, 0, 1, 1, 1]
ONE_TO_FOUR = np.array([[1.0], [2.0], [3.0], [4.0]])
STOPS = [
    (StopReason.CONVERGED, NORRIS, {}),
    (StopReason.EXACT, (APART, 3 * APART[:, 0] + 1), {}),
    (StopReason.EXACT, (APART, np.exp(APART[:, 0])), {"activation": "exp"}),
    (StopReason.AT_INFINITY, (APART, [0, 0, 1, 1]), {"activation": "sigmoid"}),
    (StopReason.AT_INFINITY, (APART, [-1, -1, 1, 1]), {"activation": "tanh", "method": "lbfgs"}),
    (StopReason.AT_INFINITY, (APART, [[0, 1], [0, 1], [1, 0], [1, 0]]), {"activation": "sigmoid"}),
    (StopReason.ROUNDING, DIABETES, {"activation": "tanh", "method": "gauss-newton", "tol": 0.0}),
    (StopReason.ROUNDING, DIABETES, {"activation": "tanh", "method": "lbfgs", "tol": 0.0}),
    (StopReason.STUCK, DIABETES, {"activation": (np.tanh, lambda h: np.tanh(h) ** 2 - 1.0)}),
    (StopReason.FLAT, NORRIS, {"activation": "relu", "initial_weights": [0.0], "initial_intercept": -1.0}),
    (StopReason.MAX_ITER, DIABETES, {"activation": "tanh", "max_iter": 2}),
    (StopReason.MAX_ITER, DIABETES, {"max_iter": 0}),
    (StopReason.MAX_ITER, NORRIS, {"batch_size": 4, "max_iter": 2}),
    (StopReason.DIVERGED, NORRIS, {"learning_rate": 3.0}),
    (StopReason.DIVERGED, NORRIS, {"learning_rate": 1.0, "batch_size": 1, "scaling": "none"}),
    (StopReason.CALLBACK, DIABETES, {"activation": "tanh", "callbacks": [lambda s: s.step == 2]}),
    (StopReason.NO_PROGRESS, NORRIS, {"batch_size": 4}),
    (StopReason.INTERRUPTED, DIABETES, {"activation": "tanh", "callbacks": [raise_interrupt]}),
    (StopReason.LEVEL, DIABETES, {"activation": "tanh", "gtol": 1e-3, "tol": 0.0}),
    (StopReason.LEVEL, NORRIS, {"gtol": 1e-3, "tol": 0.0, "alpha": 0.1, "method": "lbfgs"}),
    (StopReason.VALIDATION, DIABETES, {"activation": "tanh", "early_stopping": True, "learning_rate": 0.02}),
    (StopReason.MAX_PASSES, DIABETES, {"activation": "tanh", "max_passes": 3}),
    (StopReason.MAX_TIME, DIABETES, {"activation": "tanh", "max_time": 1e-9}),
    (
        StopReason.SATURATED,
        (APART, [0, 1, 0, 1]),
        {"activation": "sigmoid", "initial_weights": [-12.0], "method": "plain", "tol": 0.0, "max_iter": 5},
    ),
    (StopReason.SEPARABLE, (APART, [0, 0, 1, 1]), {"activation": "sigmoid", "max_iter": 4}),
    (
        StopReason.SEPARABLE,
        (APART, [-1, -1, 1, 1]),
        {"activation": "tanh", "method": "plain", "max_iter": 50},
    ),
    (StopReason.MINIMUM_AT_INFINITY, DOUBTFUL, {"activation": "sigmoid", "tol": 0.0, "max_iter": 15}),
    (
        StopReason.POLE,
        (ONE_TO_FOUR, [1.0, 1.0, -1.0, -1.0]),
        {"activation": "reciprocal", "initial_weights": [1.0], "initial_intercept": -2.4, "max_iter": 3},
    ),
    (StopReason.COLLINEAR, nearly_collinear(), {"method": "plain", "scaling": "standard", "max_iter": 50}),
]


def test_every_reason_to_stop_is_tried():
    assert {reason for reason, _, _ in STOPS} == set(StopReason)


@pytest.mark.parametrize(
    ("reason", "data", "asked"), STOPS, ids=[f"{r.name}-{i}" for i, (r, *_) in enumerate(STOPS)]
)
def test_a_run_says_why_it_stopped(reason, data, asked):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            run = fallline.train(*data, **asked)
        except KeyboardInterrupt as interrupt:
            run = interrupt.run
    assert run.stop is reason
    assert run.message.startswith(str(reason).split(":")[0])
    assert run.message in repr(run)
    assert "\n" not in run.message
    expected = [(ConvergenceWarning, run.message, __file__)] if reason.is_failure else []
    assert [(w.category, str(w.message), w.filename) for w in warned] == expected
    assert_consistent(run, *data, asked)


def assert_consistent(run, X, y, asked):
    """The history ends in the state, or in the best one; the state and its error are the network's."""
    history, state = run.history, run.state
    assert {len(column) for column in history.values()} == {len(history["step"])}
    last = np.nanargmin(history["validation_error"]) if asked.get("early_stopping") else -1
    for column in ("step", "error", "gradient_norm"):
        np.testing.assert_array_equal(history[column][last], getattr(state, column))
    assert (history["step"][0], history["seconds"].min() >= 0) == (0, True)
    for column in ("step", "passes", "seconds"):
        assert (np.diff(history[column]) >= (column == "step")).all()
    np.testing.assert_array_equal(run.network.weights, state.weights)
    np.testing.assert_array_equal(run.network.intercept, state.intercept)
    s = training_part(len(X)) if asked.get("early_stopping") else np.ones(len(X))
    E, *_ = fallline.error_and_gradient(
        X, y, state.weights, intercept=state.intercept, activation=asked.get("activation", "identity"),
        sample_weight=s,
    )  # fmt: skip
    assert state.error == pytest.approx(E, rel=1e-9, abs=1e-24)
    baseline = 0.5 * np.sum(s * ((y - np.average(y, axis=0, weights=s)) ** 2).T)
    assert run.baseline_error == pytest.approx(baseline)


def training_part(n):
    """Return weights of 1 for the records that are trained on by default, and 0 for those held out."""
    from fallline.data._draws import VALIDATION, draws

    seed = int(np.random.default_rng(0).integers(2**31))
    return (draws(seed, VALIDATION).random(n) >= 0.1).astype(float)


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "plain", "scaling": "whiten"},
        {"method": "gauss-newton", "scaling": "standard"},
        {"method": "lbfgs", "scaling": "whiten", "initial_weights": np.full(10, 1e-4)},
        {"method": "plain", "scaling": "standard", "batch_size": 32, "random_state": 1},
        {"method": "plain", "scaling": "standard", "batch_size": 32, "evaluate": False, "shuffle": False},
    ],
)
def test_the_history_is_the_stream_of_descend(asked):
    seen = []
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        run = fallline.train(
            *DIABETES, activation="tanh", max_iter=4, tol=0.0, callbacks=[seen.append], **asked
        )
    states = list(islice(fallline.descend(*DIABETES, activation="tanh", fit_intercept=True, **asked), 5))
    for column in Recorder.COLUMNS:
        np.testing.assert_array_equal(run.history[column], [getattr(state, column) for state in states])
        np.testing.assert_array_equal(run.history[column], [getattr(state, column) for state in seen])
    np.testing.assert_array_equal(run.network.weights, states[-1].weights)


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "asked",
    [{"method": "gauss-newton"}, {"method": "lbfgs"}, {"method": "plain"}, {"batch_size": 10}],
    ids=str,
)
def test_same_bits_for_any_number_of_threads(asked, dtype, k):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(3001, 4)).astype(dtype) + 5, rng.random((3001, k))
    with small_blocks(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        runs = [
            fallline.train(X, y, activation="sigmoid", n_jobs=n_jobs, max_iter=5, **asked)
            for n_jobs in (1, 2, 3)
        ]
    bits = {
        (run.network.weights.tobytes(), run.network.intercept.tobytes(), run.history["error"].tobytes())
        for run in runs
    }
    assert len(bits) == 1


def test_an_interrupted_run_holds_what_was_reached():
    with pytest.raises(KeyboardInterrupt) as caught:
        fallline.train(*DIABETES, activation="tanh", callbacks=[raise_interrupt])
    *_, expected = islice(
        fallline.descend(*DIABETES, activation="tanh", method="auto", scaling="auto", fit_intercept=True), 3
    )
    np.testing.assert_array_equal(caught.value.run.network.weights, expected.weights)
    assert caught.value.run.state.step == 2


def test_a_callback_may_answer_with_a_truth_of_numpy():
    run = fallline.train(*DIABETES, activation="tanh", callbacks=[lambda state: np.any(state.weights)])
    assert (run.stop, run.state.step) == (StopReason.CALLBACK, 1)


def test_batches_end_after_five_epochs_without_progress():
    run = fallline.train(*NORRIS, batch_size=4)
    error = run.history["error"]
    fell = error[1:] < np.minimum.accumulate(error)[:-1] * (1 - 1e-8)
    assert np.flatnonzero(fell)[-1] == len(fell) - 6


def test_a_smaller_tol_goes_further():
    loose, tight = (fallline.train(*DIABETES, activation="tanh", tol=tol) for tol in (1e-2, 1e-14))
    assert loose.state.step < tight.state.step
    assert tight.state.error < loose.state.error < tight.state.error * 1.02
    assert tight.state.gradient_norm < 1e-4 * loose.state.gradient_norm


@pytest.mark.parametrize("method", ["auto", "gauss-newton", "lbfgs", "plain"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_dependent_and_constant_inputs_do_not_matter(method, fit_intercept):
    rng = np.random.default_rng(2)
    base = rng.normal(size=(60, 3)) * [1, 1e3, 1e-3] + [0, 50, 0]
    X = np.column_stack([base, base[:, :2] @ [1.0, 2.0], np.full(60, 7.0), np.zeros(60)])
    y = rng.normal(size=60)
    inputs = np.column_stack([X, np.ones(60)]) if fit_intercept else X
    least = np.sum((y - inputs @ np.linalg.lstsq(inputs, y, rcond=1e-12)[0]) ** 2)
    run = fallline.train(X, y, method=method, fit_intercept=fit_intercept)
    assert run.stop.is_converged
    assert 2 * run.state.error == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("method", ["auto", "lbfgs"])
def test_more_inputs_than_records_fit_exactly(method):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 90)), rng.uniform(0.1, 0.9, size=(20, 2))
    run = fallline.train(X, y, activation="sigmoid", method=method, tol=1e-15)
    assert run.stop.is_converged
    np.testing.assert_allclose(run.network.predict(X), y, atol=1e-6)


def test_relu_starts_where_it_has_a_slope():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 3))
    y = np.maximum(X @ [1.0, -2.0, 0.5] + 0.3, 0.0)
    run = fallline.train(X, y, activation="relu")
    assert run.state.error < 1e-6 * run.baseline_error
    np.testing.assert_allclose(run.network.weights, [1.0, -2.0, 0.5], atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_batches_come_near_the_optimum(shift):
    X, y, _, least, _ = REAL["diabetes, tanh"]
    run = fallline.train(X + shift, y, activation="tanh", batch_size=16, max_iter=30)
    assert 2 * run.state.error < 1.05 * least
