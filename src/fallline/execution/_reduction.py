"""Sums over blocks, added in one fixed binary tree over block numbers.

Level 0 holds the blocks; node (level, i) is the sum of (level − 1, 2i) and (level − 1, 2i + 1).
Whoever computes a node, and whenever it arrives, the same additions are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, Self, TypeVar


class Sum(Protocol):
    """Anything that ``+`` joins."""

    def __add__(self, other: Self, /) -> Self:
        """Join the sums over two disjoint sets of records."""
        ...


S = TypeVar("S", bound=Sum)


class Node(NamedTuple):
    """A place in the tree: blocks number·2^level up to (number + 1)·2^level − 1."""

    level: int
    number: int


def fold_tree(sums: Iterable[tuple[Node, S]]) -> S:
    """Add the sums of aligned subtrees, in whatever order they arrive, in the fixed tree."""
    waiting: dict[Node, S] = {}
    for place, total in sums:
        node = Node(*place)
        while (sibling := Node(node.level, node.number ^ 1)) in waiting:
            other = waiting.pop(sibling)
            total = other + total if sibling < node else total + other
            node = Node(node.level + 1, node.number // 2)
        waiting[node] = total
    return _add_leftovers(waiting)


def _add_leftovers(waiting: dict[Node, S]) -> S:
    """Add the nodes without a sibling, one for each bit of the number of blocks, from the last block back."""
    last, *before = (waiting[node] for node in sorted(waiting))
    for total in before:
        last = total + last
    return last
