"""How a command ends: its exit code, and one sentence where something is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from fallline._errors import DivergenceError, FalllineError

if TYPE_CHECKING:
    from fallline.descent._stopping import StopReason

DONE = 0
OUTPUT_CLOSED = 1
BAD_INPUT = 2
DIVERGED = 3
NOT_CONVERGED = 4
INTERRUPTED = 75


def exit_code(stops: Iterable[StopReason]) -> int:
    """Return the code for trainings: of the worst end that one came to, DONE where none failed."""
    from fallline.descent._stopping import StopReason

    reasons = set(stops)
    if StopReason.INTERRUPTED in reasons:
        return INTERRUPTED
    if StopReason.DIVERGED in reasons:
        return DIVERGED
    return NOT_CONVERGED if any(reason.is_failure for reason in reasons) else DONE


class Commands(TyperGroup):
    """Commands whose errors, interruptions and closed pipes end in a sentence or in silence."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and say in one sentence on stderr why it could not go on."""
        try:
            return _run_and_flush(super().invoke, ctx)
        except BrokenPipeError:
            _discard_output()
            raise typer.Exit(OUTPUT_CLOSED) from None
        except OSError as error:
            _discard_output()
            _end(f"the output cannot be written ({error.strerror or error}): make room for it", BAD_INPUT)
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                print(file=sys.stderr)  # the terminal has shown ^C on this line
            _end("interrupted", INTERRUPTED)
        except DivergenceError as error:
            _end(str(error), DIVERGED)
        except FalllineError as error:
            _end(str(error), BAD_INPUT)


def _run_and_flush(run: Any, ctx: Any) -> Any:
    try:
        return run(ctx)
    finally:
        sys.stdout.flush()


def _discard_output() -> None:
    """Let what is still to be written go nowhere: Python flushes once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(sentence: str, code: int) -> NoReturn:
    print(_folded(f"fallline: {sentence}"), file=sys.stderr)
    raise typer.Exit(code)


def _folded(text: str) -> str:
    """Fold text to the width of a terminal; in a file every sentence is a line."""
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(textwrap.fill(line, width) for line in text.splitlines())


def heed_signals() -> None:
    """Make SIGTERM end a command as Ctrl-C does, and let a second of either kill it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: Any) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
