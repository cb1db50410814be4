"""How a fit looks, on a screen and in a file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import chain

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fallline.descent._stopping import StopReason
from fallline.faces.cli.fit._result import Fit, parameters_by_output
from fallline.faces.cli.fit._scores import Scores, scores_by_output
from fallline.faces.cli.screen._screen import (
    say,
    show_heading,
    show_lines,
    show_message,
    show_table,
    table_of,
)
from fallline.faces.cli.screen._steps import steps_of, steps_table
from fallline.maths.network._network import SingleLayer
from fallline.maths.network._signature import Column

MOST_NAMES, MOST_INPUTS, MOST_OUTPUTS = 12, 40, 5
WIDEST_NAME, WIDEST_OUTPUT = 36, 20
GAP, MARGIN = 2, 4
"""What a table takes beside the text in its columns: between them, and for its edge and a column of dots."""
LABELS = {"error": "E", "rmse": "RMSE", "r2": "R²", "accuracy": "accuracy"}
SHARES = ("r2", "accuracy")


def show_fit(console: Console, fit: Fit) -> None:
    """Show what was trained on, the descent, the scores, the weights, and how to do the same in Python."""
    show_heading(console, fit.recipe.table)
    say(console, _story(fit))
    show_table(console, steps_table(steps_of(fit.run)))
    show_message(console, fit.run.message, fit.notes)
    show_table(console, scores_table(fit))
    if len(fit.run.network.output_names) > 1 and not fit.run.network.classes:
        show_table(console, outputs_table(fit))
    show_heading(console, _what_was_learned(fit.run.network))
    show_table(console, weights_table(fit.run.network, console.width))
    _show_what_is_next(console, fit)


def _story(fit: Fit) -> str:
    signature = fit.parts["train"].signature
    records = ", ".join(f"{len(part.y):,} to {name}" for name, part in fit.parts.items())
    columns = _counted(len(signature.inputs), "column")
    inputs = _counted(len(signature.input_names), "input")
    made = "" if len(signature.inputs) == len(signature.input_names) else f" make {inputs}"
    what = f"{columns}{made}: {_listed(signature.inputs)}. Target: {_listed(signature.targets)}."
    n_used, n_rows = sum(len(part.y) for part in fit.parts.values()), fit.parts["train"].n_rows
    of_rows = f", of {n_rows:,} rows" if n_used < n_rows else ""
    return f"{records.replace(' to', ' records to', 1)}{of_rows}. {what}"


def _listed(columns: Sequence[Column]) -> str:
    shown = ", ".join(map(_described, columns[:MOST_NAMES]))
    left = len(columns) - MOST_NAMES
    return f"{shown} and {left:,} more" if left > 0 else shown


def _described(column: Column) -> str:
    if column.kind != "category":
        return _visible(column.name)
    categories = column.categories
    shown = ", ".join(map(_visible, categories[:4])) + (
        f", … {len(categories)} in all" if len(categories) > 4 else ""
    )
    return f"{_visible(column.name)} ({shown})"


def scores_table(fit: Fit) -> Table:
    """Return the scores of the network beside those of the trivial baseline, on rows to train and to test."""
    kinds = [kind for kind in LABELS if getattr(fit.network_scores["train"], kind) is not None]
    trivial = "shares of the classes" if fit.run.network.classes else "mean of the target"
    rows = []
    for part, scores in fit.network_scores.items():
        rows.append((part, "fallline", *(_cell(scores, kind) for kind in kinds)))
        rows.append(("", trivial, *(_cell(fit.baseline_scores[part], kind) for kind in kinds)))
    return table_of(("", "", *(LABELS[kind] for kind in kinds)), rows, texts=2)


def outputs_table(fit: Fit) -> Table:
    """Return the scores of each output, on the rows to test or else to train."""
    name, part = list(fit.parts.items())[-1]
    by_output = list(scores_by_output(fit.run.network, part).items())
    rows = [
        (_short(output), *(_cell(scores, kind) for kind in ("rmse", "r2")))
        for output, scores in by_output[:MOST_INPUTS]
    ]
    rows += _left(by_output, MOST_INPUTS, 3)
    return table_of((f"target ({name})", LABELS["rmse"], LABELS["r2"]), rows, texts=1)


def _cell(scores: Scores, kind: str) -> str:
    value = getattr(scores, kind)
    if value is None:
        return "–"
    return f"{value:.3f}" if kind in SHARES and abs(value) < 100 else f"{value:#.4g}"


def _what_was_learned(network: SingleLayer) -> str:
    weights = "weights, for inputs in their own units"
    return f"{weights}, and the free names of the formula" if network.parameters else weights


def weights_table(network: SingleLayer, width: int) -> Table:
    """Return weights by input, the intercept and the free names of f, for as many outputs as fit."""
    weights = network.weights.reshape(len(network.input_names), -1)[:MOST_INPUTS, :MOST_OUTPUTS]
    left = [name for (name,) in _left(network.input_names, MOST_INPUTS, 1)]
    parameters = parameters_by_output(network)
    names = [*map(_short, network.input_names[:MOST_INPUTS]), *left, "intercept", *parameters]
    columns = [["input", *names]]
    others = [np.ravel(network.intercept), *parameters.values()]
    for output, *numbers in zip(network.output_names, weights.T, *others, strict=False):
        cells = [[f"{number:.6g}" for number in np.ravel(each)] for each in numbers]
        columns.append([_short(output, WIDEST_OUTPUT), *cells[0], *("" for _ in left), *chain(*cells[1:])])
    columns = _that_fit(columns, width)
    if len(columns) <= len(network.output_names):
        columns.append(["…"] * len(columns[0]))
    header, *rows = zip(*columns, strict=True)
    return table_of(header, rows, texts=1)


def _that_fit(columns: list[list[str]], width: int) -> list[list[str]]:
    """Return the columns that fit in a width beside one of dots: the names, and at least one output."""
    ends = np.cumsum([GAP + max(map(cell_len, column)) for column in columns])
    return columns[: max(2, int(np.searchsorted(ends, width - MARGIN, side="right")))]


def _left(items: Sequence[object], shown: int, width: int) -> list[tuple[str, ...]]:
    left = len(items) - shown
    return [(f"… and {left:,} more", *("",) * (width - 1))] if left > 0 else []


def _short(name: str, widest: int = WIDEST_NAME) -> str:
    text = Text(_visible(name))
    text.truncate(widest, overflow="ellipsis")
    return text.plain


def _visible(name: str) -> str:
    """Return a name in which line breaks and control characters are written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in name)


def _show_what_is_next(console: Console, fit: Fit) -> None:
    say(console, "\nThe same in Python:")
    show_lines(console, fit.recipe.lines)
    console.print()
    if fit.saved:
        say(console, f"Saved as {fit.saved}. To predict:")
        show_lines(console, [shlex.join(["fallline", "predict", fit.saved, "TABLE"])])
    elif fit.run.stop is StopReason.DIVERGED:
        say(console, "Nothing is saved of a training that diverged.")


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n != 1 else ''}"
