"""``fallline fit``: from a table to a trained, saved and explained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.data.tables._source import TableSource
from fallline.descent._drain import Callback
from fallline.descent._run import Run
from fallline.descent._stopping import StopReason
from fallline.descent._train import train
from fallline.faces.cli._endings import exit_code
from fallline.faces.cli._table import check_output, opened
from fallline.faces.cli.fit._reach import check_reach
from fallline.faces.cli.fit._recipe import Recipe
from fallline.faces.cli.fit._result import Fit, as_dict
from fallline.faces.cli.fit._view import show_fit
from fallline.faces.cli.screen._json import print_json
from fallline.faces.cli.screen._live import live
from fallline.faces.cli.screen._screen import screen, warnings_as_notes
from fallline.maths.activations._activation import Activation
from fallline.maths.network._model_file import load
from fallline.maths.network._signature import Signature

TEST_SIZE = 0.2
ENDS = ("max_iter", "max_passes", "max_time", "tol", "n_init")
"""Settings that tell when a training ends."""
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


def run_fit(asked: Asked, *, as_json: bool) -> int:
    """Train on a table, keep the network where asked, show what came out, and return the exit code."""
    check_output(asked.save, asked.table)
    fit = fitted(asked, quiet=as_json)
    if fit.saved:
        fit.run.network.save(fit.saved)
    if as_json:
        print_json(as_dict(fit))
    else:
        show_fit(screen(), fit)
    return exit_code([fit.run.stop])


def fitted(asked: Asked, *, quiet: bool) -> Fit:
    """Train on a table; an interruption ends it with what has been reached.

    A training that diverged leaves nothing worth keeping.
    """
    ends = {name: asked.training[name] for name in ENDS if name in asked.training}
    with live(asked.table, quiet=quiet, **ends) as show_state, warnings_as_notes() as notes:
        source, activation = opened(asked.table, asked.opening, asked.training.get("activation"))
        check_reach(source, Activation(activation))
        parts, splitting = parted(source, asked)
        chosen = {} if activation == "identity" else {"activation": activation}
        start, learned = _start(source.signature, asked.start, Activation(activation))
        training = {**chosen, **learned, **asked.training}
        run = _trained(parts["train"], {**training, **start}, show_state)
    save = None if run.stop is StopReason.DIVERGED else asked.save
    opening = _opening(asked.opening, source.signature)
    recipe = Recipe(asked.table, opening, splitting, training, asked.start, save)
    return Fit(recipe, parts, run, notes)


def _opening(asked: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
    """Return the arguments of ``open_table``, with the targets of classes where they are not its default."""
    ends = signature.class_targets
    return {**asked, **({} if ends == Signature.class_targets else {"class_targets": ends})}


def _trained(source: TableSource, settings: Mapping[str, Any], show_state: Callback) -> Run:
    try:
        return train(source, callbacks=[show_state], **settings)
    except KeyboardInterrupt as interrupt:
        if not hasattr(interrupt, "run"):
            raise
        run: Run = interrupt.run
        return run


def _start(
    signature: Signature, path: str | None, activation: Activation
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of a kept network of the same columns to start from, and what it learned of f."""
    if path is None:
        return {}, {}
    network = load(path)
    kept = network.signature
    same = kept is None or (kept.inputs, kept.targets) == (signature.inputs, signature.targets)
    sizes = len(signature.input_names), len(signature.output_names)
    if not same or sizes != (len(network.weights), network.n_outputs):
        raise InputError(
            f"{path} holds a network of other columns or categories: start from one of the same columns, or "
            "anew"
        )
    weights = {"initial_weights": network.weights, "initial_intercept": network.intercept}
    if not network.parameters or network.activation != activation:
        return weights, {}
    learned = {name: np.asarray(value).tolist() for name, value in network.parameters.items()}
    return weights, {"initial_parameters": learned}


def parted(source: TableSource, asked: Asked) -> tuple[dict[str, TableSource], dict[str, Any]]:
    """Return the rows to train and perhaps those to test, and how they were parted."""
    test_size = asked.test_size
    if test_size is None:
        test_size = TEST_SIZE if len(source.row_numbers) >= ROWS_FOR_A_TEST else 0.0
    if test_size == 0.0:
        return {"train": source}, {}
    seed = {"seed": asked.seed} if asked.seed else {}
    parts = source.split(test_size, asked.seed)
    return dict(zip(("train", "test"), parts, strict=True)), {"test_size": test_size, **seed}
