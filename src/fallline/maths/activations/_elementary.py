"""Functions that compiled formulas call, so made that LLVM computes a vector of them at a time."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic


def _typed_power_of_two(_context: Any, number: Any) -> Any:
    """Return 2^k, where k is in the last bits of a float."""
    digits, bias = {32: (23, 127), 64: (52, 1023)}[number.bitwidth]

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bits = ir.IntType(number.bitwidth)
        exponent = builder.add(builder.bitcast(args[0], bits), bits(bias))
        return builder.bitcast(builder.shl(exponent, bits(digits)), args[0].type)

    return number(number), codegen


_power_of_two: Any = intrinsic(_typed_power_of_two)


def elementary(number: Any) -> tuple[Any, ...]:
    """Return exp, expm1, tanh, sigmoid and softplus for np.float32 or np.float64, to 5 ulp.

    They hold no branch and no table, so that LLVM computes a vector of them at a time. e^x = 2^k e^r with
    k whole and |r| ≤ ½ log 2, where Taylor's series is short; k log 2 is subtracted in two parts (Cody and
    Waite, Software Manual for the Elementary Functions, 1980, ch. 6).
    """
    narrow = number is np.float32
    least, most, inf = number(-87.0 if narrow else -708.0), number(88.0 if narrow else 709.0), number(np.inf)
    zero, one, two, far = number(0), number(1), number(2), number(40)
    whole = number(1.5 * 2.0 ** (23 if narrow else 52))  # beside it there is no room for fractions
    per_log2 = number(1 / math.log(2))
    high = number(0.693359375) if narrow else number(6.93147180369123816490e-01)
    low = number(-2.1219444005469058e-4) if narrow else number(1.90821492927058770002e-10)
    taylor = tuple(number(1 / math.factorial(n)) for n in range(7 if narrow else 13, 1, -1))
    terms = range(4 if narrow else 8, -1, -1)
    evens, odds = (tuple(number(1 / (4 * n + first)) for n in terms) for first in (1, 3))
    function = numba.njit(nogil=True, fastmath={"nsz", "contract"}, error_model="numpy")

    @function
    def scale_and_rest(x: Any) -> Any:
        """Return 2^k and e^r − 1, whose product and sum are the functions below."""
        shifted = x * per_log2 + whole
        k = shifted - whole
        r = (x - k * high) - k * low
        p = zero
        for coefficient in taylor:
            p = p * r + coefficient
        return _power_of_two(shifted), p * r * r + r

    @function
    def exp(x: Any) -> Any:
        scale, rest = scale_and_rest(min(max(x, least), most))
        y = scale * rest + scale
        y = y if x <= most else inf
        y = y if x >= least else zero
        return y if x == x else x

    @function
    def expm1(x: Any) -> Any:
        scale, rest = scale_and_rest(min(max(x, -far), most))
        y = scale * rest + (scale - one)
        y = y if x <= most else inf
        return y if x == x else x

    @function
    def tanh(x: Any) -> Any:
        y = expm1(min(max(x + x, -far), far))
        y = y / (y + two)
        return y if x == x else x

    @function
    def sigmoid(x: Any) -> Any:
        return one / (one + exp(-x))

    @function
    def softplus(x: Any) -> Any:
        """Add log(1 + z) = 2 artanh(z / (2 + z)) for z = e^−|x|, by the series of artanh, in two halves."""
        z = exp(-abs(x))
        u = z / (z + two)
        square, even, odd = u * u, zero, zero
        for n in range(len(evens)):
            even = even * square * square + evens[n]
            odd = odd * square * square + odds[n]
        y = max(x, zero) + two * u * (even + square * odd)
        return y if x == x else x

    return exp, expm1, tanh, sigmoid, softplus
