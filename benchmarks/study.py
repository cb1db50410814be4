"""How the defaults are chosen: every method in all coordinates, on the sets of ``data_sets.py``.

Run with ``python benchmarks/study.py``. A cell holds the reads of X, those for scaling and for shortened
steps included, until E (and the penalty) is within 1e-6 of the least that any contestant found; where that
is less than 1e-8 of the E of predicting the mean, as with separable classes, until it is below that.
SciPy's L-BFGS-B has the same E, gradient and start; its evaluations are counted, and its scaling is free.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import suppress
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import scipy_lbfgs
from data_sets import Problem, problems

import fallline

METHODS = ("plain", "momentum", "nesterov", "lbfgs", "gauss-newton")
SCALINGS = ("none", "standard", "whiten")
MOST = 500
WITHIN = 1e-6
AT_INFINITY = 1e-8
LEGEND = f"""
a method's three: in coordinates {" / ".join(SCALINGS)}
– : not within {MOST} reads
× : there is no rate for this method and activation, or no finite E at its start
↑ : it came to rest higher, at another bottom or where rounding left no step that lowers E
"""


class Trace(NamedTuple):
    """What was descended, after so many passes, and whether it came to an end by itself."""

    passes: Any
    errors: Any
    at_rest: bool

    def passes_to(self, error: float) -> float:
        """Return the passes until E ≤ ``error``, inf where it never was."""
        reached = self.passes[self.errors <= error]
        return float(reached[0]) if len(reached) else np.inf

    def cell(self, error: float) -> str:
        """Return them as the table shows them."""
        passes = self.passes_to(error)
        if np.isfinite(passes):
            return f"{passes:.0f}"
        return "×" if not len(self.passes) else "↑" if self.at_rest else "–"


def of_descent(problem: Problem, method: str, scaling: str) -> Trace:
    """Follow a descent for the passes allowed, or until it diverges or no step lowers E."""
    _, X, y, activation, alpha = problem
    options = {"activation": activation, "alpha": alpha, "fit_intercept": True}
    seen, at_rest = [], False
    with suppress(fallline.DivergenceError, fallline.InputError):
        for state in fallline.descend(X, y, method=method, scaling=scaling, **options):
            if state.passes > MOST:
                break
            seen.append((state.passes, state.objective))
        else:
            at_rest = True
    return Trace(*np.array(seen).reshape(-1, 2).T, at_rest)


def of_default(problem: Problem) -> Trace:
    """Follow ``train`` as it is by default, to where it stops by itself."""
    _, X, y, activation, alpha = problem
    states: list[fallline.State] = []
    run = fallline.train(X, y, activation=activation, alpha=alpha, callbacks=[states.append])
    passes, errors = np.array([(state.passes, state.objective) for state in states]).T
    return Trace(passes, errors, run.stop.is_converged)


def of_scipy(problem: Problem, *, standardised: bool) -> Trace:
    """Follow SciPy's L-BFGS-B."""
    _, X, y, activation, alpha = problem
    errors: list[float] = []
    Z, scale = (scipy_lbfgs.standardised(X), scipy_lbfgs.scales(X)) if standardised else (X, 1.0)
    point, penalty = scipy_lbfgs.start(X, y, activation), len(X) * alpha / scale**2
    scipy_lbfgs.descend(Z, y, activation, point, errors.append, most=MOST, penalty=penalty)
    return Trace(np.arange(1, len(errors) + 1), np.array(errors), len(errors) < MOST)


def goal(problem: Problem, traces: Iterable[Trace]) -> float:
    """Return the E at which the bottom counts as reached."""
    least = min(float(np.nanmin(trace.errors, initial=np.inf)) for trace in traces)
    of_mean = 0.5 * float(((problem.y - problem.y.mean(axis=0)) ** 2).sum())
    return max((1.0 + WITHIN) * least, AT_INFINITY * of_mean)


def row(problem: Problem) -> tuple[list[str], float]:
    """Return the row of a problem, and how many times the passes of the best choice the default takes."""
    traces = {pair: of_descent(problem, *pair) for pair in product(METHODS, SCALINGS)}
    scipy = [of_scipy(problem, standardised=standardised) for standardised in (False, True)]
    auto = of_default(problem)
    error = goal(problem, [*traces.values(), *scipy, auto])
    best = min(traces, key=lambda pair: traces[pair].passes_to(error))
    passes, least = auto.passes_to(error), traces[best].passes_to(error)
    ratio = passes / least if np.isfinite(passes) else np.inf
    by_method = [
        " / ".join(traces[method, scaling].cell(error) for scaling in SCALINGS) for method in METHODS
    ]
    others = [trace.cell(error) for trace in (*scipy, auto)]
    chosen = f"{traces[best].cell(error)} ({', '.join(best)})"
    return [*description(problem), *by_method, *others, chosen, f"{ratio:.2f}"], ratio


def description(problem: Problem) -> list[str]:
    """Return the first cells of a row."""
    n, d = problem.X.shape
    outputs = f" → {problem.y.shape[1]}" if problem.y.ndim == 2 else ""
    penalty = f", α = {problem.alpha:g}" if problem.alpha else ""
    return [problem.name, problem.activation + penalty, f"{n:,} × {d}{outputs}"]


def main() -> None:
    """Print the table, row by row, and the worst ratio."""
    heads = ["set, targets", "activation", "records × inputs → outputs"]
    heads += METHODS
    heads += ["SciPy, raw", "SciPy, standardised", "auto", "best choice", "auto / best"]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * 3 + " ---: |" * (len(heads) - 3))
    ratios = {}
    for problem in problems():
        cells, ratios[" · ".join(description(problem))] = row(problem)
        print("| " + " | ".join(cells) + " |", flush=True)
    worst = max(ratios, key=lambda name: ratios[name])
    print(f"{LEGEND}\nOf {len(ratios)} problems the worst auto / best is {ratios[worst]:.2f}: {worst}")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
