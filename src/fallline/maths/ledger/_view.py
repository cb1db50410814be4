"""A ledger as sentences and tables: records down and symbols across, then weights down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fallline.maths.ledger._document import Line, Section, Table

if TYPE_CHECKING:
    from fallline.maths.ledger._ledger import Ledger


def ledger_parts(ledger: Ledger) -> list[Section | Table]:
    """Return what a printed ledger consists of."""
    parts: list[Section | Table] = [_heading(ledger), _records(ledger), _errors(ledger), _weights(ledger)]
    return parts + (_intercept(ledger) if ledger.uses_intercept else [])


def _heading(ledger: Ledger) -> Section:
    (n, d), k = ledger.X.shape, ledger.y[0].size
    size = f"{_count(n, 'record')} `μ`, {_count(d, 'input')} `i`, {_count(k, 'output')} `j`"
    f = ledger.activation
    return Section(
        f"One step of the delta rule: {size}, all numbered from 0.",
        [Line("f(h)", f.formula or f.name), Line.of("η", ledger.learning_rate)],
    )


def _records(ledger: Ledger) -> Table:
    columns = {
        "y": ledger.y,
        "h": ledger.h,
        "ŷ": ledger.y_hat,
        "y − ŷ": ledger.residual,
        "(y − ŷ)²": ledger.squared_error,
        "½(y − ŷ)²": ledger.error_share,
        "f′(h)": ledger.slope,
        "δ": ledger.delta,
    }
    return Table.of(["μ", "j"], columns, "records")


def _errors(ledger: Ledger) -> Section:
    n = _count(len(ledger.X), "record")
    divided = f"divides it by {ledger.divisor}" if ledger.reduction == "mean" else "leaves it as it is"
    return Section(
        f"The gradient `∂E/∂w` is the sum over {n}; reduction {ledger.reduction} {divided}.",
        [
            Line.of("E = ½ Σ (y − ŷ)²", ledger.error),
            Line.of("E after the step", ledger.new_error),
        ],
    )


def _weights(ledger: Ledger) -> Table:
    columns = {
        "w": ledger.weights,
        "∂E/∂w": ledger.gradient,
        "finite difference": ledger.finite_difference,
        f"÷ {ledger.divisor}": ledger.gradient / ledger.divisor,
        "Δw": ledger.delta_w,
        "new w": ledger.new_weights,
    }
    return Table.of(["i", "j"], columns, "inputs")


def _intercept(ledger: Ledger) -> list[Section | Table]:
    moved = "moves as a weight whose input is always 1" if ledger.fit_intercept else "stays as it is"
    columns = {
        "b": ledger.intercept,
        "∂E/∂b": ledger.intercept_gradient,
        "finite difference": ledger.intercept_finite_difference,
        f"÷ {ledger.divisor}": ledger.intercept_gradient / ledger.divisor,
        "Δb": ledger.delta_intercept,
        "new b": ledger.new_intercept,
    }
    table = Table.of(["j"], columns, "outputs")
    return [Section(f"The intercept `b` is part of `h` and {moved}.", []), table]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n != 1 else ''}"
