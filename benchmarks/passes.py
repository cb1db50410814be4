"""Passes over X until E is within 1e-6 of the known optimum, on raw data with default settings.

Run with ``python benchmarks/passes.py``; the sets are those of ``tests/published.py``. Beside fallline's
methods stands SciPy's L-BFGS-B on the same E and gradient, raw and standardised (two more passes).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

import fallline

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from published import REAL

MOST = 20_000


def passes_of_fallline(X: Any, y: Any, activation: str, error: float, method: str) -> int | None:
    """Return the passes until E ≤ ``error``, every read of X counted."""
    history = fallline.train(X, y, activation=activation, method=method, max_iter=MOST).history
    reached = history["passes"][history["error"] <= error]
    return int(reached[0]) if len(reached) else None


def passes_of_scipy(X: Any, y: Any, activation: str, error: float, *, standardised: bool) -> int | None:
    """Return the evaluations of E and its gradient until E ≤ ``error``, from zero weights."""
    X = (X - X.mean(axis=0)) / X.std(axis=0) if standardised else X
    shape = (X.shape[1] + 1, *y.shape[1:])
    seen: list[float] = []

    def evaluate(point: Any) -> tuple[float, Any]:
        *_, b = w = point.reshape(shape)
        E, g, gb = fallline.error_and_gradient(X, y, w[:-1], intercept=b, activation=activation)
        seen.append(E)
        return E, np.concatenate([g.ravel(), np.ravel(gb)])

    options = {"maxiter": MOST, "maxfun": MOST, "ftol": 0.0, "gtol": 0.0}
    minimize(evaluate, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
    reached = np.flatnonzero(np.array(seen) <= error)
    return int(reached[0]) + 1 + 2 * standardised if len(reached) else None


def main() -> None:
    """Print the table."""
    print("| set | default | L-BFGS | plain rule | SciPy L-BFGS-B, standardised | SciPy L-BFGS-B, raw |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (X, y, activation, sse, _) in REAL.items():
        error = 0.5 * sse * (1 + 1e-6)
        found = [passes_of_fallline(X, y, activation, error, m) for m in ("auto", "lbfgs", "plain")]
        found += [passes_of_scipy(X, y, activation, error, standardised=s) for s in (True, False)]
        print(f"| {name} | " + " | ".join("not reached" if p is None else f"{p:,}" for p in found) + " |")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
