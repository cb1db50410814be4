"""``fallline demo``: two real data sets, each trained to the bottom of its bowl."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from fallline.descent._carry import State
from fallline.descent._run import Run
from fallline.descent._stopping import StopReason
from fallline.descent._train import Callback, train
from fallline.faces.cli._compare import compare as compared
from fallline.faces.cli._demo_view import show_intro, show_key, show_result
from fallline.faces.cli._problems import Problem, breast_cancer, diabetes
from fallline.faces.cli._results import Result

DIVERGED = 3
NOT_CONVERGED = 4


def run_demo(*, compare: bool, as_json: bool) -> int:
    """Train on both data sets, show what came out, and return the exit code."""
    results = (solved(problem(), compare, quiet=as_json) for problem in (diabetes, breast_cancer))
    return _print_json(results) if as_json else _print_text(results, compare)


def exit_code(stops: Iterable[StopReason]) -> int:
    """Return 0 where all converged, 3 where one diverged, else 4."""
    reasons = set(stops)
    if StopReason.DIVERGED in reasons:
        return DIVERGED
    return 0 if all(reason.is_converged for reason in reasons) else NOT_CONVERGED


def solved(problem: Problem, compare: bool, *, quiet: bool) -> Result:
    """Train on a problem and, where asked, solve it with the other solvers too."""
    with _progress(problem.name, quiet) as show_state:
        run, notes = _trained(problem, show_state)
    return Result(problem, run, notes, compared(problem) if compare else [])


def _trained(problem: Problem, callback: Callback) -> tuple[Run, list[str]]:
    """Return the training and the sentences of its warnings; non-convergence is in its message already."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = train(problem.X_train, problem.y_train, activation=problem.activation, callbacks=[callback])
    return run, [str(each.message) for each in caught if not issubclass(each.category, ConvergenceWarning)]


@contextmanager
def _progress(name: str, quiet: bool) -> Iterator[Callback]:
    """Show a bar, the step and E on stderr for as long as it takes, where a person is watching."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[at]}"))
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_interactive
    ) as bar:
        task = bar.add_task(name, total=None, at="preparing")

        def show(state: State) -> None:
            bar.update(task, at=f"step {state.step}, E {state.error:.6g}", refresh=True)

        yield show


def _print_text(results: Iterable[Result], compare: bool) -> int:
    console = Console(highlight=False)
    show_intro(console)
    stops = []
    for result in results:
        show_result(console, result)
        stops.append(result.run.stop)
    show_key(console, compare)
    return exit_code(stops)


def _print_json(results: Iterable[Result]) -> int:
    kept = list(results)
    print(json.dumps({"sets": [_as_dict(result) for result in kept]}, indent=2, allow_nan=False))
    return exit_code(result.run.stop for result in kept)


def _as_dict(result: Result) -> dict[str, Any]:
    problem, run = result.problem, result.run
    return {
        "name": problem.name,
        "activation": problem.activation,
        "n_features": problem.X_train.shape[1],
        "n_train": len(problem.y_train),
        "n_test": len(problem.y_test),
        "steps": [dict(zip(result.COLUMNS, row, strict=True)) for row in result.steps],
        "stop": run.stop.name,
        "converged": run.stop.is_converged,
        "message": run.message,
        "warnings": result.notes,
        "network": asdict(result.network),
        "baseline": asdict(result.baseline),
        "code": list(problem.code),
        "compare": [asdict(row) for row in result.rows],
    }
