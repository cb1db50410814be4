"""A trained unit, or a row of them: ŷ = f(Σ w x + b)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths._records import arithmetic_dtype, is_sparse
from fallline.maths.activations._activation import Activation
from fallline.maths.network._parameters import parameter_values
from fallline.maths.network._signature import Signature

if TYPE_CHECKING:
    from fallline.maths.network._readable import Readable


class SingleLayer:
    """A single-layer network ŷ_j = f(Σ_i w_ij x_i + b_j).

    Parameters
    ----------
    weights : array (n_features,) or (n_features, n_outputs)
        w, for raw inputs.
    intercept : float or array (n_outputs,), default 0.0
        b.
    activation : str, Activation or pair of callables, default "identity"
        f; see :class:`fallline.Activation`.
    parameters : mapping, optional
        A value for each free name of the formula: a number, or for weights (n_features, n_outputs) also an
        array (n_outputs,) with one for each output.
    signature : Signature, optional
        Names of inputs and outputs, categories and classes; a training on a table or a data frame brings it.
    training : mapping, optional
        What a training has to say for itself: its records, error, steps, and why it stopped.

    Attributes
    ----------
    parameters : dict
        Each free name with its float or float64 array (n_outputs,); empty where the formula has none.
    input_names, output_names, classes : tuple of str
        As the signature has them; without one x0, x1, …, y (or y0, y1, …) and no classes.

    Raises
    ------
    InputError
        If shapes do not fit, or a free name has no value, or a value has no free name.

    References
    ----------
    B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention Record 4 (1960), 96–104.

    Examples
    --------
    >>> net = SingleLayer([0.5, -0.5], intercept=0.1, activation="tanh")
    >>> net.net_input([[1.0, 2.0]])
    array([-0.4])
    >>> net.predict([[1.0, 2.0]]).round(4)
    array([-0.3799])

    A formula with a free name, whose value was learned:

    >>> SingleLayer([0.5], 0.1, "top*sigmoid(h)", parameters={"top": 72.46}).predict([[1.0]]).round(4)
    array([46.7843])
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        intercept: Any = 0.0,
        activation: Any = "identity",
        *,
        parameters: Mapping[str, Any] | None = None,
        signature: Signature | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> None:
        self.weights = np.array(weights, dtype=np.float64, order="C")
        if self.weights.ndim not in (1, 2):
            raise InputError(
                f"weights must have shape (n_features,) or (n_features, n_outputs), got {self.weights.shape}"
            )
        outputs = self.weights.shape[1:]
        intercepts = np.array(intercept, dtype=np.float64)
        if intercepts.ndim and intercepts.shape != outputs:
            raise InputError(f"intercept must be a number or have shape {outputs}, got {intercepts.shape}")
        self.intercept: Any = np.broadcast_to(intercepts, outputs).copy() if outputs else float(intercepts)
        self.activation = Activation(activation)
        self.parameters = parameter_values(self.activation, parameters, outputs)
        self.signature = signature
        self.training = dict(training or {})
        if (len(self.input_names), len(self.output_names)) != (len(self.weights), self.n_outputs):
            raise InputError(
                f"the signature names {len(self.input_names)} inputs and {len(self.output_names)} outputs, "
                f"but weights have shape {self.weights.shape}: give a name for each"
            )

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return 1 if self.weights.ndim == 1 else self.weights.shape[1]

    @property
    def input_names(self) -> tuple[str, ...]:
        """A name for each input."""
        if self.signature is None:
            return tuple(f"x{i}" for i in range(len(self.weights)))
        return self.signature.input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """A name for each output."""
        if self.signature is None:
            return ("y",) if self.n_outputs == 1 else tuple(f"y{j}" for j in range(self.n_outputs))
        return self.signature.output_names

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are told apart; none for a regression."""
        return () if self.signature is None else self.signature.classes

    def net_input(self, X: Any) -> Array:
        """Compute h = Σ w x + b: (n,) or (n, n_outputs), in the dtype in which X computes.

        Raises
        ------
        InputError
            If X has not as many columns as there are weights, or holds no numbers.
        """
        inputs = X if is_sparse(X) else self._as_array(X)
        if inputs.ndim != 2 or inputs.shape[1] != len(self.weights):
            raise InputError(
                f"X has shape {inputs.shape}, but the network takes (n_samples, {len(self.weights)}): "
                "give the inputs it was trained on"
            )
        if inputs.dtype.kind not in "biufO":
            raise InputError(f"X must hold numbers, got dtype {inputs.dtype}: turn them into numbers first")
        dtype = arithmetic_dtype(inputs.dtype) if inputs.dtype.kind == "f" else np.dtype(np.float64)
        try:
            numbers = inputs.astype(dtype, copy=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"X must hold numbers ({error}): turn what is none into one first") from None
        product = numbers @ self.weights.astype(dtype)
        return np.asarray(product + np.asarray(self.intercept, dtype=dtype))

    def _as_array(self, X: Any) -> Array:
        """Return X as an array; the columns of a data frame have to be those of the inputs."""
        names = getattr(X, "columns", None)
        if self.signature is not None and names is not None and tuple(map(str, names)) != self.input_names:
            raise InputError(
                f"X has the columns {list(map(str, names))}, but the network takes {list(self.input_names)}: "
                "give these, in this order"
            )
        try:
            return np.asarray(X)
        except ValueError as error:
            raise InputError(f"X is no matrix ({error}): give rows of one length") from None

    def predict(self, X: Any) -> Array:
        """Compute ŷ = f(h) for rows X (n, n_features), or for the records of a source.

        Raises
        ------
        InputError
            As :meth:`net_input` does, and for a source of other columns or categories.
        """
        if hasattr(X, "blocks"):
            self._check_columns(X.signature)
            return np.concatenate([self.predict(block.records.X) for block in X.blocks()])
        return np.asarray(self.activation.value(self.net_input(X), **self.parameters))

    def _check_columns(self, signature: Signature | None) -> None:
        if signature is None or self.signature is None or signature.inputs == self.signature.inputs:
            return
        raise InputError(
            "the source has other columns or categories than the network: open it with "
            "features=network.signature.inputs"
        )

    def classify(self, X: Any) -> Array:
        """Return the class (n,) whose target is nearest to ŷ.

        Raises
        ------
        InputError
            If the network was not trained on classes.
        """
        if self.signature is None or not self.classes:
            raise InputError("the network was not trained on classes: call predict for its numbers")
        return self.signature.labels(self.predict(X))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file: safetensors, with a checksum, at once or not at all.

        The same network gives the same bytes. :func:`fallline.load` reads it.

        Raises
        ------
        InputError
            If the activation is a pair of functions, which no file can hold, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/model.safetensors"
        >>> SingleLayer([0.5, -0.5], activation="tanh").save(path)
        """
        from fallline.maths.network._model_file import save

        save(self, path)

    def to_formula(self) -> Readable:
        """Write the network out: as text, as LaTeX and as a Python function that needs NumPy alone.

        Raises
        ------
        InputError
            If the activation is a pair of functions, which has no formula.

        Examples
        --------
        >>> readable = SingleLayer([0.5, -0.5], intercept=0.1, activation="tanh").to_formula()
        >>> print(readable.text)
        h = 0.1 + 0.5*x0 - 0.5*x1
        y = tanh(h)
        """
        from fallline.maths.network._readable import readable

        return readable(self)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.weights.shape))
        return f"SingleLayer({shape} weights, activation={self.activation.name!r})"
