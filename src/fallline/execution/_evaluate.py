"""One pass over all records: a map over blocks, added in the fixed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from fallline._errors import InputError
from fallline.data._blocks import Block, Source
from fallline.execution._arithmetic import step_arithmetic
from fallline.execution._reduction import Node, S, fold_tree
from fallline.maths._block import BlockSum
from fallline.maths._moments import Moments, block_moments
from fallline.maths._partial import Partial
from fallline.maths._records import Layer

Engine: TypeAlias = Callable[[Callable[[Block], S], Source], Iterable[tuple[Node, S]]]


def sum_over_blocks(task: Callable[[Block], S], source: Source, engine: Engine[S]) -> S:
    """Return the sum of ``task`` over the blocks of a source: the same bits from every engine."""

    def quietly(block: Block) -> S:
        with np.errstate(all="ignore"):
            return task(block)

    with step_arithmetic():
        return fold_tree(engine(quietly, source))


def evaluate(source: Source, layer: Layer, engine: Engine[Partial]) -> Partial:
    """Return E and its gradient at the weights of a layer, in one read of X."""
    with step_arithmetic():
        block_sum = BlockSum(layer, source.dtype)
        return sum_over_blocks(lambda block: block_sum(block.records), source, engine)


def source_moments(source: Source, engine: Engine[Any], *, full: bool) -> Moments:
    """Return the moments of X, in one pass; raise where they are not finite."""

    def task(block: Block) -> Moments:
        return block_moments(block.records.X, block.records.sample_weight, full=full)

    moments: Moments = sum_over_blocks(task, source, engine)
    if not np.isfinite(moments.scatter).all():
        source.raise_for_bad_values()
        raise InputError("the squares of X overflow: divide its largest columns by a power of ten")
    return moments
