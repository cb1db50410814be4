"""Formulas in the net input h: read through a whitelist, never evaluated."""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from fallline._errors import FormulaError
from fallline.maths.activations._operations import FUNCTIONS
from fallline.maths.activations._tape import Tape, TapeBuilder

NAMED = {
    "identity": "h",
    "sigmoid": "sigmoid(h)",
    "tanh": "tanh(h)",
    "softplus": "softplus(h)",
    "relu": "max(h, 0)",
    "leaky_relu": "where(h > 0, h, 0.01*h)",
    "elu": "where(h > 0, h, expm1(h))",
    "silu": "h*sigmoid(h)",
    "gelu": "h/2*(1 + erf(h/sqrt(2)))",
    "softsign": "h/(1 + abs(h))",
    "arctan": "arctan(h)",
    "exp": "exp(h)",
    "reciprocal": "1/h",
    "sin": "sin(h)",
    "gaussian": "exp(-h**2)",
}

MAX_CHARACTERS, MAX_TERMS, MAX_DEPTH, MAX_PARAMETERS = 2_000, 500, 100, 20
_EXCERPT = 40  # characters shown on either side of a mark

_CONSTANTS = {"pi": math.pi, "e": math.e}
_CALLABLE = sorted({*FUNCTIONS, *NAMED, "max", "min", "where"})
_ALIASES = {"ln": "log", "atan": "arctan", "logistic": "sigmoid", "swish": "silu", "linear": "identity"}
_BINARY: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_COMPARISONS: dict[type, tuple[str, bool]] = {  # name, and whether the sides change places
    ast.Lt: ("lt", False),
    ast.LtE: ("le", False),
    ast.Gt: ("lt", True),
    ast.GtE: ("le", True),
}
_ARGUMENTS = {"max": 2, "min": 2, "where": 3}
_REFUSED: dict[type, str] = {
    ast.Attribute: "a dot after a name",
    ast.Call: "a call other than function(argument)",
    ast.Compare: "a comparison outside where(a > b, x, y)",
    ast.Constant: "a constant that is no real number",
    ast.IfExp: "if ... else (write where(a > b, x, y))",
}
_ODD = re.compile(r"[^\w\s.,+\-*/()<>=]")
_GLUED = re.compile(r"(?<![\w.])(?>\.?\d[\d.]*(?:[eE][-+]?\d+)?)(?=[^\W\d])")


def read_formula(text: str) -> Tape:
    """Tape of a formula in h; its free names are parameters.

    Raises
    ------
    FormulaError
        With the place marked, if the text is no formula in h or is larger than the limits above.
    """
    tree = _parse(text)
    builder = TapeBuilder()
    builder.h()  # first, so that 2*h and h*2 are one tape
    tape = builder.finish([_Reader(text, builder).read(tree)])
    if not tape.depends_on_h:
        raise _without_h(text, tree)
    if len(tape.parameters) > MAX_PARAMETERS:
        raise _refusal(text, 0, f"the formula has more than {MAX_PARAMETERS} free names; use fewer")
    return tape


def append(builder: TapeBuilder, text: str, **names: int) -> int:
    """Append a formula in which `names` stand for registers."""
    return _Reader(text, builder, names).read(_parse(text))


def tidy(text: str) -> str:
    """Write a formula with even spacing and no needless parentheses."""
    return ast.unparse(_parse(text))


@lru_cache(maxsize=256)
def _parse(text: str) -> ast.expr:
    if not text:
        raise _refusal(text, 0, "the activation is empty; give a name such as sigmoid, or a formula in h")
    if len(text) > MAX_CHARACTERS:
        raise _refusal(text, MAX_CHARACTERS, f"a formula has at most {MAX_CHARACTERS} characters; shorten it")
    if odd := _ODD.search(text):
        advice = "; write ** for a power" if odd[0] == "^" else ""
        raise _refusal(text, odd.start(), f"a formula cannot hold the character {odd[0]!r}{advice}")
    if glued := _GLUED.search(text):
        raise _refusal(text, glued.end(), "a number and a name stand together here; write * between them")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise _refusal(text, *_unreadable(text, error)) from None
    except (ValueError, RecursionError, MemoryError):
        raise _refusal(text, 0, "the formula is nested too deeply or holds too long a number") from None
    if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_TERMS:
        raise _refusal(text, 0, f"a formula has at most {MAX_TERMS} terms; shorten it")
    return tree


def _unreadable(text: str, error: SyntaxError) -> tuple[int, str]:
    """Return the place and the reason of a syntax error; Python marks neither of the two commonest well."""
    if text.rstrip().endswith(tuple("+-*/<>=(,")):
        return len(text.rstrip()), "the formula ends too early; write what follows the last sign"
    place = (error.offset or 1) - 1
    if side_by_side := re.search(r"[\w)]\s+[\w(]", text):
        return side_by_side.end() - 1, "two parts stand side by side; write * or another sign between them"
    return place, f"the formula cannot be read: {error.msg}"


class _Reader:
    """Walks a syntax tree and appends to a tape whatever the whitelist allows."""

    def __init__(self, text: str, builder: TapeBuilder, names: Mapping[str, int] | None = None) -> None:
        self.text = text
        self.builder = builder
        self.names = names or {}
        self.depth = 0

    def read(self, node: ast.expr) -> int:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(node, "the formula is nested too deeply here; simplify it")
        register = self.read_node(node)
        if not self.names and self.builder.is_unfolded(register):
            raise self.refusal(node, "this part has no finite value; correct it")
        self.depth -= 1
        return register

    def read_node(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self.number(node, number)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.builder.push("neg", self.read(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self.builder.push(_BINARY[type(op)], self.read(left), self.read(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(node, name, arguments)
        raise self.unlisted(node)

    def number(self, node: ast.expr, number: float) -> int:
        try:
            if math.isfinite(number):
                return self.builder.constant(number)
        except OverflowError:
            pass
        raise self.refusal(node, "the number is too large for floating point; write a smaller one")

    def name(self, node: ast.expr, name: str) -> int:
        if name in self.names:
            return self.names[name]
        if name == "h":
            return self.builder.h()
        if name in _CONSTANTS:
            return self.builder.constant(_CONSTANTS[name])
        if name in _CALLABLE:
            raise self.refusal(node, f"{name} is a function; give it an argument, as in {name}(h)")
        if name.startswith("_"):
            raise self.refusal(node, f"the name {name} starts with an underscore; choose another")
        return self.builder.parameter(name)

    def call(self, node: ast.expr, name: str, arguments: list[ast.expr]) -> int:
        if name not in _CALLABLE:
            raise self.refusal(node, f"unknown function {name}{_suggestion(name)}")
        if len(arguments) != (expected := _ARGUMENTS.get(name, 1)):
            plural = "s" if expected > 1 else ""
            raise self.refusal(node, f"{name} takes {expected} argument{plural}, not {len(arguments)}")
        if name == "where":
            return self.builder.push("where", self.condition(arguments[0]), *map(self.read, arguments[1:]))
        registers = [self.read(argument) for argument in arguments]
        if name in ("max", "min"):
            return self.extreme(name, *registers)
        if name in FUNCTIONS:
            return self.builder.push(name, *registers)
        return append(self.builder, NAMED[name], h=registers[0])

    def condition(self, node: ast.expr) -> int:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                name, swapped = _COMPARISONS[type(op)]
                a, b = self.read(left), self.read(right)
                return self.builder.push(name, *((b, a) if swapped else (a, b)))
        raise self.refusal(
            node, "where needs one comparison by <, <=, > or >= here, as in where(h > 0, h, 0)"
        )

    def extreme(self, name: str, a: int, b: int) -> int:
        """Keep `a` unless `b` is beyond it, with a constant as `b`: so nan in h stays, and relu'(0) = 0."""
        if self.builder.known(a) is not None:
            a, b = b, a
        beyond = ("le", a, b) if name == "max" else ("lt", b, a)
        return self.builder.push("where", self.builder.push(*beyond), b, a)

    def unlisted(self, node: ast.expr) -> FormulaError:
        what = _REFUSED.get(type(node.op if isinstance(node, ast.BinOp) else node), "this")
        allowed = "numbers, h, names, + - * / ** and functions"
        return self.refusal(node, f"a formula cannot hold {what}; it is made of {allowed}")

    def refusal(self, node: ast.expr, sentence: str) -> FormulaError:
        offset = node.left.end_col_offset if isinstance(node, ast.BinOp) else node.col_offset
        return _refusal(self.text, _place(self.text, offset or 0), sentence)


def _without_h(text: str, tree: ast.expr) -> FormulaError:
    if isinstance(tree, ast.Name):
        return _refusal(text, 0, f"unknown activation {text}{_suggestion(text, [*NAMED])}")
    offset = min((node.col_offset for node in ast.walk(tree) if isinstance(node, ast.Name)), default=0)
    return _refusal(
        text,
        _place(text, offset),
        "the formula does not depend on h, the net input; write h for its variable",
    )


def _place(text: str, offset: int) -> int:
    """Character number of a place that the syntax tree counts in bytes."""
    return len(text.encode()[:offset].decode())


def _suggestion(name: str, known: Sequence[str] = _CALLABLE) -> str:
    close = difflib.get_close_matches(name.lower(), [*known, *_ALIASES], n=1)
    if close:
        return f"; did you mean {_ALIASES.get(close[0], close[0])}?"
    return f"; known are {', '.join(known)}"


def _refusal(text: str, place: int, sentence: str) -> FormulaError:
    """Error with the formula, or the part around the place, on its own line and a mark under the place."""
    place = min(max(place, 0), len(text))
    start = max(place - _EXCERPT, 0)
    excerpt = "".join(c if c.isprintable() else "?" for c in text[start : place + _EXCERPT])
    return FormulaError(f"{sentence}\n  {excerpt}\n  {' ' * (place - start)}^")
