"""What a finished training hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Carry, State
from fallline.descent._coordinates import Coordinates
from fallline.descent._stopping import StopReason
from fallline.maths.network._network import SingleLayer

MOST_KEPT = 1000
"""States whose weights are kept at most; then every second one is dropped, and from there on skipped."""


@dataclass(frozen=True)
class Run:
    """A training that has stopped.

    Attributes
    ----------
    network : SingleLayer
        The network at the last good state, or at that with the least validation error.
    history : dict of arrays
        ``step``, ``passes``, ``error``, ``penalty``, ``gradient_norm``, ``learning_rate``, ``step_size``,
        ``progressive_error``, ``validation_error`` and ``seconds`` (since the start), an entry a state; a
        column for each free name of the formula; with ``keep="weights"`` also ``weights``, ``intercept`` and
        the ``kept_step`` of each, at most 1,000 of them, evenly spread.
    stop : StopReason
        Why it stopped, as a member of an enumeration.
    message : str
        Why it stopped, as a sentence with this run's numbers.
    state : State
        The state of ``network``.
    baseline_error : float
        E of the trivial network that predicts the mean of y.
    restarts : array (n_init,)
        What E and the penalty came to from each start; the least of them is this run.
    carry : Carry
        All that its next step needs.
    coordinates : Coordinates
        What the point in the carry means.
    method : str
        The method that was chosen.
    """

    network: SingleLayer
    history: dict[str, Array]
    stop: StopReason
    message: str
    state: State
    baseline_error: float
    carry: Carry
    coordinates: Coordinates
    method: str
    restarts: Array = field(default_factory=lambda: np.empty(0))

    def __repr__(self) -> str:
        return (
            f"Run(error={self.state.error:.6g}, baseline {self.baseline_error:.6g}, {self.state.step} steps, "
            f"{self.state.passes} passes; {self.message})"
        )


class Recorder:
    """Collects the history, a row a state."""

    COLUMNS = (
        *("step", "passes", "error", "penalty", "gradient_norm", "learning_rate", "step_size"),
        *("progressive_error", "validation_error"),
    )

    def __init__(self, keeps_weights: bool = False) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.parameters: list[Any] = []
        self.keeps_weights = keeps_weights
        self.kept: list[State] = []
        self.stride, self.seen = 1, 0

    def add(self, state: State, seconds: float) -> None:
        """Add a state; one that comes again, with more passes, replaces itself."""
        comes_again = bool(self.rows) and self.rows[-1][0] == state.step
        if comes_again:
            self.rows.pop()
            self.parameters.pop()
        shown = (getattr(state, column) for column in self.COLUMNS)
        self.rows.append((*shown, seconds))
        self.parameters.append(state.parameters)
        if self.keeps_weights and not comes_again:
            self._keep(state)

    def history(self) -> dict[str, Array]:
        """Return the columns by name."""
        columns = (*self.COLUMNS, "seconds")
        table = np.array(self.rows, dtype=np.float64).reshape(-1, len(columns))
        history = dict(zip(columns, table.T.copy(), strict=True))
        history |= {name: history[name].astype(np.int64) for name in ("step", "passes")}
        names = self.parameters[0] if self.parameters else ()
        history |= {name: np.array([values[name] for values in self.parameters]) for name in names}
        if self.keeps_weights:
            for name, attribute in (
                ("kept_step", "step"),
                ("weights", "weights"),
                ("intercept", "intercept"),
            ):
                history[name] = np.array([getattr(state, attribute) for state in self.kept])
        return history

    def _keep(self, state: State) -> None:
        if self.seen % self.stride == 0:
            self.kept.append(state)
        self.seen += 1
        if len(self.kept) > MOST_KEPT:
            self.kept, self.stride = self.kept[::2], 2 * self.stride
