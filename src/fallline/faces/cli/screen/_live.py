"""What a person sees while a training runs: the curve of E so far, the numbers, the time that is left."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fallline.descent._carry import State
from fallline.descent._drain import Callback, Limits
from fallline.descent._progress import FRAMES_PER_SECOND, Pace, Trail, duration, error_of, numbers_of
from fallline.faces.cli.screen._curve import graph
from fallline.faces.cli.screen._screen import NO_BREAK, WIDEST_TEXT

CURVE_HEIGHT, LEAST_HEIGHT = 6, 14


@contextmanager
def live(
    title: str,
    *,
    max_iter: int = 1000,
    max_passes: int | None = None,
    max_time: float | None = None,
    tol: float = 1e-8,
    gtol: float = 0.0,
    n_init: int = 1,
    quiet: bool = False,
) -> Iterator[Callback]:
    """Give a callback for a training, and show what it sees on stderr, where a person is watching."""
    console = Console(stderr=True, highlight=False)
    if quiet or not (sys.stderr.isatty() and console.is_interactive):
        yield lambda state: None
        return
    watch = Watch(title, Pace(Limits(max_iter, max_passes, max_time, tol, gtol), n_init))
    with Live(
        get_renderable=lambda: watch.frame(console),
        console=console,
        refresh_per_second=FRAMES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
    ):
        yield watch


class Watch:
    """A callback that does next to nothing, and the frame that shows what it has seen.

    Frames are drawn by a thread of their own, so that the clock goes on during a long step.
    """

    def __init__(self, title: str, pace: Pace) -> None:
        self.title, self.pace, self.trail = title, pace, Trail()

    def __call__(self, state: State) -> None:
        """See a state."""
        self.pace.see(state)
        if self.pace.turns == 0:
            self.trail = Trail()
        self.trail.add(self.pace.turns, error_of(state))

    def frame(self, console: Console) -> Text:
        """Return what is to be seen now."""
        pace, now, width = self.pace, time.perf_counter(), min(console.width, WIDEST_TEXT)
        clock = f"{duration(now - pace.started)} so far"
        if pace.last is None:
            return Text(f"{self.title}: preparing, {clock}", no_wrap=True, overflow="ellipsis")
        lines = [self.title]
        if console.height >= LEAST_HEIGHT and not console.options.ascii_only:
            newest = [error_of(pace.last)] if pace.turns % self.trail.stride else []
            errors = [*self.trail.numbers, *newest]
            lines += graph(errors, pace.first.step, pace.last.step, width, CURVE_HEIGHT)
        time_left = ", ".join(filter(None, (clock, pace.time_left(now))))
        numbers = filter(None, [pace.start, *numbers_of(pace.last), time_left])
        lines += textwrap.wrap("  ".join(each.replace(" ", NO_BREAK) for each in numbers), width)
        return Text("\n".join(lines).replace(NO_BREAK, " "), no_wrap=True)
