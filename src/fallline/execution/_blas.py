"""The one place that limits BLAS: a step computes with a single BLAS thread.

BLAS results depend on its number of threads, and blocks are what runs in parallel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _Limit:
    """One limit shared by all overlapping holders: set by the first, lifted by the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.limiter: Any = None

    def enter(self) -> None:
        with self.lock:
            if self.holders == 0:
                self.limiter = _controller().limit(limits=1, user_api="blas")
            self.holders += 1

    def leave(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                self.limiter.restore_original_limits()


_limit = _Limit()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS to one thread until the last of all overlapping holders has let go."""
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()
