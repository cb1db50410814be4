"""What a fit came to: its network, and how good it is on each part of the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fallline.data.tables._source import TableSource
from fallline.descent._run import Run
from fallline.faces.cli.fit._recipe import Recipe
from fallline.faces.cli.fit._scores import Scores, baseline_scores, network_scores
from fallline.faces.cli.screen._steps import steps_as_dicts
from fallline.maths.network._network import SingleLayer


@dataclass(frozen=True)
class Fit:
    """A training on a table, by its parts "train" and perhaps "test", and what it is worth."""

    recipe: Recipe
    parts: dict[str, TableSource]
    run: Run
    notes: list[str]

    @cached_property
    def network_scores(self) -> dict[str, Scores]:
        """Return the scores of the network on each part."""
        return {name: network_scores(self.run.network, part) for name, part in self.parts.items()}

    @cached_property
    def baseline_scores(self) -> dict[str, Scores]:
        """Return the scores of the trivial baseline on each part."""
        train_part = self.parts["train"]
        return {
            name: baseline_scores(self.run.network, train_part, part) for name, part in self.parts.items()
        }

    @property
    def saved(self) -> str | None:
        """Where the network is kept."""
        return self.recipe.save


def parameters_by_output(network: SingleLayer) -> dict[str, list[float]]:
    """Return what was learned for each free name, a number an output; shared ones are repeated."""
    outputs = network.n_outputs
    return {name: np.broadcast_to(value, outputs).tolist() for name, value in network.parameters.items()}


def as_dict(fit: Fit) -> dict[str, Any]:
    """Return all that is shown, and more, for scripts."""
    network = fit.run.network
    weights = network.weights.reshape(len(network.weights), -1)
    return {
        "table": fit.recipe.table,
        "rows": fit.parts["train"].n_rows,
        "records": {name: len(part.y) for name, part in fit.parts.items()},
        "inputs": network.input_names,
        "outputs": network.output_names,
        "classes": network.classes,
        "activation": network.activation.name,
        "steps": steps_as_dicts(fit.run),
        "stop": fit.run.stop.name,
        "converged": fit.run.stop.is_converged,
        "message": fit.run.message,
        "warnings": fit.notes,
        "network": {name: asdict(scores) for name, scores in fit.network_scores.items()},
        "baseline": {name: asdict(scores) for name, scores in fit.baseline_scores.items()},
        "weights": {
            output: dict(zip(network.input_names, column.tolist(), strict=True))
            for output, column in zip(network.output_names, weights.T, strict=True)
        },
        "intercept": dict(zip(network.output_names, np.ravel(network.intercept).tolist(), strict=True)),
        "parameters": {
            output: {name: values[j] for name, values in parameters_by_output(network).items()}
            for j, output in enumerate(network.output_names)
        },
        "saved": fit.saved,
        "code": fit.recipe.lines,
    }
