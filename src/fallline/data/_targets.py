"""What the targets alone tell, before X is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fallline._errors import DataWarning, warn_caller
from fallline._typing import Array
from fallline.data._blocks import Source
from fallline.maths._moments import Moments, block_moments
from fallline.maths.activations._activation import Activation
from fallline.maths.network._signature import Signature


@dataclass(frozen=True)
class Targets:
    """Number of records, Σ s, and mean, lowest and highest y of each output (k,).

    ``error_of_mean`` is E of the trivial baseline that predicts the mean; ``squares`` is ½ ΣΣ s y².
    """

    n_records: int
    mass: float
    mean: Array
    low: Array
    high: Array
    error_of_mean: float
    squares: float

    @property
    def mean_weight(self) -> float:
        """The mean sample weight."""
        return self.mass / self.n_records


def survey(source: Source) -> Targets:
    """Read y and the sample weights once."""
    k = source.shape.n_outputs
    moments = Moments(0.0, np.zeros(k), np.zeros(k))
    low, high, n = np.full(k, np.inf), np.full(k, -np.inf), 0
    for block in source.blocks():
        y = block.records.y
        moments += block_moments(y, block.records.sample_weight)
        low, high, n = np.minimum(low, y.min(axis=0)), np.maximum(high, y.max(axis=0)), n + len(y)
    halves = 0.5 * float(moments.scatter.sum()), 0.5 * float(moments.second_moment.sum())
    return Targets(n, moments.mass, moments.mean, low, high, *halves)


def warn_about(targets: Targets, activation: Activation, signature: Signature | None) -> None:
    """Warn of targets that are constant or that the activation cannot reach."""
    if targets.n_records == 1:
        return
    low, high = activation.range
    for j, (bottom, top) in enumerate(zip(targets.low, targets.high, strict=True)):
        if signature is not None:
            name = signature.output_names[j]
        else:
            name = "y" if len(targets.low) == 1 else f"output {j} of y"
        if bottom == top:
            warn_caller(f"{name} is constant ({bottom:.6g}): there is nothing else to learn", DataWarning)
        elif bottom < low or top > high:
            warn_caller(
                f"{name} goes from {bottom:.6g} to {top:.6g}, but {activation.name} only reaches from "
                f"{low:.6g} to {high:.6g}: rescale it, or choose an activation that reaches it",
                DataWarning,
            )
