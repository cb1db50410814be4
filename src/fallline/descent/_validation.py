"""Held-out records: their error after every step, and the weights at which it was least."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fallline._errors import InputError
from fallline.data._blocks import Source
from fallline.data._validate import checked_integer, checked_positive
from fallline.data.sources._parts import split
from fallline.descent._carry import Carry, State
from fallline.descent._objective import Objective
from fallline.descent._settings import Settings, generator
from fallline.execution._evaluate import evaluate


@dataclass
class Validation:
    """What the held-out records say; ``patience`` is how many steps may bring nothing better.

    ``best`` is the state, with its validation error, at which they were fitted best.
    """

    source: Source
    patience: int
    least: float = np.inf
    best: State | None = None
    stale: int = 0
    reads: int = 0

    def seen(self, objective: Objective, carry: Carry) -> State:
        """Return the state of a carry with E of the held-out records, read once more; remember the best."""
        layer = objective.layer(carry.memory["point"])
        error = evaluate(self.source, layer, objective.engine).error
        self.reads += 1
        passes = carry.state.passes + self.reads
        state = replace(carry.state, validation_error=error, passes=passes)
        self.stale = 0 if error < self.least else self.stale + 1
        if error < self.least:
            self.least, self.best = error, state
        return state

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return self.stale >= self.patience

    def afresh(self) -> Validation:
        """Return the same records, nothing seen yet."""
        return Validation(self.source, self.patience)


def held_out(source: Source, share: float, patience: int, settings: Settings) -> tuple[Source, Validation]:
    """Return the records to train on, and the others."""
    if checked_positive(share, "validation_fraction") >= 1.0:
        raise InputError(f"validation_fraction must be a share between 0 and 1, got {share!r}")
    checked_integer(patience, "n_iter_no_change", 1)
    seed = int(generator(settings.random_state).integers(2**31))
    train, held = split(source, share, seed)
    for part in (train, held):
        if not sum_of_weights(part) > 0.0:
            raise InputError(
                f"{len(part.chosen)} records are too few to hold a share of {share:g} out for validation: "
                "leave early_stopping out, or choose another validation_fraction"
            )
    return train, Validation(held, patience)


def sum_of_weights(part: Source) -> float:
    """Return Σ s of a part."""
    weights = (block.records.weighted(np.ones((len(block.records.y), 1))) for block in part.blocks())
    return float(sum(np.sum(of_block) for of_block in weights))
