"""Sums over blocks, added in one fixed binary tree over block numbers.

Level 0 holds the blocks; node (level, i) is the sum of (level − 1, 2i) and (level − 1, 2i + 1).
Whoever computes a node, and whenever it arrives, the same additions are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Generic, NamedTuple, Protocol, Self, TypeVar


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


class Tree(Generic[S]):
    """Sums that wait for their siblings; threads may share one."""

    def __init__(self) -> None:
        self.waiting: dict[Node, S] = {}
        self.lock = Lock()

    def add(self, node: Node, total: S) -> None:
        """Add a sum, and climb while the sibling is there; additions are made outside the lock."""
        while (other := self._sibling_of(node, total)) is not None:
            total = other + total if node.number % 2 else total + other
            node = Node(node.level + 1, node.number // 2)

    def _sibling_of(self, node: Node, total: S) -> S | None:
        """Take the sibling's sum; without one, leave this sum to wait for it."""
        with self.lock:
            other = self.waiting.pop(Node(node.level, node.number ^ 1), None)
            if other is None:
                self.waiting[node] = total
            return other


def fold_tree(sums: Iterable[tuple[Node, S]]) -> S:
    """Add the sums of aligned subtrees, in whatever order they arrive, in the fixed tree.

    What is left without a sibling, one node for each bit of the number of blocks, is added from the last
    block back.
    """
    tree: Tree[S] = Tree()
    for node, total in sums:
        tree.add(Node(*node), total)
    last, *before = (tree.waiting[node] for node in sorted(tree.waiting))
    for total in before:
        last = total + last
    return last
