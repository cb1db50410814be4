"""Every operation of a formula, once: how it changes, how NumPy computes it, how it is compiled.

A tangent is a formula in the arguments ``u`` and ``w``, the value ``v`` and the changes ``du`` and ``dw`` of
the arguments; it is read by the same parser as a formula typed by a user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special


class Operation(NamedTuple):
    """One row of the tables below."""

    tangent: str
    numpy: Callable[..., Any]
    compiled: str  # an expression in {0}, {1}, {2}, of one type throughout: `zero` and `one` are of that type


def _function(slope: str, numpy: Callable[..., Any], compiled: str) -> Operation:
    return Operation(f"({slope})*du", numpy, compiled)


def _softplus(u: Any) -> Any:
    return np.logaddexp(u.dtype.type(0), u)


FUNCTIONS: dict[str, Operation] = {
    "exp": _function("v", np.exp, "exp({0})"),
    "expm1": _function("v + 1", np.expm1, "expm1({0})"),
    "log": _function("1/u", np.log, "log({0})"),
    "log1p": _function("1/(1 + u)", np.log1p, "log1p({0})"),
    "sqrt": _function("0.5/v", np.sqrt, "sqrt({0})"),
    "sin": _function("cos(u)", np.sin, "sin({0})"),
    "cos": _function("-sin(u)", np.cos, "cos({0})"),
    "tan": _function("1 + v*v", np.tan, "tan({0})"),
    "arctan": _function("1/(1 + u*u)", np.arctan, "atan({0})"),
    "sinh": _function("cosh(u)", np.sinh, "sinh({0})"),
    "cosh": _function("sinh(u)", np.cosh, "cosh({0})"),
    "tanh": _function("1 - v*v", np.tanh, "tanh({0})"),
    "sigmoid": _function("v*(1 - v)", special.expit, "sigmoid({0})"),
    "softplus": _function("sigmoid(u)", _softplus, "softplus({0})"),
    "erf": _function("2/sqrt(pi)*exp(-u*u)", special.erf, "erf({0})"),
    "abs": _function("sign(u)", np.abs, "abs({0})"),
    "sign": _function("0", np.sign, "one if {0} > zero else (-one if {0} < zero else {0})"),
}

OPERATORS: dict[str, Operation] = {
    "neg": Operation("-du", np.negative, "-{0}"),
    "add": Operation("du + dw", np.add, "{0} + {1}"),
    "sub": Operation("du - dw", np.subtract, "{0} - {1}"),
    "mul": Operation("du*w + u*dw", np.multiply, "{0} * {1}"),
    "div": Operation("(du*w - u*dw)/(w*w)", np.true_divide, "{0} / {1}"),
    "pow": Operation("w*u**(w - 1)*du + where(v*v > 0, v*log(u), v)*dw", np.power, "{0} ** {1}"),
    "lt": Operation("0", np.less, "{0} < {1}"),
    "le": Operation("0", np.less_equal, "{0} <= {1}"),
    "where": Operation("", np.where, "{1} if {0} else {2}"),  # keeps its condition: see differentiate
}

OPERATIONS = FUNCTIONS | OPERATORS

# Tangents that are simpler when one argument is known to be constant: (operation, its place).
CONSTANT_ARGUMENT = {("div", 1): "du/w", ("pow", 1): "w*u**(w - 1)*du", ("pow", 0): "v*log(u)*dw"}
