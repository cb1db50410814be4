"""Errors raised on purpose: one sentence each, that says what is wrong, where, and what to do."""

from __future__ import annotations

import sys
import warnings
from typing import Any


class FalllineError(Exception):
    """Base of all errors raised on purpose."""


class InputError(FalllineError, ValueError):
    """Data, weights or settings that cannot be used as given."""


class NoNumberError(InputError, TypeError):
    """A cell that holds something else than a number."""


class FormulaError(FalllineError, ValueError):
    """An activation that is no known name and no readable formula."""


class ModelFileError(FalllineError, ValueError):
    """A file that is no model file, or a damaged one."""


class DivergenceError(FalllineError, ArithmeticError):
    """The descent left the bowl: the error is no longer finite, or keeps rising above its start.

    Attributes
    ----------
    state : State
        The last good state.
    """

    def __init__(self, message: str, state: Any) -> None:
        super().__init__(message)
        self.state = state


class DataWarning(UserWarning):
    """The data can be used, but something about them limits what can come out."""


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called into the package, be it through scikit-learn's wrappers."""
    frame, level = sys._getframe(1), 2
    inner = ("fallline.", "sklearn.")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(inner):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
