"""``fallline demo``: two real data sets, each trained to the bottom of its bowl."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from fallline.descent._train import train
from fallline.faces.cli._endings import exit_code
from fallline.faces.cli.demo._compare import compare as compared
from fallline.faces.cli.demo._problems import Problem, breast_cancer, diabetes
from fallline.faces.cli.demo._results import Result
from fallline.faces.cli.demo._view import show_intro, show_key, show_result
from fallline.faces.cli.screen._json import print_json
from fallline.faces.cli.screen._live import live
from fallline.faces.cli.screen._screen import screen, warnings_as_notes
from fallline.faces.cli.screen._steps import steps_as_dicts


def run_demo(*, compare: bool, as_json: bool) -> int:
    """Train on both data sets, show what came out, and return the exit code."""
    results = (solved(problem(), compare, quiet=as_json) for problem in (diabetes, breast_cancer))
    return _print_json(results) if as_json else _print_text(results, compare)


def solved(problem: Problem, compare: bool, *, quiet: bool) -> Result:
    """Train on a problem and, where asked, solve it with the other solvers too."""
    with live(problem.name, quiet=quiet) as show_state, warnings_as_notes() as notes:
        run = train(problem.X_train, problem.y_train, activation=problem.activation, callbacks=[show_state])
    return Result(problem, run, notes, compared(problem) if compare else [])


def _print_text(results: Iterable[Result], compare: bool) -> int:
    console = screen()
    show_intro(console)
    stops = []
    for result in results:
        show_result(console, result)
        stops.append(result.run.stop)
    show_key(console, compare)
    return exit_code(stops)


def _print_json(results: Iterable[Result]) -> int:
    kept = list(results)
    print_json({"sets": [_as_dict(result) for result in kept]})
    return exit_code(result.run.stop for result in kept)


def _as_dict(result: Result) -> dict[str, Any]:
    problem, run = result.problem, result.run
    return {
        "name": problem.name,
        "activation": problem.activation,
        "n_features": problem.X_train.shape[1],
        "n_train": len(problem.y_train),
        "n_test": len(problem.y_test),
        "steps": steps_as_dicts(run),
        "stop": run.stop.name,
        "converged": run.stop.is_converged,
        "message": run.message,
        "warnings": result.notes,
        "network": asdict(result.network),
        "baseline": asdict(result.baseline),
        "code": list(problem.code),
        "compare": [asdict(row) for row in result.rows],
    }
