"""What a derivation prints of learned parameters: the numbers in it, read back, are those of the ledger."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from test_derivation import numbered_lines
from test_ledger_parameters import assert_rows, logistic, sigmoid

from fallline import Activation


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("outputs", [(), (2,)])
@pytest.mark.parametrize("n", [1, 5])
def test_numbers_of_the_derivation_are_those_of_the_ledger(n, outputs, reduction):
    own = [-0.25, 0.75] if outputs else -0.25
    ledger = logistic(n=n, outputs=outputs, reduction=reduction, parameters={"bottom": own, "top": 1.5})
    record, output = n - 1, len(outputs)
    text = str(ledger.derivation(record, output))
    at = (record, output) if outputs else record
    whole = n == 1 and not outputs

    def of(numbers):
        return {name: np.ravel(value)[output if np.ndim(value) else 0] for name, value in numbers.items()}

    slope = {name: value[at] for name, value in ledger.parameter_slope.items()}
    numbers = numbered_lines(text)
    assert numbers["∂f/∂top"] == numbers["σ(h)"] == pytest.approx(slope["top"], rel=1e-7)
    assert numbers["∂f/∂bottom"] == numbers["1 − σ(h)"] == pytest.approx(slope["bottom"], rel=1e-7)
    assert (numbers["bottom"], numbers["top"]) == (of(ledger.parameters)["bottom"], 1.5)

    columns = {"θ": of(ledger.parameters), "∂f/∂θ": slope}
    if not whole:
        columns["∂p/∂θ"] = {name: -ledger.residual[at] * value for name, value in slope.items()}
    columns["∂E/∂θ"] = of(ledger.parameter_gradient)
    if n > 1 and reduction == "mean":
        columns["÷ 5"] = {name: value / 5 for name, value in columns["∂E/∂θ"].items()}
    columns |= {"Δθ": of(ledger.delta_parameters), "new θ": of(ledger.new_parameters)}
    assert_rows(text, ["bottom", "top"], columns)


@pytest.mark.parametrize(
    ("n", "outputs", "formulas"),
    [
        (1, (), ["∂E/∂θ = −(y − ŷ) ∂f/∂θ", "Δθ = −η ∂E/∂θ"]),
        (5, (), ["∂p/∂θ = −(y − ŷ) ∂f/∂θ", "∂E/∂θ = −Σ_μ (y^μ − ŷ^μ) ∂ŷ^μ/∂θ", "Δθ = −(η/n) ∂E/∂θ"]),
        (1, (2,), ["∂p/∂θ = −(y_j − ŷ_j) ∂f/∂θ", "∂E/∂θ = −Σ_j (y_j − ŷ_j) ∂ŷ_j/∂θ"]),
        (1, (2,), ["∂E/∂θ_j = −(y_j − ŷ_j) ∂ŷ_j/∂θ_j", "Δθ = −η ∂E/∂θ"]),
        (5, (2,), ["∂q_j/∂θ = −∂ŷ_j/∂θ = −∂f/∂θ", "∂E/∂θ = −Σ_μ Σ_j (y_j^μ − ŷ_j^μ) ∂ŷ_j^μ/∂θ"]),
        (5, (2,), ["∂E/∂θ_j = −Σ_μ (y_j^μ − ŷ_j^μ) ∂ŷ_j^μ/∂θ_j", "θ ← θ + Δθ"]),
    ],
)
def test_the_derivation_sums_over_what_shares_a_value(n, outputs, formulas):
    own = [-0.25, 0.75] if outputs else -0.25
    text = str(logistic(n=n, outputs=outputs, parameters={"bottom": own, "top": 1.5}).derivation())
    for formula in formulas:
        assert f"  {formula}\n" in text
    assert max(map(len, text.splitlines())) <= 80


NAMES = {"alpha": 0.7, "x_max": 1.2, "b": 1.3, "sigma": 2.0}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "formula",
    ["{0}*exp({0}*h)", "h/({0} + abs(h))", "tanh(h - {0})", "exp(-h**2/{0}**2)", "{0}*sigmoid(h/{0})"],
)
def test_the_printed_slope_is_the_slope(formula, name):
    """Read the plain text of ∂f/∂θ back as Python and compare its value."""
    ledger = logistic(activation=formula.format(name), parameters={name: NAMES[name]})
    line = next(line for line in str(ledger.derivation()).splitlines() if f"∂f/∂{name} = " in line)
    _, text, value = line.split(" = ")
    code = re.sub(r"tanh²\(([^()]*)\)", r"tanh(\1)**2", text).replace("|h|", "abs(h)")
    code = code.replace("²", "**2").replace("³", "**3").replace("^", "**").replace("−", "-")
    code = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", code)
    names = {"h": ledger.h[0], "e": math.e, "tanh": math.tanh, "σ": sigmoid, name: NAMES[name]}
    assert eval(code, names) == pytest.approx(float(value)) == pytest.approx(ledger.parameter_slope[name][0])
    assert ("the sigmoid" in str(ledger.derivation()).replace("\n", " ")) == ("sigmoid" in formula)


@pytest.mark.parametrize("outputs", [(), (2,)])
def test_html_is_well_formed_and_latex_is_balanced(outputs):
    parameters = {"bottom": np.zeros(outputs)[()], "top": 1.5}
    ledger = logistic(outputs=outputs, parameters=parameters)
    derivation = ledger.derivation(1)
    for html in (ledger._repr_html_(), derivation.html):
        assert ElementTree.fromstring(html).tag == "div"
        assert not re.search(r"`|[{]j[}]|[{]p[}]", html.partition("</style>")[2])
    latex = derivation.latex
    assert latex.isascii()
    assert latex.count("{") == latex.count("}")
    for piece in (
        r"\frac{\partial f}{\partial \mathrm{top}} &= \sigma(h) = ",
        r"\mathrm{top} &= 1.5",
        r"\text{name} & \theta  & \frac{\partial f}{\partial \theta }",
        r"\mathrm{bottom} & 0 & ",
        r"\theta  &\leftarrow  \theta  + \Delta \theta ",
    ):
        assert piece in latex
    assert not re.search(r"[{}\\$`]", str(derivation))


def test_a_slope_that_would_fill_pages_is_a_number_alone():
    formula = f"{'gelu(' * 9}a*h{')' * 9}"
    ledger = logistic(n=2, activation=formula, parameters={"a": 0.5})
    assert Activation(formula).parameter_slopes_latex == {"a": ""}
    assert numbered_lines(str(ledger.derivation()))["∂f/∂a"] == pytest.approx(ledger.parameter_slope["a"][0])
