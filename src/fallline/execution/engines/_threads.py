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
from fallline.execution._reduction import Node, S


def thread_engine(n_jobs: int | None = None) -> Callable[..., Iterator[tuple[Node, S]]]:
    """Return an engine of ``n_jobs`` threads (None: all usable cores; −1, −2, …: all, all but one, …)."""
    workers = usable_cores() if n_jobs is None else _checked(n_jobs)

    def engine(task: Callable[[Block], S], source: Source) -> Iterator[tuple[Node, S]]:
        return _map(task, source.blocks(), workers)

    return engine


def _map(task: Callable[[Block], S], blocks: Iterator[Block], workers: int) -> Iterator[tuple[Node, S]]:
    """Yield each block's sum in order, never more than a few blocks ahead of the caller."""
    first = list(islice(blocks, 2))
    if workers == 1 or len(first) < 2:
        yield from (_sum_of(task, block) for block in chain(first, blocks))
        return
    pool, waiting = _pool(workers), deque[Future[tuple[Node, S]]]()
    for block in chain(first, blocks):
        waiting.append(pool.submit(_sum_of, task, block))
        if len(waiting) > 2 * workers:
            yield waiting.popleft().result()
    yield from (future.result() for future in waiting)


def _sum_of(task: Callable[[Block], S], block: Block) -> tuple[Node, S]:
    return Node(0, block.number), task(block)


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
