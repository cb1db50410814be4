"""Derivatives of a formula by the chain rule, appended to its own tape.

Forward mode: Griewank and Walther, Evaluating Derivatives (2nd ed., SIAM, 2008), chapter 3.
"""

from __future__ import annotations

from fallline.maths.activations._formula import append
from fallline.maths.activations._operations import CONSTANT_ARGUMENT, OPERATIONS
from fallline.maths.activations._tape import Instruction, Tape, TapeBuilder


def with_slopes(tape: Tape) -> Tape:
    """Tape of f, df/dh and df/dtheta for each parameter; what they share is computed once."""
    builder = TapeBuilder(tape)
    (value,) = tape.outputs
    variables = [builder.h(), *map(builder.parameter, tape.parameters)]
    return builder.finish([value, *(differentiate(builder, value, x) for x in variables)])


def first_slope(tape: Tape) -> Tape:
    """Tape of df/dh alone; of the slope of a slope, if `tape` is one."""
    builder = TapeBuilder(tape)
    return builder.finish([differentiate(builder, tape.outputs[0], builder.h())])


def differentiate(builder: TapeBuilder, register: int, variable: int) -> int:
    """Append the derivative of a register by a variable's register, and return where it lies."""
    zero = builder.constant(0)
    tangents = {variable: builder.constant(1)}
    for r in range(register + 1):
        instruction = builder.instructions[r]
        changes = [tangents.get(a, zero) for a in instruction.args]
        if any(change != zero for change in changes):
            tangents[r] = _tangent(builder, r, instruction, changes)
    return tangents.get(register, zero)


def _tangent(builder: TapeBuilder, register: int, instruction: Instruction, changes: list[int]) -> int:
    op, args, _ = instruction
    if op == "where":
        return builder.push("where", args[0], *changes[1:])
    rule = OPERATIONS[op].tangent
    for place, argument in enumerate(args):
        if builder.known(argument) is not None:
            rule = CONSTANT_ARGUMENT.get((op, place), rule)
    names = dict(zip(("u", "w"), args, strict=False)) | dict(zip(("du", "dw"), changes, strict=False))
    return append(builder, rule, v=register, **names)
