"""The arithmetic of a step: one BLAS thread, and infinity or NaN without a word.

BLAS results depend on its number of threads, and blocks are what runs in parallel. What is not
finite is found in the sums, where it can be explained, and not in the middle of a block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np


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
                _take_control()
                self.limiter = _controller().limit(limits=1, user_api="blas")
            self.holders += 1

    def leave(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                _take_control()
                self.limiter.restore_original_limits()
                _take_control()


def _take_control() -> None:
    """Let this thread be the one whose limits OpenBLAS obeys; threadpoolctl ignores all threads but one."""
    for library in _controller().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    # a child of a fork in the midst of a step holds nothing
    os.register_at_fork(after_in_child=_limit.__init__)  # type: ignore[misc]


@contextmanager
def step_arithmetic() -> Iterator[None]:
    """Hold BLAS to one thread until the last of all overlapping holders has let go."""
    _limit.enter()
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _limit.leave()
