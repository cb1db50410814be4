"""An error with two bowls: where the descent ends depends on where it starts."""

from __future__ import annotations

from itertools import islice

import fallline

X, Y = [[3.7], [-0.1], [4.4]], [0.9, 0.9, 0.5]


def bottom(start: float, rate: float, steps: int) -> tuple[float, float]:
    """Return the weight and the error after so many plain steps."""
    states = fallline.descend(
        X, Y, activation="sigmoid", learning_rate=rate, reduction="sum", initial_weights=[start]
    )
    *_, last = islice(states, steps)
    return float(last.weights[0]), last.error


def main() -> None:
    """Print both bottoms."""
    for start, rate in ((0.0, 1.0), (-30.0, 10_000.0)):
        weight, error = bottom(start, rate, 2_000)
        print(f"from w = {start:5}: w = {weight:8.3f}, E = {error:.4f}")


if __name__ == "__main__":
    main()
