"""One pass over all records: a map over blocks, added in the fixed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from fallline._typing import Array
from fallline.data._blocks import Block, Source
from fallline.execution._blas import single_threaded_blas
from fallline.execution._reduction import Node, S, fold_tree
from fallline.maths._activation import Activation
from fallline.maths._block import block_partial
from fallline.maths._partial import Partial

Engine: TypeAlias = Callable[[Callable[[Block], S], Source], Iterable[tuple[Node, S]]]


def sum_over_blocks(task: Callable[[Block], S], source: Source, engine: Engine[S]) -> S:
    """Return the sum of ``task`` over the blocks of a source: the same bits from every engine."""
    with single_threaded_blas():
        return fold_tree(engine(task, source))


def evaluate(
    source: Source, weights: Array, intercept: Array, activation: Activation, engine: Engine[Partial]
) -> Partial:
    """Return E and its gradient at weights (d, k) and intercept (k,), in one read of X."""

    def task(block: Block) -> Partial:
        return block_partial(block.X, block.y, block.sample_weight, weights, intercept, activation)

    return sum_over_blocks(task, source, engine)
