"""What a run leaves behind: the history, what callbacks see, and what Ctrl-C leaves whole."""

import subprocess
import sys
import warnings
from textwrap import dedent

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import find_coordinates
from fallline.execution.engines._threads import thread_engine

RNG = np.random.default_rng(2)
X = RNG.normal(size=(80, 3)) * [1.0, 20.0, 0.1] + [0.0, 30.0, 1.0]
Y = np.tanh((X - [0.0, 30.0, 1.0]) @ [0.4, 0.02, -3.0]) + 0.1 * RNG.normal(size=80)
UNIT = "low + (top-low)*sigmoid(h)"
COLUMNS = {
    "step", "passes", "error", "penalty", "gradient_norm", "learning_rate", "step_size",
    "progressive_error", "validation_error", "seconds",
}  # fmt: skip


def run_of(asked, x=X, y=Y, **more):
    """Train tanh units, without the warnings of a run that was cut short."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        asked = {"activation": "arctan", "max_iter": 5, "tol": 0.0} | asked | more
        return fallline.train(x, y, **asked)


WAYS = [
    {"method": "plain"}, {"method": "nesterov"}, {"method": "lbfgs"}, {"method": "gauss-newton"},
    {"batch_size": 16}, {"batch_size": 1, "evaluate": False}, {"method": "lbfgs", "alpha": 0.1},
]  # fmt: skip


@pytest.mark.parametrize("asked", WAYS, ids=str)
def test_columns_have_an_entry_for_every_state(asked):
    seen = []
    run = run_of(asked, callbacks=[seen.append])
    assert run.history.keys() == COLUMNS
    for name in COLUMNS - {"seconds"}:
        np.testing.assert_array_equal(run.history[name], [getattr(state, name) for state in seen])
    assert all(column.shape == (6,) for column in run.history.values())
    assert (run.history["step"].dtype, run.history["passes"].dtype) == (np.int64, np.int64)
    seconds = run.history["seconds"]
    assert seconds[0] > 0
    assert (np.diff(seconds) > 0).all()


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_free_names_have_columns(shared, k):
    y = Y if k == 1 else np.column_stack([Y, 0.5 * Y])
    run = run_of({"activation": UNIT, "shared_parameters": shared}, y=y, keep="weights")
    for name in ("low", "top"):
        shape = (6,) if shared or k == 1 else (6, 2)
        assert run.history[name].shape == shape
        np.testing.assert_array_equal(run.history[name][-1], run.network.parameters[name])
    assert (run.history["low"][0] != run.history["low"][-1]).all()


@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("asked", WAYS, ids=str)
def test_step_size_is_the_way_made_in_the_coordinates(asked, scaling):
    """The distance between the net inputs' coordinates, from the raw weights of the history."""
    if scaling == "none" and "batch_size" in asked:
        asked = asked | {"learning_rate": 1e-4}
    run = run_of(asked, scaling=scaling, keep="weights")
    coordinates, _ = find_coordinates(ArraySource(X, Y), thread_engine(1), scaling, True, np.zeros(1))
    history = run.history
    points = [
        coordinates.unfold(w[:, None], np.array([b]))
        for w, b in zip(history["weights"], history["intercept"], strict=True)
    ]
    made = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert np.isnan(history["step_size"][0])
    np.testing.assert_allclose(history["step_size"][1:], made, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("k", [1, 2])
def test_kept_weights_are_those_of_the_states(k):
    y = Y if k == 1 else np.column_stack([Y, 0.5 * Y])
    seen = []
    run = run_of({"method": "lbfgs"}, y=y, keep="weights", callbacks=[seen.append])
    np.testing.assert_array_equal(run.history["kept_step"], run.history["step"])
    for name in ("weights", "intercept"):
        np.testing.assert_array_equal(run.history[name], [getattr(state, name) for state in seen])


@pytest.mark.parametrize("steps", [999, 1000, 2500, 5000])
def test_kept_weights_are_bounded_and_evenly_spread(steps):
    x, y = [[1.0], [2.0], [3.0]], [1.0, 0.0, 2.0]
    asked = {"activation": "identity", "method": "plain", "learning_rate": 1e-5}
    run = run_of(asked, x=x, y=y, keep="weights", max_iter=steps)
    kept = run.history["kept_step"]
    assert len(kept) == len(run.history["weights"]) <= 1000
    assert len(kept) >= min(steps, 500)
    assert (kept[0], run.history["step"][-1]) == (0, steps)
    assert len(set(np.diff(kept))) == 1
    assert steps - kept[-1] < np.diff(kept)[0]
    assert len(run.history["error"]) == steps + 1


@pytest.mark.parametrize("keep", ["everything", True, 3])
def test_only_weights_can_be_kept(keep):
    with pytest.raises(fallline.InputError, match="keep must be 'weights' or None"):
        fallline.train(X, Y, keep=keep)


def test_a_search_that_fails_leaves_one_entry_for_its_state():
    run = run_of({"method": "lbfgs"}, max_iter=10_000, tol=0.0, keep="weights")
    assert run.stop is fallline.StopReason.ROUNDING
    assert (np.diff(run.history["step"]) == 1).all()
    assert (np.diff(run.history["kept_step"]) == 1).all()


def test_every_callback_sees_every_state():
    one, other = [], []
    run_of({}, callbacks=[lambda s: one.append(s) or s.step == 3, lambda s: other.append(s)])
    assert [s.step for s in one] == [s.step for s in other] == [0, 1, 2, 3]
    assert all(isinstance(state, fallline.State) for state in one)


def test_states_of_callbacks_are_snapshots():
    seen, copies = [], []
    run_of({"method": "plain"}, callbacks=[seen.append, lambda s: copies.append(s.weights.copy())])
    np.testing.assert_array_equal([state.weights for state in seen], copies)
    with pytest.raises(AttributeError):
        seen[0].error = 0.0


def test_what_a_callback_writes_does_not_steer_the_descent():
    def scribble(state):
        state.weights[:] = 1e9

    plain = run_of({"method": "plain"})
    np.testing.assert_array_equal(
        run_of({"method": "plain"}, callbacks=[scribble]).history["error"], plain.history["error"]
    )


def test_an_error_of_a_callback_goes_through_and_leaves_nothing_behind():
    """The same call again is the same run: nothing of the broken one is left."""

    def broken(state):
        if state.step == 3:
            raise RuntimeError("of the caller")

    before = run_of({})
    with pytest.raises(RuntimeError, match="of the caller"):
        run_of({}, callbacks=[broken])
    np.testing.assert_array_equal(run_of({}).history["error"], before.history["error"])


def interrupted(at):
    def interrupt(state):
        if state.step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run_of({"method": "lbfgs"}, callbacks=[interrupt], keep="weights")
    return caught.value.run


@pytest.mark.parametrize("at", [0, 1, 5])
def test_ctrl_c_leaves_a_whole_run(at):
    run, whole = interrupted(at), run_of({"method": "lbfgs"}, keep="weights")
    assert run.stop is fallline.StopReason.INTERRUPTED
    assert run.state.step == run.history["step"][-1] == at
    np.testing.assert_array_equal(run.network.weights, whole.history["weights"][at])
    np.testing.assert_array_equal(run.history["error"], whole.history["error"][: at + 1])
    assert run.network.predict(X).shape == (80,)


SCRIPT = dedent("""
    import os, signal, threading
    import numpy as np, fallline
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 30))
    y = np.tanh(X[:, 0])
    seen = []
    def callback(state):
        seen.append(state.step)
        if len(seen) == 3:
            threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        fallline.train(
            X, y, activation="tanh", {way}, tol=0.0, max_iter=10**7, callbacks=[callback],
        )
    except KeyboardInterrupt as interrupt:
        run = interrupt.run
        error = fallline.error_and_gradient(
            X, y, run.state.weights, intercept=run.state.intercept, activation="tanh"
        )[0]
        whole = len({{len(column) for column in run.history.values()}}) == 1
        same = abs(error - run.state.error) <= 1e-9 * error + 1e-20
        print(run.stop.name, run.state.step >= seen[2], whole, same)
""")


@pytest.mark.parametrize("way", ['method="plain"', "batch_size=32", 'method="momentum"'])
def test_a_signal_leaves_a_whole_run(way):
    command = [sys.executable, "-c", SCRIPT.format(way=f"{way}, learning_rate=1e-4")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.split() == ["INTERRUPTED", "True", "True", "True"], ended.stderr
    assert ended.returncode == 0


def test_a_diverged_run_has_no_half_state():
    run = run_of({"method": "plain", "learning_rate": 1e6, "activation": "identity"})
    assert run.stop is fallline.StopReason.DIVERGED
    assert np.isfinite(run.network.weights).all()
    assert run.history["step"][-1] == run.state.step
    assert np.isfinite(run.history["error"]).all()
