"""A network written out: the text read back by Python, the source run where nothing but NumPy is found."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special
from strategies import problems
from test_formula import formulas

from fallline import FormulaError, InputError, SingleLayer
from fallline.maths.activations._formula import NAMED
from fallline.maths.network._signature import Column, Signature

ALONE = """
import json, sys, warnings
warnings.simplefilter("error")

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"numpy", *sys.stdlib_module_names}:
            raise ImportError(f"{name} is refused")

sys.meta_path.insert(0, Nothing())
try:
    import scipy
except ImportError:
    pass
else:
    raise SystemExit("scipy was found")
for source, call, argument in json.load(sys.stdin):
    module = {}
    exec(source, module)
    value = module[call](module["inputs"](argument)) if isinstance(argument, dict) else module[call](argument)
    print(json.dumps([value.shape, value.tolist()]))
"""
"""Runs sources where NumPy is the only package."""

FORMULAS = [
    *NAMED,
    "72.46*sigmoid(h)",
    "h/(1 + abs(h))",
    "1/(1 + exp(-h))",
    "h**3 - 2*h**-2",
    "2**h",
    "(1 + h**2)**0.3 - (-0.5)**(h/9)*h**9",
    "min(max(h, -1), 1)",
    "max(sign(h)*sqrt(abs(h)), log1p(h*h) - pi)",
    "where(h > 1, sqrt(abs(h)), e*h)",
    "softplus(h) - softplus(-h) + gelu(cos(h))",
]

POINTS = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-20, -1e-20, 0.3, -0.3, 1.0, -1.0, 2.5, -7.1]
POINTS += [30.0, -30.0, 710.0, -710.0, 1000.0, -1000.0, 1e4, -1e4]

SOILS = Signature(
    (
        Column("age in years"),
        Column("smoker", "boolean", ("false", "true")),
        Column("soil", "category", ("clay", 'sandy "loam"\n')),
    ),
    (Column("yield"),),
)


def alone(*runs):
    """Results of (source, function, argument), from a process in which NumPy is the only package."""
    answer = subprocess.run(
        [sys.executable, "-c", ALONE], input=json.dumps(runs), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    results = map(json.loads, answer.stdout.splitlines())
    return [np.reshape(np.array(values), shape) for shape, values in results]


def module_of(network):
    module = {}
    exec(network.to_formula().python, module)
    return module


def classes(*names):
    return (Column("kind", "category", names),)


def test_python_predicts_the_same_where_numpy_is_alone():
    rng = np.random.default_rng(5)
    X = np.concatenate([rng.normal(size=(60, 3)), 100 * rng.normal(size=(60, 3))])
    networks = [
        SingleLayer(rng.normal(size=shape), rng.normal(size=shape[1:]), f)
        for f in FORMULAS
        for shape in ((3,), (3, 4))
    ]
    found = alone(*((network.to_formula().python, "predict", X.tolist()) for network in networks))
    for network, y_hat in zip(networks, found, strict=True):
        np.testing.assert_allclose(y_hat, network.predict(X), rtol=1e-12, atol=0, err_msg=repr(network))


def test_python_starts_with_numpy_and_says_what_the_columns_are():
    signature = Signature((Column("age"), Column("h")), (Column("y"),))
    network = SingleLayer([0.1, -1e-7 / 3], 0.2, "tanh", signature=signature)
    assert network.to_formula().python.startswith("import numpy as np\n")
    assert "[0.1, -3.3333333333333334e-08]" in network.to_formula().python
    assert "Inputs: age, `h`.\n" in module_of(network)["predict"].__doc__


@settings(deadline=None, max_examples=300)
@given(formulas)
@example("1/max(-h, 0) + max(h, log(-1 - h*h))")
@example("(h + 1) - 1")
@example("where(h > 0, 1, 2)**-9")
@example("(-h)**2.5 - -h**9")
@example("h - (1 - (2 - h)) / (3 / (h / 2))")
@example("where(1 < 2, 0, 3) / h")
def test_python_makes_the_same_bits_from_any_formula(text):
    text = re.sub(r"\b[ab]\b", lambda name: {"a": "0.7", "b": "(-1.3)"}[name[0]], text)
    try:
        network = SingleLayer([1.0], 0.0, text)
    except FormulaError:
        assume(False)
    assert_same_bits(network)


def assert_same_bits(network):
    module = module_of(network)
    helpers = {"sigmoid": special.expit, "erf": special.erf}  # which differ in the last digit
    module |= {name: helper for name, helper in helpers.items() if name in module}
    X = np.array(POINTS)[:, None]
    np.testing.assert_array_equal(module["predict"](X), network.predict(X))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", special.expit),
        ("erf", special.erf),
        ("softplus", lambda h: np.maximum(h, 0) + np.log1p(np.exp(-np.abs(h)))),
    ],
)
def test_helpers_are_stable_and_silent(name, expected):
    helper = module_of(SingleLayer([1.0], 0.0, f"{name}(h)"))[name]
    h = np.array([*POINTS, *np.linspace(-40, 40, 1001)])
    np.testing.assert_allclose(helper(h), expected(h), rtol=1e-15 * 8, atol=0)
    assert f"def {name}" not in SingleLayer([1.0], 0.0, "tanh").to_formula().python


def test_long_formulas_become_short_lines():
    nested = "h"
    for _ in range(90):
        nested = f"gelu({nested})" if len(nested) % 3 else f"arctan(1/{nested})"
    for text in (nested, " + ".join(f"{i}.25*exp(h/{i})" for i in range(1, 60))):
        network = SingleLayer([1.0], 0.0, text)
        source = network.to_formula().python
        code = source[source.rindex('"""\n', 0, source.index("return")) :]
        assert max(map(len, code.splitlines())) < 150
        X = np.linspace(-3, 3, 7)[:, None]
        np.testing.assert_allclose(module_of(network)["predict"](X), network.predict(X), rtol=1e-12)


@settings(deadline=None)
@given(
    problems(),
    st.sampled_from(["identity", "tanh", "sigmoid", "relu", "leaky_relu", "softsign", "min(h, 1)"]),
)
def test_text_read_back_predicts_the_same_to_six_digits(problem, f):
    network = SingleLayer(problem.weights / 7, problem.intercept / 3, f)
    values = {f"x{i}": column for i, column in enumerate(problem.X.T)}
    values |= {"tanh": np.tanh, "sigmoid": special.expit, "abs": np.abs, "where": np.where}
    values |= {"max": np.maximum, "min": np.minimum}
    found = {}
    for line in network.to_formula().text.replace("\n    ", " ").splitlines():
        name, right = line.split(" = ", 1)
        found[name] = values["h"] = eval(right, values)
    bound = np.abs(problem.X) @ np.abs(network.weights) + np.abs(network.intercept)
    expected = network.predict(problem.X)
    for j, name in enumerate(network.output_names):
        assert (np.abs(found[name] - expected[:, j]) <= 5e-6 * bound[:, j] + 1e-14).all()


@pytest.mark.parametrize(
    ("weights", "intercept", "activation", "text"),
    [
        ([0.5, -0.5], 0.1, "tanh", "h = 0.1 + 0.5*x0 - 0.5*x1\ny = tanh(h)"),
        ([0.5, -0.5], 0.1, "identity", "y = 0.1 + 0.5*x0 - 0.5*x1"),
        ([-0.5, 0.0, 2.0], 0.0, "identity", "y = -0.5*x0 + 2*x2"),
        ([1.5e-7, 1e6 / 3], -1.0, "relu", "h = -1 + 1.5e-07*x0 + 333333*x1\ny = max(h, 0)"),
        ([0.0], -0.0, "sigmoid", "h = 0\ny = sigmoid(h)"),
        ([[1.0, 2.0]], [0.5, 0.0], "exp", "h = 0.5 + 1*x0\ny0 = exp(h)\nh = 2*x0\ny1 = exp(h)"),
        ([[1.0, 2.0]], 0.5, "identity", "y0 = 0.5 + 1*x0\ny1 = 0.5 + 2*x0"),
    ],
)
def test_text_is_what_a_person_would_write(weights, intercept, activation, text):
    formula = SingleLayer(weights, intercept, activation).to_formula()
    assert formula.text == str(formula) == repr(formula) == text


def test_names_stay_readable():
    network = SingleLayer([0.1, 0.2, 0.3, -0.4], 0.0, "sigmoid", signature=SOILS)
    assert network.to_formula().text == (
        'h = 0.1*`age in years` + 0.2*smoker + 0.3*[soil = clay] - 0.4*[soil = sandy "loam"\\n]\n'
        "yield = sigmoid(h)"
    )
    assert network.to_formula().latex == (
        "\\begin{aligned}\n"
        "h &= 0.1\\,\\text{age in years} + 0.2\\,\\mathrm{smoker}"
        " + 0.3\\,[\\mathrm{soil} = \\mathrm{clay}] \\\\\n"
        '&\\quad - 0.4\\,[\\mathrm{soil} = \\text{sandy "loam"}\\backslash \\text{n}] \\\\\n'
        "\\widehat{\\mathrm{yield}} &= \\frac{1}{1 + e^{- h}}\n"
        "\\end{aligned}"
    )


def test_latex_of_short_names_has_indices_and_hats():
    formula = SingleLayer([[1.5e-7, 0.0], [-1.0, 2.0]], [0.1, 0.2], "identity").to_formula()
    assert formula.latex == (
        "\\begin{aligned}\n"
        "\\hat{y}_{0} &= 0.1 + 1.5 \\times 10^{-7}\\,x_{0} - 1\\,x_{1} \\\\\n"
        "\\hat{y}_{1} &= 0.2 + 2\\,x_{1}\n"
        "\\end{aligned}"
    )
    assert formula._repr_latex_() == f"$\\displaystyle {formula.latex}$"


@settings(deadline=None)
@given(
    st.lists(st.text(), min_size=2, max_size=2, unique=True),
    st.lists(st.text(), min_size=2, max_size=4, unique=True),
    st.lists(st.text(), min_size=2, max_size=4, unique=True),
)
@example(['"""', "\\"], ["{x}", "'", "\\N{DASH}"], ["%", "$x_1^2$ & #~"])
@example(["h", "\n"], ["\0", "a\0"], ["\ud800", "\u2028"])
def test_any_text_can_be_a_name(columns, categories, kinds):
    signature = Signature(
        (Column(columns[0]), Column(columns[1], "category", tuple(categories))), classes(*kinds)
    )
    k = 1 if len(kinds) == 2 else len(kinds)
    rng = np.random.default_rng(3)
    network = SingleLayer(rng.normal(size=(1 + len(categories), k)), 0.1, "sigmoid", signature=signature)
    formula = network.to_formula()
    assert len(formula.text.splitlines()) == formula.text.count("\n") + 1

    module = module_of(network)
    values = [categories[i % len(categories)] for i in range(9)]
    numbers = rng.normal(size=9)
    X = module["inputs"]({columns[1]: values, columns[0]: numbers.tolist()})
    np.testing.assert_array_equal(X[:, 0], numbers)
    np.testing.assert_array_equal(X[:, 1:], [[value == c for c in categories] for value in values])
    np.testing.assert_allclose(module["predict"](X), network.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(module["classify"](X), network.classify(X))
    check_latex(formula.latex)


def check_latex(latex):
    """Braces match, and characters that mean something to LaTeX stand where they mean it."""
    bare = re.sub(r"\\[{}$&#%_\\]", "", latex)
    depth = 0
    for c in bare:
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0
    assert depth == 0
    assert not set("$#%~") & set(bare)
    begin, *rows, end = latex.splitlines()
    assert (begin, end) == (r"\begin{aligned}", r"\end{aligned}")
    assert all(row.endswith(r" \\") for row in rows[:-1])
    assert bare.count("&") == len(rows)


@pytest.mark.parametrize("f", sorted({*FORMULAS} - {"leaky_relu", "elu", "where(h > 1, sqrt(abs(h)), e*h)"}))
def test_latex_is_balanced(f):
    check_latex(SingleLayer([[0.5, -2e-9], [1.0, 0.0]], 0.25, f).to_formula().latex)


def test_cases_of_latex_stand_in_the_last_row():
    latex = SingleLayer([1.0], 0.0, "elu").to_formula().latex
    assert latex.count(r"\begin{cases}") == latex.count(r"\end{cases}") == 1
    assert latex.count("{") == latex.count("}")


@pytest.mark.parametrize("shape", [(3000,), (1, 3000), (60, 50)])
def test_large_networks_are_folded(shape):
    rng = np.random.default_rng(1)
    network = SingleLayer(rng.normal(size=shape), rng.normal(size=shape[1:]), "tanh")
    formula = network.to_formula()
    for written in (formula.text, formula.latex, formula.python):
        assert max(map(len, written.splitlines())) <= 110
    assert formula.text.count("*x") == network.weights.size
    assert formula._repr_latex_() is None
    X = rng.normal(size=(5, shape[0]))
    np.testing.assert_allclose(module_of(network)["predict"](X), network.predict(X), rtol=1e-12)


TABLES = {
    "dict": dict,
    "arrays": lambda columns: {name: np.array(column) for name, column in columns.items()},
    "pandas": pd.DataFrame,
    "pandas categories": lambda columns: pd.DataFrame(columns).astype({"soil": "category"}),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_inputs_come_from_a_table(table):
    columns = {
        "soil": ["clay", 'sandy "loam"\n', "clay"],
        "smoker": [True, False, True],
        "age in years": [30, 41.5, 52],
        "not asked for": ["x", "y", "z"],
    }
    network = SingleLayer([0.1, 0.2, 0.3, -0.4], 0.05, "sigmoid", signature=SOILS)
    inputs = module_of(network)["inputs"]
    expected = [[30, 1, 1, 0], [41.5, 0, 0, 1], [52, 1, 1, 0]]
    np.testing.assert_array_equal(inputs(table(columns)), expected)
    assert inputs({name: [] for name in columns}).shape == (0, 4)
    (y_hat,) = alone((network.to_formula().python, "predict", columns))
    np.testing.assert_allclose(y_hat, network.predict(expected), rtol=1e-12)


def test_an_unseen_category_is_named():
    inputs = module_of(SingleLayer([0.1, 0.2, 0.3, -0.4], signature=SOILS))["inputs"]
    with pytest.raises(ValueError, match="column 'soil' holds 'peat'"):
        inputs({"age in years": [1.0, 2.0], "smoker": [True, True], "soil": ["clay", "peat"]})


@pytest.mark.parametrize(
    ("kinds", "outputs", "targets"),
    [
        (("no", "yes"), (), (0.0, 1.0)),
        (("no", "yes"), (1,), (-1.0, 1.0)),
        (("a", "b", "c"), (3,), (0.0, 1.0)),
    ],
)
def test_python_classifies(kinds, outputs, targets):
    rng = np.random.default_rng(2)
    signature = Signature((Column("u"), Column("v")), classes(*kinds), targets)
    network = SingleLayer(rng.normal(size=(2, *outputs)), 0.1, "tanh", signature=signature)
    X = 3 * rng.normal(size=(50, 2))
    (found,) = alone((network.to_formula().python, "classify", X.tolist()))
    np.testing.assert_array_equal(found, network.classify(X))
    assert set(found) == set(kinds)


def test_without_a_signature_there_is_only_predict():
    module = module_of(SingleLayer([1.0, 2.0]))
    assert not {"inputs", "one_hot", "classify", "f"} & set(module)


def test_numbers_that_are_not_finite_are_written():
    module = module_of(SingleLayer([math.inf, 1.0], math.nan))
    assert module["WEIGHTS"][0] == math.inf
    assert math.isnan(module["INTERCEPT"])


def test_what_has_no_formula_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="the activation cos is a pair of functions") as caught:
        SingleLayer([1.0], activation=(np.cos, np.sin)).to_formula()
    assert "\n" not in str(caught.value)
