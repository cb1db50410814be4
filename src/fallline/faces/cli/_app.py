"""What can be typed: commands, options, exit codes. What a command needs is loaded when it runs."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from fallline._errors import FalllineError

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    help="Single-layer neural networks, trained by gradient descent on the squared error.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; an error raised on purpose is one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows "?" in its place
    try:
        app()
    except FalllineError as error:
        print(f"fallline: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"fallline {version('fallline')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options that stand before any command."""


@app.command(epilog="Example: fallline demo --compare")
def demo(
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Solve both also with SciPy and scikit-learn: passes, time, error."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the same numbers as one JSON object, and nothing else.")
    ] = False,
) -> None:
    """Train one layer on two real data sets, beside the trivial baseline of each.

    Exit code: 0 where both converged, 3 where one diverged, 4 where one did not converge.
    """
    try:
        from fallline.faces.cli._demo import run_demo

        code = run_demo(compare=compare, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("fallline: interrupted", err=True)
        code = INTERRUPTED
    raise typer.Exit(code)
