"""L-BFGS: the two-loop recursion (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation

PAIRS = 10
CURVATURE_TOLERANCE = 1e-10


@dataclass(frozen=True)
class LBFGS:
    """A step from the last few steps and what they changed in the gradient."""

    needs_curvature: ClassVar[bool] = False

    def direction(self, evaluation: Evaluation, memory: Memory) -> Array:
        """Return −H ∂E/∂v, H the inverse Hessian that the remembered pairs describe."""
        steps, changes = (memory.get(key, np.empty(0)) for key in ("steps", "changes"))
        q, shares = evaluation.gradient.copy(), []
        for s, c in zip(reversed(steps), reversed(changes), strict=True):
            share = np.vdot(s, q) / np.vdot(s, c)
            q -= share * c
            shares.append(share)
        q *= _scale(evaluation, steps, changes)
        for s, c, share in zip(steps, changes, reversed(shares), strict=True):
            q += (share - np.vdot(c, q) / np.vdot(s, c)) * s
        return -q

    def remember(self, memory: Memory, step: Array, gradient_change: Array) -> Memory:
        """Keep the last pairs whose curvature is positive."""
        pairs = {key: memory.get(key, np.empty((0, *step.shape))) for key in ("steps", "changes")}
        floor = CURVATURE_TOLERANCE * np.linalg.norm(step) * np.linalg.norm(gradient_change)
        if np.vdot(step, gradient_change) <= floor:
            return pairs
        new = {"steps": step, "changes": gradient_change}
        return {key: np.concatenate([pairs[key][1 - PAIRS :], new[key][None]]) for key in pairs}


def _scale(evaluation: Evaluation, steps: Array, changes: Array) -> Array:
    """Return the size of H before corrections: from the last pair, at first 1 / Σ s f′² (whitened inputs)."""
    if len(steps):
        return np.asarray(np.vdot(steps[-1], changes[-1]) / np.vdot(changes[-1], changes[-1]))
    return 1.0 / np.where(evaluation.mass > 0.0, evaluation.mass, 1.0)
