"""A sigmoid unit on 1,000,000 × 64 float32 records: the default fit beside what else would find its bottom.

Run with ``python benchmarks/race.py``, or smaller with ``--rows`` and ``--features``. All take turns in one
process, and each is stopped where E = ½ Σ (y − ŷ)² is within 1e-6 of the least E there is, which long fits
found beforehand. What counts is the median of the ratios of neighbours, not the times, which change with the
machine's other work. Rivals that need standardised inputs find them ready, and the clock stands still while
E of PyTorch's weights is measured; fallline's reads for its own scaling are in its time.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import contenders
import numpy as np
import scipy_lbfgs
from contenders import WITHIN, Clock, Contender, Data, OverError
from step import REST

import fallline

DEFAULT = "fallline, default"
ADAMS = {
    "PyTorch Adam, all records": (contenders.torch_adam, (0.01, 0.03, 0.1, 0.3)),
    "PyTorch Adam, batches": (contenders.torch_adam_batches, (0.0003, 0.001, 0.003, 0.01)),
}
"""Each with the learning rates to choose from."""
TRIAL = 0.25
"""Share of the cap for which each learning rate is tried."""


class Result(NamedTuple):
    """How a contender ended."""

    seconds: float
    evaluations: int
    error: float


def made(rows: int, features: int, *, smooth: bool) -> Data:
    """Return mildly correlated inputs as in a raw table, scales 1e-2 … 1e3, and targets from a sigmoid.

    The targets are 0 and 1, drawn with its probability, or ``smooth`` shares between them.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, features), dtype=np.float32)
    X += 0.5 * rng.standard_normal((rows, 1), dtype=np.float32)
    h = X @ rng.normal(scale=1.5 * features**-0.5, size=features).astype(np.float32) - np.float32(0.5)
    scale = np.exp(rng.uniform(np.log(1e-2), np.log(1e3), size=features))
    X *= scale.astype(np.float32)
    X += (scale * rng.normal(scale=3.0, size=features)).astype(np.float32)
    noise = rng.logistic(size=rows).astype(np.float32)
    y = 1.0 / (1.0 + np.exp(-h - 0.3 * noise)) if smooth else (h + noise > 0.0)
    y = np.asarray(y, dtype=np.float32)
    return Data(X, scipy_lbfgs.standardised(X), y, least_error(X, y))


def least_error(X: Any, y: Any) -> float:
    """Return the least E that long fits by two methods find."""
    runs = [
        fallline.train(X, y, activation="sigmoid", method=m, tol=1e-15) for m in ("gauss-newton", "lbfgs")
    ]
    return min(run.state.error for run in runs)


def run(contender: Contender, data: Data, cap: float) -> Result:
    """Let a contender descend until it is over."""
    time.sleep(REST)
    clock = Clock(data.goal, cap)
    with suppress(OverError):
        contender(data, clock)
    return Result(clock.seconds, clock.evaluations, clock.error)


def rivals(data: Data, cap: float, *, smooth: bool) -> dict[str, Contender]:
    """Return who takes part, Adam with the learning rate that did best of a few."""
    found: dict[str, Contender] = {
        DEFAULT: contenders.default_fit,
        "SciPy L-BFGS-B, raw": contenders.scipy_raw,
        "SciPy L-BFGS-B, standardised": contenders.scipy_standardised,
    }
    if not smooth:
        for name, standardised in (("raw", False), ("standardised", True)):
            fit = partial(contenders.logistic, standardised=standardised)
            found[f"LogisticRegression, {name}"] = fit
    if find_spec("torch"):
        found["PyTorch L-BFGS, standardised"] = contenders.torch_lbfgs
        for name, (adam, rates) in ADAMS.items():
            chosen = best_rate(adam, rates, data, cap)
            found[f"{name}, standardised, rate {chosen:g}"] = partial(adam, rate=chosen)
    return found


def best_rate(adam: Any, rates: tuple[float, ...], data: Data, cap: float) -> float:
    """Return the rate that reaches the goal first, or comes nearest to it."""
    tried = {rate: run(partial(adam, rate=rate), data, TRIAL * cap) for rate in rates}
    arrived = {rate: result.seconds for rate, result in tried.items() if result.error <= data.goal}
    nearest = {rate: result.error for rate, result in tried.items()}
    ranking = arrived or nearest
    return min(ranking, key=lambda rate: ranking[rate])


def take_turns(who: dict[str, Contender], data: Data, rounds: int, cap: float) -> dict[str, list[Result]]:
    """Return the results of each; who was not there within the cap is let off the further rounds."""
    warm_up = Data(data.X[:1000], data.Z[:1000], data.y[:1000], 0.0)
    for contender in who.values():
        run(contender, warm_up, 1.0)
    results: dict[str, list[Result]] = {name: [] for name in who}
    for _ in range(rounds):
        for name, contender in who.items():
            if all(result.seconds <= cap for result in results[name]):
                results[name].append(run(contender, data, cap))
                print(f"{name}: {results[name][-1]}", file=sys.stderr, flush=True)
    return results


def row(name: str, results: list[Result], ours: list[Result], data: Data, cap: float) -> str:
    """Return a row of the table."""
    seconds, evaluations, error = results[-1]
    ratios = [theirs.seconds / own.seconds for theirs, own in zip(results, ours, strict=False)]
    ratio = f"{np.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"
    median = f"{np.median([result.seconds for result in results]):.3g}"
    if seconds > cap and error > data.goal:
        ratio, median = f"over {seconds / ours[0].seconds:.0f}", f"not within {cap:g}"
    above = "within 10⁻⁶" if error <= data.goal else f"{error / data.least - 1.0:.1e} above"
    return f"| {name} | {median} | {evaluations:,} | {above} | {ratio} |"


def race(rows: int, features: int, rounds: int, cap: float, *, smooth: bool) -> None:
    """Print the table of one kind of targets."""
    data = made(rows, features, smooth=smooth)
    targets = "shares between 0 and 1" if smooth else "0 and 1"
    results = take_turns(rivals(data, cap, smooth=smooth), data, rounds, cap)
    print(f"\n{rows:,} × {features} {data.X.dtype}, targets {targets}, least E {data.least:.8g}\n")
    print("| contender | seconds | evaluations | E | time / default fit's |\n| --- |" + " ---: |" * 4)
    for name, found in results.items():
        print(row(name, found, results[DEFAULT], data, cap))


def main() -> None:
    """Print both tables, and what their columns mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cap", type=float, default=60.0, help="most seconds for a contender")
    asked = parser.parse_args()
    for smooth in (False, True):
        race(asked.rows, asked.features, asked.rounds, asked.cap, smooth=smooth)
    print(
        f"\nE is wanted within {WITHIN:g} of the least. Evaluations are reads of X for fallline; of E and "
        "its gradient for SciPy, PyTorch L-BFGS and Adam on all records; epochs for Adam in batches of "
        f"{contenders.BATCH}, whose rate a million records multiply by {contenders.DECAY:g}; iterations for "
        "LogisticRegression, which minimises something else, the log-loss: it goes to its own end, with its "
        "defaults, and need not come to the least E."
    )
    if not find_spec("torch"):
        print("PyTorch is left out: it is not installed.")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
