"""L-BFGS: the two-loop recursion (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._coordinates import Coordinates
from fallline.descent._objective import Evaluation

PAIRS = 10
CURVATURE_TOLERANCE = 1e-10


@dataclass(frozen=True)
class LBFGS:
    """A step from the last few steps and what they changed in the gradient."""

    coordinates: Coordinates
    needs_curvature: ClassVar[bool] = False
    goes_by_rate: ClassVar[bool] = False

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point a share of the way along −H ∂E/∂v, H the inverse Hessian of the pairs."""
        steps, changes = self._pairs(at, memory)
        q, shares = at.gradient.copy(), []
        for s, c in zip(reversed(steps), reversed(changes), strict=True):
            share = np.vdot(s, q) / np.vdot(s, c)
            q -= share * c
            shares.append(share)
        q *= self._scale(at, steps, changes)
        for s, c, share in zip(steps, changes, reversed(shares), strict=True):
            q += (share - np.vdot(c, q) / np.vdot(s, c)) * s
        return at.point - rate * q

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep the last pairs whose curvature is positive."""
        new = {"steps": after.point - at.point, "changes": after.gradient - at.gradient}
        pairs = {key: memory.get(key, np.empty((0, len(at.point)))) for key in new}
        floor = CURVATURE_TOLERANCE * np.prod([np.linalg.norm(part) for part in new.values()])
        if np.vdot(new["steps"], new["changes"]) <= floor:
            return pairs
        return {key: np.concatenate([pairs[key][1 - PAIRS :], new[key][None]]) for key in pairs}

    def _pairs(self, at: Evaluation, memory: Memory) -> tuple[Array, Array]:
        """Return the pairs, of what is free to move alone: a parameter held by its bound has no gradient."""
        nothing = np.empty((0, len(at.point)))
        steps, changes = (memory.get(key, nothing) for key in ("steps", "changes"))
        start = len(at.point) - self.coordinates.n_thetas
        if at.gradient[start:].all():
            return steps, changes
        free = np.ones(len(at.point))
        free[start:] = at.gradient[start:] != 0.0
        steps, changes = steps * free, changes * free
        bent = np.einsum("ij,ij->i", steps, changes) > 0.0
        return steps[bent], changes[bent]

    def _scale(self, at: Evaluation, steps: Array, changes: Array) -> Array:
        """Return the size of H before corrections: from the last pair, at first 1 / Σ s f′² (unit inputs)."""
        if len(steps):
            return np.asarray(np.vdot(steps[-1], changes[-1]) / np.vdot(changes[-1], changes[-1]))
        of_output, of_theta = at.mass[0], at.mass[1:]
        weights = np.broadcast_to(of_output, (self.coordinates.rank, len(of_output)))
        diagonal = self.coordinates.gradient(weights, of_output, of_theta * self.coordinates.theta_scale)
        return 1.0 / np.where(diagonal > 0.0, diagonal, 1.0)
