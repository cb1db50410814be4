"""LaTeX of a formula and of its slope, through SymPy."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import sympy as sp
from sympy.printing.latex import LatexPrinter

from fallline.maths.activations._calculus import first_slope, with_slopes
from fallline.maths.activations._tape import Tape

MAX_SIZE = 1_000  # operations, with shared parts and powers written out


class _Written(sp.Function):  # type: ignore[misc]
    """A function that SymPy only writes: its own max and cases can take minutes."""

    template = ""

    @classmethod
    def class_key(cls) -> tuple[int, int, str]:
        return 2, 1, cls.__name__  # after symbols and before sums: sigma (1 - sigma)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self.template.format(*(printer.doprint(argument) for argument in self.args))
        return text if exp is None else rf"{text}^{{{exp}}}"


class _Sigma(_Written):
    template = r"\sigma({0})"


class _Max(_Written):
    template = r"\max\left({0}, {1}\right)"


class _Min(_Written):
    template = r"\min\left({0}, {1}\right)"


class _Less(_Written):
    template = "{0} < {1}"


class _Greater(_Written):
    template = "{0} > {1}"


class _AtMost(_Written):
    template = r"{0} \leq {1}"


class _AtLeast(_Written):
    template = r"{0} \geq {1}"


class _Cases(_Written):
    template = r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}"


class _Printer(LatexPrinter):  # type: ignore[misc]
    """Sums as they are written by hand: 1 + h, top - bottom."""

    def _as_ordered_terms(self, expr: sp.Expr, order: str | None = None) -> list[sp.Expr]:
        terms = super()._as_ordered_terms(expr, order=order)
        return sorted(terms, key=lambda term: (term.as_coeff_Mul()[0].is_negative, not term.is_Number))


_SYMPY: dict[str, Any] = {
    "neg": lambda u: -u,
    "add": sp.Add,
    "sub": lambda u, w: u - w,
    "mul": sp.Mul,
    "div": lambda u, w: u / w,
    "pow": sp.Pow,
    "lt": lambda u, w: _Greater(w, u) if u.is_Number else _Less(u, w),
    "le": lambda u, w: _AtLeast(w, u) if u.is_Number else _AtMost(u, w),
    "where": _Cases,
    "exp": sp.exp,
    "expm1": lambda u: sp.exp(u) - 1,
    "log": sp.log,
    "log1p": lambda u: sp.log(1 + u),
    "sqrt": sp.sqrt,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "arctan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "sigmoid": _Sigma,
    "softplus": lambda u: sp.log(1 + sp.exp(u)),
    "erf": sp.erf,
    "abs": sp.Abs,
    "sign": sp.sign,
}
_EXACT = (sp.S.One, sp.pi, sp.E, sp.sqrt(2), sp.sqrt(sp.pi), sp.sqrt(2 * sp.pi), sp.log(2))


def value_latex(tape: Tape) -> str:
    """LaTeX of a tape's output with the sigmoid written out; "f(h)" for what would fill pages."""
    if _size(tape) > MAX_SIZE:
        return "f(h)"
    return _latex(_expression(tape, _SYMPY | {"sigmoid": lambda u: 1 / (1 + sp.exp(-u))}), tape)


def slope_latex(tape: Tape) -> str:
    """LaTeX of the slope of a tape's output, in terms of sigma; "f'(h)" for what would fill pages."""
    slope = first_slope(tape)
    return "f'(h)" if _size(slope) > MAX_SIZE else _latex(_expression(slope, _SYMPY), slope)


def parameter_latex(tape: Tape) -> dict[str, str]:
    """LaTeX of each free name of a tape, as it stands in the formulas."""
    return {name: _latex(sp.Symbol(name), tape) for name in tape.parameters}


def parameter_slopes_latex(tape: Tape) -> dict[str, str]:
    """LaTeX of the slope by each free name, in terms of sigma; "" for what would fill pages."""
    slopes = with_slopes(tape)
    each = (replace(slopes, outputs=(register,)) for register in slopes.outputs[2:])
    return {
        name: "" if _size(slope) > MAX_SIZE else _latex(_expression(slope, _SYMPY), tape)
        for name, slope in zip(tape.parameters, each, strict=True)
    }


def _latex(expression: sp.Expr, tape: Tape) -> str:
    symbols = [sp.Symbol(name) for name in tape.parameters if len(name) > 1]
    words = {symbol: rf"\mathrm{{{symbol.name}}}" for symbol in symbols if sp.latex(symbol) == symbol.name}
    settings = {"symbol_names": words, "ln_notation": True, "inv_trig_style": "full"}
    return str(_Printer(settings).doprint(expression))


def _size(tape: Tape) -> float:
    """Operations with shared parts and powers written out."""
    sizes: list[float] = []
    for op, args, _ in tape.instructions:
        size = 1 + sum(sizes[a] for a in args)
        exponent = tape.instructions[args[1]].leaf if op == "pow" else None
        sizes.append(size * max(1.0, abs(exponent)) if isinstance(exponent, float) else size)
    return sizes[tape.outputs[0]]


def _expression(tape: Tape, forms: dict[str, Any]) -> sp.Expr:
    registers: list[Any] = []
    for op, args, leaf in tape.instructions:
        if op == "constant":
            registers.append(_number(cast(float, leaf)))
        elif op in ("h", "parameter"):
            registers.append(sp.Symbol(leaf))
        else:
            form = _extreme(tape, args) if op == "where" else None
            registers.append((form or forms[op])(*(registers[a] for a in args)))
    return registers[tape.outputs[0]]


def _extreme(tape: Tape, args: tuple[int, ...]) -> Any:
    """Max or min for where(a < b, ...) that chooses between a and b themselves."""
    condition, u, w = args
    compared = tape.instructions[condition].args
    if (u, w) == compared:
        return lambda _, b, a: _Min(a, b)
    return (lambda _, b, a: _Max(a, b)) if (w, u) == compared else None


def _number(x: float) -> sp.Expr:
    """Return a number as a book prints it: 3, 1/2, 72.46, but a square root or pi by its symbol."""
    if x.is_integer() and abs(x) < 1e15:
        return sp.Integer(int(x))
    if 1 / x in range(2, 9):
        return sp.Rational(1, int(1 / x))
    if len(repr(x)) < 9:
        return sp.Float(repr(x))
    for exact in (form for base in _EXACT for form in (base, 1 / base)):
        ratio = x / float(exact)
        simple = Fraction(ratio).limit_denominator(8)
        if abs(simple.numerator) <= 8 and math.isclose(ratio, simple, rel_tol=4e-16):
            return sp.Rational(simple) * exact
    return sp.Float(repr(x))
