"""Lines of Python that do what a command did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """What was asked for: arguments of ``open_table``, ``split`` and ``train``, without their defaults."""

    table: str
    opening: Mapping[str, Any]
    splitting: Mapping[str, Any]
    training: Mapping[str, Any]
    start: str | None
    save: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, complete."""
        return ("import fallline", "", *self._opened(), *self._trained(), *self._kept())

    def _opened(self) -> Iterable[str]:
        yield f"table = {_call('fallline.open_table', [self.table], self.opening)}"
        if self.splitting:
            yield f"train, test = {_call('table.split', [], self.splitting)}"

    def _trained(self) -> Iterable[str]:
        start = {}
        if self.start:
            yield f"start = {_call('fallline.load', [self.start], {})}"
            start = {"initial_weights": Code("start.weights"), "initial_intercept": Code("start.intercept")}
        source = Code("train" if self.splitting else "table")
        yield f"run = {_call('fallline.train', [source], {**self.training, **start})}"

    def _kept(self) -> Iterable[str]:
        if self.save:
            yield _call("run.network.save", [self.save], {})
        yield f"y_hat = run.network.predict({'test' if self.splitting else 'table'})"


class Code(str):
    """An argument that is code rather than text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _call(function: str, arguments: Iterable[Any], options: Mapping[str, Any]) -> str:
    written = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())]
    return f"{function}({', '.join(written)})"
