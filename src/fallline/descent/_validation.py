"""Held-out records: their error after every step, and the weights at which it was least."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fallline._errors import InputError
from fallline.data._blocks import Source
from fallline.data._validate import checked_integer, checked_positive
from fallline.data.sources._parts import split
from fallline.descent._carry import Carry, Watch
from fallline.descent._objective import Objective
from fallline.descent._settings import Settings, generator
from fallline.execution._evaluate import evaluate


@dataclass(frozen=True)
class Validation:
    """Records that are held out; ``patience`` is how many steps may bring them nothing better."""

    source: Source
    patience: int

    def watched(self, objective: Objective, carry: Carry) -> Watch:
        """Return what was seen, with E of the held-out records at this step and the best state so far."""
        state, watch = carry.state, carry.watch
        if watch.step == state.step:
            return watch
        error = evaluate(self.source, objective.layer(carry.memory["point"]), objective.engine).error
        watch = watch._replace(reads=watch.reads + 1, validation_error=error, stale=watch.stale + 1)
        if watch.best is None or error < watch.best.validation_error:
            best = replace(state, validation_error=error, passes=state.passes + watch.reads)
            watch = watch._replace(best=best, stale=0)
        return watch

    def is_over(self, watch: Watch) -> bool:
        """Whether patience has run out."""
        return watch.stale >= self.patience


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
