"""The estimators, held to scikit-learn's own checks and to train."""

import pickle
import warnings
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
    (SingleLayerClassifier(fit_intercept=False), {}),
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


@pytest.mark.parametrize("k", [None, 2])
def test_a_warm_start_continues(k):
    X, y, activation, _, _ = REAL["diabetes, tanh"]
    y = y if k is None else np.column_stack([y, y**2 - 0.5])
    warm = SingleLayerRegressor(activation, max_iter=1, warm_start=True)
    whole = SingleLayerRegressor(activation, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        curve = warm.fit(X, y).loss_curve_ + warm.fit(X, y).loss_curve_[1:]
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, y)
    np.testing.assert_allclose(curve, whole.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(warm.coef_, whole.coef_, rtol=1e-6)
    cold = clone(warm).set_params(warm_start=False)
    with pytest.warns(ConvergenceWarning):
        assert cold.fit(X, y).loss_curve_ == cold.fit(X, y).loss_curve_


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
