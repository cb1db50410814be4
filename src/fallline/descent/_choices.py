"""What "auto" comes to: a method and coordinates that suit the size of the problem."""

from __future__ import annotations

from fallline.data._blocks import Shape, Source
from fallline.descent._settings import Settings

CHEAP_PRODUCTS = 2e8
"""Multiplications a pass may take for matrices of products before they are no longer formed by themselves."""
CHEAP_SOLUTION = 3e8
"""Cubed inputs × outputs up to which systems with these matrices are solved."""


def choose_method(source: Source, settings: Settings) -> str:
    """Return the method: for "auto", Gauss–Newton where its matrix is cheap beside reading X, else L-BFGS.

    Corners of the penalty are beyond L-BFGS: Nesterov's method takes its place.
    """
    if settings.own_method != "auto":
        return settings.own_method
    if is_cheap(source.shape, source.shape.n_outputs):
        return "gauss-newton"
    return "nesterov" if settings.is_sparse else "lbfgs"


def choose_scaling(source: Source, settings: Settings, method: str) -> str:
    """Return the scaling: for "auto", what the method needs; Gauss–Newton whitens at each pass by itself."""
    if settings.scaling != "auto":
        return settings.scaling
    diagonal = settings.is_sparse or (settings.alpha > 0.0 and settings.batch_size is not None)
    if diagonal or not is_cheap(source.shape, 1):
        return "standard"
    return "standard, or whiten where collinear" if method == "gauss-newton" else "whiten"


def is_cheap(shape: Shape, matrices: int) -> bool:
    """Whether that many matrices of products of the inputs cost little to form and to solve."""
    n, d, _ = shape
    return n * d * d * matrices <= CHEAP_PRODUCTS and d**3 * matrices <= CHEAP_SOLUTION
