"""One step with learned parameters: numbers against plain loops and differences, print against numbers."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from test_derivation import table_under
from test_ledger import as_lists, close, floats

from fallline import InputError, one_step


def sigmoid(h):
    return 1 / (1 + math.exp(-h))


SCALAR = {
    "bottom + (top - bottom)*sigmoid(h)": (
        lambda h, bottom, top: bottom + (top - bottom) * sigmoid(h),
        lambda h, bottom, top: (top - bottom) * sigmoid(h) * sigmoid(-h),
        {"bottom": lambda h, bottom, top: 1 - sigmoid(h), "top": lambda h, bottom, top: sigmoid(h)},
    ),
    "a*exp(h/4) + sin(b*h)": (
        lambda h, a, b: a * math.exp(h / 4) + math.sin(b * h),
        lambda h, a, b: a / 4 * math.exp(h / 4) + b * math.cos(b * h),
        {"a": lambda h, a, b: math.exp(h / 4), "b": lambda h, a, b: h * math.cos(b * h)},
    ),
    "where(h > 0, h**2 + slope**2, slope*h)": (
        lambda h, slope: h * h + slope**2 if h > 0 else slope * h,
        lambda h, slope: 2 * h if h > 0 else slope,
        {"slope": lambda h, slope: 2 * slope if h > 0 else h},
    ),
}
"""Formulas with their value, their slope and ∂f/∂θ for one number, in plain Python."""


@st.composite
def steps(draw):
    """The arguments of `one_step` for a formula with free names; for many outputs some of them are shared."""
    n, d, outputs = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.sampled_from([(), (1,), (3,)]))
    formula = draw(st.sampled_from(list(SCALAR)))
    value = st.one_of(st.floats(-2, 2), floats(outputs)) if outputs else st.floats(-2, 2)
    positional = draw(floats((n, d))), draw(floats((n, *outputs))), draw(floats((d, *outputs)))
    return positional, {
        "intercept": draw(floats(outputs)),
        "activation": formula,
        "learning_rate": draw(st.floats(1e-3, 2)),
        "reduction": draw(st.sampled_from(["mean", "sum"])),
        "fit_intercept": draw(st.booleans()),
        "parameters": {name: draw(value) for name in SCALAR[formula][2]},
    }


def logistic(n=7, outputs=(), seed=0, **options):
    """A step of logistic curves between two values that are learned."""
    rng = np.random.default_rng(seed)
    X, y, w = rng.normal(size=(n, 3)), rng.random((n, *outputs)), rng.normal(size=(3, *outputs))
    options = {
        "activation": "bottom + (top - bottom)*sigmoid(h)",
        "parameters": {"bottom": -0.25, "top": 1.5},
        "learning_rate": 0.1,
    } | options
    return one_step(X, y, w, **options)


def assert_values(found, expected):
    """Compare dictionaries of floats and arrays, which also have to be of the same shapes."""
    assert list(found) == list(expected)
    for name in found:
        assert np.shape(found[name]) == np.shape(expected[name])
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


# Numbers


@given(steps())
def test_every_number_against_plain_loops(drawn):
    (X, y, w), options = drawn
    f, slope, theta_slopes = SCALAR[options["activation"]]
    n, d = X.shape
    rows, targets, weights = X.tolist(), as_lists(y, n), as_lists(w, d)
    k = len(targets[0])
    intercept = np.ravel(options["intercept"]).tolist()
    of_output = [
        {name: np.broadcast_to(value, k).tolist()[j] for name, value in options["parameters"].items()}
        for j in range(k)
    ]
    h = [[reference.net_input(rows[m], weights, intercept, j) for j in range(k)] for m in range(n)]
    assume(options["activation"][0] != "w" or np.abs(h).min() > 1e-9)  # where it has a kink

    ledger = one_step(X, y, w, **options)
    residual = [[targets[m][j] - f(h[m][j], **of_output[j]) for j in range(k)] for m in range(n)]
    close(ledger.y_hat, [[f(h[m][j], **of_output[j]) for j in range(k)] for m in range(n)])
    close(ledger.slope, [[slope(h[m][j], **of_output[j]) for j in range(k)] for m in range(n)])
    gradient = {}
    for name, theta_slope in theta_slopes.items():
        at = [[theta_slope(h[m][j], **of_output[j]) for j in range(k)] for m in range(n)]
        close(ledger.parameter_slope[name], at)
        assert ledger.parameter_slope[name].shape == y.shape
        sums = [-sum(residual[m][j] * at[m][j] for m in range(n)) for j in range(k)]
        gradient[name] = np.array(sums) if np.ndim(options["parameters"][name]) else sum(sums)

    rate = options["learning_rate"] / (n if options["reduction"] == "mean" else 1)
    assert_values(ledger.parameters, options["parameters"])
    assert_values(ledger.parameter_gradient, gradient)
    assert_values(ledger.delta_parameters, {name: -rate * g for name, g in gradient.items()})
    moved = {name: value - rate * gradient[name] for name, value in options["parameters"].items()}
    assert_values(ledger.new_parameters, moved)


@given(steps())
def test_the_error_after_the_step_is_that_of_the_next_ledger(drawn):
    (X, y, w), options = drawn
    ledger = one_step(X, y, w, **options)
    assume(np.abs(X @ ledger.new_weights).max() < 50)
    after = options | {"intercept": ledger.new_intercept, "parameters": ledger.new_parameters}
    assert one_step(X, y, ledger.new_weights, **after).error == pytest.approx(ledger.new_error, rel=1e-9)


@given(steps())
def test_gradients_are_the_slopes_of_the_error(drawn):
    (X, y, w), options = drawn
    ledger = one_step(X, y, w, **options)
    assume(options["activation"][0] != "w" or np.abs(ledger.h).min() > 1e-4)
    slopes = [ledger.slope, *ledger.parameter_slope.values()]
    scale = 1 + max(np.abs(ledger.residual).max() * np.abs(slope).max() for slope in slopes)
    bound = {"rtol": 1e-6, "atol": 1e-8 * scale}
    np.testing.assert_allclose(ledger.finite_difference, ledger.gradient, **bound)
    for name, gradient in ledger.parameter_gradient.items():
        assert np.shape(ledger.parameter_finite_difference[name]) == np.shape(gradient)
        np.testing.assert_allclose(ledger.parameter_finite_difference[name], gradient, **bound)


@pytest.mark.parametrize(
    ("formula", "parameters", "x_scale", "y_scale"),
    [
        ("bottom + (top - bottom)*sigmoid(h)", {"bottom": 0.0, "top": 1e9}, 1, 1e9),
        ("bottom + (top - bottom)*sigmoid(h)", {"bottom": 1e-9, "top": 1e-8}, 1, 1e-8),
        ("top*exp(h)/(half + exp(h))", {"top": 3.0, "half": 1e-6}, 1, 1),
        ("a*exp(-b*h)", {"a": 1e-12, "b": 1e-5}, 1e5, 1e-12),
        ("sigmoid(h + shift)", {"shift": 15.0}, 1, 0.5),
        ("where(h > 99, unused*h, 2*h)", {"unused": 3.0}, 1, 1),
        ("1e-9*sin(h) + a - b", {"a": 1e6, "b": 1e6}, 1, 1e-9),
        ("a*b*h", {"a": 0.0, "b": 0.0}, 1, 0),
    ],
)
def test_finite_differences_on_raw_scales(formula, parameters, x_scale, y_scale):
    rng = np.random.default_rng(3)
    X, y = x_scale * rng.normal(size=(40, 2)), y_scale * rng.random(40)
    ledger = one_step(X, y, [0.5, -0.25], activation=formula, learning_rate=1e-12, parameters=parameters)
    for name, gradient in ledger.parameter_gradient.items():
        np.testing.assert_allclose(ledger.parameter_finite_difference[name], gradient, rtol=1e-4)


def test_what_outputs_share_has_the_sum_of_their_gradients():
    shared = logistic(outputs=(3,))
    own = logistic(outputs=(3,), parameters={"bottom": [-0.25] * 3, "top": [1.5] * 3})
    one_by_one = [
        one_step(
            own.X,
            own.y[:, j],
            own.weights[:, j],
            activation=own.activation,
            parameters={"bottom": -0.25, "top": 1.5},
            learning_rate=0.1,
        ).parameter_gradient
        for j in range(3)
    ]
    for name in ("bottom", "top"):
        np.testing.assert_allclose(own.parameter_gradient[name], [g[name] for g in one_by_one])
        assert isinstance(shared.parameter_gradient[name], float)
        assert shared.parameter_gradient[name] == pytest.approx(own.parameter_gradient[name].sum())


def test_learned_numbers_do_not_change():
    top = np.array([1.0, 2.0])
    ledger = logistic(outputs=(2,), parameters={"bottom": 0.0, "top": top})
    top[:] = 9
    assert ledger.parameters["top"].tolist() == [1, 2]
    for name in ("parameters", "parameter_slope", "parameter_gradient", "delta_parameters", "new_parameters"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(ledger, name)["top"][0] = 3


def test_without_free_names_there_is_nothing_to_learn():
    ledger = logistic(activation="tanh", parameters=None)
    for name in ("parameters", "parameter_slope", "parameter_gradient", "parameter_finite_difference"):
        assert getattr(ledger, name) == {}
    assert ledger.delta_parameters == ledger.new_parameters == {}
    assert "θ" not in f"{ledger} {ledger.derivation()} {ledger._repr_html_()}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"parameters": None},
            r"has free names \(bottom, top\) without a value: give each one in parameters",
        ),
        ({"parameters": {"top": 1}}, r"has free names \(bottom\) without a value"),
        (
            {"parameters": {"top": 1, "bottom": 0, "x": 1, "\n": 2}},
            r"has no free names 'x', '\\n': its .* are",
        ),
        ({"activation": "tanh"}, "has no free names 'bottom', 'top': its free names are none"),
        ({"activation": (np.sin, np.cos)}, "'sin' has no free names 'bottom', 'top'"),
        ({"parameters": [1, 2]}, "parameters is of type list: give a mapping"),
        ({"parameters": {"top": "1", "bottom": 0}}, "the parameter top is not made of numbers"),
        ({"parameters": {"top": None, "bottom": 0}}, "the parameter top is not made of numbers"),
        ({"parameters": {"top": [[1], [1, 2]], "bottom": 0}}, "the parameter top is not made of numbers"),
        ({"parameters": {"top": [1], "bottom": 0}}, r"the parameter top has shape \(1,\): give it a number$"),
        ({"parameters": {"top": math.nan, "bottom": 0}}, "the parameter top is nan: give a finite number"),
        (
            {"outputs": (2,), "parameters": {"top": [1, 2, 3], "bottom": 0}},
            r"has shape \(3,\): give it a number or an array of shape \(2,\)",
        ),
        (
            {"outputs": (2,), "parameters": {"top": [1, math.inf], "bottom": 0}},
            "the parameter top is inf for output 1",
        ),
        (
            {"activation": "h + sqrt(a)", "parameters": {"a": 0.0}},
            "∂f/∂a is inf for record 0, where h = .*: choose weights",
        ),
    ],
)
def test_parameters_that_do_not_fit_get_one_sentence(change, said):
    with pytest.raises(InputError, match=said) as caught:
        logistic(**change)
    assert "\n" not in str(caught.value)


# Print


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("n", [1, 5])
def test_the_ledger_shows_every_number_of_a_parameter(n, reduction):
    ledger = logistic(n=n, reduction=reduction, fit_intercept=True)
    text = str(ledger)
    assert max(map(len, text.splitlines())) <= 80
    assert "by the same chain rule, ∂E/∂θ = −Σ (y − ŷ) ∂f/∂θ" in text.replace("\n", " ")
    heads, rows = table_under(text, "μ +∂f/∂bottom")
    assert heads == ["μ", "∂f/∂bottom", "∂f/∂top"]
    np.testing.assert_allclose(rows[:, 1:], np.transpose(list(ledger.parameter_slope.values())), rtol=1e-5)

    assert_rows(
        text,
        ["bottom", "top"],
        {
            "θ": ledger.parameters,
            "∂E/∂θ": ledger.parameter_gradient,
            "finite difference": ledger.parameter_finite_difference,
            f"÷ {ledger.divisor}": {m: g / ledger.divisor for m, g in ledger.parameter_gradient.items()},
            "Δθ": ledger.delta_parameters,
            "new θ": ledger.new_parameters,
        },
    )
    rows = ElementTree.fromstring(ledger._repr_html_()).findall(".//tr")
    assert [cell.text for row in rows for cell in row if cell.text in ("bottom", "top")] == ["bottom", "top"]


def assert_rows(text, names, columns):
    """Read the rows of free names in a text, and compare them with dictionaries by column."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == ["name"])
    heads = re.split(r"\s{2,}", lines[start].strip())
    rows = [line.split() for line in lines[start + 1 : start + 1 + len(names)]]
    assert heads == ["name", *columns]
    assert [row[0] for row in rows] == names
    for row in rows:
        expected = [column[row[0]] for column in columns.values()]
        np.testing.assert_allclose([float(cell) for cell in row[1:]], expected, rtol=6e-3)


def test_the_ledger_tells_shared_values_from_those_of_an_output():
    ledger = logistic(outputs=(3,), parameters={"bottom": [0.0, 0.25, 0.5], "top": 1.5})
    lines = [line.split() for line in str(ledger).splitlines()]
    start = next(i for i, line in enumerate(lines) if line[:2] == ["j", "name"])
    rows = lines[start + 1 : start + 5]
    assert [row[:3] for row in rows] == [
        ["all", "top", "1.5"],
        ["0", "bottom", "0"],
        ["1", "bottom", "0.25"],
        ["2", "bottom", "0.5"],
    ]
    gradients = [ledger.parameter_gradient["top"], *ledger.parameter_gradient["bottom"]]
    np.testing.assert_allclose([float(row[3]) for row in rows], gradients, rtol=1e-3)
    assert "over the outputs that share a value" in str(ledger).replace("\n", " ")
    assert "share a value" not in str(logistic()).replace("\n", " ")


def test_many_parameters_are_cut_politely():
    names = [f"p{i}" for i in range(20)]
    formula = " + ".join(f"{name}*sin({i}*h)" for i, name in enumerate(names, start=1))
    ledger = logistic(activation=formula, parameters=dict.fromkeys(names, 0.5))
    assert all(f"∂f/∂{name}" in str(ledger) for name in names)
    assert "… and 10 more rows" in str(ledger)
    assert max(map(len, str(ledger).splitlines()[4:])) <= 80
    assert [line.split()[0] for line in str(ledger.derivation()).splitlines()[-20:]] == names
