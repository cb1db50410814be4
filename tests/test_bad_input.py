"""Bad input gets one sentence, from every face, and leaves nothing half-done."""

import copy
import re
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import fallline
from fallline import SingleLayerClassifier, SingleLayerRegressor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.uniform(0.1, 0.9, size=20)
LABELS = np.where(Y > 0.5, "yes", "no")
NAMES = ["age", "bmi", "bp"]


def two_blind_epochs(X, y, **asked):
    batches = {"batch_size": 2, "evaluate": False, "learning_rate": 0.1}
    return list(islice(fallline.descend(X, y, **batches, **asked), 3))


FACES = {
    "train": fallline.train,
    "descend": fallline.descend,
    "descend, unscaled": lambda X, y, **asked: fallline.descend(X, y, learning_rate=0.1, **asked),
    "descend, batches": lambda X, y, **asked: fallline.descend(X, y, batch_size=4, **asked),
    "descend, two blind epochs": two_blind_epochs,
    "error_and_gradient": lambda X, y, **asked: fallline.error_and_gradient(X, y, np.zeros(3), **asked),
    "regressor": lambda X, y, sample_weight=None, **asked: SingleLayerRegressor(**asked).fit(
        X, y, sample_weight
    ),
}
TRAINERS = ("train", "descend", "regressor")
CONTAINERS = {
    "array": np.array,
    "columns": lambda X: np.array(X, order="F"),
    "float32": lambda X: np.array(X, dtype=np.float32),
    "list": np.ndarray.tolist,
    "table": lambda X: pd.DataFrame(X, columns=NAMES),
    "CSR": sparse.csr_array,
}
KINDS = [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]


def bits(data):
    """Return what must not change of an argument."""
    if sparse.issparse(data):
        return data.data.tobytes(), data.indices.tobytes(), data.indptr.tobytes()
    return data.tobytes() if isinstance(data, np.ndarray) else repr(data)


def refused(pattern, call, *data, **asked):
    """Hold a call to one sentence that matches, of an own ValueError, and to leaving its arguments alone."""
    before = [bits(value) for value in (*data, *asked.values())]
    with pytest.raises((fallline.InputError, fallline.FormulaError)) as caught:
        call(*data, **asked)
    sentence = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert re.search(pattern, sentence), sentence
    assert "\n" not in sentence or isinstance(caught.value, fallline.FormulaError)
    assert [bits(value) for value in (*data, *asked.values())] == before


def with_cell(array, index, value):
    array = array.copy() if array.dtype == object else array.astype(float)
    array[index] = value
    return array


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("value", "kind"), KINDS)
def test_a_bad_cell_is_named(face, container, value, kind):
    data = CONTAINERS[container](with_cell(X, (7, 2), value))
    place = r"row 7, column 2( \('bp'\))?"
    refused(f"^X contains {kind} at {place}: (drop|fill|replace)", FACES[face], data, Y)


@pytest.mark.parametrize("face", [face for face in FACES if face != "error_and_gradient"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "gaussian", "relu"])
@pytest.mark.parametrize(("value", "kind"), KINDS)
def test_a_bad_cell_is_named_where_the_activation_hides_it(face, activation, value, kind):
    """An infinite net input has a finite f and the slope 0."""
    asked = {"activation": activation, "scaling": "none", "fit_intercept": False}
    refused(f"^X contains {kind} at row 7, column 2: ", FACES[face], with_cell(X, (7, 2), value), Y, **asked)


@pytest.mark.parametrize("face", FACES)
def test_a_table_names_its_column(face):
    table = CONTAINERS["table"](with_cell(X, (7, 2), np.nan))
    refused(r"row 7, column 2 \('bp'\)", FACES[face], table, Y)
    text = CONTAINERS["table"](with_cell(X.astype(object), (7, 2), "high"))
    refused(r"'high' at row 7, column 2 \('bp'\)", FACES[face], text, Y)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("value", "kind"), KINDS)
def test_a_bad_target_or_weight_is_named(face, value, kind):
    bad = with_cell(Y, 3, value)
    refused(f"^y contains {kind} at row 3: ", FACES[face], X, bad)
    refused(f"^y contains {kind} at row 3: ", FACES[face], X, bad.tolist())
    refused(f"^y contains {kind} at row 3: ", FACES[face], X, pd.Series(bad))
    refused(f"^sample_weight contains {kind} at row 3: ", FACES[face], X, Y, sample_weight=bad)


def test_the_column_of_a_bad_target_is_named():
    refused("^y contains NaN at row 3, column 1: ", fallline.train, X, with_cell(np.c_[Y, Y], (3, 1), np.nan))


OBJECTS = with_cell(X.astype(object), (4, 1), "seven")
DATA = {
    "one-dimensional": (X[:, 0], Y, r"^X must be two-dimensional .*shape \(20,\).*reshape\(-1, 1\)"),
    "three-dimensional": (X[None], Y, r"^X must be two-dimensional .*shape \(1, 20, 3\)"),
    "no rows": (X[:0], Y[:0], r"^X has no rows: 0 sample"),
    "no columns": (X[:, :0], Y, r"^X has no columns: 0 feature"),
    "ragged": ([[1.0, 2.0, 3.0], [4.0]], [0.1, 0.2], r"X .*row 1"),
    "text": (X.astype(str), Y, r"^X must hold numbers, got dtype <U\d+: "),
    "text in an object": (OBJECTS, Y, r"^X holds 'seven' at row 4, column 1, which is no number.*: turn"),
    "text in a list": (
        [[1.0, 2.0, 3.0], [1.0, "b", 3.0]],
        [0.1, 0.2],
        r"^X (must hold numbers|holds 'b' at row 1)",
    ),
    "dates": (X.astype("M8[s]"), Y, r"^X must hold numbers, got dtype datetime64"),
    "complex": (X + 1j, Y, r"^Complex data not supported: X has dtype complex128; pass"),
    "complex y": (X, Y + 1j, r"^Complex data not supported: y has dtype complex128"),
    "text y": (X, LABELS, r"^y must hold numbers, got dtype <U3: "),
    "no y": (X, None, r"^y is missing: "),
    "short y": (X, Y[:-1], r"20 rows in X and 19 in y"),
    "long y": (X.tolist(), [*Y, 1.0], r"20 rows in X and 21 in y"),
    "three-dimensional y": (X, Y[:, None, None], r"^y must have shape .*\(20, 1, 1\)"),
    "no outputs": (X, np.empty((20, 0)), r"^y must have shape .*\(20, 0\)"),
    "scalar y": (X, 3.0, r"^y must have shape .*\(\)"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("data", DATA)
def test_unusable_data(face, data):
    inputs, y, pattern = DATA[data]
    refused(pattern, FACES[face], copy.deepcopy(inputs), copy.deepcopy(y))


SAMPLE_WEIGHTS = [
    (-np.ones(20), r"^sample_weight is -1.0 at row 0: .*not be negative"),
    (np.zeros(20), r"^every sample_weight is zero: "),
    (np.ones(19), r"sample_weight.*\(19,\), expected \(20,\)"),
    (np.ones((20, 1)), r"sample_weight.*\(20, 1\), expected \(20,\)"),
    (np.full(20, "heavy"), r"^sample_weight must hold numbers"),
]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("s", "pattern"), SAMPLE_WEIGHTS, ids=[p for _, p in SAMPLE_WEIGHTS])
def test_unusable_sample_weights(face, s, pattern):
    refused(pattern, FACES[face], X, Y, sample_weight=s)


ACTIVATIONS = [
    ("sigmod", r"^unknown activation sigmod; did you mean sigmoid\?\n  sigmod\n  \^$"),
    ("h/(1+", r"^the formula ends too early.*\n  h/\(1\+\n       \^$"),
    ("100 sigmoid(h)", r"side by side; write \*.*\n  100 sigmoid\(h\)\n      \^$"),
    ("h*$", r"'\$'.*\n  h\*\$\n    \^$"),
    ("h.real", r"\n  h\.real\n"),
    ("", r"empty"),
    (3, r"^an activation is a name, a formula in h or a pair of functions.*int"),
    (None, r"^an activation is a name, a formula in h or a pair of functions.*NoneType"),
]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("activation", "pattern"), ACTIVATIONS, ids=[str(a) for a, _ in ACTIVATIONS])
def test_unusable_activations(face, activation, pattern):
    refused(pattern, FACES[face], X, Y, activation=activation)


SETTINGS = {
    "method": ["newton", None],
    "scaling": ["minmax", None],
    "reduction": ["average"],
    "learning_rate": [0, -1, np.nan, np.inf, "fast", None, [0.1]],
    "batch_size": [0, -3, 2.5, "8"],
    "n_jobs": [0, 1.5, "two"],
    "random_state": [-1, "seed"],
}
ONLY_TRAIN = {"max_iter": [-1, 2.5, None], "tol": [-1.0, np.nan, None]}


def each(settings, faces):
    return [(face, name, value) for name, values in settings.items() for value in values for face in faces]


@pytest.mark.parametrize(
    ("face", "name", "value"), each(SETTINGS, TRAINERS) + each(ONLY_TRAIN, ["train", "regressor"])
)
def test_unusable_settings(face, name, value):
    refused(rf"(?=.*{name})(?=.*{re.escape(str(value))})", FACES[face], X, Y, **{name: value})


START = [
    ({"initial_weights": np.ones(2)}, r"^initial_weights must have shape .*\(2,\)"),
    ({"initial_weights": "zero"}, r"^initial_weights must be an array, 'random' or None, got 'zero'"),
    ({"initial_weights": ["a", "b", "c"]}, r"^initial_weights .*number"),
    ({"initial_weights": [0.0, np.nan, 0.0]}, r"^initial_weights contains NaN or infinity (?!.*record).*nan"),
    (
        {"initial_intercept": [1.0, 2.0]},
        r"^initial_intercept must be a number or have shape \(1,\), got \(2,\)",
    ),
    ({"initial_intercept": np.nan}, r"^initial_intercept (?!.*record).*(NaN|nan)"),
    ({"method": "lbfgs", "batch_size": 4}, r"^method 'lbfgs' needs all records.*: leave batch_size out"),
    ({"method": "gauss-newton", "learning_rate": 0.1}, r"finds its own step: leave learning_rate at 'auto'"),
]


@pytest.mark.parametrize("face", ["train", "descend"])
@pytest.mark.parametrize(("asked", "pattern"), START, ids=[p for _, p in START])
def test_unusable_starts(face, asked, pattern):
    refused(pattern, FACES[face], X, Y, **asked)


def test_unusable_weights_of_a_gradient():
    refused(
        r"^weights must have shape \(3, 1\).*or \(3,\), got \(2,\)",
        fallline.error_and_gradient,
        X,
        Y,
        np.ones(2),
    )
    refused("^intercept must", fallline.error_and_gradient, X, Y, np.ones(3), intercept=np.ones(2))


PREDICTIONS = {
    "too few": (X[:, :2], r"2 features.*expecting 3 features"),
    "too many": (np.c_[X, X], r"6 features.*expecting 3 features"),
    "one-dimensional": (X[0], r"^X must be two-dimensional .*reshape\(1, -1\) for a single sample"),
    "no rows": (X[:0], r"^X has no rows: 0 sample"),
    "text": (OBJECTS, r"^X holds 'seven' at row 4, column 1"),
    "NaN": (with_cell(X, (4, 1), np.nan), r"^X contains NaN at row 4, column 1: "),
    "infinity": (
        sparse.csr_array(with_cell(X, (4, 1), np.inf)),
        r"^X contains infinity at row 4, column 1: ",
    ),
}


@pytest.mark.parametrize("inputs", PREDICTIONS)
@pytest.mark.parametrize(
    "verb",
    [
        SingleLayerRegressor().fit(X, Y).predict,
        SingleLayerClassifier().fit(X, LABELS).predict,
        SingleLayerClassifier("tanh").fit(X, LABELS).predict_proba,
    ],
    ids=["regressor", "classes", "probabilities"],
)
def test_unusable_inputs_of_a_prediction(verb, inputs):
    data, pattern = PREDICTIONS[inputs]
    refused(pattern, verb, data)


def test_a_missing_column_is_named_at_predict():
    model = SingleLayerRegressor().fit(pd.DataFrame(X, columns=NAMES), Y)
    with pytest.raises(ValueError, match=r"(?s)feature names.*missing.*bp"):
        model.predict(pd.DataFrame(X, columns=["age", "bmi", "pressure"]))


CLASSES = {
    "one row": (X[:1], LABELS[:1], r"1 class \('(yes|no)'\) in 1 sample"),
    "one class": (X, ["yes"] * 20, r"1 class \('yes'\) in 20 sample.*two classes"),
    "one class, numbers": (X, np.zeros(20, int), r"1 class \(0\) in 20"),
    "no labels": (X, None, r"^y is missing"),
    "short": (X, LABELS[:-1], r"20 rows in X and 19 in y"),
    "numbers": (X, Y, r"[Uu]nknown label type: continuous.*"),
    "two columns": (X, np.c_[LABELS, LABELS], r"\(20, 2\)"),
    "NaN": (X, with_cell(np.round(Y), 3, np.nan), r"^y contains NaN at row 3: "),
    "None": (X, with_cell(LABELS.astype(object), 3, None), r"^y .*None.* row 3"),
    "mixed": (X, with_cell(LABELS.astype(object), 3, 7), r"^y .*"),
}


@pytest.mark.parametrize("labels", CLASSES)
def test_unusable_labels(labels):
    inputs, y, pattern = CLASSES[labels]
    refused(pattern, SingleLayerClassifier().fit, inputs, y)


@pytest.mark.parametrize("model", [SingleLayerRegressor(), SingleLayerClassifier()], ids=str)
def test_a_fit_that_fails_leaves_the_old_one(model):
    targets = Y > 0.5
    fresh = copy.deepcopy(model)
    refused("NaN", fresh.fit, with_cell(X, (0, 0), np.nan), targets)
    assert not hasattr(fresh, "coef_")
    model.fit(X, targets)
    before = model.predict(X)
    for attempt in (with_cell(X[:, :2], (0, 0), np.nan), with_cell(X, (0, 0), np.nan)):
        refused("NaN", model.fit, attempt, np.where(targets, 5, 6))
        np.testing.assert_array_equal(model.predict(X), before)


WARNED = {
    "constant": (np.full(20, 0.3), r"^y is constant \(0.3\): "),
    "a constant output": (np.c_[Y, np.ones(20)], r"^output 1 of y is constant \(1\): "),
    "out of range": (3 * Y, r"^y goes from .*, but sigmoid only reaches from 0 to 1: rescale it"),
    "an output out of range": (
        np.c_[Y, -Y],
        r"^output 1 of y goes from -.*sigmoid only reaches from 0 to 1: ",
    ),
}


@pytest.mark.parametrize("targets", WARNED)
@pytest.mark.parametrize("face", TRAINERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_limits_of_the_targets_are_warned_of_at_the_callers_line(targets, face):
    y, pattern = WARNED[targets]
    with pytest.warns(fallline.DataWarning, match=pattern) as warned:
        FACES[face](X, y, activation="sigmoid")
    assert {w.filename for w in warned} == {__file__}


@pytest.mark.parametrize(
    "model", [SingleLayerRegressor(max_iter=0), SingleLayerClassifier(max_iter=0)], ids=str
)
def test_a_fit_that_has_not_converged_warns_at_the_callers_line(model):
    with pytest.warns(match="max_iter") as warned:
        model.fit(X, Y > 0.5)
    assert [w.filename for w in warned] == [__file__]


def test_targets_at_the_ends_of_the_range_need_no_warning():
    fallline.train(X, np.round(Y), activation="sigmoid", tol=1e-3)
    SingleLayerClassifier("tanh", tol=1e-3).fit(X, LABELS)
