"""Options that commands share: their types, their help, what completes them, and the table they describe."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import typer

from fallline._errors import InputError

SEPARATORS = {"tab": "\t", r"\t": "\t"}
"""Names of a separator that is hard to type."""
RATES = "auto", "armijo", "normalised", "importance-aware"
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


def complete_rates(incomplete: str) -> list[str]:
    """Return the names of ways to find a learning rate."""
    return [name for name in RATES if name.startswith(incomplete)]


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
LearningRate = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|NAME",
        help="η, or how it is found: auto (one that is safe), armijo (tried at each step); record by record "
        "normalised or importance-aware.",
        autocompletion=complete_rates,
    ),
]
Method = Annotated[
    Literal["auto", "plain", "momentum", "nesterov", "adam", "lbfgs", "gauss-newton"],
    typer.Option(help="Where a step goes to."),
]
Scaling = Annotated[
    Literal["auto", "none", "standard", "whiten"], typer.Option(help="Coordinates in which a step is made.")
]
Reduction = Annotated[
    Literal["mean", "sum"], typer.Option(help="Divide a step's gradient by the records, or not.")
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Records a step; all by default.")]
MaxIter = Annotated[int, typer.Option(min=0, help="Most steps, or with batches most epochs.")]
MaxPasses = Annotated[int | None, typer.Option(min=1, help="Most reads of the table.")]
MaxTime = Annotated[float | None, typer.Option(min=0.0, metavar="SECONDS", help="Most seconds of training.")]
Tol = Annotated[
    float, typer.Option(min=0.0, help="Stop when the steps to come would lower E by no more than tol · E.")
]
Alpha = Annotated[float, typer.Option(min=0.0, help="Strength of the penalty on the weights.")]
L1Ratio = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of its ℓ₁ part, which makes weights exactly 0.")
]
EarlyStopping = Annotated[
    bool,
    typer.Option(
        "--early-stopping",
        help="Hold a tenth of the training rows out, and keep the weights at which their error is least.",
    ),
]
NInit = Annotated[int, typer.Option(min=1, help="Starts, all but the first at random; the best is kept.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="NAME=START",
        help="Where a free name of the formula starts, such as top=70, or for several targets top=70,80.",
    ),
]
Bounds = Annotated[
    list[str] | None,
    typer.Option(
        "--bounds", metavar="NAME=LOW:HIGH", help="How far a free name may go, such as top=0:100 or top=0:."
    ),
]
SharedParameters = Annotated[
    bool, typer.Option("--shared-parameters", help="One value of a free name for all targets.")
]
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


def parameters(texts: Iterable[str] | None) -> dict[str, Any] | None:
    """Return values of free names from texts such as top=70, or for each output top=70,80."""
    found = {}
    for text in texts or ():
        name, value = _named(text, "parameter", "top=70")
        numbers = [_number(each, text, "parameter") for each in value.split(",")]
        found[name] = numbers if len(numbers) > 1 else numbers[0]
    return found or None


def bounds(texts: Iterable[str] | None) -> dict[str, tuple[float | None, float | None]] | None:
    """Return bounds of free names from texts such as top=0:100, in which an end may be missing."""
    found = {}
    for text in texts or ():
        name, value = _named(text, "bounds", "top=0:100")
        low, colon, high = value.partition(":")
        if not colon:
            raise InputError(f"bounds are {text!r}: give a lowest and a highest value, such as top=0:100")
        ends = [_number(end, text, "bounds") if end.strip() else None for end in (low, high)]
        found[name] = (ends[0], ends[1])
    return found or None


def _named(text: str, option: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"{option} is {text!r}: give a name and a value, such as {example}")
    return name.strip(), value


def _number(text: str, whole: str, option: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{option} is {whole!r}, but {text.strip()!r} is no finite number: give one")
    return number
