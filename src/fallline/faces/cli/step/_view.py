"""How steps look: the names behind the indices, then ledgers and derivations as they print themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from fallline.descent._coordinates import Coordinates
from fallline.faces.cli.screen._screen import NO_BREAK, say, show_heading, show_notes
from fallline.maths.ledger._ledger import Ledger

MOST_NAMES = 30


def inputs_of(names: Sequence[str], coordinates: Coordinates) -> list[str]:
    """Return the names of inputs; of scaled ones as the formula that scales them, (age − 48.5)/13.1."""
    scaled = zip(names, coordinates.centre, coordinates.inverse, strict=True)
    return [_scaled(name, float(centre), float(scale)) for name, centre, scale in scaled]


def _scaled(name: str, centre: float, scale: float) -> str:
    moved = f"({name} {'−' if centre > 0 else '+'} {abs(centre):.4g})" if centre else name
    return moved if scale == 1.0 else f"{moved}/{scale:.4g}"


def show_names(console: Console, inputs: Sequence[str], outputs: Sequence[str], notes: Iterable[str]) -> None:
    """Say what the indices i and j number, and what the start warned of."""
    say(console, f"Inputs i: {_numbered(inputs)}.")
    say(console, f"Outputs j: {_numbered(outputs)}." if len(outputs) > 1 else f"Output: {outputs[0]}.")
    show_notes(console, notes)


def _numbered(names: Sequence[str]) -> str:
    shown = [f"{number} {name}".replace(" ", NO_BREAK) for number, name in enumerate(names[:MOST_NAMES])]
    left = len(names) - len(shown)
    return ", ".join([*shown, f"and {left:,} more"] if left else shown)


def show_step(console: Console, number: int, passes: int, ledger: Ledger) -> None:
    """Show a step's heading and its ledger."""
    show_heading(console, f"step {number}, {passes} passes so far")
    console.print(Text(str(ledger)), soft_wrap=True)


def show_record(console: Console, ledger: Ledger, record: int, row: int) -> None:
    """Show the derivation for a record, once for each output."""
    show_heading(console, f"record {record} is row {row} of the table")
    derivations = [str(ledger.derivation(record, output)) for output in range(ledger.y[0].size)]
    console.print(Text("\n\n".join(derivations)), soft_wrap=True)


def asks_for_more() -> bool:
    """Ask whether to make another step; the end of what is typed is a no."""
    print("\nEnter: next step, q: end ", end="", flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print()
    return bool(answer) and not answer.strip().lower().startswith("q")


def show_end(console: Console) -> None:
    """Say that the descent is over."""
    console.print()
    say(console, "No step, however short, lowers E any further.")
