"""The estimators, held to scikit-learn's own checks and to train."""

import pickle
import subprocess
import sys
import warnings
from inspect import signature
from itertools import product

import numpy as np
import pandas as pd
import pytest
from published import REAL
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import fallline
from fallline import SingleLayerClassifier, SingleLayerRegressor, StopReason

NEGATIVE = {"check_regressors_train": "f is never negative, but half of the targets are"}
WEIGHTS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
FAR = dict.fromkeys(
    WEIGHTS, "targets of 0 lie at infinity: weights and repeats stop at two points of the way"
)
BATCHES = dict.fromkeys(WEIGHTS, "a weighted record is in one batch, its repeats are in several")

CHECKED = [
    (SingleLayerRegressor(), {}),
    (SingleLayerRegressor(method="plain"), {}),
    (SingleLayerRegressor(method="lbfgs"), {}),
    (SingleLayerRegressor(scaling="none"), {}),
    (SingleLayerRegressor(fit_intercept=False), {}),
    (SingleLayerRegressor(batch_size=8, max_iter=40), BATCHES),
    (SingleLayerRegressor("tanh"), {}),
    (SingleLayerRegressor("exp"), NEGATIVE | FAR),
    (SingleLayerRegressor("softplus"), NEGATIVE | FAR),
    (SingleLayerClassifier(), {}),
    (SingleLayerClassifier(method="lbfgs"), {}),
    (SingleLayerClassifier(method="gauss-newton"), {}),
    (SingleLayerClassifier("tanh"), {}),
    (SingleLayerClassifier("identity"), {}),
    (SingleLayerClassifier(fit_intercept=False), FAR),
    (SingleLayerClassifier(batch_size=8, max_iter=40), BATCHES),
]


@pytest.mark.parametrize(("estimator", "left"), CHECKED, ids=[str(estimator) for estimator, _ in CHECKED])
def test_checks_of_scikit_learn(estimator, left):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, expected_failed_checks=left)
    assert sum(result["status"] == "passed" for result in results) > 50


X, Y = REAL["diabetes"].X, REAL["diabetes"].y
IRIS, SPECIES = load_iris(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)


@pytest.mark.parametrize("k", [None, 1, 3])
def test_the_regressor_has_the_shapes_and_numbers_of_least_squares(k):
    y = Y if k is None else np.column_stack([Y, Y**0.5, -Y])[:, :k]
    ours, theirs = SingleLayerRegressor().fit(X, y), LinearRegression().fit(X, y)
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))


def test_the_regressor_is_train():
    X, y, activation, _, _ = REAL["diabetes, tanh"]
    s = np.arange(len(X)) % 3
    model = SingleLayerRegressor(activation, method="lbfgs", tol=1e-5).fit(X, y, s)
    run = fallline.train(X, y, activation=activation, method="lbfgs", tol=1e-5, sample_weight=s)
    np.testing.assert_array_equal(model.coef_, run.network.weights)
    np.testing.assert_array_equal(model.predict(X), run.network.predict(X))
    assert model.intercept_ == run.network.intercept
    assert model.loss_curve_ == run.history["error"].tolist()
    assert (model.n_iter_, model.stop_reason_) == (run.state.step, run.stop)
    assert model.parameters_ == {}
    np.testing.assert_array_equal(model.history_["passes"], run.history["passes"])


def test_n_iter_counts_epochs_of_batches():
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        model = SingleLayerRegressor(batch_size=100, max_iter=3).fit(X, Y)
    assert (model.n_iter_, len(model.loss_curve_)) == (3, 4)
    assert model.history_["step"].tolist() == [0, 5, 10, 15]


def labelled(kind):
    """Return labels of two or three kinds for the iris records."""
    return {
        "text": np.array(["setosa", "versicolor", "virginica"])[SPECIES],
        "object": np.array(["a", "b", "c"], dtype=object)[SPECIES],
        "negative": np.array([-5, 0, 7])[SPECIES],
        "float": np.array([0.0, 1.0, 4.0])[SPECIES],
        "bool": SPECIES == 2,
        "text, two": np.where(SPECIES == 2, "yes", "no"),
        "negative, two": np.where(SPECIES == 2, -1, -2),
        "series": pd.Series(np.array(["a", "b", "c"])[SPECIES], name="species"),
        "categorical": pd.Series(pd.Categorical.from_codes(SPECIES, ["p", "q", "r"])),
        "list": [["a", "b", "c"][s] for s in SPECIES],
    }[kind]


KINDS = [
    "text", "object", "negative", "float", "bool", "text, two", "negative, two", "series",
    "categorical", "list",
]  # fmt: skip


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "identity"])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(kind, activation):
    y = labelled(kind)
    model = SingleLayerClassifier(activation).fit(IRIS, y)
    theirs = LogisticRegression(max_iter=5000).fit(IRIS, y)
    np.testing.assert_array_equal(model.classes_, theirs.classes_)
    assert model.classes_.dtype == theirs.classes_.dtype
    assert model.coef_.shape == theirs.coef_.shape
    assert model.intercept_.shape == theirs.intercept_.shape
    assert model.decision_function(IRIS).shape == theirs.decision_function(IRIS).shape
    predicted = model.predict(IRIS)
    assert predicted.dtype == theirs.predict(IRIS).dtype
    assert np.mean(predicted == np.asarray(y)) > (0.8 if activation == "identity" else 0.95)
    shares = model.predict_proba(IRIS)
    assert shares.shape == (150, len(model.classes_))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (shares >= 0).all()
    np.testing.assert_array_equal(model.classes_[shares.argmax(axis=1)], predicted)


@pytest.mark.parametrize(
    ("activation", "low"), [("sigmoid", 0.0), ("tanh", -1.0), ("identity", -1.0), ("exp", 0.0)]
)
def test_targets_follow_the_range_of_the_activation(activation, low):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SingleLayerClassifier(activation, max_iter=20).fit(CANCER, BENIGN)
        targets = np.where(BENIGN == 1, 1.0, low)[:, None]
        run = fallline.train(CANCER, targets, activation=activation, max_iter=20)
    np.testing.assert_array_equal(model.coef_, run.network.weights.T)
    y_hat = run.network.predict(CANCER)[:, 0]
    np.testing.assert_allclose(model.decision_function(CANCER), y_hat - (1 + low) / 2)
    np.testing.assert_allclose(
        model.predict_proba(CANCER)[:, 1], np.clip((y_hat - low) / (1 - low), 0, 1), atol=1e-15
    )


def test_three_classes_are_a_unit_each():
    model = SingleLayerClassifier().fit(IRIS, SPECIES)
    for j in range(3):
        unit = SingleLayerClassifier().fit(IRIS, np.equal(SPECIES, j))
        np.testing.assert_allclose(
            model.decision_function(IRIS)[:, j], unit.decision_function(IRIS), atol=0.02
        )


def test_the_classifier_beats_the_trivial_baseline():
    scores = cross_val_score(SingleLayerClassifier(), CANCER, BENIGN, cv=5)
    assert scores.mean() > 0.94 > 0.63 > BENIGN.mean()


@pytest.mark.parametrize(
    ("dtype", "convert"),
    [
        *product([np.float16, np.float32, np.float64, np.int32], [np.asarray, np.asfortranarray]),
        *product([np.float32, np.float64, np.int32], [sparse.csr_array]),
    ],
)
def test_predictions_keep_the_dtype_of_the_inputs(dtype, convert):
    inputs = convert((IRIS * 10).astype(dtype))
    expected = {np.float64: np.float64, np.int32: np.float64}.get(dtype, np.float32)
    model = SingleLayerClassifier().fit(inputs, SPECIES)
    assert model.decision_function(inputs).dtype == model.predict_proba(inputs).dtype == expected
    regressor = SingleLayerRegressor().fit(inputs, SPECIES)
    assert regressor.predict(inputs).dtype == expected
    np.testing.assert_allclose(
        regressor.predict(inputs), LinearRegression().fit(IRIS, SPECIES).predict(IRIS), atol=2e-5
    )


FRAME = pd.DataFrame(IRIS, columns=["sepal length", "sepal width", "petal length", "petal width"])


def test_a_table_keeps_its_names():
    model = SingleLayerClassifier().fit(FRAME, labelled("series"))
    assert model.feature_names_in_.tolist() == list(FRAME.columns)
    assert model.n_features_in_ == 4
    of_array = SingleLayerClassifier().fit(IRIS, labelled("series"))
    np.testing.assert_array_equal(model.predict(FRAME), of_array.predict(IRIS))


@pytest.mark.parametrize("bad", [np.nan, np.inf, "wide"])
@pytest.mark.parametrize("verb", ["fit", "predict"])
def test_an_error_names_the_column(bad, verb):
    frame = FRAME.astype(object) if bad == "wide" else FRAME.copy()
    frame.iloc[17, 3] = bad
    model = SingleLayerRegressor().fit(FRAME, SPECIES)
    with pytest.raises(fallline.InputError, match=r"row 17, column 3 \('petal width'\)"):
        model.fit(frame, SPECIES) if verb == "fit" else model.predict(frame)


CURVE = "low + (top - low)*tanh(h)"
GOING_ON = [
    {"method": "plain"},
    {"method": "lbfgs"},
    {"method": "gauss-newton", "max_iter": 2},
    {"method": "nesterov", "alpha": 1e-3},
    {"batch_size": 32},
    {"batch_size": 1, "learning_rate": "normalised", "scaling": "standard"},
    {"batch_size": 50, "learning_rate": fallline.InverseScaling(0.2), "method": "momentum"},
    {"activation": CURVE, "method": "lbfgs"},
    {"activation": CURVE, "batch_size": 32},
]


@pytest.mark.parametrize("through_a_pickle", [False, True])
@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize("asked", GOING_ON, ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_two_warm_fits_are_one_long_fit_to_the_last_bit(asked, k, through_a_pickle):
    X, y, _, _, _ = REAL["diabetes, tanh"]
    y = y if k is None else np.column_stack([y, y**2 - 0.5])
    asked = {"activation": "tanh", "max_iter": 5, "tol": 0.0, **asked}
    warm = SingleLayerRegressor(warm_start=True, **asked).fit(X, y)
    first = warm.loss_curve_
    if through_a_pickle:
        warm = pickle.loads(pickle.dumps(warm))
    warm.fit(X, y)
    long = SingleLayerRegressor(**asked | {"max_iter": 2 * asked["max_iter"]}).fit(X, y)
    assert first + warm.loss_curve_[1:] == long.loss_curve_
    np.testing.assert_array_equal(warm.coef_, long.coef_)
    np.testing.assert_array_equal(warm.intercept_, long.intercept_)
    for name, value in long.parameters_.items():
        np.testing.assert_array_equal(warm.parameters_[name], value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_without_a_warm_start_every_fit_is_the_same():
    model = SingleLayerRegressor("tanh", method="plain", max_iter=3)
    curves = [model.fit(X, Y / 200 - 1).loss_curve_ for _ in range(2)]
    assert curves[0] == curves[1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_small_pickle_goes_on_from_its_weights():
    """Without warm_start a pickle holds no memory of the method, but weights and what was learned of f."""
    model = SingleLayerRegressor(CURVE, method="lbfgs", max_iter=3).fit(X, Y / 200 - 1)
    small, whole = (pickle.dumps(model.set_params(warm_start=warm)) for warm in (False, True))
    assert len(small) < len(whole) - 8 * 11
    again = pickle.loads(small).set_params(warm_start=True).fit(X, Y / 200 - 1)
    assert again.loss_curve_[0] == pytest.approx(model.loss_curve_[-1], rel=1e-9)
    assert again.loss_curve_[-1] < model.loss_curve_[-1]


@pytest.mark.parametrize(
    ("kind", "X", "y"),
    [
        (SingleLayerRegressor, np.hstack([IRIS, IRIS]), SPECIES),
        (SingleLayerRegressor, IRIS, np.column_stack([SPECIES, SPECIES])),
        (SingleLayerClassifier, IRIS, SPECIES + 1),
    ],
    ids=["more inputs", "more outputs", "other classes"],
)
def test_a_warm_start_of_something_else_is_refused(kind, X, y):
    model = kind(warm_start=True).fit(IRIS, SPECIES)
    with pytest.raises(fallline.InputError, match="set warm_start=False"):
        model.fit(X, y)


class TestLearnedParameters:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 2))
    h = X @ [1.5, -1.0] + 0.5
    y = 2.0 + 7.0 / (1.0 + np.exp(-h)) + rng.normal(0, 0.05, 300)
    formula = "bottom + (top - bottom)*sigmoid(h)"

    def test_the_regressor_finds_the_asymptotes(self):
        model = SingleLayerRegressor(self.formula).fit(self.X, self.y)
        assert model.parameters_ == pytest.approx({"bottom": 2.0, "top": 9.0}, abs=0.1)
        np.testing.assert_allclose(model.coef_, [1.5, -1.0], atol=0.06)
        assert model.history_["top"][-1] == model.parameters_["top"]
        assert model.score(self.X, self.y) > 0.99

    @pytest.mark.parametrize("shared", [False, True])
    def test_of_several_outputs_each_has_its_own_unless_they_share(self, shared):
        y = np.column_stack([self.y, 3.0 * self.y])
        asked = {"shared_parameters": shared, "initial_parameters": {"top": 20.0}}
        model = SingleLayerRegressor(self.formula, **asked).fit(self.X, y)
        if shared:
            assert isinstance(model.parameters_["top"], float)
        else:
            np.testing.assert_allclose(model.parameters_["top"], [9.0, 27.0], rtol=0.01)
        assert model.predict(self.X).shape == y.shape

    def test_bounds_are_kept(self):
        model = SingleLayerRegressor(self.formula, parameter_bounds={"top": (None, 8.5)})
        assert model.fit(self.X, self.y).parameters_["top"] == 8.5

    def test_predictions_keep_the_dtype_of_the_inputs(self):
        X = self.X.astype(np.float32)
        assert SingleLayerRegressor(self.formula).fit(X, self.y).predict(X).dtype == np.float32

    def test_a_psychometric_function_learns_its_lapses(self):
        rng = np.random.default_rng(6)
        y = np.where(rng.random(300) < 0.1, rng.random(300) < 0.5, self.h > 0)
        model = SingleLayerClassifier("lapse + (1 - 2*lapse)*sigmoid(h)", alpha=1e-4).fit(self.X, y)
        assert model.targets_.tolist() == [0.0, 1.0]
        assert 0.0 < model.parameters_["lapse"] < 0.1
        assert model.score(self.X, self.h > 0) > 0.95


def test_early_stopping_keeps_the_weights_of_the_least_validation_error():
    model = SingleLayerRegressor(method="plain", early_stopping=True, n_iter_no_change=3, tol=0.0)
    y = X[:, :1].ravel() + np.random.default_rng(1).normal(size=len(X))
    model.fit(X, y)
    validation = model.history_["validation_error"]
    assert model.stop_reason_ is StopReason.VALIDATION
    assert validation.argmin() == len(validation) - 1 - 3
    run = fallline.train(X, y, method="plain", early_stopping=True, n_iter_no_change=3, tol=0.0)
    np.testing.assert_array_equal(model.coef_, run.network.weights)


def test_penalties_restarts_and_limits_are_those_of_train():
    asked = {"alpha": 100.0, "l1_ratio": 0.9, "n_init": 2, "gtol": 1e-6, "max_passes": 50, "max_time": 60.0}
    model, run = SingleLayerRegressor(**asked).fit(X, Y), fallline.train(X, Y, **asked)
    np.testing.assert_array_equal(model.coef_, run.network.weights)
    assert model.stop_message_ == run.message
    assert (model.coef_ == 0.0).any()


def test_every_setting_of_train_that_an_estimator_can_have_is_its_own():
    ours = set(signature(SingleLayerRegressor).parameters)
    assert ours == set(signature(SingleLayerClassifier).parameters)
    theirs = {n: p.default for n, p in signature(fallline.train).parameters.items()}
    assert set(theirs) - ours == {
        *("X", "y", "sample_weight", "initial_weights", "initial_intercept"),
        *("evaluate", "engine", "keep", "callbacks", "progress"),
    }
    for model in (SingleLayerRegressor, SingleLayerClassifier):
        defaults = {n: p.default for n, p in signature(model).parameters.items()}
        shared = (ours & set(theirs)) - {"activation", "warm_start"}
        assert {n: defaults[n] for n in shared} == {n: theirs[n] for n in shared}


def test_a_classifier_starts_warm():
    model = SingleLayerClassifier(warm_start=True).fit(CANCER, BENIGN)
    steps, coefficients = model.n_iter_, model.coef_.copy()
    model.fit(CANCER, BENIGN)
    assert model.n_iter_ <= 1 < steps
    np.testing.assert_allclose(model.coef_, coefficients, rtol=0.05)


@pytest.mark.parametrize("activation", ["tanh", fallline.Activation("2*sigmoid(h) - 1")], ids=str)
def test_clones_and_pickles(activation):
    model = SingleLayerRegressor(activation, tol=1e-6).fit(X, Y / 200 - 1)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.stop_reason_ is model.stop_reason_
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)
    np.testing.assert_array_equal(copy.fit(X, Y / 200 - 1).predict(X), model.predict(X))


def test_a_search_over_activations_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), SingleLayerRegressor())
    grid = {"singlelayerregressor__activation": ["identity", "200*tanh(h)", "gaussian"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a gaussian cannot reach these targets
        search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, Y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(cross_val_score(LinearRegression(), X, Y, cv=3).mean(), rel=1e-6)
    assert scores[2] < 0 < scores[0]
    assert search.best_params_["singlelayerregressor__activation"] != "gaussian"


def test_verbose_prints_a_line_a_state(capsys):
    model = SingleLayerRegressor("tanh", verbose=1).fit(X, Y / 200 - 1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ + 1
    assert f"{model.loss_curve_[-1]:.8g}" in lines[-1]


class Recorder:
    """A callback by the protocol of scikit-learn that keeps what it is told."""

    def __init__(self, most=None):
        self.most, self.told, self.scores = most, [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.told.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y, **metadata))
        return self.told.count("end step") == self.most


class TestCallbacks:
    """The callbacks of scikit-learn 1.9."""

    @pytest.fixture(autouse=True)
    def _callbacks(self):
        pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    @pytest.mark.parametrize(
        "model",
        [
            SingleLayerRegressor("tanh"),
            SingleLayerRegressor("tanh", method="plain", max_iter=7),
            SingleLayerRegressor("tanh", batch_size=100, max_iter=3),
            SingleLayerRegressor("a*tanh(h)", max_iter=0),
        ],
        ids=str,
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_they_are_told_of_every_step(self, model):
        recorder, s = Recorder(), np.arange(len(X)) % 3 + 1
        model.set_callbacks(recorder).fit(X, Y / 200 - 1, s)
        steps = ["begin step", "end step"] * model.n_iter_
        assert recorder.told == ["setup", "begin fit", *steps, "end fit", "teardown"]
        assert recorder.scores[-1] == model.score(X, Y / 200 - 1, s)
        if model.n_iter_:
            assert recorder.scores[-1] == recorder.scores[-2]
            assert recorder.scores == sorted(recorder.scores)

    def test_a_fit_that_goes_on_is_told_of_its_own_steps(self):
        model, recorder = SingleLayerClassifier(warm_start=True, max_iter=2, tol=0.0), Recorder()
        model.set_callbacks(recorder)
        for _ in range(2):
            with pytest.warns(ConvergenceWarning):
                model.fit(IRIS, np.array(["a", "b", "c"])[SPECIES])
        assert recorder.told.count("end step") == 4
        assert recorder.told.count("end fit") == 2

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_they_are_told_of_the_steps_of_every_start(self):
        recorder = Recorder()
        model = SingleLayerRegressor("tanh", method="lbfgs", n_init=3, max_iter=4)
        model.set_callbacks(recorder).fit(X, Y / 200 - 1)
        assert recorder.told.count("end step") == 12

    def test_one_of_them_may_stop_the_fit(self):
        model = SingleLayerRegressor("tanh", method="plain").set_callbacks(Recorder(most=3))
        model.fit(X, Y / 200 - 1)
        assert (model.n_iter_, model.stop_reason_) == (3, StopReason.CALLBACK)

    def test_the_progress_bar_of_scikit_learn_runs_in_a_search(self, capsys, monkeypatch):
        from sklearn.callback import ProgressBar

        monkeypatch.setenv("COLUMNS", "150")
        search = GridSearchCV(SingleLayerRegressor("tanh"), {"method": ["lbfgs", "gauss-newton"]}, cv=2)
        search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y / 200 - 1)
        shown = capsys.readouterr().out
        assert shown.count("SingleLayerRegressor - fit") == 5
        assert shown.count("100%") >= 5

    def test_a_scoring_monitor_sees_the_scores_of_the_steps(self):
        from sklearn.callback import ScoringMonitor

        monitor = ScoringMonitor(scoring="r2")
        model = SingleLayerRegressor().set_callbacks(monitor).fit(FRAME, SPECIES)
        scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "step"]
        assert len(scores) == model.n_iter_
        assert scores[-1] == pytest.approx(model.score(FRAME, SPECIES))


def test_an_older_scikit_learn_has_no_callbacks():
    program = """
import sys, sklearn.linear_model
sys.modules["sklearn.callback"] = None
from fallline import SingleLayerRegressor
model = SingleLayerRegressor().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
print(hasattr(model, "set_callbacks"), model.predict([[3.0]]).round(6))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=120)
    assert (done.stdout, done.stderr) == ("False [7.]\n", "")


def test_ctrl_c_keeps_what_was_reached():
    """Interrupt inside f, as Ctrl-C does, in the middle of a pass."""
    calls = 0

    def value(h):
        nonlocal calls
        calls += np.size(h) == len(X)
        if calls == 4:
            raise KeyboardInterrupt
        return np.tanh(h)

    model = SingleLayerRegressor((value, lambda h: 1 - np.tanh(h) ** 2), method="lbfgs", n_jobs=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y / 200 - 1)
    assert model.stop_reason_ is StopReason.INTERRUPTED
    assert 0 < model.n_iter_ == len(model.loss_curve_) - 1
    E, *_ = fallline.error_and_gradient(
        X, Y / 200 - 1, model.coef_, intercept=model.intercept_, activation="tanh"
    )
    assert model.loss_curve_[-1] == pytest.approx(E)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
