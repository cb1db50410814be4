"""Single-layer neural networks trained by gradient descent on the squared error.

ŷ = f(Σ w x) with E = ½ Σ (y − ŷ)², by the delta rule w ← w + η δ x, δ = (y − ŷ) f′(h), for any
activation f and any number of outputs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fallline._errors import (
        DataWarning,
        DivergenceError,
        FalllineError,
        FormulaError,
        InputError,
    )
    from fallline.descent._carry import State
    from fallline.descent._descend import descend, error_and_gradient
    from fallline.descent._run import Run
    from fallline.descent._stopping import StopReason
    from fallline.descent._train import train
    from fallline.faces.estimators._classifier import SingleLayerClassifier
    from fallline.faces.estimators._regressor import SingleLayerRegressor
    from fallline.maths._activation import Activation
    from fallline.maths._ledger import Ledger, one_step
    from fallline.maths._network import SingleLayer

_HOMES = {
    "Activation": "maths._activation",
    "DataWarning": "_errors",
    "DivergenceError": "_errors",
    "FalllineError": "_errors",
    "FormulaError": "_errors",
    "InputError": "_errors",
    "Ledger": "maths._ledger",
    "Run": "descent._run",
    "SingleLayer": "maths._network",
    "SingleLayerClassifier": "faces.estimators._classifier",
    "SingleLayerRegressor": "faces.estimators._regressor",
    "State": "descent._carry",
    "StopReason": "descent._stopping",
    "descend": "descent._descend",
    "error_and_gradient": "descent._descend",
    "one_step": "maths._ledger",
    "train": "descent._train",
}

__all__ = [*_HOMES]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a public name on its first use, so that ``import fallline`` stays light."""
        if name == "__version__":
            from importlib.metadata import version

            return version("fallline")
        if name not in _HOMES:
            raise AttributeError(f"module 'fallline' has no attribute {name!r}")
        value = getattr(import_module(f"fallline.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *_HOMES, "__version__"])
