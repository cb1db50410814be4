"""What stands behind an activation: a formula, or two functions of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np

from fallline._errors import InputError
from fallline._typing import FloatArray
from fallline.maths.activations._calculus import first_slope, with_slopes
from fallline.maths.activations._formula import NAMED, read_formula, tidy
from fallline.maths.activations._tape import Tape

Function: TypeAlias = Callable[[Any], Any]
Theta: TypeAlias = Sequence[float] | FloatArray

_LARGE = 1e290  # beyond this a value is taken to grow without bound
_TAILS = np.concatenate([-np.logspace(300, -300, 6001), [0.0], np.logspace(-300, 300, 6001)])
_MIDDLE = np.linspace(-50.0, 50.0, 10_001)


class Formula:
    """A formula, its slopes and its LaTeX, each derived when it is first asked for."""

    def __init__(self, text: str) -> None:
        source = NAMED.get(text, text)
        self.tape = read_formula(source)
        self.formula = tidy(source)
        self.name = text if text in NAMED else self.formula
        self.parameters = self.tape.parameters
        self.identity = self.tape

    @cached_property
    def with_slopes(self) -> Tape:
        """f, df/dh and df/dtheta."""
        return with_slopes(self.tape)

    @cached_property
    def _second(self) -> Tape:
        return first_slope(first_slope(self.tape))

    def value(self, h: FloatArray, theta: Theta = ()) -> FloatArray:
        """f(h)."""
        value: FloatArray = self._evaluate(self.tape, h, theta)[0]
        return value

    def pair(self, h: FloatArray, theta: Theta) -> tuple[FloatArray, FloatArray]:
        """f(h), and a row for each slope."""
        rows = self._evaluate(self.with_slopes, h, theta)
        return rows[0], rows[1:]

    def second_slope(self, h: FloatArray, theta: Theta) -> FloatArray:
        """f''(h)."""
        value: FloatArray = self._evaluate(self._second, h, theta)[0]
        return value

    def _evaluate(self, tape: Tape, h: FloatArray, theta: Theta) -> FloatArray:
        return tape.evaluate(h, dict(zip(self.parameters, theta, strict=True)))

    def latex(self) -> str:
        """f(h) in LaTeX."""
        from fallline.maths.activations._typeset import value_latex

        return value_latex(self.tape)

    def slope_latex(self) -> str:
        """f'(h) in LaTeX."""
        from fallline.maths.activations._typeset import slope_latex

        return slope_latex(self.tape)


cached_formula = lru_cache(maxsize=256)(Formula)


class Functions:
    """Two functions, f and its slope, that work elementwise on arrays."""

    formula = None
    parameters: tuple[str, ...] = ()

    def __init__(self, f: Function, slope: Function) -> None:
        self.f = f
        self.slope = slope
        self.name = str(getattr(f, "__name__", type(f).__name__))
        self.identity = id(f), id(slope)

    def value(self, h: FloatArray, theta: Theta = ()) -> FloatArray:
        """f(h)."""
        return self._called(self.f, h, "f")

    def pair(self, h: FloatArray, theta: Theta) -> tuple[FloatArray, FloatArray]:
        """f(h), and f'(h) as the only row of slopes."""
        return self.value(h), self._called(self.slope, h, "slope")[np.newaxis]

    def second_slope(self, h: FloatArray, theta: Theta) -> FloatArray:
        """f''(h) by central differences, in float64."""
        middle = h.astype(np.float64)
        step = np.cbrt(np.finfo(np.float64).eps) * np.maximum(1, np.abs(middle))
        above, below = middle + step, middle - step
        rise = self._called(self.slope, above, "slope") - self._called(self.slope, below, "slope")
        return np.asarray(rise / (above - below)).astype(h.dtype)

    def latex(self) -> None:
        """No formula, no LaTeX."""

    def slope_latex(self) -> None:
        """No formula, no LaTeX."""

    def _called(self, function: Function, h: FloatArray, which: str) -> FloatArray:
        result = np.asarray(function(h))
        if result.shape != h.shape or result.dtype.kind not in "biuf":
            given = f"{result.dtype} of shape {result.shape} for h of shape {h.shape}"
            raise InputError(
                f"the function {which} of the activation {self.name} returned {given}; "
                "it has to return one real number for each h"
            )
        return result.astype(h.dtype)


def value_range(rule: Formula | Functions) -> tuple[float, float]:
    """Least and greatest value over all finite h, without nan; infinite where growth has no end."""
    with np.errstate(all="ignore"):
        low, high = _least(rule.value), -_least(lambda h: -rule.value(h))
    return (low, high) if low <= high else (-math.inf, math.inf)


def _least(f: Callable[[FloatArray], FloatArray]) -> float:
    """Least value on a grid up to 1e300, refined three times around its place near 0."""
    least = float(np.fmin.reduce(f(_TAILS), initial=math.inf))
    grid = _MIDDLE
    for _ in range(4):
        values = np.nan_to_num(f(grid), copy=False, nan=math.inf, posinf=math.inf, neginf=-math.inf)
        i = int(values.argmin())
        least = min(least, float(values[i]))
        grid = np.linspace(grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)], 1001)
    return least if least > -_LARGE else -math.inf
