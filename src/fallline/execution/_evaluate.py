"""One pass over all records: a map over blocks, added in the fixed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from fallline.data._blocks import Block, Source
from fallline.execution._blas import single_threaded_blas
from fallline.execution._reduction import Node, S, fold_tree
from fallline.maths._block import block_partial
from fallline.maths._partial import Partial
from fallline.maths._records import Layer

Engine: TypeAlias = Callable[[Callable[[Block], S], Source], Iterable[tuple[Node, S]]]


def sum_over_blocks(task: Callable[[Block], S], source: Source, engine: Engine[S]) -> S:
    """Return the sum of ``task`` over the blocks of a source: the same bits from every engine."""
    with single_threaded_blas():
        return fold_tree(engine(task, source))


def evaluate(source: Source, layer: Layer, engine: Engine[Partial]) -> Partial:
    """Return E and its gradient at the weights of a layer, in one read of X."""

    def task(block: Block) -> Partial:
        return block_partial(block.records, layer)

    return sum_over_blocks(task, source, engine)
