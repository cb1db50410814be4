"""A dose-response curve: the half-maximal dose and the slope of a drug, from noisy percentages.

The response is 100 σ(w log₁₀(dose) + b): at the half-maximal dose (EC50) the net input is 0, so
log₁₀ EC50 = −b / w.
"""

from __future__ import annotations

import numpy as np

import fallline

TRUE_EC50, TRUE_SLOPE = 3e-7, 2.5


def measured(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return log10 doses (n, 1) and responses in percent, as a plate reader would give them."""
    log_dose = np.repeat(np.linspace(-9, -5, 9), 4)
    response = 100 / (1 + np.exp(-TRUE_SLOPE * (log_dose - np.log10(TRUE_EC50))))
    return log_dose[:, None], np.clip(response + rng.normal(scale=4, size=response.shape), 0, 100)


def main() -> None:
    """Fit the curve and print what was found beside what was put in."""
    X, y = measured(np.random.default_rng(0))
    run = fallline.train(X, y, activation="100*sigmoid(h)")
    slope, intercept = run.network.weights[0], run.network.intercept
    print(f"EC50  {10 ** (-intercept / slope):.3g}   (put in: {TRUE_EC50:.3g})")
    print(f"slope {slope:.3g}      (put in: {TRUE_SLOPE:.3g})")
    print(run)


if __name__ == "__main__":
    main()
