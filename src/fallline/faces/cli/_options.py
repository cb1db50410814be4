"""Options that commands share: their types, their help, what completes them, and the table they describe."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import typer

from fallline._errors import InputError

SEPARATORS = {"tab": "\t", r"\t": "\t"}
"""Names of a separator that is hard to type."""
DEFAULTS = {"missing": "error", "sample": 1.0, "seed": 0, "decimal": ".", "encoding": "utf-8"}
"""What ``open_table`` does where nothing is asked for."""


def complete_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the columns of the table that is typed already, behind those that are named before a comma."""
    try:
        from fallline.data.tables._table_files import Dialect, table_files

        *named, _ = incomplete.split(",")
        dialect = Dialect(ctx.params.get("separator"), ctx.params.get("encoding") or "utf-8")
        table = ctx.params["table"] or ctx.args[0]  # not a parameter yet while an option waits for its value
        columns = table_files(os.path.expanduser(table), dialect)[0].names
        return [",".join([*named, column]) for column in columns if column not in named]
    except Exception:  # whatever is wrong, a shell in the midst of a line is no place to say so
        return []


def complete_activations(incomplete: str) -> list[str]:
    """Return the names of activations."""
    from fallline.maths.activations._formula import NAMED

    return [name for name in NAMED if name.startswith(incomplete)]


def _columns(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="NAME[,NAME]", help=text, autocompletion=complete_columns)


Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE", help="A CSV or Parquet file, or a pattern in quotes, such as '2024/*.csv'."
    ),
]
Target = Annotated[list[str], _columns("--target", "Column to predict, or several.")]
Features = Annotated[
    list[str] | None, _columns("--features", "Columns to learn from; all others by default.")
]
Drop = Annotated[list[str] | None, _columns("--drop", "Columns to leave out.")]
Categorical = Annotated[
    list[str] | None, _columns("--categorical", "Columns whose numbers are names of categories.")
]
Missing = Annotated[
    Literal["error", "drop"], typer.Option(help="Refuse rows in which a cell is empty, or leave them out.")
]
Sample = Annotated[str, typer.Option(metavar="SHARE", help="Share of the rows to use, such as 1% or 0.01.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides what is drawn at random.")]
Separator = Annotated[
    str | None, typer.Option(metavar="SIGN", help="Between cells of CSV; found in the header by default.")
]
Decimal = Annotated[Literal[".", ","], typer.Option(help="Decimal sign of CSV.")]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Encoding of CSV, such as latin-1.")]
Activation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FORMULA",
        help="f: a name such as tanh, or a formula such as 'h/(1+abs(h))'; identity by default, for "
        "classes sigmoid.",
        autocompletion=complete_activations,
    ),
]
LearningRate = Annotated[str, typer.Option(metavar="NUMBER|auto", help="η; auto is one that is safe.")]
Method = Annotated[
    Literal["auto", "gauss-newton", "lbfgs", "plain"], typer.Option(help="Where a step goes to.")
]
Scaling = Annotated[
    Literal["auto", "none", "standard", "whiten"], typer.Option(help="Coordinates in which a step is made.")
]
Reduction = Annotated[
    Literal["mean", "sum"], typer.Option(help="Divide a step's gradient by the records, or not.")
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Records a step; all by default.")]
MaxIter = Annotated[int, typer.Option(min=0, help="Most steps, or with batches most epochs.")]
Tol = Annotated[float, typer.Option(min=0.0, help="Stop when a step would lower E by no more than tol · E.")]
TestSize = Annotated[
    str | None,
    typer.Option(metavar="SHARE", help="Share of the rows kept for a test; 20% by default, from 50 rows on."),
]
Start = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Start from the weights of a saved network.")
]
Save = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Keep the network as this file, model.safetensors say.")
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A network that fit has saved.")]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write to this .csv or .parquet; to the screen by default.")
]
Only = Annotated[bool, typer.Option("--only", help="Write the predictions without the columns of the table.")]
Intercept = Annotated[bool, typer.Option("--intercept/--no-intercept", help="Learn b, or leave it out.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print all numbers as one JSON object, and nothing else.")
]


def opening(
    *,
    target: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] | None = None,
    categorical: Sequence[str] | None = None,
    missing: str = "error",
    sample: str = "100%",
    seed: int = 0,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
) -> dict[str, Any]:
    """Return what was typed as arguments of ``open_table``, without those that are its defaults."""
    targets, part = names(target), share(sample)
    asked = {
        "target": targets[0] if len(targets) == 1 else targets or None,
        "features": names(features) or None,
        "drop": names(drop) or None,
        "categorical": names(categorical) or None,
        "missing": missing,
        "sample": part,
        "seed": seed if part < 1.0 else 0,
        "separator": SEPARATORS.get(separator or "", separator),
        "decimal": decimal,
        "encoding": encoding,
    }
    return {name: each for name, each in asked.items() if each is not None and each != DEFAULTS.get(name)}


def names(texts: Iterable[str] | None) -> list[str]:
    """Return names between commas; one that holds a comma stands in double quotes, "" is an empty one."""
    rows = csv.reader([text or '""' for text in texts or ()], skipinitialspace=True)
    return [name.strip() for row in rows for name in row]


def share(text: str, what: str = "sample") -> float:
    """Return a share from 1% or 0.01."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        return float(number) / (100.0 if percent else 1.0)
    except ValueError:
        raise InputError(f"{what} is {text!r}: give a share such as 1% or 0.01") from None


def training_settings(**given: Any) -> dict[str, Any]:
    """Return arguments of ``train`` that are not its defaults; an activation that is asked for is kept."""
    from inspect import signature

    from fallline.descent._train import train

    defaults = {name: parameter.default for name, parameter in signature(train).parameters.items()}
    defaults |= {"random_state": 0, "activation": None}
    return {name: value for name, value in given.items() if value not in (None, defaults[name])}


def rate(text: str) -> float | str:
    """Return a learning rate as a number; any word is left to those who know which there are."""
    try:
        return float(text)
    except ValueError:
        return text
