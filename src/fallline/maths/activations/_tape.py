"""A formula as a list of instructions, each computed once, and its evaluation with NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from fallline._typing import FloatArray
from fallline.maths.activations._operations import OPERATIONS

LARGEST_PRODUCT = 8  # h**8 is written as a product, h**9 as a power


class Instruction(NamedTuple):
    """One step: an operation on earlier registers, or a leaf (``constant``, ``h``, ``parameter``)."""

    op: str
    args: tuple[int, ...] = ()
    leaf: float | str | None = None


@dataclass(frozen=True)
class Tape:
    """Instructions in order of computation; register i holds the result of instruction i."""

    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Free names, in order of first appearance."""
        return tuple(str(i.leaf) for i in self.instructions if i.op == "parameter")

    @property
    def depends_on_h(self) -> bool:
        """Whether h is read at all."""
        return any(i.op == "h" for i in self.instructions)

    def evaluate(self, h: FloatArray, parameters: Mapping[str, Any]) -> FloatArray:
        """Compute the outputs, a row each, in the dtype of `h`; infinities are silent, as when compiled.

        A parameter is a number, or an array that follows the last axes of `h`.
        """
        number = h.dtype.type
        registers: list[Any] = []
        outputs = np.empty((len(self.outputs), *h.shape), h.dtype)
        with np.errstate(all="ignore"):
            leaves = {"h": h} | {name: np.asarray(value, h.dtype)[()] for name, value in parameters.items()}
            for op, args, leaf in self.instructions:
                if op in OPERATIONS:
                    registers.append(OPERATIONS[op].numpy(*(registers[a] for a in args)))
                else:
                    registers.append(number(leaf) if op == "constant" else leaves[str(leaf)])
            for row, register in enumerate(self.outputs):
                outputs[row] = registers[register]
        return outputs


class TapeBuilder:
    """Appends instructions; equal ones share a register, and what is simple is simplified at once."""

    def __init__(self, tape: Tape | None = None) -> None:
        self.instructions: list[Instruction] = list(tape.instructions) if tape else []
        self._register = {instruction: r for r, instruction in enumerate(self.instructions)}

    def constant(self, number: float) -> int:
        """Register of a number."""
        return self._append(Instruction("constant", (), float(number) + 0.0))  # + 0.0: no negative zero

    def h(self) -> int:
        """Register of the net input."""
        return self._append(Instruction("h", (), "h"))

    def parameter(self, name: str) -> int:
        """Register of a free name."""
        return self._append(Instruction("parameter", (), name))

    def known(self, register: int) -> float | None:
        """Return the number in a register, if it is a constant."""
        leaf = self.instructions[register].leaf
        return leaf if isinstance(leaf, float) else None

    def is_unfolded(self, register: int) -> bool:
        """Whether a register holds a result of numbers alone that is no finite number, such as 1/0."""
        op, args, _ = self.instructions[register]
        return op not in ("lt", "le") and bool(args) and all(self.known(a) is not None for a in args)

    def push(self, op: str, *args: int) -> int:
        """Register of an operation on registers."""
        for simplify in (self._folded, self._simpler):
            if (register := simplify(op, args)) is not None:
                return register
        return self._append(Instruction(op, tuple(sorted(args)) if op in ("add", "mul") else args))

    def finish(self, outputs: Iterable[int]) -> Tape:
        """Keep the instructions that `outputs` need, renumbered."""
        outputs = tuple(outputs)
        needed = set(outputs)
        for r in range(len(self.instructions) - 1, -1, -1):
            if r in needed:
                needed.update(self.instructions[r].args)
        place = {r: i for i, r in enumerate(sorted(needed))}
        kept = (self.instructions[r] for r in place)
        moved = tuple(i._replace(args=tuple(place[a] for a in i.args)) for i in kept)
        return Tape(moved, tuple(place[r] for r in outputs))

    def _append(self, instruction: Instruction) -> int:
        if instruction not in self._register:
            self._register[instruction] = len(self.instructions)
            self.instructions.append(instruction)
        return self._register[instruction]

    def _folded(self, op: str, args: tuple[int, ...]) -> int | None:
        values = [np.float64(v) for v in map(self.known, args) if v is not None]
        if len(values) < len(args) or op in ("lt", "le"):
            return None
        with np.errstate(all="ignore"):
            result = float(OPERATIONS[op].numpy(*values))
        return self.constant(result) if math.isfinite(result) else None

    def _simpler(self, op: str, args: tuple[int, ...]) -> int | None:
        rule: Callable[..., int | None] | None = getattr(self, f"_simpler_{op}", None)
        return rule(*args) if rule else None

    def _argument(self, op: str, register: int) -> int | None:
        """Argument of a one-argument operation, if the register holds that operation."""
        instruction = self.instructions[register]
        return instruction.args[0] if instruction.op == op else None

    def _simpler_neg(self, a: int) -> int | None:
        return self._argument("neg", a)

    def _simpler_where(self, condition: int, a: int, b: int) -> int | None:
        return a if a == b else None

    def _simpler_add(self, a: int, b: int) -> int | None:
        for x, y in ((a, b), (b, a)):
            if self.known(x) == 0:
                return y
            if (negated := self._argument("neg", x)) is not None:
                return self.push("sub", y, negated)
        return self.push("mul", self.constant(2), a) if a == b else None

    def _simpler_sub(self, a: int, b: int) -> int | None:
        if self.known(b) == 0:
            return a
        if self.known(a) == 0:
            return self.push("neg", b)
        if (negated := self._argument("neg", b)) is not None:
            return self.push("add", a, negated)
        minuend = self.instructions[a]
        if minuend.op == "add" and b in minuend.args:  # (x + b) - b: no digits are lost this way
            return sum(minuend.args) - b
        return None

    def _simpler_mul(self, a: int, b: int) -> int | None:
        for x, y in ((a, b), (b, a)):
            if self.known(x) == 0:
                return x
            if self.known(x) == 1:
                return y
            if self.known(x) == -1:
                return self.push("neg", y)
            if (negated := self._argument("neg", x)) is not None:
                return self.push("neg", self.push("mul", negated, y))
            if self._argument("sign", x) == y:
                return self.push("abs", y)
        return None

    def _simpler_div(self, a: int, b: int) -> int | None:
        if self.known(a) == 0 or self.known(b) == 1:
            return a
        if (negated := self._argument("neg", a)) is not None:
            return self.push("neg", self.push("div", negated, b))
        return None

    def _simpler_pow(self, base: int, exponent: int) -> int | None:
        n = self.known(exponent)
        if n == 0.5:
            return self.push("sqrt", base)
        if n is None or not n.is_integer() or abs(n) > LARGEST_PRODUCT:
            return None
        product = self._product(base, int(abs(n)))
        return product if n >= 0 else self.push("div", self.constant(1), product)

    def _product(self, base: int, n: int) -> int:
        if n < 2:
            return base if n else self.constant(1)
        half = self._product(base, n // 2)
        square = self.push("mul", half, half)
        return self.push("mul", square, base) if n % 2 else square
