"""The activation f of a unit: one definition for every kernel, its slope and its LaTeX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from fallline._errors import InputError
from fallline._typing import FloatArray
from fallline.maths.activations._rules import Formula, Function, Functions, cached_formula, value_range


@final
@dataclass(frozen=True, eq=False, repr=False)
class Activation:
    r"""An activation function f of the net input h, with its slope f'.

    The slope of a name or a formula is derived by the chain rule, never typed; the same instructions are run
    by NumPy, compiled for the kernels and printed.  Two activations are equal if these instructions are.

    Parameters
    ----------
    spec : str, pair of callables or Activation
        A name (identity, sigmoid, tanh, softplus, relu, leaky_relu, elu, silu, gelu, softsign, arctan, exp,
        reciprocal, sin, gaussian), a formula in ``h``, or two functions ``(f, slope)`` that work elementwise
        on arrays.  A formula has numbers, ``pi``, ``e``, ``+ - * / **``, ``max(a, b)``, ``min(a, b)``,
        ``where(a > b, x, y)``, the names above as functions, and abs, sign, sqrt, log, log1p, expm1, cos,
        tan, sinh, cosh and erf.  Other names in it are parameters, which a training learns with the weights;
        wherever f is computed they take a value.

    Raises
    ------
    FormulaError
        If the text is no name and no formula; the place is marked.
    InputError
        If `spec` is nothing of the above.

    Notes
    -----
    At a kink the slope is that of one side: 0 for relu, 0.01 for leaky_relu and 1 for elu; for abs it is 0.

    References
    ----------
    Griewank and Walther, Evaluating Derivatives, 2nd ed., SIAM, 2008, chapter 3 (the chain rule).
    Goodfellow, Bengio and Courville, Deep Learning, MIT Press, 2016, sections 3.10 and 6.3 (the functions);
    Clevert et al., arXiv:1511.07289 (elu); Hendrycks and Gimpel, arXiv:1606.08415 (gelu, silu).

    Examples
    --------
    >>> f = Activation("bottom + (top - bottom)*sigmoid(h)")
    >>> f.parameters
    ('bottom', 'top')
    >>> float(f.slope(0.0, bottom=1.0, top=5.0))
    1.0
    >>> print(Activation("tanh").slope_latex)
    1 - \tanh^{2}{\left(h \right)}
    """

    spec: str | Activation | tuple[Function, Function]

    def __post_init__(self) -> None:
        spec = self.spec.spec if isinstance(self.spec, Activation) else self.spec
        object.__setattr__(self, "spec", tuple(spec) if isinstance(spec, list) else spec)
        self._rule  # noqa: B018 - a formula that cannot be read is refused here

    @cached_property
    def _rule(self) -> Formula | Functions:
        match self.spec:
            case str(text):
                return cached_formula(" ".join(text.split()))
            case (f, slope) if callable(f) and callable(slope):
                return Functions(f, slope)
        found = type(self.spec).__name__
        raise InputError(
            f"an activation is a name, a formula in h or a pair of functions (f, slope), not {found}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self._rule.identity == other._rule.identity

    def __hash__(self) -> int:
        return hash(self._rule.identity)

    def __repr__(self) -> str:
        return f"Activation({self.spec!r})"

    def __reduce__(self) -> tuple[type[Activation], tuple[Any]]:
        return Activation, (self.spec,)

    @property
    def name(self) -> str:
        """Short label: the name, the formula, or the name of the function."""
        return self._rule.name

    @property
    def formula(self) -> str | None:
        """The formula with even spacing; None for functions."""
        return self._rule.formula

    @property
    def parameters(self) -> tuple[str, ...]:
        """Free names of the formula, in order of first appearance."""
        return self._rule.parameters

    @cached_property
    def latex(self) -> str | None:
        """f(h) in LaTeX; None for functions."""
        return self._rule.latex()

    @cached_property
    def slope_latex(self) -> str | None:
        """f'(h) in LaTeX, with sigma for the sigmoid; None for functions."""
        return self._rule.slope_latex()

    @cached_property
    def parameter_latex(self) -> dict[str, str]:
        """Each of `parameters` in LaTeX."""
        if not isinstance(self._rule, Formula):
            return {}
        from fallline.maths.activations._typeset import parameter_latex

        return parameter_latex(self._rule.tape)

    @cached_property
    def parameter_slopes_latex(self) -> dict[str, str]:
        """df/dtheta in LaTeX for each of `parameters`, with sigma for the sigmoid; empty if too long."""
        if not isinstance(self._rule, Formula):
            return {}
        from fallline.maths.activations._typeset import parameter_slopes_latex

        return parameter_slopes_latex(self._rule.tape)

    @property
    def can_compile(self) -> bool:
        """Whether `address` gives compiled code: not for functions."""
        return isinstance(self._rule, Formula)

    @cached_property
    def range(self) -> tuple[float, float]:
        """Least and greatest f over all finite h, searched on a grid; infinite if f has parameters."""
        return (-math.inf, math.inf) if self.parameters else value_range(self._rule)

    def value(self, h: npt.ArrayLike, /, **parameters: Any) -> Any:
        """Compute f(h).

        Parameters
        ----------
        h : number or array of any shape
            Net input.  Float32 stays float32, float16 becomes float32, all else float64.
        **parameters : float or array
            For each of `parameters` a number, or an array that follows the last axes of `h`.

        Returns
        -------
        number or array of the shape of `h`
            Infinite or nan where the formula is.

        Raises
        ------
        InputError
            If a parameter is missing or unknown, or `h` is not real.

        Examples
        --------
        >>> Activation("top*sigmoid(h)").value([0.0, 100.0], top=3.0)
        array([1.5, 3. ])
        """
        return self._rule.value(numbers := _real(h), self._theta(parameters, numbers))[()]

    def slope(self, h: npt.ArrayLike, /, **parameters: Any) -> Any:
        """Compute f'(h) = df/dh; arguments, result and errors are those of `value`.

        Examples
        --------
        >>> Activation("softplus").slope([0.0, 100.0])
        array([0.5, 1. ])
        """
        return self._rule.pair(numbers := _real(h), self._theta(parameters, numbers))[1][0][()]

    def pair(
        self, h: npt.ArrayLike, theta: Sequence[float] | FloatArray = ()
    ) -> tuple[FloatArray, FloatArray]:
        """Compute f and its slopes together.

        Parameters
        ----------
        h : array of any shape
            Net input.
        theta : array (p,) or (p, ...)
            Values of `parameters`, in their order: numbers, or arrays that follow the last axes of `h`.

        Returns
        -------
        value : array of the shape of `h`
        slopes : array (1 + p, ...)
            df/dh, then df/dtheta_i.

        Raises
        ------
        InputError
            If `theta` has not p entries, or a function of a pair does not return one number for each h.

        Examples
        --------
        >>> value, slopes = Activation("a*h").pair([1.0, 2.0], [3.0])
        >>> slopes
        array([[3., 3.],
               [1., 2.]])
        """
        return self._rule.pair(numbers := _real(h), self._ordered(theta, numbers))

    def second_slope(self, h: npt.ArrayLike, theta: Sequence[float] | FloatArray = ()) -> FloatArray:
        """Compute f''(h): derived for a formula, by central differences of the slope for functions.

        Examples
        --------
        >>> Activation("h**3").second_slope([1.0, 2.0])
        array([ 6., 12.])
        """
        return self._rule.second_slope(numbers := _real(h), self._ordered(theta, numbers))

    def address(self, dtype: npt.DTypeLike) -> int:
        """Address of compiled code, valid as long as the process lives.

        Parameters
        ----------
        dtype : float32 or float64
            The type T below.

        Returns
        -------
        int
            Address of ``void(int64 n, T *h, T *theta, T *value, T *slopes)``; `slopes` takes the (1 + p)*n
            numbers of `pair`, row by row.

        Raises
        ------
        InputError
            For a pair of functions and for other types.
        """
        dtype = np.dtype(dtype)
        if dtype in self._addresses:
            return self._addresses[dtype]
        if not isinstance(self._rule, Formula):
            raise InputError(
                f"the activation {self.name} is a pair of functions and cannot be compiled; write a formula"
            )
        if dtype not in (np.float32, np.float64):
            raise InputError(f"activations are compiled for float32 and float64, not {dtype}")
        from fallline.maths.activations._compiled import compiled_address

        self._addresses[dtype] = compiled_address(self._rule.with_slopes, dtype)
        return self._addresses[dtype]

    @cached_property
    def _addresses(self) -> dict[np.dtype[Any], int]:
        """Known addresses: a kernel asks for one at each block."""
        return {}

    def _theta(self, parameters: Mapping[str, Any], h: FloatArray) -> FloatArray:
        for name in self.parameters:
            if name not in parameters:
                raise InputError(f"the activation {self.name} needs a value for {name}; add {name}=...")
        for name in parameters:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise InputError(f"the activation {self.name} has no parameter {name}; it has {known}")
        numbers = [np.asarray(parameters[name]) for name in self.parameters]
        return self._ordered(np.array(np.broadcast_arrays(*numbers)), h)

    def _ordered(self, theta: Sequence[float] | FloatArray, h: FloatArray) -> FloatArray:
        numbers, p = _real(theta), len(self.parameters)
        if numbers.shape[:1] != (p,) or not _follows(numbers.shape[1:], h.shape):
            expected = f"one number for each of its {p} parameters"
            raise InputError(f"the activation {self.name} needs {expected}, not shape {numbers.shape}")
        return numbers


def _follows(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of this shape is stretched to the whole without stretching the whole."""
    last = whole[len(whole) - len(shape) :]
    return len(shape) <= len(whole) and all(a in (1, b) for a, b in zip(shape, last, strict=True))


def _real(numbers: npt.ArrayLike) -> FloatArray:
    array = np.asarray(numbers)
    if array.dtype.kind not in "biuf":
        raise InputError(f"an activation computes with real numbers, not {array.dtype}; convert them first")
    return array.astype(np.float32 if array.dtype in (np.float16, np.float32) else np.float64, copy=False)
