"""Blocks computed by threads of this process; kernels and BLAS release the GIL."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import chain, islice
from numbers import Integral

from fallline._errors import InputError
from fallline.data._blocks import Block, Source
from fallline.execution._reduction import Node, S, add_subtrees

LONGEST_RUN = 8


def thread_engine(n_jobs: int | None = None) -> Callable[..., Iterator[tuple[Node, S]]]:
    """Return an engine of ``n_jobs`` threads (None: all usable cores; −1, −2, …: all, all but one, …)."""
    workers = usable_cores() if n_jobs is None else _checked(n_jobs)

    def engine(task: Callable[[Block], S], source: Source) -> Iterator[tuple[Node, S]]:
        return _map(task, source.blocks(), workers)

    return engine


def _map(task: Callable[[Block], S], blocks: Iterator[Block], workers: int) -> Iterator[tuple[Node, S]]:
    """Yield the sums of runs of blocks in order, never more than a few runs ahead of the caller."""
    runs = aligned_runs(blocks, workers)
    first = list(islice(runs, 2))
    if workers == 1 or len(first) < 2:
        for run in chain(first, runs):
            yield from _sums_of(task, run)
        return
    pool, waiting = _pool(workers), deque[Future[list[tuple[Node, S]]]]()
    for run in chain(first, runs):
        waiting.append(pool.submit(_sums_of, task, run))
        if len(waiting) > 2 * workers:
            yield from waiting.popleft().result()
    for future in waiting:
        yield from future.result()


def aligned_runs(blocks: Iterator[Block], workers: int) -> Iterator[list[Block]]:
    """Cut blocks into runs that are whole subtrees: single blocks first, longer runs as more have passed.

    Handing a task to a thread costs as much as a block of some hundred kilobytes.
    """
    for block in blocks:
        passed = block.number
        length = 1
        while length < LONGEST_RUN and passed % (2 * length) == 0 and 4 * workers * length <= passed:
            length *= 2
        yield [block, *islice(blocks, length - 1)]


def _sums_of(task: Callable[[Block], S], run: list[Block]) -> list[tuple[Node, S]]:
    return list(add_subtrees((Node(0, block.number), task(block)) for block in run).items())


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
