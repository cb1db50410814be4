"""Formulas written once in plain text, ``∂E/∂w_ij = −δ_j x_i``, and how LaTeX and HTML spell them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import NamedTuple, TypeAlias


class Word(NamedTuple):
    """A name that has LaTeX of its own, such as that of a learned parameter."""

    text: str
    latex: str

    def __str__(self) -> str:
        return self.text


Cell: TypeAlias = str | int | float | Word

_SYMBOL = re.compile(r"(?<![A-Za-z0-9])([A-Za-zŷηδμσθΣ])(?:_([a-z]+|μ))?(?:\^([a-z]+|μ))?(?![A-Za-z])")
_POWER = re.compile(r"\^(?:\(([^()]*)\)|([\w.]+))")
_FRACTION = re.compile(r"(∂[A-Za-zŷ](?:_[a-z]+)?(?:\^μ)?)/(∂[A-Za-zŷθ](?:_[a-z]+)?)")
_SCRIPT = re.compile(r"([_^])([a-z]+|μ)")
_LATEX = str.maketrans(
    {
        "ŷ": r"\hat{y}",
        "η": r"\eta ",
        "δ": r"\delta ",
        "μ": r"\mu ",
        "σ": r"\sigma ",
        "θ": r"\theta ",
        "Δ": r"\Delta ",
        "Σ": r"\sum",
        "∂": r"\partial ",
        "½": r"\tfrac{1}{2}",
        "²": "^{2}",
        "′": "'",
        "−": "-",
        "·": r"\cdot ",
        "÷": r"\div ",
        "←": r"\leftarrow ",
        "…": r"\dots ",
    }
)
_PLAIN = {
    r"\operatorname": "",
    r"\mathrm": "",
    r"\text": "",
    r"\begin{cases}": "[",
    r"\end{cases}": "]",
    "\\\\": "; ",
    r"\left": "",
    r"\right": "",
    r"\cdot": "·",
    r"\leq": "≤",
    r"\geq": "≥",
    r"\sigma(": "σ(",
    r"\pi": "π",
    r"\:": " ",
    "^{2}": "²",
    "^{3}": "³",
    "&": "",
}
# What becomes of a group of braces once it holds no other: replaced from the inside out.
_GROUPS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"\\frac{([^{}]*)}{([^{}]*)}"), lambda m: f"{_factor(m[1])}/{_factor(m[2])}"),
    (re.compile(r"\\sqrt{([^{}]*)}"), lambda m: f"√{_factor(m[1])}"),
    (re.compile(r"\^{([^{}]*)}"), lambda m: f"^{_factor(m[1])}"),
    (re.compile(r"(?<!\\frac)(?<!\\sqrt)(?<![}^]){([^{}]*)}"), lambda m: _tight(m[1])),
]


def number(value: Cell, digits: int = 8) -> str:
    """Return a number to some significant digits, zero without a sign; whole numbers and text as they are."""
    return f"{value + 0.0:.{digits}g}" if isinstance(value, float) else str(value)


def latex_number(value: Cell) -> str:
    """Return a number, or a word, as LaTeX."""
    if isinstance(value, Word):
        return value.latex
    mantissa, power, exponent = number(value).partition("e")
    named = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\text{nan}"}
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if power else named.get(mantissa, mantissa)


def latex(formula: str) -> str:
    """Return a plain formula as LaTeX."""
    fractions = _FRACTION.sub(r"\\frac{\1}{\2}", formula)
    words = fractions.replace("new ", r"\text{new }").replace("name", r"\text{name}")
    return _SCRIPT.sub(r"\1{\2}", words).translate(_LATEX)


def plain(formula: str) -> str:
    r"""Return LaTeX as SymPy writes it in plain text: ``\frac{1}{1 + e^{- h}}`` as ``1/(1 + e^(−h))``."""
    for command, sign in _PLAIN.items():
        formula = formula.replace(command, sign)
    formula, before = _tight(formula), ""
    while formula != before:
        before = formula
        for pattern, spelled in _GROUPS:
            formula = pattern.sub(spelled, formula)
    signs = formula.replace("\\", "").replace("-", "−")
    return re.sub(r"\s+(?=[)\]\s;])|(?<=[([])\s+", "", signs)


def _tight(group: str) -> str:
    return re.sub(r"^\s*- ", "-", group).strip()


def _factor(group: str) -> str:
    """Put parentheses around what would fall apart beside a fraction bar, a root or a power."""
    group = _tight(group)
    whole = re.fullmatch(r"√?[\w.]+|[√\w]*[²³]?\([^()]*\)[²³]?|\|[^|]*\|", group)
    return group if whole else f"({group})"


def html(formula: str) -> str:
    """Return a plain formula as HTML."""
    return _POWER.sub(r"<sup>\1\2</sup>", _SYMBOL.sub(_html_symbol, escape(formula, quote=False)))


def _html_symbol(match: re.Match[str]) -> str:
    base, below, above = match.groups()
    return (
        (base if base == "Σ" else f"<var>{base}</var>")
        + (f"<sub><var>{below}</var></sub>" if below else "")
        + (f"<sup><var>{above}</var></sup>" if above else "")
    )


def with_formulas(prose: str, spelled: Callable[[str], str]) -> str:
    """Spell the formulas of a sentence, which stand between backticks."""
    return re.sub("`([^`]*)`", lambda match: spelled(match[1]), prose)
