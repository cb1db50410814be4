"""``fallline step``: the ledger of one step after another, on a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data.tables._source import TableSource
from fallline.descent._carry import State
from fallline.descent._coordinates import Coordinates, raw, standardised
from fallline.descent._descend import descend
from fallline.faces.cli._endings import DONE
from fallline.faces.cli._table import opened
from fallline.faces.cli.screen._json import print_json
from fallline.faces.cli.screen._screen import screen, warnings_as_notes
from fallline.faces.cli.step import _view as view
from fallline.maths._moments import block_moments
from fallline.maths.activations._activation import Activation
from fallline.maths.ledger._ledger import Ledger, one_step

NUMBERS = (
    "weights",
    "intercept",
    "learning_rate",
    "h",
    "y_hat",
    "residual",
    "squared_error",
    "error_share",
    "error",
    "slope",
    "delta",
    "gradient",
    "intercept_gradient",
    "finite_difference",
    "intercept_finite_difference",
    "divisor",
    "delta_w",
    "delta_intercept",
    "new_weights",
    "new_intercept",
    "new_error",
    "parameters",
    "parameter_slope",
    "parameter_gradient",
    "parameter_finite_difference",
    "delta_parameters",
    "new_parameters",
)


@dataclass(frozen=True)
class Settings:
    """How a step is made, as asked for on the command line."""

    activation: str | None
    learning_rate: float | str
    reduction: Literal["mean", "sum"]
    scaling: str
    fit_intercept: bool
    seed: int
    parameters: Mapping[str, Any] | None = None


class Step(NamedTuple):
    """A step: its number from 1, the reads of X up to its end, and its ledger."""

    number: int
    passes: int
    ledger: Ledger


class Descent(NamedTuple):
    """Steps on a table, in coordinates that may be scaled, and what the start warned of."""

    table: TableSource
    coordinates: Coordinates
    X: Array
    steps: Iterator[Step]
    notes: list[str]


def run_step(
    path: str,
    opening: Mapping[str, Any],
    settings: Settings,
    *,
    steps: int | None,
    record: int | None,
    as_json: bool,
) -> int:
    """Show steps: as many as asked for, or as a person at a terminal goes on to ask for."""
    table, activation = opened(path, opening, settings.activation)
    n = table.shape.n_records
    if record is not None and record >= n:
        raise InputError(f"record {record} is not in the table: choose one from 0 to {n - 1}")
    settings = replace(settings, activation=activation)
    _check_free_names(activation, settings.scaling)
    descent = start(table, settings)
    if as_json:
        _print_json(descent, settings, steps or 1, record)
    else:
        _print_text(descent, steps, record)
    return DONE


def _check_free_names(activation: str, scaling: str) -> None:
    """Refuse steps of free names in scaled coordinates, in which they have units of their own."""
    if scaling != "none" and Activation(activation).parameters:
        raise InputError(
            f"the free names of {activation} step by units of their own where inputs are scaled: "
            "leave scaling at none"
        )


def start(table: TableSource, settings: Settings) -> Descent:
    """Return the steps of ``descend`` on a table, from its start and at its learning rates."""
    with warnings_as_notes() as notes:
        states = descend(
            table,
            activation=settings.activation,
            learning_rate=settings.learning_rate,
            scaling=settings.scaling,
            reduction=settings.reduction,
            fit_intercept=settings.fit_intercept,
            random_state=settings.seed,
            initial_parameters=settings.parameters,
        )
    coordinates = coordinates_of(table, settings)
    X = coordinates.apply(table.X)
    return Descent(table, coordinates, X, _steps(X, table.y, coordinates, states, settings), notes)


def coordinates_of(table: TableSource, settings: Settings) -> Coordinates:
    """Return the coordinates that are descended: the inputs as they are, or each with variance 1."""
    _, d, k = table.shape
    if settings.scaling == "none":
        return raw(d, settings.fit_intercept, np.zeros(k))
    moments = block_moments(table.X, None, full=False)
    return standardised(moments, settings.fit_intercept, np.zeros(k))


def _steps(
    X: Array, y: Array, coordinates: Coordinates, states: Iterator[State], settings: Settings
) -> Iterator[Step]:
    """Yield steps, each from where the one before has led, until none lowers E any further."""
    first = next(states)
    weights, intercept = _in_coordinates(first, coordinates)
    parameters = first.parameters
    for number, state in enumerate(states, start=1):
        if state.step < number:
            return
        ledger = one_step(
            X,
            y,
            weights,
            intercept=intercept,
            activation=settings.activation,
            learning_rate=state.learning_rate,
            reduction=settings.reduction,
            fit_intercept=settings.fit_intercept,
            parameters=parameters,
        )
        yield Step(number, state.passes, ledger)
        weights, intercept, parameters = ledger.new_weights, ledger.new_intercept, ledger.new_parameters


def _in_coordinates(state: State, coordinates: Coordinates) -> tuple[Array, Any]:
    """Return the weights and the intercept of a state, which are those of raw inputs, in coordinates."""
    weights = (coordinates.inverse * state.weights.T).T
    return weights, state.intercept + coordinates.centre @ state.weights


def _print_text(descent: Descent, wanted: int | None, record: int | None) -> None:
    console = screen()
    asks = wanted is None and sys.stdin.isatty() and sys.stdout.isatty()
    signature = descent.table.signature
    inputs = view.inputs_of(signature.input_names, descent.coordinates)
    view.show_names(console, inputs, signature.output_names, descent.notes)
    for number, passes, ledger in descent.steps:
        view.show_step(console, number, passes, ledger)
        if record is not None:
            view.show_record(console, ledger, record, int(descent.table.row_numbers[record]))
        if not view.asks_for_more() if asks else number == (wanted or 1):
            return
    view.show_end(console)


def _print_json(descent: Descent, settings: Settings, wanted: int, record: int | None) -> None:
    """Print one object; where the descent diverges, or is interrupted, it holds the steps up to there."""
    steps: list[dict[str, Any]] = []
    try:
        steps.extend(_as_dict(step, record) for step in islice(descent.steps, wanted))
    finally:
        print_json({**_setting(descent, settings), "steps": steps}, indent=None)


def _setting(descent: Descent, settings: Settings) -> dict[str, Any]:
    table = descent.table
    return {
        "table": table.table,
        "inputs": table.signature.input_names,
        "outputs": table.signature.output_names,
        "rows": table.row_numbers,
        "activation": settings.activation,
        "reduction": settings.reduction,
        "scaling": settings.scaling,
        "fit_intercept": settings.fit_intercept,
        "warnings": descent.notes,
        "X": descent.X,
        "y": table.y,
    }


def _as_dict(step: Step, record: int | None) -> dict[str, Any]:
    ledger = step.ledger
    numbers = {name: getattr(ledger, name) for name in NUMBERS}
    found = {"step": step.number, "passes": step.passes, **numbers}
    if record is not None:
        found["derivation"] = [str(ledger.derivation(record, j)) for j in range(ledger.y[0].size)]
    return found
