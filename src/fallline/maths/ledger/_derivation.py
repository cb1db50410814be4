"""The chain rule behind one step, walked with the numbers of one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.ledger._document import Line, Section, Table, html_fragment, text
from fallline.maths.ledger._spelling import Word, latex_number, number, plain

if TYPE_CHECKING:
    from fallline.maths.ledger._ledger import Ledger


@dataclass(frozen=True, repr=False)
class Derivation:
    """The delta rule derived for one record and one output of a ledger; ``str()`` gives plain text.

    Attributes
    ----------
    parts : tuple
        Sentences with their formulas and numbers, and a table with a row for each input.
    """

    parts: tuple[Section | Table, ...]

    def __repr__(self) -> str:
        return text(self.parts)

    @property
    def latex(self) -> str:
        """The derivation as LaTeX text; needs the package amsmath, or MathJax or KaTeX on a page."""
        return "\n\n".join(part.latex for part in self.parts)

    @property
    def html(self) -> str:
        """The derivation as an HTML fragment without scripts, in the colours of its page."""
        return html_fragment(self.parts)

    def _repr_html_(self) -> str:
        return self.html


def derive(ledger: Ledger, record: int, output: int) -> Derivation:
    """Return the derivation for one record and one output of a ledger, both numbered from 0."""
    n_records, n_outputs = len(ledger.y), ledger.y[0].size
    for name, index, count in (("record", record, n_records), ("output", output, n_outputs)):
        if not 0 <= index < count:
            raise InputError(f"{name} {index} is not in the ledger: choose one from 0 to {count - 1}")
    return Derivation(tuple(_Walk(ledger, record, output).parts()))


@dataclass(frozen=True)
class _Walk:
    """The sections of a derivation, one method each."""

    ledger: Ledger
    record: int
    output: int

    def parts(self) -> Iterator[Section | Table]:
        yield self.activation()
        yield self.prediction()
        yield self.error()
        yield self.chain_rule()
        yield self.error_term()
        yield self.sum_over_records() if self.many_records else self.one_record()
        yield self.table()
        if self.ledger.uses_intercept:
            yield self.intercept()
        if self.ledger.parameters:
            yield self.parameter_chain_rule()
            yield self.parameter_step()
            yield self.parameter_table()

    @property
    def many_records(self) -> bool:
        return len(self.ledger.y) > 1

    @property
    def many_outputs(self) -> bool:
        return self.ledger.y.ndim == 2

    def spelled(self, formula: str) -> str:
        """Fill in the subscripts {j} and {ij}, and {p}: the share of E, or E itself for a lone record."""
        j, ij = ("_j", "_ij") if self.many_outputs else ("", "_i")
        return formula.format(j=j, ij=ij, p="p" if self.many_records else "E")

    def section(self, prose: str, *lines: Line) -> Section:
        spelled = [line._replace(formula=self.spelled(line.formula)) for line in lines]
        return Section(self.spelled(prose), spelled)

    def number(self, name: str) -> float:
        """Return the ledger's number for this record and output, or for this output."""
        numbers = getattr(self.ledger, name)
        return float(np.ravel(numbers if "intercept" in name else numbers[self.record])[self.output])

    def activation(self) -> Section:
        f = self.ledger.activation
        of_output = f", output {self.output}" if self.many_outputs else ""
        about = f"The delta rule for record {self.record}{of_output} (numbering starts at 0)."
        if f.latex is None or f.slope_latex is None:
            return Section(f"{about} The activation and its slope are functions without a formula.", [])
        slopes = (f.slope_latex, *f.parameter_slopes_latex.values())
        sigma = ", where `σ` is the sigmoid" if any(r"\sigma(" in slope for slope in slopes) else ""
        values = ", and the values of its free names" if f.parameters else ""
        return Section(
            f"{about} The activation and its slope{sigma}{values}:",
            [
                Line("f(h)", plain(f.latex), f.latex),
                Line("f′(h)", plain(f.slope_latex), f.slope_latex),
                *self.parameter_values(),
            ],
        )

    def prediction(self) -> Section:
        intercept = " + b{j}" if self.ledger.uses_intercept else ""
        return self.section(
            "The net input weighs the inputs; the activation turns it into the prediction:",
            Line.of(f"h{{j}} = Σ_i w{{ij}} x_i{intercept}", self.number("h")),
            Line.of("ŷ{j} = f(h{j})", self.number("y_hat")),
            Line.of("f′(h{j})", self.number("slope")),
        )

    def error(self) -> Section:
        total = "½ Σ_μ Σ_j (y_j^μ − ŷ_j^μ)²" if self.many_outputs else "½ Σ_μ (y^μ − ŷ^μ)²"
        return self.section(
            f"The error of this prediction, its square, and its share of `E = {total}`:",
            Line.of("y{j}", self.number("y")),
            Line.of("q{j} = y{j} − ŷ{j}(w)", self.number("residual")),
            Line.of("q{j}² = (y{j} − ŷ{j})²", self.number("squared_error")),
            Line.of("p(q{j}) = ½ q{j}²", self.number("error_share")),
            Line.of("E", self.ledger.error),
        )

    def chain_rule(self) -> Section:
        return self.section(
            "A weight moves `q{j}` and `q{j}` moves `p`, so the slopes multiply: "
            "`∂{p}/∂w{ij} = ∂p/∂q{j} · ∂q{j}/∂w{ij}`. "
            "The table below has the numbers of each input.",
            Line.of("∂p/∂q{j} = q{j}", self.number("residual")),
            Line("∂q{j}/∂w{ij} = −∂ŷ{j}/∂w{ij} = −f′(h{j}) · ∂h{j}/∂w{ij} = −f′(h{j}) x_i"),
            Line("∂{p}/∂w{ij} = −(y{j} − ŷ{j}) f′(h{j}) x_i"),
        )

    def error_term(self) -> Section:
        return self.section(
            "What all inputs share is the error term:",
            Line.of("δ{j} = (y{j} − ŷ{j}) f′(h{j})", self.number("delta")),
            Line("∂{p}/∂w{ij} = −δ{j} x_i"),
        )

    def one_record(self) -> Section:
        return self.section(
            "The step goes down the gradient, scaled by the learning rate:",
            Line.of("η", self.ledger.learning_rate),
            Line("Δw{ij} = −η ∂E/∂w{ij} = η δ{j} x_i"),
            Line("w{ij} ← w{ij} + η δ{j} x_i"),
        )

    def sum_over_records(self) -> Section:
        n = len(self.ledger.y)
        mean = self.ledger.reduction == "mean"
        divided = f", divided by `n = {n}` (reduction mean)," if mean else " (reduction sum)"
        rate = "(η/n)" if mean else "η"
        return self.section(
            f"So far it is the share of record {self.record} alone. "
            f"The gradient is the sum over all {n} records; the step goes down the gradient{divided} "
            "scaled by the learning rate:",
            Line("∂E/∂w{ij} = −Σ_μ δ{j}^μ x_i^μ"),
            Line.of("η", self.ledger.learning_rate),
            Line(f"Δw{{ij}} = −{rate} ∂E/∂w{{ij}} = {rate} Σ_μ δ{{j}}^μ x_i^μ"),
            Line("w{ij} ← w{ij} + Δw{ij}"),
        )

    def table(self) -> Table:
        ledger = self.ledger
        x, slope, delta = ledger.X[self.record], self.number("slope"), self.number("delta")
        columns = {"x_i": x, "w{ij}": self.of_output(ledger.weights), "∂q{j}/∂w{ij}": -slope * x}
        columns["∂{p}/∂w{ij}"] = -delta * x  # of a lone record the same column as the next
        columns["∂E/∂w{ij}"] = self.of_output(ledger.gradient)
        if self.many_records and ledger.reduction == "mean":
            columns[f"÷ {ledger.divisor}"] = columns["∂E/∂w{ij}"] / ledger.divisor
        columns["Δw{ij}"] = self.of_output(ledger.delta_w)
        columns["new w{ij}"] = self.of_output(ledger.new_weights)
        spelled = {self.spelled(head): column for head, column in columns.items()}
        return Table.of(["i"], spelled, "inputs")

    def of_output(self, weights: Array) -> Array:
        return weights.reshape(len(weights), -1)[:, self.output]

    def intercept(self) -> Section:
        if not self.ledger.fit_intercept:
            return self.section(
                "The intercept is part of `h{j}` and stays as it is:",
                Line.of("b{j}", self.number("intercept")),
            )
        return self.section(
            "The intercept is a weight whose input is always 1:",
            Line.of("∂E/∂b{j} = −Σ_μ δ{j}^μ", self.number("intercept_gradient")),
            Line.of("Δb{j}", self.number("delta_intercept")),
            Line.of("new b{j}", self.number("new_intercept")),
        )

    @property
    def shares(self) -> bool:
        """Whether one value of a free name serves many outputs."""
        return self.many_outputs and any(np.ndim(value) == 0 for value in self.ledger.parameters.values())

    @property
    def is_whole(self) -> bool:
        """Whether this record's share of ∂E/∂θ is all of it."""
        return not (self.many_records or self.shares)

    def of_names(self, numbers: Mapping[str, float | Array]) -> Array:
        """Return the number of each free name for this output."""
        return np.array([np.ravel(n)[self.output if np.ndim(n) else 0] for n in numbers.values()])

    def record_slopes(self) -> Array:
        slopes = self.ledger.parameter_slope.items()
        return self.of_names({name: slope[self.record] for name, slope in slopes})

    def parameter_values(self) -> list[Line]:
        names = self.ledger.activation.parameter_latex
        values = zip(names.items(), self.of_names(self.ledger.parameters).tolist(), strict=True)
        return [Line(name, number(value), latex_number(value), latex) for (name, latex), value in values]

    def parameter_chain_rule(self) -> Section:
        p = "E" if self.is_whole else "p"
        return self.section(
            f"The free names of `f`, each called `θ` here, are learned by the same chain rule: "
            f"`∂{p}/∂θ = ∂p/∂q{{j}} · ∂q{{j}}/∂θ`. For this record:",
            Line("∂q{j}/∂θ = −∂ŷ{j}/∂θ = −∂f/∂θ"),
            Line(f"∂{p}/∂θ = −(y{{j}} − ŷ{{j}}) ∂f/∂θ"),
            *self.parameter_slopes(),
        )

    def parameter_slopes(self) -> Iterator[Line]:
        f = self.ledger.activation
        for (name, latex), value in zip(f.parameter_latex.items(), self.record_slopes(), strict=True):
            formula = f.parameter_slopes_latex[name]
            yield Line(
                f"∂f/∂{name}",
                " = ".join(filter(None, (plain(formula), number(value)))),
                " = ".join(filter(None, (formula, latex_number(value)))),
                rf"\frac{{\partial f}}{{\partial {latex}}}",
            )

    def parameter_step(self) -> Section:
        n = len(self.ledger.y)
        rate = "(η/n)" if self.many_records and self.ledger.reduction == "mean" else "η"
        step = [Line(f"Δθ = −{rate} ∂E/∂θ"), Line("θ ← θ + Δθ")]
        if self.is_whole:
            return self.section("The step goes down this gradient as well:", *step)
        records = [f"over all {n} records"] if self.many_records else []
        outputs = ["over the outputs that share `θ`"] if self.shares else []
        return self.section(
            f"The gradient is the sum {' and '.join(records + outputs)}; the step goes down it as well:",
            *self.parameter_sums(),
            *step,
        )

    def parameter_sums(self) -> Iterator[Line]:
        """Yield ∂E/∂θ for values that outputs share, and for those of one output."""
        of_records = "Σ_μ " if self.many_records else ""
        up = "^μ" if self.many_records else ""
        term = f"(y{{j}}{up} − ŷ{{j}}{up}) ∂ŷ{{j}}{up}/∂θ"
        if self.shares:
            yield Line(f"∂E/∂θ = −{of_records}Σ_j {term}")
        if not self.shares or any(map(np.ndim, self.ledger.parameters.values())):
            yield Line(f"∂E/∂θ{{j}} = −{of_records}{term}{{j}}")

    def parameter_table(self) -> Table:
        ledger, slopes = self.ledger, self.record_slopes()
        columns = {"θ": self.of_names(ledger.parameters), "∂f/∂θ": slopes}
        columns["∂E/∂θ" if self.is_whole else "∂p/∂θ"] = -self.number("residual") * slopes
        columns["∂E/∂θ"] = self.of_names(ledger.parameter_gradient)
        if self.many_records and ledger.reduction == "mean":
            columns[f"÷ {ledger.divisor}"] = columns["∂E/∂θ"] / ledger.divisor
        columns["Δθ"] = self.of_names(ledger.delta_parameters)
        columns["new θ"] = self.of_names(ledger.new_parameters)
        names = starmap(Word, ledger.activation.parameter_latex.items())
        numbers = np.column_stack(list(columns.values())).tolist()
        return Table(["name", *columns], [[name, *row] for name, row in zip(names, numbers, strict=True)], "")
