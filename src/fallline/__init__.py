"""Single-layer neural networks trained by gradient descent on the squared error.

ŷ = f(Σ w x) with E = ½ Σ (y − ŷ)², by the delta rule w ← w + η δ x, δ = (y − ŷ) f′(h), for any
activation f and any number of outputs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from fallline._errors import (
        DataWarning,
        DivergenceError,
        FalllineError,
        FormulaError,
        InputError,
        ModelFileError,
    )
    from fallline.data.tables._open import open_table
    from fallline.descent._carry import State
    from fallline.descent._descend import descend
    from fallline.descent._largest_stable_rate import largest_stable_rate
    from fallline.descent._run import Run
    from fallline.descent._schedules import Exponential, ImportanceAware, InverseScaling, Normalised
    from fallline.descent._stopping import StopReason
    from fallline.descent._train import train
    from fallline.execution._error_and_gradient import error_and_gradient
    from fallline.faces.estimators._classifier import SingleLayerClassifier
    from fallline.faces.estimators._regressor import SingleLayerRegressor
    from fallline.maths.activations._activation import Activation
    from fallline.maths.ledger._ledger import Ledger, one_step
    from fallline.maths.network._model_file import load
    from fallline.maths.network._network import SingleLayer

__all__ = [
    "Activation",
    "DataWarning",
    "DivergenceError",
    "Exponential",
    "FalllineError",
    "FormulaError",
    "ImportanceAware",
    "InputError",
    "InverseScaling",
    "Ledger",
    "ModelFileError",
    "Normalised",
    "Run",
    "SingleLayer",
    "SingleLayerClassifier",
    "SingleLayerRegressor",
    "State",
    "StopReason",
    "descend",
    "error_and_gradient",
    "largest_stable_rate",
    "load",
    "one_step",
    "open_table",
    "train",
]

_HOMES = {
    "_errors": (
        "DataWarning",
        "DivergenceError",
        "FalllineError",
        "FormulaError",
        "InputError",
        "ModelFileError",
    ),
    "data.tables._open": ("open_table",),
    "descent._carry": ("State",),
    "descent._descend": ("descend",),
    "descent._largest_stable_rate": ("largest_stable_rate",),
    "descent._run": ("Run",),
    "descent._schedules": ("Exponential", "ImportanceAware", "InverseScaling", "Normalised"),
    "descent._stopping": ("StopReason",),
    "descent._train": ("train",),
    "execution._error_and_gradient": ("error_and_gradient",),
    "faces.estimators._classifier": ("SingleLayerClassifier",),
    "faces.estimators._regressor": ("SingleLayerRegressor",),
    "maths.activations._activation": ("Activation",),
    "maths.ledger._ledger": ("Ledger", "one_step"),
    "maths.network._model_file": ("load",),
    "maths.network._network": ("SingleLayer",),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a public name on its first use, so that ``import fallline`` stays light."""
        if name == "__version__":
            from importlib.metadata import version

            return version("fallline")
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"fallline.{home}"), name)
        raise AttributeError(f"module 'fallline' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__, "__version__"])
