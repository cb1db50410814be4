"""What is to be seen of a training while it goes on: a line that moves, and the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, Self

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fallline.descent._carry import State
from fallline.descent._drain import Limits

FRAMES_PER_SECOND = 8
MOST_POINTS = 512
RECENT = 24
"""Points from which the end is extrapolated."""
MOST_EXPONENT = 700.0


class Progress:
    """A callback that shows a line on stderr, and leaves it there, complete, when the training is over.

    Frames are drawn by a thread of their own, so that the clock goes on during a long step. Where nobody is
    watching only the last line is written.
    """

    def __init__(self, limits: Limits, n_init: int = 1) -> None:
        self.pace = Pace(limits, n_init)
        self.is_over = False
        console = Console(stderr=True, highlight=False)
        self.live = Line(
            get_renderable=self.line,
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
            redirect_stdout=console.is_terminal,
            redirect_stderr=console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __call__(self, state: State) -> None:
        """See a state."""
        self.pace.see(state)

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        self.live.stop()
        console = self.live.console
        if not (console.is_terminal or console.is_jupyter):
            console.line()

    def line(self) -> Text:
        """Return what is to be seen now."""
        pace, now = self.pace, time.perf_counter()
        clock = duration(now - pace.started)
        if pace.last is None:
            return Text(f"preparing, {clock}")
        left = "" if self.is_over else pace.time_left(now)
        numbers = [pace.start, *numbers_of(pace.last), ", ".join(filter(None, (clock, left)))]
        return Text("  ".join(filter(None, numbers)), no_wrap=True, overflow="ellipsis")


class Line(Live):
    """A live line of Rich, shown in a notebook by what every notebook has: Rich itself would need widgets."""

    handle: Any = None

    def refresh(self) -> None:
        """Show the line as it is now."""
        if not self.console.is_jupyter:
            super().refresh()
            return
        content = {"text/plain": str(self.get_renderable())}
        if self.handle is None:
            self.handle = import_module("IPython.display").display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)

    def stop(self) -> None:
        """Show it for the last time."""
        if self.console.is_jupyter:
            self.refresh()
        super().stop()


class Trail:
    """Numbers of turns that lie equally far apart, so far that a long training keeps only a few hundred."""

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self.stride = 1

    def add(self, turn: int, number: float) -> None:
        """Keep the number of a turn, or leave it out."""
        if turn % self.stride:
            return
        self.numbers.append(number)
        if len(self.numbers) > MOST_POINTS:
            self.numbers, self.stride = self.numbers[::2], 2 * self.stride


class Pace:
    """How fast a training goes, and about how long it still has to; next to nothing is done for a state."""

    def __init__(self, limits: Limits, n_init: int = 1) -> None:
        self.limits, self.n_init = limits, n_init
        self.started = time.perf_counter()
        self.starts = 0
        self.last: State | None = None

    def see(self, state: State) -> None:
        """See a state; with batches a turn is an epoch, of many steps."""
        self.last_at = time.perf_counter()
        if self.last is None or state.step < self.last.step:
            self.starts, self.turns, self.trail = self.starts + 1, -1, Trail()
            self.first, self.first_at = state, self.last_at
        self.turns, self.last = self.turns + 1, state
        self.trail.add(self.turns, error_of(state) + state.penalty)

    @property
    def start(self) -> str:
        """Which of several starts is under way."""
        return f"start {self.starts} of {self.n_init}" if self.n_init > 1 else ""

    def time_left(self, now: float) -> str:
        """Return about how long it goes on, or how long at most where only a limit tells."""
        if self.turns < 1:
            return ""
        trail, limits = self.trail, self.limits
        points, is_bound = steps_left(trail.numbers, limits.tol, limits.max_iter / trail.stride)
        a_turn = (self.last_at - self.first_at) / self.turns
        seconds = points * trail.stride * a_turn - (now - self.last_at)
        allowed = self._allowed(now)
        word = "at most" if is_bound or allowed < seconds else "about"
        of_what = " in this start" if self.n_init > 1 else ""
        return f"{word} {duration(max(min(seconds, allowed), 1.0))} left{of_what}"

    def _allowed(self, now: float) -> float:
        """Return the seconds that max_time and max_passes leave."""
        limits, allowed = self.limits, math.inf
        if limits.max_time is not None:
            allowed = limits.max_time - (now - self.started)
        if limits.max_passes is not None and self.last is not None:
            passes = self.last.passes - self.first.passes
            a_pass = (self.last_at - self.first_at) / max(passes, 1)
            left = (limits.max_passes - self.last.passes) * a_pass - (now - self.last_at)
            allowed = min(allowed, left)
        return allowed


def steps_left(errors: Sequence[float], tol: float, max_iter: float) -> tuple[float, bool]:
    """Return how many steps are left, from E at every step so far, and whether max_iter alone tells.

    The decrease from step to step is taken to shrink geometrically, as it has of late, until all that is
    still to come is no more than tol times the E that it leads to.
    """
    most = max(max_iter - (len(errors) - 1), 0.0)
    recent = list(filter(is_positive, errors[-RECENT:]))
    decreases = list(filter(is_positive, (before - after for before, after in pairwise(recent))))
    if len(decreases) < 3:
        return most, True
    slope, level = np.polyfit(np.arange(1 - len(decreases), 1), np.log(decreases), 1)
    if slope >= 0.0:
        return most, True
    to_come = level + slope - math.log(-math.expm1(slope))
    enough = tol * (recent[-1] - math.exp(min(to_come, MOST_EXPONENT)))
    if enough <= 0.0:
        return most, True
    needed = (math.log(enough) - to_come) / slope
    return (most, True) if needed >= most else (max(float(needed), 0.0), False)


def is_positive(number: float) -> bool:
    """Whether a number has a logarithm."""
    return 0.0 < number < math.inf


def error_of(state: State) -> float:
    """Return E, or the error met on the way where E is not evaluated."""
    return state.progressive_error if math.isnan(state.error) else state.error


def numbers_of(state: State) -> list[str]:
    """Return the numbers of a state, each with its name, without those that it has not."""
    measured = {
        "E": (error_of(state), ".6g"),
        "penalty": (state.penalty or math.nan, ".4g"),
        "gradient": (state.gradient_norm, ".2e"),
        "rate": (state.learning_rate, ".4g"),
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
