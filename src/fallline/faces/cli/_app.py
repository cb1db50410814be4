"""What can be typed: commands, options, exit codes. What a command needs is loaded when it runs."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated, Literal

import typer

from fallline.faces.cli import _options as options
from fallline.faces.cli._endings import Commands, heed_signals

app = typer.Typer(
    cls=Commands,
    help="Single-layer neural networks, trained by gradient descent on the squared error.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    heed_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows "?" in its place
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"fallline {version('fallline')}")
        raise typer.Exit


@app.callback()
def before_any_command(
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
    as_json: options.AsJson = False,
) -> None:
    """Train on two real data sets, beside trivial baselines.

    Exit code: 0 where both converged, 3 where one diverged, 4 where one did not converge, 75 where it was
    interrupted.
    """
    from fallline.faces.cli.demo._demo import run_demo

    raise typer.Exit(run_demo(compare=compare, as_json=as_json))


@app.command(
    epilog="Example: fallline fit beans.csv --target yield --activation softplus --save beans.safetensors"
)
def fit(
    table: options.Table,
    target: options.Target,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    missing: options.Missing = "error",
    sample: options.Sample = "100%",
    separator: options.Separator = None,
    decimal: options.Decimal = ".",
    encoding: options.Encoding = "utf-8",
    activation: options.Activation = None,
    learning_rate: options.LearningRate = "auto",
    method: options.Method = "auto",
    scaling: options.Scaling = "auto",
    batch_size: options.BatchSize = None,
    reduction: options.Reduction = "mean",
    intercept: options.Intercept = True,
    parameter: options.Parameters = None,
    bounds: options.Bounds = None,
    shared_parameters: options.SharedParameters = False,
    alpha: options.Alpha = 0.0,
    l1_ratio: options.L1Ratio = 0.0,
    early_stopping: options.EarlyStopping = False,
    max_iter: options.MaxIter = 1000,
    max_passes: options.MaxPasses = None,
    max_time: options.MaxTime = None,
    tol: options.Tol = 1e-8,
    n_init: options.NInit = 1,
    test_size: options.TestSize = None,
    seed: options.Seed = 0,
    start: options.Start = None,
    save: options.Save = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a network on a table, keep it and explain it.

    Columns of numbers are inputs, texts become an input for each of their values. Some rows are kept for a
    test. What comes out: errors beside those of the trivial baseline, weights by the names of the inputs, why
    it stopped, and the same in Python.

    Free names of a formula, such as top in 'top*sigmoid(h)', are learned.

    Exit code: 0 where it converged or stopped as it was told to, 2 for bad input, 3 where it diverged, 4
    where it did not converge, 75 where it was interrupted; what was reached is shown and saved then too.
    """
    from fallline.faces.cli.fit._fit import Asked, run_fit

    opening = options.opening(
        target=target,
        features=features,
        drop=drop,
        categorical=categorical,
        missing=missing,
        sample=sample,
        seed=seed,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
    )
    training = options.training_settings(
        activation=activation,
        learning_rate=options.rate(learning_rate),
        method=method,
        scaling=scaling,
        batch_size=batch_size,
        reduction=reduction,
        fit_intercept=intercept,
        initial_parameters=options.parameters(parameter),
        parameter_bounds=options.bounds(bounds),
        shared_parameters=shared_parameters,
        alpha=alpha,
        l1_ratio=l1_ratio,
        early_stopping=early_stopping,
        max_iter=max_iter,
        max_passes=max_passes,
        max_time=max_time,
        tol=tol,
        n_init=n_init,
        random_state=seed,
    )
    share = None if test_size is None else options.share(test_size, "test-size")
    raise typer.Exit(run_fit(Asked(table, opening, training, share, seed, start, save), as_json=as_json))


@app.command(epilog="Example: fallline predict beans.safetensors new-beans.csv --out predictions.csv")
def predict(
    model: options.Model,
    table: options.Table,
    out: options.Out = None,
    only: options.Only = False,
    missing: options.Missing = "error",
    separator: options.Separator = None,
    decimal: options.Decimal = ".",
    encoding: options.Encoding = "utf-8",
    as_json: options.AsJson = False,
) -> None:
    """Predict each row of a table by a kept network.

    The rows are written as CSV, or as Parquet where the file is named so, with a column predicted_NAME for
    each output behind their own. A row in which a cell is missing has none with --missing drop.

    Exit code: 0 where all is written, 2 for bad input, 75 where it was interrupted.
    """
    from fallline.faces.cli.predict._predict import run_predict

    opening = options.opening(missing=missing, separator=separator, decimal=decimal, encoding=encoding)
    raise typer.Exit(run_predict(model, table, opening=opening, out=out, only=only, as_json=as_json))


@app.command(epilog="Example: fallline step beans.csv --target yield --activation tanh --record 0")
def step(
    table: options.Table,
    target: options.Target,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    missing: options.Missing = "error",
    sample: options.Sample = "100%",
    separator: options.Separator = None,
    decimal: options.Decimal = ".",
    encoding: options.Encoding = "utf-8",
    activation: options.Activation = None,
    learning_rate: options.LearningRate = "auto",
    reduction: options.Reduction = "mean",
    scaling: Annotated[
        Literal["none", "standard"], typer.Option(help="Inputs as they are, or brought to variance 1 first.")
    ] = "none",
    intercept: options.Intercept = True,
    parameter: options.Parameters = None,
    seed: options.Seed = 0,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="How many; by default one, and a terminal asks for the next."),
    ] = None,
    record: Annotated[
        int | None, typer.Option(min=0, help="Derive the step for this record as well; the first one is 0.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show every number of gradient descent, step after step.

    It starts where a training starts, and each step is the delta rule over all records: its net inputs, its
    errors in three forms, its gradient, beside finite differences, and the weights that it leads to.

    Exit code: 0 where all is shown, 2 for bad input, 3 where it diverged, 75 where it was interrupted.
    """
    from fallline.faces.cli.step._step import Settings, run_step

    opening = options.opening(
        target=target,
        features=features,
        drop=drop,
        categorical=categorical,
        missing=missing,
        sample=sample,
        seed=seed,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
    )
    settings = Settings(
        activation,
        options.rate(learning_rate),
        reduction,
        scaling,
        intercept,
        seed,
        options.parameters(parameter),
    )
    raise typer.Exit(run_step(table, opening, settings, steps=steps, record=record, as_json=as_json))
