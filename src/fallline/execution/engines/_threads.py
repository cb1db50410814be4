"""Blocks computed by threads of this process; kernels and BLAS release the GIL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import chain, islice
from numbers import Integral
from threading import Lock
from typing import Generic

from fallline._errors import InputError
from fallline.data._blocks import Block, Source
from fallline.execution._reduction import Node, S, Tree


def thread_engine(n_jobs: int | None = None) -> Callable[..., Iterable[tuple[Node, S]]]:
    """Return an engine of ``n_jobs`` threads (None: all usable cores; −1, −2, …: all, all but one, …)."""
    workers = usable_cores() if n_jobs is None else _checked(n_jobs)

    def engine(task: Callable[[Block], S], source: Source) -> Iterable[tuple[Node, S]]:
        return _map(task, source.blocks(), workers)

    return engine


def _map(task: Callable[[Block], S], blocks: Iterator[Block], workers: int) -> Iterable[tuple[Node, S]]:
    """Return the sums of all blocks, siblings added; the calling thread is one of the workers."""
    ahead = list(islice(blocks, 2))
    work = _Work(task, chain(ahead, blocks))
    helpers = [_pool(workers).submit(work.run) for _ in range(workers - 1)] if len(ahead) > 1 else []
    try:
        work.run()
    finally:
        work.stop()
        wait(helpers)
    for helper in helpers:
        helper.result()
    return work.tree.waiting.items()


class _Work(Generic[S]):
    """Blocks still to be taken, and the tree of their sums."""

    def __init__(self, task: Callable[[Block], S], blocks: Iterator[Block]) -> None:
        self.task = task
        self.blocks = blocks
        self.lock = Lock()
        self.tree: Tree[S] = Tree()

    def run(self) -> None:
        """Take blocks one at a time until there are none."""
        try:
            while (block := self._next()) is not None:
                self.tree.add(Node(0, block.number), self.task(block))
        finally:
            self.stop()

    def stop(self) -> None:
        """Let no worker take another block."""
        with self.lock:
            self.blocks = iter(())

    def _next(self) -> Block | None:
        with self.lock:
            return next(self.blocks, None)


def usable_cores() -> int:
    """Return the cores this process may use: one inside a joblib worker, which shares them out already."""
    joblib = sys.modules.get("joblib")
    if joblib is not None and joblib.parallel.get_active_backend()[0].nesting_level > 0:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(n_jobs: int) -> int:
    if not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise InputError(f"n_jobs must be a number of threads, or None for all usable cores, got {n_jobs!r}")
    return n_jobs if n_jobs > 0 else max(1, usable_cores() + 1 + n_jobs)


@lru_cache(maxsize=4)
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="fallline")


if hasattr(os, "register_at_fork"):
    # threads do not survive a fork: the child makes its own
    os.register_at_fork(after_in_child=_pool.cache_clear)
