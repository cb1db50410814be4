"""One step over 1,000,000 × 256 float32 records, sigmoid, one output: fallline beside NumPy and reading X.

Run with ``python benchmarks/step.py``. The three take turns in one process; what counts is the
median of the ratios of neighbours, not the times, which change with the machine's other work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import fallline

ROUNDS = 15
REST = 0.2
"""BLAS threads go on spinning for some time after a call and would take a core from the next one."""


def two_passes(X: Any, y: Any, w: Any) -> tuple[float, Any]:
    """Compute E and its gradient as one would in NumPy."""
    p = 1.0 / (1.0 + np.exp(-(X @ w)))
    residual = y - p
    return 0.5 * float(residual @ residual), -(X.T @ (residual * p * (1.0 - p)))


@numba.njit(parallel=True, fastmath=True)
def read(X: Any) -> float:
    """Add up X: as fast as it can be read."""
    total = 0.0
    for r in numba.prange(X.shape[0]):
        row = np.float32(0)
        for i in range(X.shape[1]):
            row += X[r, i]
        total += row
    return total


def seconds(function: Callable[[], object]) -> float:
    """Return how long one call takes, once the threads of the call before have gone to sleep."""
    time.sleep(REST)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main(n: int = 1_000_000, d: int = 256) -> None:
    """Print the medians and the ratios."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    y = rng.random(n, dtype=np.float32)
    w = rng.normal(scale=d**-0.5, size=d).astype(np.float32)
    contestants = {
        "read X": lambda: read(X),
        "NumPy, two passes": lambda: two_passes(X, y, w),
        "fallline": lambda: fallline.error_and_gradient(X, y, w, activation="sigmoid"),
    }
    for function in contestants.values():
        function()
    times = np.array([[seconds(f) for f in contestants.values()] for _ in range(ROUNDS)])
    for name, column in zip(contestants, times.T, strict=True):
        median = np.median(column)
        print(f"{name:<20}{1e3 * median:8.1f} ms   {X.nbytes / median / 1e9:6.1f} GB/s of X")
    for name, column in zip(list(contestants)[:2], times.T, strict=False):
        ratio = column / times[:, -1]
        low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9])
        print(f"{name} / fallline: {middle:.2f} (from {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
