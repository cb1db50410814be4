"""One step of the delta rule: its numbers against plain loops, and what is printed against the numbers."""

import math

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fallline._errors import FalllineError
from fallline.maths.activations._activation import Activation
from fallline.maths.ledger._ledger import one_step

SCALAR = {
    "identity": (lambda h: h, lambda h: 1.0),
    "sigmoid": (lambda h: 1 / (1 + math.exp(-h)), lambda h: math.exp(-h) / (1 + math.exp(-h)) ** 2),
    "tanh": (math.tanh, lambda h: 1 / math.cosh(h) ** 2),
    "softplus": (lambda h: math.log(1 + math.exp(h)), lambda h: 1 / (1 + math.exp(-h))),
    "sin": (math.sin, math.cos),
    "0.5*exp(h/4) - h**2": (
        lambda h: 0.5 * math.exp(h / 4) - h * h,
        lambda h: 0.125 * math.exp(h / 4) - 2 * h,
    ),
}


def floats(shape):
    return hnp.arrays(np.float64, shape, elements=st.floats(-2, 2, allow_subnormal=False))


@st.composite
def steps(draw):
    """The arguments of `one_step`."""
    n, d, outputs = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.sampled_from([(), (1,), (3,)]))
    positional = draw(floats((n, d))), draw(floats((n, *outputs))), draw(floats((d, *outputs)))
    return positional, {
        "intercept": draw(st.one_of(st.floats(-2, 2), floats(outputs))),
        "activation": draw(st.sampled_from(list(SCALAR))),
        "learning_rate": draw(st.floats(1e-3, 2)),
        "reduction": draw(st.sampled_from(["mean", "sum"])),
        "fit_intercept": draw(st.booleans()),
    }


def step(seed=0, n=7, d=3, outputs=(), **options):
    rng = np.random.default_rng(seed)
    X, y, w = rng.normal(size=(n, d)), rng.random((n, *outputs)), rng.normal(size=(d, *outputs))
    return one_step(X, y, w, **{"activation": "sigmoid", "learning_rate": 0.1, **options})


def as_lists(array, rows):
    return np.asarray(array).reshape(rows, -1).tolist()


def close(found, expected):
    np.testing.assert_allclose(found, np.reshape(expected, np.shape(found)), rtol=1e-9, atol=1e-11)


def test_published_numbers():
    ledger = one_step([[1, 2, 3, 4]], [0.5], [0.5, -0.5, 0.3, 0.1], activation="sigmoid", learning_rate=0.5)
    np.testing.assert_allclose(ledger.h, [0.8], rtol=1e-14)
    np.testing.assert_allclose(ledger.y_hat, [0.689974481128], rtol=1e-11)
    np.testing.assert_allclose(ledger.residual, [-0.189974481128], rtol=1e-11)
    np.testing.assert_allclose(ledger.delta, [-0.0406373836], rtol=1e-8)
    np.testing.assert_allclose(
        ledger.delta_w, [-0.02031869, -0.04063738, -0.06095608, -0.08127477], rtol=1e-6
    )
    assert ledger.new_weights.tolist() == (ledger.weights + ledger.delta_w).tolist()


@given(steps())
def test_every_number_against_plain_loops(drawn):
    (X, y, w), options = drawn
    ledger = one_step(X, y, w, **options)
    f, slope = SCALAR[options["activation"]]
    n, d = X.shape
    rows, targets, weights = X.tolist(), as_lists(y, n), as_lists(w, d)
    k = len(targets[0])
    intercept = np.broadcast_to(options["intercept"], (k,)).tolist()

    h = [[reference.net_input(rows[m], weights, intercept, j) for j in range(k)] for m in range(n)]
    residual = [[targets[m][j] - f(h[m][j]) for j in range(k)] for m in range(n)]
    close(ledger.h, h)
    close(ledger.y_hat, [[f(h[m][j]) for j in range(k)] for m in range(n)])
    close(ledger.residual, residual)
    close(ledger.squared_error, [[residual[m][j] ** 2 for j in range(k)] for m in range(n)])
    close(ledger.error_share, [[residual[m][j] ** 2 / 2 for j in range(k)] for m in range(n)])
    close(ledger.slope, [[slope(h[m][j]) for j in range(k)] for m in range(n)])
    close(ledger.delta, [[residual[m][j] * slope(h[m][j]) for j in range(k)] for m in range(n)])

    error, gradient, intercept_gradient = reference.error_and_gradient(
        rows, targets, weights, intercept, f, slope
    )
    close(ledger.error, error)
    close(ledger.gradient, gradient)
    close(ledger.intercept_gradient, intercept_gradient)

    rate = options["learning_rate"] / (n if options["reduction"] == "mean" else 1)
    rate_b = rate if options["fit_intercept"] else 0.0
    new_weights = [[weights[i][j] - rate * gradient[i][j] for j in range(k)] for i in range(d)]
    new_intercept = [intercept[j] - rate_b * intercept_gradient[j] for j in range(k)]
    close(ledger.delta_w, [[-rate * gradient[i][j] for j in range(k)] for i in range(d)])
    close(ledger.delta_intercept, [-rate_b * g for g in intercept_gradient])
    close(ledger.new_weights, new_weights)
    close(ledger.new_intercept, new_intercept)
    if np.abs(ledger.X @ ledger.new_weights).max() < 50:
        close(ledger.new_error, reference.error(rows, targets, new_weights, new_intercept, f))


@given(steps())
def test_shapes_follow_the_input(drawn):
    (X, y, w), options = drawn
    ledger = one_step(X, y, w, **options)
    of_records = ("h", "y_hat", "residual", "squared_error", "error_share", "slope", "delta")
    of_weights = ("gradient", "finite_difference", "delta_w", "new_weights")
    of_outputs = ("intercept_gradient", "intercept_finite_difference", "delta_intercept", "new_intercept")
    for names, shape in ((of_records, y.shape), (of_weights, w.shape), (of_outputs, y.shape[1:])):
        for name in names:
            assert np.shape(getattr(ledger, name)) == shape, name
            assert np.asarray(getattr(ledger, name)).dtype == np.float64, name


@given(steps())
def test_gradient_is_the_slope_of_the_error(drawn):
    (X, y, w), options = drawn
    ledger = one_step(X, y, w, **options)
    scale = 1 + np.abs(ledger.residual).max() + np.abs(ledger.gradient).max()
    np.testing.assert_allclose(ledger.finite_difference, ledger.gradient, rtol=1e-6, atol=1e-8 * scale)
    np.testing.assert_allclose(
        ledger.intercept_finite_difference, ledger.intercept_gradient, rtol=1e-6, atol=1e-8 * scale
    )


@pytest.mark.parametrize(("activation", "x_scale", "y_scale"), [("identity", 1e5, 1e9), ("tanh", 1e-6, 1)])
def test_finite_difference_on_raw_scales(activation, x_scale, y_scale):
    rng = np.random.default_rng(4)
    X, y = x_scale * rng.normal(3, 1, size=(50, 4)), y_scale * rng.random(50)
    ledger = one_step(X, y, rng.normal(size=4), activation=activation, learning_rate=1e-12)
    np.testing.assert_allclose(ledger.finite_difference, ledger.gradient, rtol=1e-6)


def test_an_input_that_is_always_zero_has_no_slope():
    ledger = one_step([[0, 1], [0, 2]], [1, 0], [1, 1], activation="tanh", learning_rate=1)
    assert ledger.finite_difference[0] == ledger.gradient[0] == 0
    assert "-0 " not in f"{ledger} {ledger.derivation()}"


def test_one_record_takes_the_same_step_under_both_reductions():
    mean, total = step(n=1, reduction="mean"), step(n=1, reduction="sum")
    assert mean.new_weights.tolist() == total.new_weights.tolist()


def test_mean_is_the_sum_divided_by_the_number_of_records():
    mean, total = step(n=7, reduction="mean"), step(n=7, reduction="sum")
    assert (mean.divisor, total.divisor) == (7, 1)
    assert mean.error == total.error
    assert mean.gradient.tolist() == total.gradient.tolist()
    np.testing.assert_allclose(7 * mean.delta_w, total.delta_w)


def test_the_intercept_moves_only_when_asked():
    still, moved = step(intercept=0.5), step(intercept=0.5, fit_intercept=True)
    assert (still.delta_intercept, still.new_intercept) == (0, 0.5)
    np.testing.assert_allclose(moved.new_intercept, 0.5 + 0.1 * moved.delta.sum() / 7)
    y_hat = Activation("sigmoid").value(still.X @ still.new_weights + 0.5)
    np.testing.assert_allclose(still.new_error, 0.5 * ((still.y - y_hat) ** 2).sum())
    assert moved.new_error < still.new_error < still.error


def test_a_ledger_does_not_change():
    X = np.ones((2, 2))
    ledger = one_step(X, [1, 0], [0, 0], activation="sigmoid", learning_rate=1)
    X[:] = 9
    assert ledger.h.tolist() == [0, 0]
    for name in ("X", "weights", "h", "gradient", "new_weights", "finite_difference"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(ledger, name)[0] = 3


def test_a_pair_of_functions():
    functions = step(activation=(np.tanh, lambda h: 1 - np.tanh(h) ** 2))
    named = step(activation="tanh")
    np.testing.assert_allclose(functions.delta_w, named.delta_w, rtol=1e-12)
    assert "functions without a formula" in str(functions.derivation()).replace("\n", " ")
    assert "f(h) = tanh" in str(functions)


GOOD = {"X": [[1, 2], [3, 4]], "y": [0, 1], "weights": [0, 0], "activation": "sigmoid", "learning_rate": 0.1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"X": [1, 2]}, r"X has shape \(2,\)"),
        ({"X": np.zeros((0, 2)), "y": []}, r"X has shape \(0, 2\): give a row"),
        ({"X": [[1, 2], [3]]}, "X has rows of different lengths"),
        ({"X": [[1, 2], [3, math.nan]]}, "X is nan in row 1, column 1"),
        ({"X": [["a", "b"], ["c", "d"]]}, "X has dtype <U1"),
        ({"X": np.array([[1, None], [2, 3]])}, "X has dtype object"),
        ({"y": [0, math.inf]}, "y is inf in row 1"),
        ({"y": [0, 1, 2]}, r"y has shape \(3,\), but X has shape \(2, 2\)"),
        ({"y": [[0, 1], [1, 0]]}, r"weights has shape \(2,\), but .*need \(2, 2\)"),
        ({"weights": [0, 0, 0]}, r"weights has shape \(3,\), but .*need \(2,\)"),
        ({"weights": [0, math.nan]}, "weights is nan in row 1"),
        ({"intercept": [0, 0, 0]}, r"intercept has shape \(3,\), but .*need \(\)"),
        ({"intercept": math.nan}, "intercept is nan:"),
        ({"learning_rate": 0}, "learning_rate is 0: give a positive, finite number"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"learning_rate": math.inf}, "learning_rate is inf"),
        ({"learning_rate": "auto"}, "learning_rate is 'auto'"),
        ({"reduction": "median"}, 'reduction is \'median\': choose "mean" or "sum"'),
        (
            {"activation": "top*sigmoid(h)"},
            r"free names \(top\) without a value: give each one in parameters",
        ),
        ({"activation": "sigmoyd"}, "sigmoid"),
        ({"activation": "exp", "weights": [400, 0]}, r"f\(h\) is inf for record 1, where h = 1200"),
        ({"activation": "sqrt(h)"}, r"f′\(h\) is (inf|nan) for record 0, where h = 0"),
        ({"weights": [1e308, 1e308]}, "h is inf for record 0: choose"),
    ],
)
def test_bad_input_gets_one_sentence(change, said):
    with pytest.raises((FalllineError, ValueError), match=said) as caught:
        one_step(**{**GOOD, **change})
    assert "\n" not in str(caught.value) or change["activation"] == "sigmoyd"


def test_a_step_that_leaves_all_bounds_is_shown_without_a_warning():
    ledger = one_step([[10.0]], [1e30], [5.0], activation="exp", learning_rate=1e3)
    assert ledger.new_error == math.inf
    assert "E after the step = inf" in str(ledger)
