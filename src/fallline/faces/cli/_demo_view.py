"""How the demo looks, on a screen and in a file: plain text and tables that fit 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fallline.faces.cli._compare import Row
from fallline.faces.cli._results import Measures, Result

WIDEST_TEXT = 96
MOST_STEPS, FIRST_STEPS, LAST_STEPS = 12, 6, 5
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
    _say(console, INTRO)
    _show_lines(console, [FORMULAS])


def show_result(console: Console, result: Result) -> None:
    """Show a data set: its descent, its scores beside the baseline's, why it stopped, how to do the same."""
    message = result.run.message
    console.print(Text(f"\n{result.problem.name}", style="bold"))
    _say(console, result.problem.story)
    _show_table(console, steps_table(result.steps))
    _show_table(console, scores_table(result))
    console.print()
    _say(console, f"Why did it stop? {message[0].upper()}{message[1:]}.")
    for note in result.notes:
        _say(console, f"Note: {note}.")
    _say(console, "\nThe same in Python:")
    _show_lines(console, result.problem.code)
    if result.rows:
        _show_table(console, compare_table(result))
        _say(console, f"\n{REMARKS[result.problem.name]}")


def show_key(console: Console, compared: bool) -> None:
    """Say what the columns mean."""
    key = Table.grid(padding=(0, 2))
    for row in (*KEY.items(), *(COMPARE_KEY.items() if compared else ())):
        key.add_row(*row)
    console.print(Text("\nkey", style="bold"))
    console.print(key, width=min(console.width, WIDEST_TEXT))
    _say(console, f"\n{COMPARE_REMARK if compared else HINT}")


def steps_table(steps: Sequence[tuple[float, ...]]) -> Table:
    """Return the descent by step; the middle of a long one is left out."""
    cells = [(f"{step}", f"{passes}", f"{error:.8f}", f"{norm:.2e}") for step, passes, error, norm in steps]
    if len(cells) > MOST_STEPS:
        cells[FIRST_STEPS:-LAST_STEPS] = [("⋮",) * 4]
    return _table(("step", "passes", "E", "gradient"), cells, texts=0)


def scores_table(result: Result) -> Table:
    """Return E and the scores of the network beside those of the trivial baseline."""
    header = [f"{LABELS[name]} {part}" for name in result.network.test for part in ("train", "test")]
    rows = [("fallline", *_cells(result.network)), (result.problem.baseline, *_cells(result.baseline))]
    return _table(("", "E train", *header), rows, texts=1)


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
    return _table(("solver", "inputs", "passes ", "ms ", "E ", f"{chief} test "), cells, texts=2)


def _passes(row: Row) -> str:
    if row.passes is None:
        return "direct"
    return f"≥ {row.passes}" if row.at_least else f"{row.passes}"


def _marked(cells: Iterable[str], costs: list[float]) -> list[str]:
    """Mark the cell of the least cost, and those that read the same."""
    shown = list(cells)
    best = shown[costs.index(min(costs))]
    return [f"{cell}{'*' if cell == best else ' '}" for cell in shown]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> Table:
    """Return a table whose first columns are texts and whose others are numbers."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="bold")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < texts else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _show_table(console: Console, table: Table) -> None:
    console.print()
    console.print(Padding(table, (0, 0, 0, 1)))


def _say(console: Console, sentence: str) -> None:
    console.print(Text(textwrap.fill(sentence, min(console.width, WIDEST_TEXT), replace_whitespace=False)))


def _show_lines(console: Console, lines: Iterable[str]) -> None:
    """Show lines as they are, never folded, so that they can be copied."""
    console.print(Text("\n".join(["", *(f"  {line}" for line in lines)])), soft_wrap=True)
