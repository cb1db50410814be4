"""Gauss–Newton: the whitening of the inputs, refreshed at each pass with the weights f′(h)².

The whole step solves A p = −∂E/∂v with A = Σ s a aᵀ, a = (f′ z, f′, ∂f/∂θ), for each output (Nocedal and
Wright, Numerical Optimization, 2nd ed., eq. 10.23); directions in which nothing varies are left alone, which
gives the step of minimum norm in the coordinates descended. A shorter step, of rate t < 1, follows the
curve of Levenberg and Marquardt, (A + μ D) p = −∂E/∂v (eq. 10.34), from the whole step round to the slope;
μ grows with 1/t⁴ from a millionth, so that halving t a few times passes through all sizes that matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._coordinates import Coordinates
from fallline.descent._objective import Evaluation
from fallline.descent._penalty import Penalty

RANK_TOLERANCE, LEAST_DAMPING = 1e-14, 1e-6
SLOW, PATIENCE = 0.5, 2
"""So many steps that lower E by more than this share of what the one before did show that the matrix is not
that of the bowl: then the other one takes turns, the whole Hessian first."""


@dataclass(frozen=True)
class GaussNewton:
    """The step to the bottom of the bowl that E has where f is replaced by its tangent."""

    coordinates: Coordinates
    penalty: Penalty
    within_bounds: Callable[[Array], Array] = lambda point: point
    needs_curvature: ClassVar[bool] = True
    goes_by_rate: ClassVar[bool] = False

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point that the step for every output leads to.

        Where it would break the bound of a parameter, that one goes to its bound and the others make the best
        of it.
        """
        if not np.isfinite(at.curvature).all():
            return np.full_like(at.point, np.nan)
        damped = at.curvature + _damping(at.curvature, LEAST_DAMPING * (rate**-4 - 1.0), self.coordinates)
        point = self._bottom(at, damped)
        kept = self.within_bounds(point)
        broken = kept != point
        if broken.any() and not self.penalty.l1:
            point = self._bottom(*self._moved(at, damped, np.where(broken, kept - at.point, 0.0), broken))
        return np.where(broken, kept, point)

    def _bottom(self, at: Evaluation, matrices: Array) -> Array:
        """Return the bottom of the bowl with these matrices."""
        if self.penalty.l1:
            return self._sparse(at, matrices)
        if self.coordinates.shares_theta:
            return at.point + self._with_shared_theta(at, matrices)
        columns = zip(matrices, self.coordinates.by_output(at.gradient), strict=True)
        steps = [minimum_norm_solution(matrix, -g) for matrix, g in columns]
        return at.point + self.coordinates.from_outputs(np.array(steps))

    def _moved(self, at: Evaluation, matrices: Array, move: Array, held: Array) -> tuple[Evaluation, Array]:
        """Return gradient and matrices for what is not held, after a move of what is."""
        rows = self.coordinates.by_output(move)
        change = np.einsum("kij,kj->ki", matrices, rows)
        n_thetas = len(self.coordinates.theta_scale)
        if self.coordinates.shares_theta:
            change[:, -n_thetas:] = change[:, -n_thetas:].sum(axis=0)
        gradient = np.where(held, 0.0, at.gradient + self.coordinates.from_outputs(change))
        free = 1.0 - self.coordinates.by_output(held.astype(np.float64))
        return at._replace(gradient=gradient), matrices * free[:, :, None] * free[:, None, :]

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep how far E fell, and how often that was little less than the time before."""
        fall = np.asarray(at.total - after.total)
        is_little_less = "fall" in memory and fall > SLOW * memory["fall"]
        return {"fall": fall, "slow": memory.get("slow", np.zeros(())) + float(is_little_less)}

    def _with_shared_theta(self, at: Evaluation, damped: Array) -> Array:
        """Eliminate what belongs to one output, solve for the parameters all share, and put them back."""
        p = self.coordinates.n_thetas
        gradients = self.coordinates.by_output(at.gradient)
        own, shared = gradients[:, :-p], gradients[0, -p:]
        matrix, right, alone = np.zeros((p, p)), -shared, []
        for block, g in zip(damped, own, strict=True):
            edge = block[:-p, -p:]
            reduced = minimum_norm_solution(block[:-p, :-p], np.column_stack([-g, edge]))
            matrix += block[-p:, -p:] - edge.T @ reduced[:, 1:]
            right = right - edge.T @ reduced[:, 0]
            alone.append(reduced)
        theta = minimum_norm_solution(matrix, right)
        steps = [np.concatenate([part[:, 0] - part[:, 1:] @ theta, theta]) for part in alone]
        return self.coordinates.from_outputs(np.array(steps))

    def _sparse(self, at: Evaluation, damped: Array) -> Array:
        """Descend the bowl with the corners of the ℓ₁ penalty on it, coordinate by coordinate."""
        from fallline.maths._kernels import coordinate_descent

        points = self.coordinates.by_output(at.point).copy()
        corners = np.zeros_like(points)
        corners[:, : self.coordinates.rank] = self.penalty.thresholds.reshape(-1, len(points)).T
        columns = zip(damped, self.coordinates.by_output(at.gradient), corners, points, strict=True)
        for matrix, g, corner, point in columns:
            coordinate_descent(matrix, g, corner, point)
        return self.coordinates.from_outputs(points)


def wants_hessian(memory: Memory) -> bool:
    """Whether it is the turn of the Hessian."""
    return bool(memory.get("slow", 0.0) // PATIENCE % 2)


def minimum_norm_solution(matrix: Array, right: Array) -> Array:
    """Return the shortest of the best solutions of a positive semidefinite system."""
    if not matrix.size:
        return np.zeros_like(right)
    eigenvalues, axes = np.linalg.eigh(matrix)
    kept = eigenvalues > RANK_TOLERANCE * max(eigenvalues[-1], 0.0)
    axes = axes[:, kept]
    return np.asarray(axes @ ((axes.T @ right).T / eigenvalues[kept]).T)


def _damping(curvature: Array, mu: float, coordinates: Coordinates) -> Array:
    """Return μ D: the mean diagonal for all weights, so that a step stays among the inputs that vary."""
    if mu == 0.0:
        return np.zeros_like(curvature)
    diagonal = np.diagonal(curvature, axis1=1, axis2=2).copy()
    r = coordinates.rank
    if r:
        diagonal[:, :r] = diagonal[:, :r].mean(axis=1, keepdims=True)
    diagonal = np.where(diagonal > 0.0, diagonal, 1.0)
    return np.asarray(mu * np.eye(curvature.shape[1]) * diagonal[:, None, :])
