"""Corners of the input where a descent could start badly, stop wrongly or take too much."""

import tracemalloc

import numpy as np
import pytest
from published import REAL
from scipy import sparse
from sklearn.base import clone

import fallline
from fallline import SingleLayerClassifier, SingleLayerRegressor, StopReason

X, Y = REAL["diabetes"][:2]


@pytest.mark.filterwarnings("ignore::fallline.DataWarning")
@pytest.mark.parametrize("unit", ["sigmoid", "exp", "softplus", "gaussian"])
def test_targets_that_all_lie_at_an_end_of_the_range(unit):
    run = fallline.train(X, np.zeros(len(X)), activation=unit)
    assert run.stop is StopReason.AT_INFINITY
    assert run.state.passes < 20


def test_a_small_rate_is_not_taken_for_the_bottom():
    settings = {"method": "plain", "scaling": "none", "fit_intercept": False}
    with pytest.warns(match="not converged"):
        run = fallline.train(X * 1e-5, Y, max_iter=200, **settings)
    assert run.stop in (StopReason.MAX_ITER, StopReason.COLLINEAR)
    assert run.state.error < 0.8 * run.history["error"][0]


def test_narrow_floats_far_from_zero_are_not_taken_for_exact():
    y = 1e6 + (Y - Y.mean()) / Y.std()
    narrow, wide = (fallline.train(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    assert narrow.state.error == pytest.approx(wide.state.error, rel=1e-3)


def test_a_start_near_a_pole_keeps_its_side():
    run = fallline.train(X, Y, activation="reciprocal")
    assert run.history["error"][0] == pytest.approx(run.baseline_error, rel=1e-9)
    assert run.state.error < 0.6 * run.baseline_error


def test_a_bottom_above_the_mean_is_warned_of():
    start = {"initial_weights": [-1.0], "initial_intercept": 0.5}
    with pytest.warns(match="worse than"):
        run = fallline.train([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0], activation="relu", **start)
    assert run.state.error > run.baseline_error


@pytest.mark.parametrize(
    "random_state",
    [np.random.Generator(np.random.MT19937(1)), np.random.RandomState(1)],
    ids=["MT19937", "RandomState"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_generator_shuffles(random_state):
    run = fallline.train(X, Y, batch_size=32, random_state=random_state, max_iter=3)
    assert run.state.error < run.baseline_error


@pytest.mark.parametrize(
    "asked",
    [{"method": "plain"}, {"batch_size": 4}, {"method": "gauss-newton", "scaling": "whiten"}],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_inputs_that_are_all_zero_change_nothing(asked):
    run = fallline.train(np.zeros((20, 3)), np.arange(20.0), fit_intercept=False, max_iter=10, **asked)
    assert run.state.error == pytest.approx(0.5 * np.sum(np.arange(20.0) ** 2))


def test_batches_of_a_wide_sparse_table_stay_small():
    wide = sparse.random_array((2000, 20_000), density=1e-3, rng=0, format="csr")
    tracemalloc.start()
    try:
        with pytest.warns(match="max_iter"):
            fallline.train(wide, np.arange(2000.0), batch_size=8, max_iter=1)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", ["gauss-newton", "lbfgs"])
def test_the_passes_of_a_search_that_fails_are_counted(method):
    reads = []

    def counting(task, source):
        reads.append(1)
        return ((((0, block.number)), task(block)) for block in source.blocks())

    run = fallline.train(X, Y / 100, activation="softplus", method=method, tol=0.0, engine=counting)
    assert run.stop is StopReason.ROUNDING
    assert run.state.passes == run.history["passes"][-1] == len(reads)


def test_a_source_brings_its_own_targets():
    from fallline.data.sources._arrays import ArraySource

    with pytest.raises(fallline.InputError, match="leave y"):
        fallline.train(ArraySource(X, Y), Y)
    assert fallline.train(ArraySource(X, Y), None).state.error == fallline.train(X, Y).state.error


def test_a_classifier_interrupted_is_whole(monkeypatch):
    labels, calls = np.where(Y > 150, "high", "low"), []

    def interrupt(*line):
        calls.append(line)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", interrupt)
    model = SingleLayerClassifier(verbose=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, labels)
    assert set(model.predict(X)) == {"high", "low"}
    assert model.stop_reason_ is StopReason.INTERRUPTED


def test_warm_start_refuses_other_data():
    regressor = SingleLayerRegressor(warm_start=True).fit(X, Y)
    for inputs, targets in ((X[:, :3], Y), (X, np.c_[Y, Y])):
        with pytest.raises(fallline.InputError, match="warm_start goes on from"):
            regressor.fit(inputs, targets)
    classifier = SingleLayerClassifier(warm_start=True, tol=1e-3).fit(X, Y > 150)
    with pytest.raises(fallline.InputError, match="the same classes"):
        classifier.fit(X, np.where(Y > 150, "b", "a"))


def test_parameters_set_after_a_fit_wait_for_the_next():
    model = SingleLayerRegressor().fit(X, Y)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(activation="exp").predict(X), before)
    assert not hasattr(clone(model), "network_")
