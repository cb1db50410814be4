"""What a pass over some records adds up to, and the only way to add it: ``+``."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fallline._typing import Array


@dataclass(frozen=True, slots=True)
class Partial:
    """Sums over a set of records, all float64; disjoint sets are joined by ``+``.

    Attributes
    ----------
    error : float
        E = ½ Σ s (y − ŷ)².
    weights : array (n_features, n_outputs)
        ∂E/∂w = −Σ s δ x.
    intercept : array (n_outputs,)
        ∂E/∂b = −Σ s δ.
    theta : array (n_parameters, n_outputs)
        ∂E/∂θ = −Σ s (y − ŷ) ∂f/∂θ of the activation's free parameters, output by output.
    mass : array (1 + n_parameters, n_outputs)
        Σ s f′(h)², then Σ s (∂f/∂θ)²: the diagonal of the Gauss–Newton matrix for b and θ.
    curvature : array (n_outputs, m, m) or (0,)
        The Gauss–Newton matrix Σ s a aᵀ of each output, a = (f′ z, f′, ∂f/∂θ), where a method asked for it.
    """

    error: float
    weights: Array
    intercept: Array
    theta: Array
    mass: Array
    curvature: Array

    @classmethod
    def zero(cls, n_features: int, n_outputs: int, n_parameters: int = 0) -> Partial:
        """Return the sum over no records."""
        return cls(
            0.0,
            np.zeros((n_features, n_outputs)),
            np.zeros(n_outputs),
            np.zeros((n_parameters, n_outputs)),
            np.zeros((1 + n_parameters, n_outputs)),
            np.zeros(0),
        )

    def __add__(self, other: Partial) -> Partial:
        return Partial(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def is_finite(self) -> bool:
        """Whether the error and every gradient are finite."""
        return all(np.isfinite(getattr(self, f.name)).all() for f in fields(self))
