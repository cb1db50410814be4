"""A network written out: as text, as LaTeX, and as Python source that needs NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fallline._errors import InputError
from fallline.maths.activations._activation import Activation
from fallline.maths.ledger._spelling import latex_number, number
from fallline.maths.network._python_module import module_source
from fallline.maths.network._spelling import Name, folded, input_names, output_names

if TYPE_CHECKING:
    from fallline.maths.network._network import SingleLayer

DIGITS = 6
LONGEST_SHOWN = 20_000  # characters of LaTeX that a notebook is asked to typeset


def readable(network: SingleLayer) -> Readable:
    """Write a network out.

    Raises
    ------
    InputError
        If the activation is a pair of functions, which has no formula.
    """
    if network.activation.formula is None:
        raise InputError(
            f"the activation {network.activation.name} is a pair of functions, which cannot be written out: "
            "give it as a formula in h"
        )
    return Readable(network)


@dataclass(frozen=True, eq=False, repr=False)
class Readable:
    r"""A network written out; ``str`` gives the text, and a notebook typesets the LaTeX.

    Attributes
    ----------
    text : str
        ``h = b + w*x + …`` and ``y = f(h)`` for each output, to 6 significant digits.  Weights that are zero
        are left out; ``[soil = clay]`` is 1 where the soil is clay, else 0 (Iverson's bracket).  Learned
        parameters of f come first, each on a line: ``top = 72.46``; those that differ between the outputs
        stand before each output's h.
    latex : str
        The same, as an ``aligned`` environment of amsmath.
    python : str
        Source of a module that needs NumPy alone, with every digit.  ``predict(X)`` computes in float64 what
        the network predicts; with a signature, ``inputs(table)`` makes X of columns, and ``classify(X)``
        returns classes where there are any.

    References
    ----------
    D. E. Knuth, "Two notes on notation", American Mathematical Monthly 99 (1992), 403–422 (the bracket).

    Examples
    --------
    >>> from fallline import SingleLayer
    >>> print(SingleLayer([2.0, -0.25], activation="tanh").to_formula().latex)
    \begin{aligned}
    h &= 2\,x_{0} - 0.25\,x_{1} \\
    \hat{y} &= \tanh{\left(h \right)}
    \end{aligned}
    """

    network: SingleLayer

    @cached_property
    def text(self) -> str:
        """Plain text."""
        equations = _equations(self.network, _TEXT)
        return "\n".join("\n    ".join(folded(equation)) for equation in equations)

    @cached_property
    def latex(self) -> str:
        """LaTeX for a formula of its own, with amsmath."""
        equations = _equations(self.network, _LATEX)
        rows = (" \\\\\n&\\quad ".join(folded(equation)) for equation in equations)
        return "\n".join([r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}"])

    @cached_property
    def python(self) -> str:
        """Python source."""
        return module_source(self.network)

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str | None:
        return None if len(self.latex) > LONGEST_SHOWN else rf"$\displaystyle {self.latex}$"


class _Notation(NamedTuple):
    """What stands between two sides, and a weight and its input; how numbers, names and f(h) are spelled."""

    equals: str
    times: str
    number: Callable[[float], str]
    input: Callable[[Name], str]
    output: Callable[[Name], str]
    parameter: Callable[[Activation, str], str]
    formula: Callable[[Activation], list[str]]


_TEXT = _Notation(
    "=",
    "*",
    lambda x: number(x, DIGITS),
    attrgetter("text"),
    attrgetter("text"),
    lambda _, name: name,
    lambda f: str(f.formula).split(),
)
_LATEX = _Notation(
    "&=",
    r"\,",
    lambda x: latex_number(float(number(x, DIGITS))),
    attrgetter("latex"),
    attrgetter("predicted_latex"),
    lambda f, name: f.parameter_latex[name],
    lambda f: [str(f.latex)],
)


def _equations(network: SingleLayer, notation: _Notation) -> Iterator[list[str]]:
    """Yield h = b + Σ w x and ŷ = f(h) for each output, in words that belong on one line."""
    shared, of_outputs = _parameters(network, notation)
    yield from shared
    factors = ["", *(notation.times + notation.input(name) for name in input_names(network))]
    intercepts, weights = np.atleast_1d(network.intercept), np.atleast_2d(network.weights.T)
    outputs = zip(output_names(network), of_outputs, intercepts.tolist(), weights.tolist(), strict=True)
    for name, parameters, b, w in outputs:
        yield from parameters
        terms = _terms([b, *w], factors, notation.number)
        if network.activation.formula == "h":
            yield _equation(notation.output(name), notation.equals, terms)
        else:
            yield _equation("h", notation.equals, terms)
            yield _equation(notation.output(name), notation.equals, notation.formula(network.activation))


def _parameters(network: SingleLayer, notation: _Notation) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Return θ = … of the free names that all outputs share, and of the others for each output."""

    def equation(name: str, value: float) -> list[str]:
        spelled = notation.parameter(network.activation, name)
        return _equation(spelled, notation.equals, [notation.number(value)])

    values = [(name, np.asarray(value)) for name, value in network.parameters.items()]
    shared = [equation(name, value.item()) for name, value in values if not value.ndim]
    own = [(name, value.tolist()) for name, value in values if value.ndim]
    return shared, [[equation(name, value[j]) for name, value in own] for j in range(network.n_outputs)]


def _equation(left: str, equals: str, right: list[str]) -> list[str]:
    return [f"{left} {equals} {right[0]}", *right[1:]]


def _terms(weights: list[float], factors: list[str], spelled: Callable[[float], str]) -> list[str]:
    """Return the terms of a sum that are not zero, with their signs: ``0.1``, ``+ 0.5*x0``, ``- 2*x1``."""
    weighted = ((w, factor) for w, factor in zip(weights, factors, strict=True) if w)
    terms = [f"{'-' if w < 0 else '+'} {spelled(abs(w))}{factor}" for w, factor in weighted] or ["+ 0"]
    sign, first = terms[0].split(" ", 1)
    return [sign.strip("+") + first, *terms[1:]]
