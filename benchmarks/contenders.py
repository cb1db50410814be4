"""Those who take part in ``race.py``: each descends until its clock says that it is over.

All start from weights 0 and the intercept at which a sigmoid is the mean of y. PyTorch is only imported by
those who need it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy_lbfgs
from sklearn.linear_model import LogisticRegression

import fallline

WITHIN = 1e-6
BATCH = 1024
DECAY = 0.7
"""What a million records multiply the learning rate of Adam in batches by: a constant one hovers."""


class Data(NamedTuple):
    """Inputs raw and standardised, targets, the least E, and where it counts as reached."""

    X: Any
    Z: Any
    y: Any
    least: float

    @property
    def goal(self) -> float:
        """E within 1e-6 of the least."""
        return self.least * (1.0 + WITHIN)


class OverError(Exception):
    """The goal is reached, or the time is up."""


class Clock:
    """Counts the seconds and evaluations of a contender until its E is ``goal`` or ``cap`` seconds are up."""

    def __init__(self, goal: float, cap: float) -> None:
        self.goal, self.cap = goal, cap
        self.error, self.evaluations = np.inf, 0
        self.started, self.seconds = time.perf_counter(), 0.0

    def show(self, error: float | Callable[[], float], evaluations: int = 1) -> None:
        """Note E, and stand still while it is computed; raise where this is the end."""
        self.seconds = time.perf_counter() - self.started
        self.evaluations += evaluations
        found = error() if callable(error) else error
        self.error = min(self.error, found)
        if self.error <= self.goal or self.seconds > self.cap:
            raise OverError
        self.started = time.perf_counter() - self.seconds


Contender: TypeAlias = Callable[[Data, Clock], None]


def default_fit(data: Data, clock: Clock) -> None:
    """Train as fallline does by default."""

    def show(state: fallline.State) -> None:
        clock.show(state.error, state.passes - clock.evaluations)

    fallline.train(data.X, data.y, activation="sigmoid", callbacks=[show])


def scipy_raw(data: Data, clock: Clock) -> None:
    """Descend by SciPy on raw inputs."""
    point = np.append(np.zeros(data.X.shape[1]), intercept(data.y))
    scipy_lbfgs.descend(data.X, data.y, "sigmoid", point, clock.show, most=10**9)


def scipy_standardised(data: Data, clock: Clock) -> None:
    """Descend by SciPy on standardised inputs."""
    scipy_raw(data._replace(X=data.Z), clock)


def intercept(y: Any) -> float:
    """Return b with sigmoid(b) the mean of y, where all start."""
    mean = y.mean(dtype=np.float64)
    return float(np.log(mean / (1.0 - mean)))


class TorchUnit:
    """Weights and intercept as PyTorch tensors, their error and its gradient."""

    def __init__(self, data: Data) -> None:
        import torch

        self.Z, self.y = torch.from_numpy(data.Z), torch.from_numpy(data.y)
        self.w = torch.zeros(data.Z.shape[1], requires_grad=True)
        self.b = torch.tensor(intercept(data.y), requires_grad=True)

    def loss(self, rows: Any = slice(None)) -> Any:
        """Return half the mean square over rows, its gradient left in the tensors."""
        import torch

        self.w.grad = self.b.grad = None
        half_mean = 0.5 * torch.mean((self.y[rows] - torch.sigmoid(self.Z[rows] @ self.w + self.b)) ** 2)
        half_mean.backward()
        return half_mean

    def error(self) -> float:
        """Return E, by fallline, whose sums are float64."""
        w, b = self.w.detach().numpy(), self.b.item()
        return fallline.error_and_gradient(
            self.Z.numpy(), self.y.numpy(), w, intercept=b, activation="sigmoid"
        )[0]


def torch_lbfgs(data: Data, clock: Clock) -> None:
    """Descend by PyTorch's L-BFGS with its strong Wolfe search."""
    import torch

    unit = TorchUnit(data)
    optimiser = torch.optim.LBFGS(
        [unit.w, unit.b],
        max_iter=10**6,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> Any:
        loss = unit.loss()
        clock.show(unit.error)
        return loss

    optimiser.step(evaluate)


def torch_adam(data: Data, clock: Clock, rate: float) -> None:
    """Descend by PyTorch's Adam, all records a step."""
    import torch

    unit = TorchUnit(data)
    optimiser = torch.optim.Adam([unit.w, unit.b], lr=rate)
    while True:
        unit.loss()
        optimiser.step()
        clock.show(unit.error)


def torch_adam_batches(data: Data, clock: Clock, rate: float) -> None:
    """Descend by PyTorch's Adam in shuffled batches, its rate shrinking from epoch to epoch."""
    import torch

    unit, rng = TorchUnit(data), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam([unit.w, unit.b], lr=rate)
    millions = len(unit.y) / 1e6
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: DECAY ** (epoch * millions))
    while True:
        for rows in torch.randperm(len(unit.y), generator=rng).split(BATCH):
            unit.loss(rows)
            optimiser.step()
        schedule.step()
        clock.show(unit.error)


def logistic(data: Data, clock: Clock, *, standardised: bool) -> None:
    """Fit scikit-learn's logistic regression to where it stops by itself."""
    X = data.Z if standardised else data.X
    model = LogisticRegression(solver="lbfgs").fit(X, data.y)
    clock.seconds = time.perf_counter() - clock.started
    clock.evaluations = int(model.n_iter_[0])
    clock.error = 0.5 * float(np.sum((data.y - model.predict_proba(X)[:, 1]) ** 2, dtype=np.float64))
