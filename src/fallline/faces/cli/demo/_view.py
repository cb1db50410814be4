"""How the demo looks, on a screen and in a file: plain text and tables that fit 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from fallline.faces.cli.demo._compare import Row
from fallline.faces.cli.demo._results import Measures, Result
from fallline.faces.cli.screen._screen import (
    say,
    show_heading,
    show_lines,
    show_meanings,
    show_message,
    show_table,
    table_of,
)
from fallline.faces.cli.screen._steps import steps_of, steps_table

LABELS = {"r2": "R²", "rmse": "RMSE", "accuracy": "accuracy"}
FORMATS = {"r2": ".3f", "rmse": ".1f", "accuracy": ".3f"}

INTRO = (
    "One layer of weights descends, at its default settings, to the bottom of its error on two real data "
    "sets, raw as they were measured:"
)
FORMULAS = "ŷ = f(Σ w x + b)        E = ½ Σ (y − ŷ)²"
KEY = {
    "E": "on the training set; the baseline's is that of the mean of y",
    "RMSE": "in points of the disease score",
    "passes": "reads of X; an evaluation of E with its gradient, of residuals or of a Jacobian is one",
    "gradient": "its norm, with inputs at mean 0 and variance 1",
}
COMPARE_KEY = {
    "scaled": "inputs brought to mean 0 and variance 1 first, in two passes",
    "ms": "the least of five solves on one thread and nothing else, with compiled code warm; on sets this "
    "small it is mostly overhead",
    "*": "the best of its column",
}
COMPARE_REMARK = "All solvers keep their default tolerances, and SciPy's start where fallline does."
HINT = "With --compare, SciPy and scikit-learn solve the same problems."
REMARKS = {
    "diabetes": (
        "scikit-learn has no squared error through tanh. Nearest are LinearRegression, which solves "
        "directly, and SGDRegressor, both with f(h) = h; E is taken from their own predictions."
    ),
    "breast cancer": (
        "scikit-learn has no squared error through a sigmoid. Nearest is LogisticRegression, which "
        "minimises the log loss, with its default penalty and with none (C=∞); E is taken from its "
        "probabilities, and passes are at least (≥) its iterations. E through a sigmoid has more than one "
        "bottom, so solvers may end in different ones."
    ),
}


def show_intro(console: Console) -> None:
    """Say in a sentence what will be shown."""
    say(console, INTRO)
    show_lines(console, [FORMULAS])


def show_result(console: Console, result: Result) -> None:
    """Show a data set: its descent, its scores beside the baseline's, why it stopped, how to do the same."""
    show_heading(console, result.problem.name)
    say(console, result.problem.story)
    show_table(console, steps_table(steps_of(result.run)))
    show_table(console, scores_table(result))
    show_message(console, result.run.message, result.notes)
    say(console, "\nThe same in Python:")
    show_lines(console, result.problem.code)
    if result.rows:
        show_table(console, compare_table(result))
        say(console, f"\n{REMARKS[result.problem.name]}")


def show_key(console: Console, compared: bool) -> None:
    """Say what the columns mean."""
    show_meanings(console, KEY | COMPARE_KEY if compared else KEY)
    say(console, f"\n{COMPARE_REMARK if compared else HINT}")


def scores_table(result: Result) -> Table:
    """Return E and the scores of the network beside those of the trivial baseline."""
    header = [f"{LABELS[name]} {part}" for name in result.network.test for part in ("train", "test")]
    rows = [("fallline", *_cells(result.network)), (result.problem.baseline, *_cells(result.baseline))]
    return table_of(("", "E train", *header), rows, texts=1)


def _cells(measures: Measures) -> list[str]:
    parts = (measures.train, measures.test)
    return [
        f"{measures.error:#.4g}",
        *(format(part[name], FORMATS[name]) for name in measures.test for part in parts),
    ]


def compare_table(result: Result) -> Table:
    """Return what every solver took and reached, the best of each column marked."""
    rows = result.rows
    columns = (
        _marked(map(_passes, rows), [math.inf if row.passes is None else row.passes for row in rows]),
        _marked((f"{1e3 * row.seconds:.2f}" for row in rows), [row.seconds for row in rows]),
        _marked((f"{row.error:#.4g}" for row in rows), [row.error for row in rows]),
        _marked((f"{row.score:.4f}" for row in rows), [-row.score for row in rows]),
    )
    cells = [(row.solver, row.inputs, *numbers) for row, *numbers in zip(rows, *columns, strict=True)]
    chief = LABELS[next(iter(result.network.test))]
    return table_of(("solver", "inputs", "passes ", "ms ", "E ", f"{chief} test "), cells, texts=2)


def _passes(row: Row) -> str:
    if row.passes is None:
        return "direct"
    return f"≥ {row.passes}" if row.at_least else f"{row.passes}"


def _marked(cells: Iterable[str], costs: list[float]) -> list[str]:
    """Mark the cell of the least cost, and those that read the same."""
    shown = list(cells)
    best = shown[costs.index(min(costs))]
    return [f"{cell}{'*' if cell == best else ' '}" for cell in shown]
