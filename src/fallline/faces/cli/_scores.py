"""How well a network does on records, beside the trivial baseline: the mean of y, or the commonest class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.data.sources._table import TableSource
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


def _scores(network: SingleLayer, y: Array, y_hat: Array) -> Scores:
    squares = float(np.sum((y - y_hat) ** 2))
    r2 = None if network.classes or len(y) < 2 else _r2(y, y_hat)
    return Scores(0.5 * squares, float(np.sqrt(squares / y.size)), r2, _accuracy(network, y, y_hat))


def _r2(y: Array, y_hat: Array) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, y_hat))


def _accuracy(network: SingleLayer, y: Array, y_hat: Array) -> float | None:
    """Return the share of records whose class, or of targets 0 and 1 whose side of ½, is right."""
    if network.classes and network.signature is not None:
        return float(np.mean(network.signature.labels(y_hat) == network.signature.labels(y)))
    return float(np.mean((y_hat > 0.5) == (y > 0.5))) if np.isin(y, (0.0, 1.0)).all() else None
