"""What a finished training hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import State
from fallline.descent._stopping import StopReason
from fallline.maths.network._network import SingleLayer


@dataclass(frozen=True)
class Run:
    """A training that has stopped.

    Attributes
    ----------
    network : SingleLayer
        The network at the last good state.
    history : dict of arrays
        ``step``, ``passes``, ``error``, ``gradient_norm``, ``learning_rate``, ``progressive_error`` and
        ``seconds`` (since the start), an entry a state.
    stop : StopReason
        Why it stopped, as a member of an enumeration.
    message : str
        Why it stopped, as a sentence with this run's numbers.
    state : State
        The last good state.
    baseline_error : float
        E of the trivial network that predicts the mean of y.
    """

    network: SingleLayer
    history: dict[str, Array]
    stop: StopReason
    message: str
    state: State
    baseline_error: float

    def __repr__(self) -> str:
        return (
            f"Run(error={self.state.error:.6g}, baseline {self.baseline_error:.6g}, {self.state.step} steps, "
            f"{self.state.passes} passes; {self.message})"
        )


class Recorder:
    """Collects the history, a row a state."""

    COLUMNS = ("step", "passes", "error", "gradient_norm", "learning_rate", "progressive_error")

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def add(self, state: State, seconds: float) -> None:
        """Add a state; one that comes again, with more passes, replaces itself."""
        if self.rows and self.rows[-1][0] == state.step:
            self.rows.pop()
        self.rows.append((*(getattr(state, column) for column in self.COLUMNS), seconds))

    def history(self) -> dict[str, Array]:
        """Return the columns by name."""
        columns = (*self.COLUMNS, "seconds")
        table = np.array(self.rows, dtype=np.float64).reshape(-1, len(columns))
        history = dict(zip(columns, table.T.copy(), strict=True))
        return history | {name: history[name].astype(np.int64) for name in ("step", "passes")}
