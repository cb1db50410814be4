"""What the numbers of a network mean: the columns they come from, and the classes they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.activations._activation import Activation

Kind = Literal["number", "boolean", "category"]
BOOLEANS = ("false", "true")
"""The classes of a lone target of true and false."""


def class_targets_for(activation: Activation) -> tuple[float, float]:
    """Return what an output is trained towards for other classes and for its own: ±1 where f reaches both.

    Free parameters may move the ends of f: they learn 0 and 1.
    """
    if activation.parameters:
        return 0.0, 1.0
    low, high = activation.range
    return (-1.0, 1.0) if low <= -1.0 and high >= 1.0 else (0.0, 1.0)


@dataclass(frozen=True)
class Column:
    """A column of a table: one feature, or for a category one for each of its values (one-hot)."""

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it stands for: ``age``, or ``soil=clay`` and ``soil=sand``."""
        if self.kind != "category":
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)


@dataclass(frozen=True)
class Signature:
    """The columns that a network takes in, and those that it predicts.

    A lone target that is a category is predicted as classes: a unit for each, or one unit for the second of
    two. A record's target is the second of ``class_targets`` for its own class, the first for the others.
    """

    inputs: tuple[Column, ...]
    targets: tuple[Column, ...]
    class_targets: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        low, high = self.class_targets
        if not -math.inf < low < high < math.inf:
            raise InputError(
                f"class_targets must be two finite numbers, the lower first, got {low!r}, {high!r}"
            )
        if len(self.targets) > 1 and self.classes:
            raise InputError("a target of classes has to be the only one")

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """A name for each input, in the order of the weights."""
        return tuple(name for column in self.inputs for name in column.feature_names)

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """A name for each output."""
        names = tuple(name for column in self.targets for name in column.feature_names)
        return names[1:] if len(self.classes) == 2 else names

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are told apart; none for a regression."""
        return next((column.categories for column in self.targets if column.kind == "category"), ())

    def labels(self, y_hat: Array) -> Array:
        """Return the class whose target is nearest to ŷ (n,) or (n, n_outputs)."""
        if len(self.classes) == 2:
            codes = (np.ravel(y_hat) > sum(self.class_targets) / 2).astype(int)
        else:
            codes = y_hat.argmax(axis=1)
        labels: Array = np.array(self.classes, dtype=object)[codes]
        return labels
