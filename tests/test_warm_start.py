"""Going on from a run: one long run on the same data, its weights alone on other data."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from strategies import small_blocks
from test_descend import CountedSource

import fallline
from fallline import StopReason

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4)) * [1.0, 30.0, 0.1, 1.0] + [0.0, 50.0, 0.0, 2.0]
H = (X - X.mean(axis=0)) / X.std(axis=0) @ RNG.normal(size=(4, 2))
Y = np.clip(1.0 / (1.0 + np.exp(-H)) + 0.1 * RNG.normal(size=(60, 2)), 0.02, 0.98)
UNIT = "bottom + (top-bottom)*sigmoid(h)"

SEARCHED = [{"method": "lbfgs"}, {"method": "gauss-newton"}, {"method": "plain", "learning_rate": "armijo"}]
RATED = [
    {"method": "plain"}, {"method": "plain", "learning_rate": fallline.InverseScaling(0.1)},
    {"method": "momentum"}, {"method": "nesterov"},
]  # fmt: skip
IN_BATCHES = [
    {"batch_size": 8}, {"batch_size": 8, "shuffle": False}, {"batch_size": 1, "learning_rate": "normalised"},
    {"batch_size": 8, "learning_rate": fallline.Exponential(0.1, 0.99), "random_state": 3},
    {"batch_size": 8, "method": "adam"}, {"batch_size": 8, "method": "momentum"},
    {"batch_size": 8, "method": "nesterov", "evaluate": False},
]  # fmt: skip
PENALTIES = [
    {"alpha": 1e-2}, {"alpha": 1e-2, "l1_ratio": 0.5, "method": "nesterov"},
    {"alpha": 1e-2, "l1_ratio": 0.5, "method": "gauss-newton"},
    {"alpha": 1e-2, "l1_ratio": 0.5, "batch_size": 8},
]  # fmt: skip


def run_of(asked, y=Y, **more):
    """Train in many blocks, without the warnings of a run that was cut short."""
    with small_blocks(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        asked = {"activation": "sigmoid", "tol": 0.0} | asked | more
        return fallline.train(X, y, **asked)


def assert_one_long_run(asked, y=Y, first=5, then=5):
    """Every state of both runs, one after the other, has the bits of the run that was never cut."""
    start = run_of(asked, y, max_iter=first, keep="weights")
    rest = run_of(asked, y, max_iter=then, keep="weights", warm_start=start)
    whole = run_of(asked, y, max_iter=first + then, keep="weights")
    shared = whole.history.keys() - {"seconds", "passes"}
    for name in shared:
        joined = np.concatenate([start.history[name], rest.history[name][1:]])
        assert joined.tobytes() == whole.history[name].tobytes(), name
    assert len(whole.history["step"]) > first + 1
    np.testing.assert_array_equal(rest.network.weights, whole.network.weights)
    np.testing.assert_array_equal(rest.network.intercept, whole.network.intercept)
    assert rest.network.parameters.keys() == whole.network.parameters.keys()
    for name, value in whole.network.parameters.items():
        np.testing.assert_array_equal(rest.network.parameters[name], value)
    assert (rest.state.step, rest.state.error) == (
        whole.state.step,
        pytest.approx(whole.state.error, nan_ok=True),
    )


@pytest.mark.parametrize("scaling", ["auto", "none", "standard", "whiten"])
@pytest.mark.parametrize("asked", SEARCHED + RATED + IN_BATCHES, ids=str)
def test_two_runs_are_one_long_run(asked, scaling):
    if scaling == "none" and "batch_size" in asked:
        rule = fallline.Normalised(0.01) if asked["batch_size"] == 1 else 1e-4
        asked = asked | {"learning_rate": rule}
    assert_one_long_run(asked | {"scaling": scaling})


@pytest.mark.parametrize("asked", PENALTIES, ids=str)
def test_two_runs_are_one_with_a_penalty(asked):
    assert_one_long_run(asked)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("asked", SEARCHED[:2] + RATED[:1] + RATED[2:] + IN_BATCHES, ids=str)
def test_two_runs_are_one_with_free_parameters(asked, shared):
    if "batch_size" not in asked and asked["method"] in ("plain", "momentum", "nesterov"):
        asked = {"learning_rate": 0.05, **asked}
    if asked.get("learning_rate") == "normalised":
        asked = asked | {"learning_rate": 0.05}
    assert_one_long_run(asked | {"activation": UNIT, "shared_parameters": shared})


@pytest.mark.parametrize("asked", [{}, {"method": "nesterov"}, {"batch_size": 8}], ids=str)
@pytest.mark.parametrize("y", [Y[:, 0], Y], ids=["one output", "two outputs"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_two_runs_are_one_without_an_intercept(asked, y, fit_intercept):
    assert_one_long_run(asked | {"fit_intercept": fit_intercept, "random_state": 1}, y)


@pytest.mark.parametrize("first", [0, 1, 2, 7])
def test_it_does_not_matter_where_a_run_is_cut(first):
    for method in ("plain", "lbfgs", "nesterov"):
        assert_one_long_run({"method": method}, first=first, then=9 - first)


def test_many_runs_are_one():
    run = run_of({"method": "lbfgs"}, max_iter=2)
    for _ in range(4):
        run = run_of({"method": "lbfgs"}, max_iter=2, warm_start=run)
    whole = run_of({"method": "lbfgs"}, max_iter=10)
    np.testing.assert_array_equal(run.network.weights, whole.network.weights)
    assert run.state.step == whole.state.step == 10


@pytest.mark.parametrize("asked", [{}, {"method": "plain"}, {"method": "lbfgs", "scaling": "none"}], ids=str)
def test_a_run_that_arrived_stays(asked):
    arrived = run_of(asked, tol=1e-8, max_iter=10_000)
    again = run_of(asked, tol=1e-8, max_iter=10_000, warm_start=arrived)
    assert arrived.stop.is_converged
    assert again.stop.is_converged
    np.testing.assert_array_equal(again.network.weights, arrived.network.weights)
    assert again.state.step == arrived.state.step


WATCHED = [
    ({"batch_size": 4, "learning_rate": 0.2, "tol": 1e-3}, StopReason.NO_PROGRESS),
    ({"batch_size": 4, "early_stopping": True, "validation_fraction": 0.3}, StopReason.VALIDATION),
    ({"method": "plain", "early_stopping": True, "n_iter_no_change": 9}, StopReason.VALIDATION),
    ({"method": "plain", "tol": 1e-6}, StopReason.CONVERGED),
    ({"method": "lbfgs", "tol": 1e-8}, StopReason.CONVERGED),
]


@pytest.mark.parametrize(("asked", "stop"), WATCHED, ids=str)
def test_two_runs_stop_where_one_long_run_does(asked, stop):
    """What was seen before the cut counts, too: the best weights so far, and how long they have been that."""
    whole = run_of(asked, max_iter=10_000)
    assert whole.stop is stop
    epochs = len(whole.history["step"]) - 1
    for cut in {1, epochs // 2, epochs - 1}:
        start = run_of(asked, max_iter=cut)
        rest = run_of(asked, max_iter=10_000, warm_start=start)
        assert rest.stop is whole.stop
        assert len(rest.history["step"]) == epochs - cut + 1
        np.testing.assert_array_equal(rest.network.weights, whole.network.weights)
        assert rest.state.step == whole.state.step


@pytest.mark.parametrize(("asked", "stop"), WATCHED[:3], ids=str)
def test_patience_that_ran_out_begins_again(asked, stop):
    over = run_of(asked, max_iter=10_000)
    more = run_of(asked, max_iter=10_000, warm_start=over)
    assert over.stop is stop
    assert len(more.history["step"]) > 5
    assert more.state.objective <= over.state.objective * 1.01


def test_an_interrupted_run_goes_on():
    def interrupt(state):
        if state.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run_of({"method": "lbfgs"}, callbacks=[interrupt])
    rest = run_of({"method": "lbfgs"}, max_iter=6, warm_start=caught.value.run)
    whole = run_of({"method": "lbfgs"}, max_iter=10)
    np.testing.assert_array_equal(rest.network.weights, whole.network.weights)


def test_a_run_that_could_not_go_on_may_with_another_method():
    """Stuck is a verdict on one search at one time, not on the weights."""
    stuck = run_of({"method": "lbfgs"}, max_iter=10_000)
    assert stuck.stop is StopReason.ROUNDING
    more = run_of({"method": "gauss-newton"}, max_iter=3, warm_start=stuck)
    assert more.state.error <= stuck.state.error


OTHERS = {
    "other targets": lambda: (X, Y[:, ::-1]),
    "one target moved": lambda: (X, np.where(np.arange(60)[:, None] == 7, Y + 1e-9, Y)),
    "other inputs": lambda: (X + 1e-9 * np.sin(X), Y),
    "fewer records": lambda: (X[:50], Y[:50]),
    "records in another order": lambda: (X[::-1].copy(), Y[::-1].copy()),
}


@pytest.mark.parametrize("data", OTHERS)
@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("method", ["plain", "momentum", "nesterov", "lbfgs", "gauss-newton"])
def test_on_other_data_only_the_weights_are_taken(data, method, scaling):
    """Every state is that of a run which was given these weights: no gradient of other data lives on."""
    asked = {"method": method, "scaling": scaling, "activation": "sigmoid", "max_iter": 4, "tol": 0.0}
    inputs, targets = OTHERS[data]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        before = fallline.train(X, Y, **asked)
        warm = fallline.train(inputs, targets, warm_start=before, **asked)
        given = fallline.train(
            inputs, targets, initial_weights=before.network.weights,
            initial_intercept=before.network.intercept, **asked,
        )  # fmt: skip
    assert warm.history["step"][0] == 0
    np.testing.assert_allclose(warm.history["error"], given.history["error"], rtol=1e-9)
    np.testing.assert_allclose(warm.network.weights, given.network.weights, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"method": "lbfgs"}, {"method": "gauss-newton"}),
        ({"method": "plain"}, {"batch_size": 8}),
        ({"batch_size": 8}, {"method": "plain"}),
        ({"scaling": "standard", "method": "plain"}, {"scaling": "whiten", "method": "plain"}),
        ({"activation": "sigmoid"}, {"activation": "tanh"}),
        ({"alpha": 0.0, "method": "lbfgs"}, {"alpha": 0.1, "method": "lbfgs"}),
        ({"fit_intercept": True}, {"fit_intercept": False}),
        ({"activation": "sigmoid"}, {"activation": UNIT}),
    ],
    ids=str,
)
def test_under_other_settings_only_the_weights_are_taken(one, other):
    before = run_of(one, max_iter=3)
    warm = run_of(other, max_iter=3, warm_start=before)
    network = before.network
    given = run_of(other, max_iter=3, initial_weights=network.weights, initial_intercept=network.intercept)
    np.testing.assert_allclose(warm.history["error"], given.history["error"], rtol=1e-6)


@pytest.mark.parametrize(
    "asked",
    [{}, {"method": "plain", "scaling": "none"}, {"method": "lbfgs"}, {"batch_size": 8}, {"method": "plain"}],
    ids=str,
)
def test_passes_go_on_counting_every_read(asked):
    source = CountedSource(X, Y)
    asked = {"activation": "sigmoid", "tol": 0.0, "n_jobs": 1, **asked}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seen = []
        first = fallline.train(source, max_iter=3, callbacks=[lambda s: seen.append(source.passes)], **asked)
        assert [p + 1 for p in first.history["passes"]] == seen  # y alone was read once
        before = source.passes
        rest = fallline.train(
            source, max_iter=3, warm_start=first, callbacks=[lambda s: seen.append(source.passes)], **asked
        )
    spent = np.array(seen[len(first.history["passes"]) :]) - before - 1
    np.testing.assert_array_equal(rest.history["passes"], first.state.passes + spent)


def test_a_run_of_other_inputs_is_refused():
    before = run_of({}, max_iter=2)
    with pytest.raises(fallline.InputError, match="warm_start"):
        fallline.train(X[:, :3], Y, warm_start=before)
