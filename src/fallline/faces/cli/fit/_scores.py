"""How well a network does on records, beside the trivial baseline: the mean of y, or the commonest class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.data.tables._source import TableSource
from fallline.maths.network._network import SingleLayer


@dataclass(frozen=True)
class Scores:
    """E, root mean squared error, R² (for classes: none) and accuracy (for targets other than 0, 1: none)."""

    error: float
    rmse: float
    r2: float | None
    accuracy: float | None


def network_scores(network: SingleLayer, source: TableSource) -> Scores:
    """Return the scores of a network."""
    return _scores(network, source.y, network.predict(source))


def baseline_scores(network: SingleLayer, train: TableSource, source: TableSource) -> Scores:
    """Return the scores of predicting the mean of the training targets everywhere."""
    y_hat = np.broadcast_to(train.y.mean(axis=0), source.y.shape)
    return _scores(network, source.y, y_hat)


def scores_by_output(network: SingleLayer, source: TableSource) -> dict[str, Scores]:
    """Return the scores of each output of several."""
    y_hat = network.predict(source)
    columns = zip(network.output_names, source.y.T, y_hat.T, strict=True)
    return {name: _scores(network, y, of_output) for name, y, of_output in columns}


@np.errstate(over="ignore", invalid="ignore")
def _scores(network: SingleLayer, y: Array, y_hat: Array) -> Scores:
    squares = np.sum((y - y_hat) ** 2, axis=0)
    error = 0.5 * float(np.sum(squares))
    r2 = None if network.classes else _r2(y, squares)
    return Scores(error, math.sqrt(2.0 * error / y.size), r2, _accuracy(network, y, y_hat))


def _r2(y: Array, squares: Array) -> float | None:
    """Return the mean over outputs of 1 − Σ(y − ŷ)² / Σ(y − ȳ)²; none where a target never changes."""
    if (y == y[0]).all(axis=0).any():
        return None
    return float(np.mean(1.0 - squares / np.sum((y - y.mean(axis=0)) ** 2, axis=0)))


def _accuracy(network: SingleLayer, y: Array, y_hat: Array) -> float | None:
    """Return the share of records whose class, or of targets 0 and 1 whose side of ½, is right."""
    if network.classes and network.signature is not None:
        return float(np.mean(network.signature.labels(y_hat) == network.signature.labels(y)))
    return float(np.mean((y_hat > 0.5) == (y > 0.5))) if np.isin(y, (0.0, 1.0)).all() else None
