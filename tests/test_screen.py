"""What all commands show alike."""

import warnings
from io import StringIO

import pytest
from rich.console import Console
from sklearn.exceptions import ConvergenceWarning

from fallline import DataWarning
from fallline.faces.cli.screen._screen import (
    NO_BREAK,
    WIDEST_TEXT,
    say,
    show_heading,
    show_lines,
    show_meanings,
    show_message,
    show_table,
    table_of,
    warnings_as_notes,
)


@pytest.fixture(params=[40, 80, 200])
def console(request):
    return Console(file=StringIO(), width=request.param)


def shown(console):
    return console.file.getvalue()


def test_a_sentence_is_folded_at_its_spaces_and_nowhere_else(console):
    sentence = " ".join(f"word{number}" for number in range(60))
    say(console, sentence)
    lines = shown(console).splitlines()
    assert " ".join(lines) == sentence
    assert max(map(len, lines)) <= min(console.width, WIDEST_TEXT)
    assert len(lines) > 1


def test_what_belongs_together_is_not_parted(console):
    say(console, "here and there " * 3 + NO_BREAK.join(["these", "stay", "side", "by", "side"]))
    assert "these stay side by side" in shown(console)


def test_lines_to_copy_are_never_folded(console):
    line = "model = " + "f(" * 100
    show_lines(console, [line, "second"])
    assert shown(console) == f"\n  {line}\n  second\n"


def test_names_in_brackets_are_shown_as_they_are(console):
    show_heading(console, "[bold]beans[/bold].csv")
    say(console, "[red]mass[/red]")
    assert shown(console) == "\n[bold]beans[/bold].csv\n[red]mass[/red]\n"
    show_table(console, table_of(["[dim]head[/dim]"], [["[cyan]cell[/cyan]"]], texts=1))
    assert "[dim]head[/dim]" in shown(console)
    assert "[cyan]cell[/cyan]" in shown(console)


@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_of_a_table_ends_in_spaces(terminal):
    console = Console(file=StringIO(), width=80, force_terminal=terminal, color_system=None)
    show_table(console, table_of(("name", "E ", ""), [("a", "1 ", ""), ("longer", "2.5*", "x")], texts=1))
    show_meanings(console, {"E": "the error " * 20, "passes": "reads"})
    text = console.file.getvalue().replace("\x1b[0m", "").replace("\x1b[1m", "")
    for cell in ("name", "longer", "2.5*", "passes"):
        assert cell in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_numbers_stand_at_the_right_of_their_columns_and_texts_at_the_left():
    console = Console(file=StringIO(), width=80)
    show_table(console, table_of(("name", "n"), [("a", "1"), ("bb", "1000")], texts=1))
    assert shown(console).splitlines()[-2:] == ["  a        1", "  bb    1000"]


def test_a_message_becomes_a_sentence_with_its_notes_below():
    console = Console(file=StringIO(), width=200)
    show_message(console, "converged: all is well", ["y is constant"])
    assert shown(console) == "\nWhy did it stop? Converged: all is well.\nNote: y is constant.\n"


def test_warnings_become_notes_each_once_and_none_escapes():
    with warnings_as_notes() as notes:
        for _ in range(3):
            warnings.warn("y is constant", DataWarning, stacklevel=1)
        warnings.warn("not converged", ConvergenceWarning, stacklevel=1)
        warnings.warn("another", UserWarning, stacklevel=1)
    assert notes == ["y is constant", "another"]


def test_notes_are_there_after_an_interruption():
    with pytest.raises(KeyboardInterrupt), warnings_as_notes() as notes:  # noqa: PT012
        warnings.warn("y is constant", DataWarning, stacklevel=1)
        raise KeyboardInterrupt
    assert notes == ["y is constant"]
