"""What all commands show alike, on a screen and in a file: sentences, headings, tables, lines to copy."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST_TEXT = 96
NO_BREAK = "\u00a0"
"""A space at which a sentence is not folded; it is shown as a plain one."""


def screen() -> Console:
    """Return what stands for stdout; numbers in it are not coloured."""
    return Console(highlight=False)


def say(console: Console, sentence: str) -> None:
    """Show sentences, folded to the width."""
    width = min(console.width, WIDEST_TEXT)
    folded = textwrap.fill(
        sentence, width, replace_whitespace=False, break_on_hyphens=False, break_long_words=False
    )
    console.print(Text(folded.replace(NO_BREAK, " ")))


def show_heading(console: Console, heading: str) -> None:
    """Show a heading below an empty line."""
    console.print(Text(f"\n{heading}", style="bold"))


def show_message(console: Console, message: str, notes: Iterable[str]) -> None:
    """Say why a training stopped, and what it warned of."""
    console.print()
    say(console, f"Why did it stop? {message[0].upper()}{message[1:]}.")
    show_notes(console, notes)


def show_notes(console: Console, notes: Iterable[str]) -> None:
    """Show the sentences of warnings."""
    for note in notes:
        say(console, f"Note: {note}.")


def show_lines(console: Console, lines: Iterable[str]) -> None:
    """Show lines as they are, never folded, so that they can be copied."""
    console.print(Text("\n".join(["", *(f"  {line}".rstrip() for line in lines)])), soft_wrap=True)


def table_of(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> Table:
    """Return a table whose first columns are texts and whose others are numbers."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="bold")
    for number, name in enumerate(header):
        table.add_column(Text(name), justify="left" if number < texts else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))  # what stands in brackets in a str would be read as markup
    return table


def show_table(console: Console, table: Table) -> None:
    """Show a table below an empty line."""
    console.print()
    _print_trimmed(console, Padding(table, (0, 0, 0, 1)), console.width)


def show_meanings(console: Console, meanings: Mapping[str, str]) -> None:
    """Say what the columns of tables mean, below the heading "key"."""
    key = Table.grid(padding=(0, 2))
    for row in meanings.items():
        key.add_row(*map(Text, row))
    show_heading(console, "key")
    _print_trimmed(console, key, min(console.width, WIDEST_TEXT))


def _print_trimmed(console: Console, renderable: RenderableType, width: int) -> None:
    """Print without spaces at the ends of lines."""
    for line in console.render_lines(renderable, console.options.update(width=width), pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


@contextmanager
def warnings_as_notes() -> Iterator[list[str]]:
    """Give a list that holds, at the end, the sentences of the warnings of a training.

    What scikit-learn calls a ConvergenceWarning is left out: it repeats the message of the run.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield notes
        finally:
            telling = (each for each in caught if each.category.__name__ != "ConvergenceWarning")
            notes.extend(dict.fromkeys(str(each.message) for each in telling))
