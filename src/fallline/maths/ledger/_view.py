"""A ledger as sentences and tables: records down and symbols across, then weights down."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from fallline.maths.ledger._document import SHOWN, Line, Section, Table
from fallline.maths.ledger._spelling import Cell
from fallline.maths.network._parameters import Parameters

if TYPE_CHECKING:
    from fallline.maths.ledger._ledger import Ledger


def ledger_parts(ledger: Ledger) -> list[Section | Table]:
    """Return what a printed ledger consists of."""
    parts: list[Section | Table] = [_heading(ledger), _records(ledger), _errors(ledger), _weights(ledger)]
    parts += _intercept(ledger) if ledger.uses_intercept else []
    return parts + (_parameters(ledger) if ledger.parameters else [])


def _heading(ledger: Ledger) -> Section:
    (n, d), k = ledger.X.shape, ledger.y[0].size
    size = f"{_count(n, 'record')} `μ`, {_count(d, 'input')} `i`, {_count(k, 'output')} `j`"
    f = ledger.activation
    return Section(
        f"One step of the delta rule: {size}, all numbered from 0.",
        [Line("f(h)", f.formula or f.name), Line.of("η", ledger.learning_rate)],
    )


def _records(ledger: Ledger) -> Table:
    columns = {
        "y": ledger.y,
        "h": ledger.h,
        "ŷ": ledger.y_hat,
        "y − ŷ": ledger.residual,
        "(y − ŷ)²": ledger.squared_error,
        "½(y − ŷ)²": ledger.error_share,
        "f′(h)": ledger.slope,
        "δ": ledger.delta,
    }
    return Table.of(["μ", "j"], columns, "records")


def _errors(ledger: Ledger) -> Section:
    n = _count(len(ledger.X), "record")
    divided = f"divides it by {ledger.divisor}" if ledger.reduction == "mean" else "leaves it as it is"
    return Section(
        f"The gradient `∂E/∂w` is the sum over {n}; reduction {ledger.reduction} {divided}.",
        [
            Line.of("E = ½ Σ (y − ŷ)²", ledger.error),
            Line.of("E after the step", ledger.new_error),
        ],
    )


def _weights(ledger: Ledger) -> Table:
    columns = {
        "w": ledger.weights,
        "∂E/∂w": ledger.gradient,
        "finite difference": ledger.finite_difference,
        f"÷ {ledger.divisor}": ledger.gradient / ledger.divisor,
        "Δw": ledger.delta_w,
        "new w": ledger.new_weights,
    }
    return Table.of(["i", "j"], columns, "inputs")


def _intercept(ledger: Ledger) -> list[Section | Table]:
    moved = "moves as a weight whose input is always 1" if ledger.fit_intercept else "stays as it is"
    columns = {
        "b": ledger.intercept,
        "∂E/∂b": ledger.intercept_gradient,
        "finite difference": ledger.intercept_finite_difference,
        f"÷ {ledger.divisor}": ledger.intercept_gradient / ledger.divisor,
        "Δb": ledger.delta_intercept,
        "new b": ledger.new_intercept,
    }
    table = Table.of(["j"], columns, "outputs")
    return [Section(f"The intercept `b` is part of `h` and {moved}.", []), table]


def _parameters(ledger: Ledger) -> list[Section | Table]:
    shares = ledger.y.ndim > 1 and any(np.ndim(value) == 0 for value in ledger.parameters.values())
    about = (
        "The free names `θ` of `f` are learned by the same chain rule, `∂E/∂θ = −Σ (y − ŷ) ∂f/∂θ`, "
        f"summed over the records{', and over the outputs that share a value' if shares else ''}."
    )
    return [Section(about, []), *_parameter_slopes(ledger), _parameter_steps(ledger)]


def _parameter_slopes(ledger: Ledger) -> Iterator[Table]:
    """Yield ∂f/∂θ of each record, for as many names as have room side by side."""
    slopes = iter(ledger.parameter_slope.items())
    while side_by_side := {f"∂f/∂{name}": slope for name, slope in islice(slopes, 4)}:
        yield Table.of(["μ", "j"], side_by_side, "records")


def _parameter_steps(ledger: Ledger) -> Table:
    columns = {
        "θ": ledger.parameters,
        "∂E/∂θ": ledger.parameter_gradient,
        "finite difference": ledger.parameter_finite_difference,
        f"÷ {ledger.divisor}": {name: g / ledger.divisor for name, g in ledger.parameter_gradient.items()},
        "Δθ": ledger.delta_parameters,
        "new θ": ledger.new_parameters,
    }
    rows = _rows_by_output(list(columns.values()))
    if ledger.y.ndim == 1:
        rows = [row[1:] for row in rows]
    left = len(rows) - SHOWN
    labels = ["name"] if ledger.y.ndim == 1 else ["j", "name"]
    return Table([*labels, *columns], rows[:SHOWN], f"… and {left:,} more rows" if left > 0 else "")


def _rows_by_output(columns: list[Parameters]) -> list[list[Cell]]:
    """Return rows of an output, a name and its numbers: what all outputs share, then output by output."""
    shared: list[list[Cell]] = []
    own: list[list[Cell]] = []
    for name, value in columns[0].items():
        numbers = np.array([column[name] for column in columns])
        if np.ndim(value):
            own += [[j, name, *row] for j, row in enumerate(numbers.T.tolist())]
        else:
            shared.append(["all", name, *numbers.tolist()])
    return [*shared, *sorted(own, key=itemgetter(0))]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n != 1 else ''}"
