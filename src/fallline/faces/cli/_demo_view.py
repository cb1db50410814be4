"""How the demo looks on a screen or in a file: plain text, in tables that fit 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fallline.faces.cli._compare import Row
from fallline.faces.cli._results import Measures, Result

WIDEST_TEXT = 96
MOST_STEPS, FIRST_STEPS, LAST_STEPS = 12, 6, 5
LABELS = {"r2": "R²", "rmse": "RMSE", "accuracy": "accuracy"}

INTRO = (
    "Two real data sets, raw as they were measured, each fitted by a single layer ŷ = f(Σ w x + b) that descends "
    "with its default settings to the bottom of E = ½ Σ (y − ŷ)²."
)
STEPS_LEGEND = "passes: reads of X so far; gradient: its norm, for inputs of mean 0 and variance 1."
COMPARE_LEGEND = (
    "passes: evaluations of E with its gradient, of the residuals or of the Jacobian, each counted as one read of X, "
    "and two reads to standardise. ms: the least of five solves and nothing else, compiled code being warm; sets as "
    "small as this show overhead, not speed. E: on the training set. Every solver keeps its default tolerances; "
    "SciPy's start where fallline does. * best of its column."
)
REMARKS = {
    "diabetes": (
        "scikit-learn has no squared error through tanh: nearest are LinearRegression, solved directly, and "
        "SGDRegressor, both without f; their E is that of their own predictions."
    ),
    "breast cancer": (
        "scikit-learn has no squared error through a sigmoid: nearest is LogisticRegression, which minimises the "
        "log loss, with its default penalty and with none (C=∞); its E is that of its probabilities, its passes "
        "are at least (≥) its iterations. E through a sigmoid has more than one bottom, and solvers reach "
        "different ones."
    ),
}


def show_intro(console: Console) -> None:
    """Say in a sentence what will be shown."""
    _say(console, INTRO)


def show_result(console: Console, result: Result) -> None:
    """Show a data set: its descent, its scores beside the baseline's, why it stopped, how to do the same."""
    console.print()
    console.print(Text(result.problem.name, style="bold"))
    _say(console, result.problem.story)
    _put(console, steps_table(result.steps))
    _say(console, STEPS_LEGEND)
    _put(console, scores_table(result))
    _say(console, f"Why it stopped: {result.run.message}.")
    for note in result.notes:
        _say(console, f"Note: {note}.")
    console.print()
    _say(console, "The same in Python, with X_train, X_test, y_train, y_test of the split:")
    _say_code(console, result.problem.code)
    if result.rows:
        _put(console, compare_table(result))
        _say(console, f"{COMPARE_LEGEND} {REMARKS[result.problem.name]}")


def show_footer(console: Console, compared: bool) -> None:
    """Say what else can be asked for."""
    console.print()
    _say(console, "--json prints these numbers for scripts." if compared else "--compare adds other solvers.")


def steps_table(steps: Sequence[tuple[float, ...]]) -> Table:
    """Return the descent by step; the middle of a long one is left out."""
    cells = [(f"{step}", f"{passes}", f"{error:.8f}", f"{norm:.2e}") for step, passes, error, norm in steps]
    if len(cells) > MOST_STEPS:
        cells[FIRST_STEPS:-LAST_STEPS] = [("⋮",) * 4]
    return _table(("step", "passes", "E", "gradient"), cells, texts=0)


def scores_table(result: Result) -> Table:
    """Return E and the scores of the network beside those of the trivial baseline."""
    network, baseline = result.network, result.baseline
    rows = [(f"fallline, {result.problem.activation}", *_cells(network)), (result.problem.baseline, *_cells(baseline))]
    scores = [f"{LABELS[name]} {part}" for name in network.test for part in ("train", "test")]
    return _table(("", "E train", *scores), rows, texts=1)


def _cells(measures: Measures) -> list[str]:
    scores = [part[name] for name in measures.test for part in (measures.train, measures.test)]
    return [f"{measures.error:.4f}", *(f"{score:.3f}" for score in scores)]


def compare_table(result: Result) -> Table:
    """Return what every solver took and reached, the best of each column marked."""
    rows, score = result.rows, LABELS[next(iter(result.network.test))]
    columns = (
        _marked([_passes(row) for row in rows], [math.inf if row.passes is None else row.passes for row in rows]),
        _marked([f"{1e3 * row.seconds:.2f}" for row in rows], [row.seconds for row in rows]),
        _marked([f"{row.error:.4f}" for row in rows], [row.error for row in rows]),
        _marked([f"{row.score:.4f}" for row in rows], [-row.score for row in rows]),
    )
    cells = [(row.solver, row.inputs, *numbers) for row, *numbers in zip(rows, *columns, strict=True)]
    return _table(("solver", "inputs", "passes ", "ms ", "E ", f"{score} test "), cells, texts=2)


def _passes(row: Row) -> str:
    if row.passes is None:
        return "direct"
    return f"≥ {row.passes}" if row.at_least else f"{row.passes}"


def _marked(cells: list[str], costs: list[float]) -> list[str]:
    """Mark the cell of the least cost, and those that read the same."""
    best = cells[costs.index(min(costs))]
    return [f"{cell}{'*' if cell == best else ' '}" for cell in cells]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> Table:
    """Return a table whose first columns are texts and whose others are numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < texts else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _put(console: Console, table: Table) -> None:
    console.print(Padding(table, (1, 0, 1, 1)))


def _say(console: Console, sentence: str) -> None:
    console.print(Text(sentence), width=min(console.width, WIDEST_TEXT))


def _say_code(console: Console, lines: Iterable[str]) -> None:
    """Show Python as it is typed: never folded, so that it can be copied."""
    for line in lines:
        console.print(Text(f"    {line}"), soft_wrap=True)
