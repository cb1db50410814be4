"""What the demo found out about a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.descent._run import Run
from fallline.faces.cli.demo._compare import Row
from fallline.faces.cli.demo._problems import Problem, Scores


@dataclass(frozen=True)
class Measures:
    """E on the training set, and the scores on both sets."""

    error: float
    train: Scores
    test: Scores


@dataclass(frozen=True)
class Result:
    """A problem, its training, the sentences of its warnings, and the rows of its comparison."""

    problem: Problem
    run: Run
    notes: list[str]
    rows: list[Row]

    @property
    def network(self) -> Measures:
        """Return E and the scores of the network."""
        predict = self.run.network.predict
        return self._measures(predict(self.problem.X_train), predict(self.problem.X_test))

    @property
    def baseline(self) -> Measures:
        """Return E and the scores of predicting the mean of y everywhere: for classes, the majority."""
        mean, problem = self.problem.y_train.mean(), self.problem
        return self._measures(np.full(len(problem.y_train), mean), np.full(len(problem.y_test), mean))

    def _measures(self, on_train: Array, on_test: Array) -> Measures:
        problem = self.problem
        residual = problem.y_train - on_train
        return Measures(
            0.5 * float(residual @ residual),
            problem.scores(problem.y_train, on_train),
            problem.scores(problem.y_test, on_test),
        )
