"""What a person sees while a training runs: the curve of E so far, the numbers, the time that is left."""

from __future__ import annotations

import math
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fallline.descent._carry import State
from fallline.descent._train import Callback
from fallline.faces.cli.screen._curve import graph, is_positive
from fallline.faces.cli.screen._screen import NO_BREAK, WIDEST_TEXT

FRAMES_PER_SECOND = 8
CURVE_HEIGHT, LEAST_HEIGHT = 6, 14
MOST_POINTS = 512
RECENT = 24
"""Errors from which the end is extrapolated."""


@contextmanager
def live(title: str, *, max_iter: int = 1000, tol: float = 1e-8, quiet: bool = False) -> Iterator[Callback]:
    """Give a callback for a training, and show what it sees on stderr, where a person is watching."""
    console = Console(stderr=True, highlight=False)
    if quiet or not (sys.stderr.isatty() and console.is_interactive):
        yield lambda state: None
        return
    watch = Watch(title, max_iter, tol)
    with Live(
        get_renderable=lambda: watch.frame(console),
        console=console,
        refresh_per_second=FRAMES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
    ):
        yield watch


class Trail:
    """E at turns that lie equally far apart, so far that even a long training keeps only a few hundred."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.stride = 1

    def add(self, turn: int, error: float) -> None:
        """Keep the error of a turn, or leave it out."""
        if turn % self.stride:
            return
        self.errors.append(error)
        if len(self.errors) > MOST_POINTS:
            self.errors, self.stride = self.errors[::2], 2 * self.stride


class Watch:
    """A callback that does next to nothing, and the frame that shows what it has seen.

    Frames are drawn by a thread of their own, so that the clock goes on during a long step.
    """

    def __init__(self, title: str, max_iter: int, tol: float) -> None:
        self.title, self.max_iter, self.tol = title, max_iter, tol
        self.trail = Trail()
        self.turns = -1
        self.started = self.first_at = self.last_at = time.perf_counter()
        self.first: State | None = None
        self.last: State | None = None

    def __call__(self, state: State) -> None:
        """See a state; with batches a turn is an epoch, of many steps."""
        self.turns += 1
        self.trail.add(self.turns, error_of(state))
        self.last, self.last_at = state, time.perf_counter()
        if self.first is None:
            self.first, self.first_at = state, self.last_at

    def frame(self, console: Console) -> Text:
        """Return what is to be seen now."""
        now, width = time.perf_counter(), min(console.width, WIDEST_TEXT)
        clock = f"{duration(now - self.started)} so far"
        if self.first is None or self.last is None:
            return Text(f"{self.title}: preparing, {clock}", no_wrap=True, overflow="ellipsis")
        lines = [self.title]
        if console.height >= LEAST_HEIGHT and not console.options.ascii_only:
            newest = [error_of(self.last)] if self.turns % self.trail.stride else []
            lines += graph(
                [*self.trail.errors, *newest], self.first.step, self.last.step, width, CURVE_HEIGHT
            )
        numbers = [*numbers_of(self.last), ", ".join(filter(None, (clock, self.time_left(now))))]
        lines += textwrap.wrap("  ".join(each.replace(" ", NO_BREAK) for each in numbers), width)
        return Text("\n".join(lines).replace(NO_BREAK, " "), no_wrap=True)

    def time_left(self, now: float) -> str:
        """Return about how long it goes on, or how long at most where only max_iter tells."""
        if self.turns < 1:
            return ""
        errors, stride = self.trail.errors, self.trail.stride
        points, is_bound = steps_left(errors, stride * self.tol, self.max_iter / stride)
        seconds = points * stride * (self.last_at - self.first_at) / self.turns - (now - self.last_at)
        return f"{'at most' if is_bound else 'about'} {duration(max(seconds, 1.0))} left"


def steps_left(errors: Sequence[float], tol: float, max_iter: float) -> tuple[float, bool]:
    """Return how many steps are left, from E at every step so far, and whether max_iter alone tells.

    The share of E by which a step lowers it is taken to shrink geometrically, as it has of late, until it is
    no more than tol.
    """
    most = max(max_iter - (len(errors) - 1), 0.0)
    recent = filter(is_positive, errors[-RECENT:])
    shares = list(filter(is_positive, ((before - after) / after for before, after in pairwise(recent))))
    if len(shares) < 3 or tol <= 0.0:
        return most, True
    slope, level = np.polyfit(np.arange(1 - len(shares), 1), np.log(shares), 1)
    needed = (math.log(tol) - level) / slope if slope < 0.0 else math.inf
    return (most, True) if needed >= most else (max(float(needed), 0.0), False)


def error_of(state: State) -> float:
    """Return E, or the error met on the way where E is not evaluated."""
    return state.progressive_error if math.isnan(state.error) else state.error


def numbers_of(state: State) -> list[str]:
    """Return the numbers of a state, each with its name, without those that it has not."""
    measured = {
        "E": (error_of(state), ".6g"),
        "gradient": (state.gradient_norm, ".2e"),
        "learning rate": (state.learning_rate, ".4g"),
    }
    known = [f"{name} {value:{form}}" for name, (value, form) in measured.items() if not math.isnan(value)]
    return [f"step {state.step}", *known, f"passes {state.passes}"]


def duration(seconds: float) -> str:
    """Return a time in the units that people use for it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours} h {of_hour} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
