"""A network with learned parameters written out: text, LaTeX and source give its predictions."""

import ast

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from strategies import problems
from test_formula import formulas
from test_to_formula import SOILS, alone, assert_same_bits, check_latex, classes, module_of

from fallline import Activation, FormulaError, SingleLayer
from fallline.maths.network._signature import Column, Signature

LEARNED = {
    "bottom + (top - bottom)*sigmoid(h)": ("bottom", "top"),
    "a*exp(b*h/100) + a**b": ("a", "b"),
    "where(h > kink, erf(h - kink), sqrt(kink)/zero)": ("kink", "zero"),
    "np*tanh(f*h) + t1*h + h*t1*gelu(t12*h) - np_*math/predict + WEIGHTS": (
        *("np", "f", "t1", "t12", "np_", "math", "predict", "WEIGHTS"),
    ),
    "X*h + table/inputs + float*softplus(len*h) + CLASSES*one_hot + TRUTH*str + INTERCEPT + größe": (
        *("X", "table", "inputs", "float", "len", "CLASSES", "one_hot", "TRUTH", "str", "INTERCEPT"),
        "größe",
    ),
}
"""Formulas with free names, among them every name that a module uses itself."""


def learned(f, outputs, rng):
    """A network of a formula whose free names have values, for many outputs shared and their own in turn."""
    values = {name: rng.normal(size=outputs if i % 2 else ()) for i, name in enumerate(LEARNED[f])}
    values |= {"zero": 0.0} if "zero" in values else {}
    weights, intercept = rng.normal(size=(4, *outputs)), rng.normal(size=outputs)
    targets = (Column("y"),) if not outputs else tuple(Column(f"y{j}") for j in range(outputs[0]))
    signature = Signature(SOILS.inputs, targets)
    return SingleLayer(weights, intercept, f, parameters=values, signature=signature)


def test_python_with_learned_parameters_predicts_the_same_where_numpy_is_alone():
    rng = np.random.default_rng(6)
    columns = {"age in years": [30, 41.5, 52], "smoker": [True, False, True], "soil": ["clay"] * 3}
    networks = [learned(f, outputs, rng) for f in LEARNED for outputs in ((), (4,), (1,))]
    found = alone(*((network.to_formula().python, "predict", columns) for network in networks))
    for network, y_hat in zip(networks, found, strict=True):
        expected = network.predict([[30, 1, 1, 0], [41.5, 0, 1, 0], [52, 1, 1, 0]])
        np.testing.assert_allclose(y_hat, expected, rtol=1e-12, atol=1e-300, err_msg=repr(network))


def test_names_of_a_module_are_left_to_it():
    """A parameter may have any name that a module reads itself."""
    signature = Signature(SOILS.inputs, classes("no", "yes"))
    weights, f = [0.1, 0.2, 0.3, 0.4], "erf(h*h) + softplus(h*h) - sigmoid(h)"
    source = SingleLayer(weights, 0.0, f, signature=signature).to_formula().python
    read = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    defined = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    table = {"age in years": [30.0, -41.5], "smoker": [True, False], "soil": ["clay", "clay"]}
    X = [[30.0, 1, 1, 0], [-41.5, 0, 1, 0]]
    assert {"np", "float", "str", "X", "predict", "inputs", "t1"} < read | defined
    for name in sorted((read | defined) - {"erf", "softplus", "sigmoid", "h"}):
        network = SingleLayer(weights, 0.0, f"{name}*({f})", parameters={name: 2.0}, signature=signature)
        module = module_of(network)
        np.testing.assert_array_equal(module["inputs"](table), X)
        np.testing.assert_allclose(module["predict"](X), network.predict(X), rtol=1e-12)
        np.testing.assert_array_equal(module["classify"](X), network.classify(X))


def test_learned_parameters_are_constants_of_the_module():
    network = SingleLayer(
        [[0.5, 1.0]], 0.0, "low + np*sigmoid(h)", parameters={"low": 1 / 3, "np": [1.5, 72.46]}
    )
    source = network.to_formula().python
    assert "\nlow = np.float64(0.3333333333333333)\nnp_ = np.array([1.5, 72.46])\n" in source
    assert "    return low + np_ * sigmoid(h)\n" in source


@settings(deadline=None, max_examples=300)
@given(formulas)
@example("h + 1/(a - a) + (b - 1)**2.5 + a**999 + exp(b*-999)")
@example("where(a > b, a, h)")
def test_python_makes_the_same_bits_with_parameters(text):
    values = {"a": 0.7, "b": -1.3}
    try:
        names = Activation(text).parameters
    except FormulaError:
        assume(False)
    for given_values in (values, {name: [value, 0.0] for name, value in values.items()}):
        weights = np.ones((1, 2) if isinstance(given_values["a"], list) else 1)
        assert_same_bits(SingleLayer(weights, 0.0, text, parameters={n: given_values[n] for n in names}))


@settings(deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_text_with_parameters_read_back_predicts_the_same(problem, seed):
    rng, k = np.random.default_rng(seed), len(problem.intercept)
    parameters = {"low": rng.normal(), "top": rng.normal(size=k), "x_0": rng.normal(size=k)}
    f = "low + (top - low)*tanh(h - x_0)"
    network = SingleLayer(problem.weights / 7, problem.intercept / 3, f, parameters=parameters)
    values = {f"x{i}": column for i, column in enumerate(problem.X.T)} | {"tanh": np.tanh}
    for line in network.to_formula().text.replace("\n    ", " ").splitlines():
        name, right = line.split(" = ", 1)
        values[name] = eval(right, values)
    scale = 10 + np.abs(problem.X) @ np.abs(network.weights) + np.abs(network.intercept)
    scale *= 1 + sum(np.abs(value) for value in parameters.values())
    expected = network.predict(problem.X)
    for j, name in enumerate(network.output_names):
        assert (np.abs(values[name] - expected[:, j]) <= 5e-6 * scale[:, j]).all()


def test_parameters_stand_before_what_uses_them():
    one = SingleLayer([0.5], 0.1, "low + top*sigmoid(h)", parameters={"top": 72.46, "low": -1e-7 / 3})
    assert one.to_formula().text == (
        "low = -3.33333e-08\ntop = 72.46\nh = 0.1 + 0.5*x0\ny = low + top * sigmoid(h)"
    )
    assert one.to_formula().latex == (
        "\\begin{aligned}\n"
        "\\mathrm{low} &= -3.33333 \\times 10^{-8} \\\\\n"
        "\\mathrm{top} &= 72.46 \\\\\n"
        "h &= 0.1 + 0.5\\,x_{0} \\\\\n"
        "\\hat{y} &= \\mathrm{low} + \\frac{\\mathrm{top}}{1 + e^{- h}}\n"
        "\\end{aligned}"
    )
    many = SingleLayer([[1.0, 2.0]], 0.0, "a*exp(b*h)", parameters={"a": [1.5, 2.5], "b": 0.5})
    assert many.to_formula().text == (
        "b = 0.5\na = 1.5\nh = 1*x0\ny0 = a * exp(b * h)\na = 2.5\nh = 2*x0\ny1 = a * exp(b * h)"
    )
    check_latex(many.to_formula().latex)


def test_columns_are_told_from_parameters_of_the_same_name():
    signature = Signature((Column("a"), Column("top"), Column("h")), (Column("top"),))
    parameters = {"a": 2.0, "top": 3.0}
    network = SingleLayer([1.0, 2.0, 3.0], 0.0, "top*tanh(a*h)", parameters=parameters, signature=signature)
    assert network.to_formula().text == (
        "top = 3\na = 2\nh = 1*`a` + 2*`top` + 3*`h`\n`top` = top * tanh(a * h)"
    )
    assert network.to_formula().latex == (
        "\\begin{aligned}\n"
        "\\mathrm{top} &= 3 \\\\\n"
        "a &= 2 \\\\\n"
        "h &= 1\\,\\mathrm{a} + 2\\,\\text{`top'} + 3\\,\\mathrm{h} \\\\\n"
        "\\widehat{\\text{`top'}} &= \\mathrm{top} \\tanh{\\left(a h \\right)}\n"
        "\\end{aligned}"
    )
    X = [[0.5, -0.25, 0.125]]
    np.testing.assert_allclose(module_of(network)["predict"](X), network.predict(X), rtol=1e-15)
