"""A part of a source: its other records stay in their place, with weight 0, so that blocks are cut alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block, Shape, Source
from fallline.data._draws import VALIDATION, draws
from fallline.maths._records import Records
from fallline.maths.network._signature import Signature


@dataclass(frozen=True)
class PartOf:
    """The records of a source for which ``chosen`` (n,) is true."""

    source: Source
    chosen: Array

    @property
    def shape(self) -> Shape:
        """Records, inputs and outputs of the whole."""
        return self.source.shape

    @property
    def one_output(self) -> bool:
        """Whether y is one-dimensional."""
        return self.source.one_output

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of X."""
        return self.source.dtype

    @property
    def signature(self) -> Signature | None:
        """Names of inputs and outputs."""
        return self.source.signature

    @property
    def rows(self) -> int:
        """Records a block."""
        return self.source.rows

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return self.source.n_blocks

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Yield the blocks, in which records of the other part weigh nothing."""
        for block in self.source.blocks(start):
            first, records = block.number * self.rows, block.records
            weights = self._weights(self.chosen[first : first + len(records.y)], records)
            yield Block(block.number, records._replace(sample_weight=weights))

    def take(self, numbers: Array) -> Records:
        """Return records, those of the other part with weight 0."""
        records = self.source.take(numbers)
        return records._replace(sample_weight=self._weights(self.chosen[numbers], records))

    def in_batches(self, batch_size: int) -> PartOf:
        """Return the same part cut into blocks of whole batches."""
        return PartOf(self.source.in_batches(batch_size), self.chosen)

    def _weights(self, chosen: Array, records: Records) -> Array:
        s = records.sample_weight
        return chosen.astype(np.float64) if s is None else chosen * s

    def raise_for_bad_values(self) -> None:
        """Raise for the first bad value of the whole."""
        self.source.raise_for_bad_values()


def split(source: Source, share: float, seed: int) -> tuple[PartOf, PartOf]:
    """Return the records to train on and those held out, decided by the number of each and the seed."""
    held = draws(seed, VALIDATION).random(source.shape.n_records) < share
    return PartOf(source, ~held), PartOf(source, held)
