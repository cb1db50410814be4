"""What a ledger prints: the numbers in it, read back, are those of the ledger."""

import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from test_ledger import step

from fallline._errors import InputError
from fallline.maths.activations._activation import Activation
from fallline.maths.ledger._spelling import plain

READABLE = [
    "identity",
    "sigmoid",
    "tanh",
    "softplus",
    "silu",
    "softsign",
    "arctan",
    "exp",
    "reciprocal",
    "sin",
]
FORMULAS = ["72.46*sigmoid(h)/(1 + abs(h)**1.5)", "where(h < 1, h, h**2)"]
ACTIVATIONS = [*READABLE, "relu", "leaky_relu", "elu", "gelu", "gaussian", *FORMULAS]


def numbered_lines(text):
    """The number at the end of each line, by all formulas that it equals."""
    found = {}
    for line in text.splitlines():
        *formulas, last = (part.strip() for part in line.split(" = "))
        if re.fullmatch(r"-?[\d.]+(e[+-]\d+)?", last):
            found.update(dict.fromkeys(formulas, float(last)))
    return found


def table_under(text, head):
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf"\s*{head}\b", line))
    rows = lines[start + 1 :]
    rows = rows[: next((i for i, row in enumerate(rows) if not row or "…" in row), None)]
    return re.split(r"\s{2,}", lines[start].strip()), np.array([row.split() for row in rows], dtype=float)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("outputs", [(), (2,)])
@pytest.mark.parametrize("n", [1, 5])
def test_numbers_of_the_derivation_are_those_of_the_ledger(n, outputs, reduction):
    ledger = step(n=n, outputs=outputs, intercept=0.25, fit_intercept=True, reduction=reduction)
    record, output = n - 1, len(outputs)
    text = str(ledger.derivation(record, output))
    at, column, j = ((record, output), (slice(None), output), "_j") if outputs else (record, slice(None), "")
    share = "E" if n == 1 else "p"

    numbers = numbered_lines(text)
    for formula, expected in {
        f"ŷ{j}": ledger.y_hat[at],
        f"f′(h{j})": ledger.slope[at],
        f"h{j}": ledger.h[at],
        f"y{j}": ledger.y[at],
        f"q{j}": ledger.residual[at],
        f"q{j}²": ledger.squared_error[at],
        f"p(q{j})": ledger.error_share[at],
        f"∂p/∂q{j}": ledger.residual[at],
        f"δ{j}": ledger.delta[at],
        "E": ledger.error,
        "η": ledger.learning_rate,
        f"∂E/∂b{j}": np.ravel(ledger.intercept_gradient)[output],
        f"new b{j}": np.ravel(ledger.new_intercept)[output],
    }.items():
        np.testing.assert_allclose(numbers[formula], expected, rtol=1e-7, err_msg=formula)

    heads, rows = table_under(text, "i")
    w = "w_ij" if outputs else "w_i"
    x = ledger.X[record]
    for head, expected in {
        "i": np.arange(3),
        "x_i": x,
        w: ledger.weights[column],
        f"∂q{j}/∂{w}": -ledger.slope[at] * x,
        f"∂{share}/∂{w}": -ledger.delta[at] * x,
        f"∂E/∂{w}": ledger.gradient[column],
        f"Δ{w}": ledger.delta_w[column],
        f"new {w}": ledger.new_weights[column],
    }.items():
        np.testing.assert_allclose(rows[:, heads.index(head)], expected, rtol=6e-3, err_msg=head)
    assert (f"÷ {n}" in heads) == (n > 1 and reduction == "mean")


def test_the_derivation_multiplies_along_the_chain():
    text = str(step(n=1).derivation())
    heads, rows = table_under(text, "i")
    outer = numbered_lines(text)["∂p/∂q"]
    inner, product = rows[:, heads.index("∂q/∂w_i")], rows[:, heads.index("∂E/∂w_i")]
    np.testing.assert_allclose(outer * inner, product, rtol=1e-4)
    for formula in (
        "∂E/∂w_i = −(y − ŷ) f′(h) x_i",
        "Δw_i = −η ∂E/∂w_i = η δ x_i",
        "w_i ← w_i + η δ x_i",
        "f(h) = 1/(1 + e^(−h))",
        "f′(h) = σ(h) (1 − σ(h))",
    ):
        assert f"  {formula}\n" in text


def test_many_records_and_outputs_are_summed_with_their_subscripts():
    text = str(step(n=5, outputs=(2,)).derivation(3, 1))
    assert "record 3, output 1" in text
    assert "δ_j = (y_j − ŷ_j) f′(h_j)" in text
    assert "∂E/∂w_ij = −Σ_μ δ_j^μ x_i^μ" in text
    assert "divided by n = 5" in text.replace("\n", " ")


class Cells(HTMLParser):
    """The text of list items and of table cells."""

    def __init__(self, html):
        super().__init__()
        self.items, self.cells, self.inside = [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag in ("li", "td", "th"):
            self.inside = self.items if tag == "li" else self.cells
            self.inside.append("")

    def handle_endtag(self, tag):
        self.inside = None if tag in ("li", "td", "th") else self.inside

    def handle_data(self, data):
        if self.inside:
            self.inside[-1] += data


@pytest.mark.parametrize("outputs", [(), (2,)])
def test_html_and_latex_say_the_same_as_the_text(outputs):
    derivation = step(n=4, outputs=outputs).derivation(2)
    text, page = str(derivation), Cells(derivation.html)
    expected = numbered_lines(text)
    found = {formula.replace("_", "").replace("^", ""): value for formula, value in expected.items()}
    assert numbered_lines("\n".join(page.items)) == found
    rows = np.array([float(cell) for cell in page.cells if re.fullmatch(r"-?[\d.]+(e-\d+)?", cell)])
    np.testing.assert_allclose(rows, table_under(text, "i")[1].ravel(), rtol=6e-3)
    for value in expected.values():
        assert f"= {value:.8g}" in derivation.latex


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [(), (2,)])
def test_html_is_well_formed_and_latex_is_balanced(activation, outputs):
    ledger = step(n=12, outputs=outputs, activation=activation, learning_rate=1e-9, fit_intercept=True)
    derivation = ledger.derivation(1)
    for html in (ledger._repr_html_(), derivation.html):
        root = ElementTree.fromstring(html)
        assert root.tag == "div"
        assert root.find(".//script") is None
        assert not re.search(r"#[0-9a-f]{3}|rgb|`|\{j\}|\{ij\}", html)
    latex = derivation.latex
    assert latex.isascii()
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") - latex.count(r"\leftarrow") - latex.count(r"\leq") >= 0
    begun, ended = (re.findall(rf"\\{word}{{(.*?)}}", latex) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert latex.count(r"\[") == latex.count(r"\]")
    assert not re.search(r"[{}\\$`]", str(derivation))


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{1}{1 + e^{- h}}", "1/(1 + e^(−h))"),
        (r"\sigma(h) \left(1 - \sigma(h)\right)", "σ(h) (1 − σ(h))"),
        (r"1 - \tanh^{2}{\left(h \right)}", "1 − tanh²(h)"),
        (r"- \frac{1}{h^{2}}", "−1/h²"),
        (r"\frac{\sqrt{2} h e^{- \frac{h^{2}}{2}}}{2 \sqrt{\pi}}", "(√2 h e^(−h²/2))/(2 √π)"),
        (r"\frac{1}{\left(1 + \left|{h}\right|\right)^{2}}", "1/(1 + |h|)²"),
        (
            r"\begin{cases} 0 & \text{for}\: h \leq 0 \\1 & \text{otherwise} \end{cases}",
            "[0 for h ≤ 0; 1 otherwise]",
        ),
    ],
)
def test_plain_text_of_latex(latex, expected):
    assert plain(latex) == expected


@pytest.mark.parametrize("activation", READABLE)
def test_the_printed_slope_is_the_slope(activation):
    """Read the plain text back as Python and compare its value."""
    f = Activation(activation)
    names = {name: getattr(math, name) for name in ("tanh", "sin", "cos", "e")}
    names |= {"arctan": math.atan, "ln": math.log, "σ": lambda h: 1 / (1 + math.exp(-h)), "h": 0.7}
    for text, expected in ((plain(f.latex), f.value(0.7)), (plain(f.slope_latex), f.slope(0.7))):
        code = re.sub(r"tanh²\(h\)", "tanh(h)**2", text).replace("|h|", "abs(h)").replace("²", "**2")
        code = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", code.replace("^", "**").replace("−", "-"))
        assert eval(code, names) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "d", "outputs"), [(1, 1, ()), (106, 30, ()), (4, 3, (2,)), (100, 20, (10,))])
def test_the_printed_ledger_is_a_table_that_fits(n, d, outputs):
    ledger = step(n=n, d=d, outputs=outputs)
    text = repr(ledger)
    assert str(ledger) == text
    assert max(map(len, text.splitlines())) <= 80
    assert max(map(len, str(ledger.derivation()).splitlines())) <= 80
    heads, rows = table_under(text, "μ")
    shown = min(10, ledger.y.size)
    for head, values in {
        "h": ledger.h,
        "y − ŷ": ledger.residual,
        "(y − ŷ)²": ledger.squared_error,
        "½(y − ŷ)²": ledger.error_share,
        "δ": ledger.delta,
    }.items():
        np.testing.assert_allclose(rows[:, heads.index(head)], values.ravel()[:shown], rtol=6e-3)
    heads, rows = table_under(text, "i")
    shown = min(10, ledger.weights.size)
    for head, values in {
        "∂E/∂w": ledger.gradient,
        "finite difference": ledger.finite_difference,
        f"÷ {n}": ledger.gradient / n,
        "Δw": ledger.delta_w,
        "new w": ledger.new_weights,
    }.items():
        np.testing.assert_allclose(rows[:, heads.index(head)], values.ravel()[:shown], rtol=6e-3)
    assert numbered_lines(text)["E after the step"] == pytest.approx(ledger.new_error)


def test_long_tables_are_cut_politely():
    text = str(step(n=106, d=12))
    assert "… and 96 more records" in text
    assert "… and 2 more inputs" in text
    assert "… and 1,990 more rows" in str(step(n=200, outputs=(10,)))
    assert "more" not in str(step(n=10, d=10))


def test_the_intercept_is_shown_only_where_it_plays_a_part():
    assert "intercept" not in str(step())
    assert "stays as it is" in str(step(intercept=0.5))
    assert "weight whose input is always 1" in str(step(fit_intercept=True))
    assert "+ b" not in str(step().derivation())


@pytest.mark.parametrize("place", [(7, 0), (-1, 0), (0, 1)])
def test_the_derivation_of_a_record_that_is_not_there(place):
    with pytest.raises(InputError, match="is not in the ledger: choose one from 0 to"):
        step(n=7).derivation(*place)
