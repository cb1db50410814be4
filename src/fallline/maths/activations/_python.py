"""A formula as Python source that needs NumPy alone: the instructions that NumPy runs here, written out."""

from __future__ import annotations

from collections import Counter
from textwrap import fill
from typing import NamedTuple, cast

from fallline.maths.activations._formula import read_formula
from fallline.maths.activations._operations import FUNCTIONS
from fallline.maths.activations._tape import Tape

LONGEST = 40  # characters of a part, before it gets a line and a name of its own
_WIDTH = 100

_HELPERS = {
    "sigmoid": """\
@np.errstate(all="ignore")
def sigmoid(h):
    return 1.0 / (1.0 + np.exp(-h))""",
    "softplus": """\
@np.errstate(all="ignore")
def softplus(h):
    return np.logaddexp(0.0, h)""",
    "erf": "erf = np.vectorize(math.erf, otypes=[float])",
}
_DEFINITION = '''\
@np.errstate(all="ignore")
def f(h):
    """{formula}"""
{body}'''


class _Part(NamedTuple):
    """Source of a part of the formula, and how firmly it holds together beside an operator."""

    text: str
    firmness: int

    def within(self, least: int) -> str:
        return self.text if self.firmness >= least else f"({self.text})"


_COMPARISON, _SUM, _PRODUCT, _SIGNED, _POWER, _WHOLE = range(6)
_OPERATORS = {  # source, its firmness, and the least that it needs of each argument
    "lt": ("{0} < {1}", _COMPARISON, (_SUM, _SUM)),
    "le": ("{0} <= {1}", _COMPARISON, (_SUM, _SUM)),
    "add": ("{0} + {1}", _SUM, (_SUM, _PRODUCT)),
    "sub": ("{0} - {1}", _SUM, (_SUM, _PRODUCT)),
    "mul": ("{0} * {1}", _PRODUCT, (_PRODUCT, _SIGNED)),
    "div": ("{0} / {1}", _PRODUCT, (_PRODUCT, _SIGNED)),
    "neg": ("-{0}", _SIGNED, (_SIGNED,)),
    "pow": ("{0} ** {1}", _POWER, (_WHOLE, _SIGNED)),
    "where": ("np.where({0}, {1}, {2})", _WHOLE, (_COMPARISON, _COMPARISON, _COMPARISON)),
}
_FORMS = _OPERATORS | {
    name: (f"{'' if name in _HELPERS else 'np.'}{name}({{0}})", _WHOLE, (_COMPARISON,)) for name in FUNCTIONS
}


def numpy_source(formula: str) -> tuple[list[str], list[str]]:
    """Write f(h) in Python: the operations that make the value of an activation, in the same order.

    Returns
    -------
    imports : list of str
        What the source needs beside ``import numpy as np``.
    definitions : list of str
        Functions, of which the last is ``f``.

    Examples
    --------
    >>> imports, definitions = numpy_source("h/2*(1 + erf(h))")
    >>> print(definitions[-1].splitlines()[-1])
        return h / 2.0 * (1.0 + erf(h))
    """
    tape = read_formula(formula)
    used = {instruction.op for instruction in tape.instructions}
    helpers = [source for name, source in _HELPERS.items() if name in used]
    body = "\n".join(f"    {line}" for line in _lines(tape))
    written = fill(formula, _WIDTH, subsequent_indent="    ", break_long_words=False)
    imports = ["import math"] if "erf" in used else []
    return imports, [*helpers, _DEFINITION.format(formula=written, body=body)]


def _lines(tape: Tape) -> list[str]:
    """Return statements of which the last one returns; what is used twice, or is long, gets a name."""
    uses = Counter(a for instruction in tape.instructions for a in instruction.args)
    lines: list[str] = []
    parts: list[_Part] = []
    for register in range(len(tape.instructions)):
        part = _part(tape, register, parts)
        if _is_result(tape, register) and (uses[register] > 1 or len(part.text) > LONGEST):
            name = f"t{len(lines) + 1}"
            lines.append(f"{name} = {part.text}")
            part = _Part(name, _WHOLE)
        parts.append(part)
    return [*lines, f"return {parts[tape.outputs[0]].text}"]


def _is_result(tape: Tape, register: int) -> bool:
    """Whether a register holds neither a leaf nor the value of the formula."""
    return bool(tape.instructions[register].args) and register != tape.outputs[0]


def _part(tape: Tape, register: int, parts: list[_Part]) -> _Part:
    op, args, leaf = tape.instructions[register]
    if op == "constant":
        return _Part(repr(leaf), _SIGNED if cast(float, leaf) < 0 else _WHOLE)
    if not args:
        return _Part(str(leaf), _WHOLE)
    form, firmness, least = _FORMS[op]
    return _Part(form.format(*(parts[a].within(n) for a, n in zip(args, least, strict=True))), firmness)
