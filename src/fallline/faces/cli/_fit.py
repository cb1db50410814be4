"""``fallline fit``: from a table to a trained, saved and explained network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline._files import check_writable
from fallline._typing import Array
from fallline.data.tables._open import open_table
from fallline.data.tables._source import TableSource
from fallline.descent._run import Run
from fallline.descent._stopping import StopReason
from fallline.descent._train import Callback, train
from fallline.faces.cli._endings import INTERRUPTED, exit_code
from fallline.faces.cli._fit_view import show_fit
from fallline.faces.cli._live import live
from fallline.faces.cli._recipe import Recipe
from fallline.faces.cli._scores import Scores, baseline_scores, finite, network_scores
from fallline.faces.cli._screen import screen, warnings_as_notes
from fallline.maths.activations._activation import Activation, without_free_names
from fallline.maths.network._model_file import load
from fallline.maths.network._signature import Signature, class_targets_for

TEST_SIZE = 0.2
ROWS_FOR_A_TEST = 50
"""Rows from which on some are kept for a test without being asked."""


@dataclass(frozen=True)
class Asked:
    """What was asked for; settings that are the default are left out."""

    table: str
    opening: Mapping[str, Any]
    training: Mapping[str, Any]
    test_size: float | None
    seed: int
    start: str | None
    save: str | None


@dataclass(frozen=True)
class Fit:
    """A training on a table, and what it is worth."""

    asked: Asked
    recipe: Recipe
    train: TableSource
    test: TableSource | None
    run: Run
    notes: list[str]

    COLUMNS = ("step", "passes", "error", "gradient_norm")

    @property
    def steps(self) -> list[tuple[float, ...]]:
        """Return step, passes, E and the norm of the gradient at every state."""
        return list(zip(*(self.run.history[column].tolist() for column in self.COLUMNS), strict=True))

    @cached_property
    def network_scores(self) -> list[Scores]:
        """Return the scores of the network on the rows to train and, where there are some, to test."""
        return [network_scores(self.run.network, part) for part in self.parts]

    @cached_property
    def baseline_scores(self) -> list[Scores]:
        """Return the scores of the trivial baseline, likewise."""
        return [baseline_scores(self.run.network, self.train, part) for part in self.parts]

    @property
    def parts(self) -> list[TableSource]:
        """The rows to train and, where there are some, to test."""
        return [self.train] if self.test is None else [self.train, self.test]

    @property
    def saved(self) -> str | None:
        """Where the network is kept; a training that diverged leaves nothing worth keeping."""
        return self.recipe.save


def run_fit(asked: Asked, *, as_json: bool) -> int:
    """Train on a table, keep the network where asked, show what came out, and return the exit code."""
    if asked.save:
        check_writable(asked.save)
    fit = fitted(asked, quiet=as_json)
    if fit.saved:
        fit.run.network.save(fit.saved)
    if as_json:
        print(json.dumps(finite(as_dict(fit)), indent=2, allow_nan=False))
    else:
        show_fit(screen(), fit)
    return INTERRUPTED if fit.run.stop is StopReason.INTERRUPTED else exit_code([fit.run.stop])


def fitted(asked: Asked, *, quiet: bool) -> Fit:
    """Train on a table; an interruption ends it with what has been reached."""
    activation = without_free_names(asked.training.get("activation", "identity"))
    ends = {name: asked.training[name] for name in ("max_iter", "tol") if name in asked.training}
    with live(asked.table, quiet=quiet, **ends) as show_state, warnings_as_notes() as notes:
        source = opened(asked, activation)
        check_reach(source, activation)
        train_part, test_part, splitting = parted(source, asked)
        run = _trained(train_part, asked, show_state)
    opening = _opening(asked, source)
    save = None if run.stop is StopReason.DIVERGED else asked.save
    recipe = Recipe(asked.table, opening, splitting, asked.training, asked.start, save)
    return Fit(asked, recipe, train_part, test_part, run, notes)


def opened(asked: Asked, activation: Activation) -> TableSource:
    """Open the table; classes are trained towards what the activation reaches."""
    source = open_table(asked.table, **asked.opening, class_targets=class_targets_for(activation))
    if not source.signature.classes:  # a network of numbers is the same without
        source.signature = replace(source.signature, class_targets=Signature.class_targets)
    return source


def _opening(asked: Asked, source: TableSource) -> dict[str, Any]:
    """Return the arguments of ``open_table``, with the targets of classes where they are not its default."""
    ends = source.signature.class_targets
    return {**asked.opening, **({} if ends == Signature.class_targets else {"class_targets": ends})}


def _trained(source: TableSource, asked: Asked, show_state: Callback) -> Run:
    try:
        return train(source, callbacks=[show_state], **asked.training, **_start(source, asked.start))
    except KeyboardInterrupt as interrupt:
        if not hasattr(interrupt, "run"):
            raise
        run: Run = interrupt.run
        return run


def _start(source: TableSource, path: str | None) -> dict[str, Any]:
    """Return the weights of a kept network of the same columns to start from."""
    if path is None:
        return {}
    network = load(path)
    if network.signature is not None and network.signature != source.signature:
        raise InputError(
            f"{path} holds a network of other columns or categories: start from one of the same table, "
            "or anew"
        )
    return {"initial_weights": network.weights, "initial_intercept": network.intercept}


def parted(source: TableSource, asked: Asked) -> tuple[TableSource, TableSource | None, dict[str, Any]]:
    """Return the rows to train, those to test, and how they were parted."""
    test_size = asked.test_size
    if test_size is None:
        test_size = TEST_SIZE if len(source.row_numbers) >= ROWS_FOR_A_TEST else 0.0
    if test_size == 0.0:
        return source, None, {}
    seed = {"seed": asked.seed} if asked.seed else {}
    return *source.split(test_size, asked.seed), {"test_size": test_size, **seed}


def check_reach(source: TableSource, activation: Activation) -> None:
    """Refuse a target that the activation cannot reach, and say which row has it."""
    low, high = activation.range
    y = source.y.reshape(len(source.y), -1)
    beyond = (y < low) | (y > high)
    if not beyond.any():
        return
    row, output = (int(index) for index in np.argwhere(beyond)[0])
    column = source.signature.output_names[output]
    raise InputError(
        f"{source.table}, row {source.row_numbers[row]}, column {column!r} holds {y[row, output]:g}, but "
        f"{activation.name} reaches from {low:g} to {high:g} only: {_advice(activation, y)}"
    )


def _advice(activation: Activation, y: Array) -> str:
    low, high = activation.range
    if activation.formula is not None and math.isfinite(high):
        factor = float(f"{1.05 * np.abs(y).max() / high:.2g}")
        if factor * low <= y.min():
            return f"choose an activation that reaches it, such as '{factor:g}*{_as_call(activation)}'"
    return "choose an activation that reaches it, or rescale the target"


def _as_call(activation: Activation) -> str:
    return f"{activation.name}(h)" if activation.name.isidentifier() else f"({activation.formula})"


def as_dict(fit: Fit) -> dict[str, Any]:
    """Return all that is shown, and more, for scripts."""
    network = fit.run.network
    weights = network.weights.reshape(len(network.weights), -1)
    return {
        "table": fit.asked.table,
        "records": dict(zip(("train", "test"), (len(part.y) for part in fit.parts), strict=False)),
        "inputs": network.input_names,
        "outputs": network.output_names,
        "classes": network.classes,
        "activation": network.activation.name,
        "steps": [dict(zip(fit.COLUMNS, row, strict=True)) for row in fit.steps],
        "stop": fit.run.stop.name,
        "converged": fit.run.stop.is_converged,
        "message": fit.run.message,
        "warnings": fit.notes,
        "network": _by_part(fit.network_scores),
        "baseline": _by_part(fit.baseline_scores),
        "weights": {
            output: dict(zip(network.input_names, column.tolist(), strict=True))
            for output, column in zip(network.output_names, weights.T, strict=True)
        },
        "intercept": dict(zip(network.output_names, np.ravel(network.intercept).tolist(), strict=True)),
        "saved": fit.saved,
        "code": fit.recipe.lines,
    }


def _by_part(scores: list[Scores]) -> dict[str, Any]:
    return dict(zip(("train", "test"), map(asdict, scores), strict=False))
