"""A network as the source of a Python module that needs NumPy alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fallline._typing import Array
from fallline.maths.activations._python import numpy_source
from fallline.maths.network._signature import Column
from fallline.maths.network._spelling import Name, folded, input_names, output_names

if TYPE_CHECKING:
    from fallline.maths.network._network import SingleLayer

_PREDICT = '''\
def predict(X):
    """Compute the outputs {shape} of inputs X (n, {n_inputs}).

    {inputs}
    {outputs}
    """
    return {value}'''

_INPUTS = '''\
def inputs(table):
    """Return X for a table that gives columns by name: a dict of lists, a data frame."""
    return np.column_stack(
        [
{columns}
        ]
    )'''

_TRUTH = 'TRUTH = {"true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0}'

_ONE_HOT = '''\
def one_hot(name, values, categories):
    """Return a column of 0 and 1 for each category."""
    values = [str(value) for value in values]
    for value in values:
        if value not in categories:
            raise ValueError(f"column {name!r} holds {value!r}, a category that the network does not know")
    columns = [[value == category for category in categories] for value in values]
    return np.array(columns, dtype=float).reshape(-1, len(categories))'''

_CLASSIFY = '''\
def classify(X):
    """Return the class (n,) of each row of inputs X."""
    return CLASSES[{codes}]'''

_NAMES = {"np", "math", "f", "predict", "inputs", "one_hot", "classify"}
_NAMES |= {"WEIGHTS", "INTERCEPT", "CLASSES", "TRUTH"}
_NAMES |= {"float", "int", "len", "object", "str", "ValueError"}
"""What the module calls something else, and what it needs of Python."""
_PART = re.compile("t[0-9]+")
"""A part of the formula, inside f."""


def module_source(network: SingleLayer) -> str:
    """Write ``predict(X)``, and with a signature ``inputs(table)`` and ``classify(X)``."""
    imports, definitions = _activation(network)
    head = "\n".join(["import numpy as np", *imports, "", *_constants(network)])
    parts = [head, *definitions, _predict(network), *_inputs(network), *_classify(network)]
    return "\n\n\n".join(parts) + "\n"


def _activation(network: SingleLayer) -> tuple[list[str], list[str]]:
    formula = str(network.activation.formula)
    if formula == "h":
        return [], []
    renamed = {name: _unused(name) for name in network.parameters}
    return numpy_source(re.sub(r"\w+", lambda word: renamed.get(word[0], word[0]), formula))


def _unused(name: str) -> str:
    """Return a name for a parameter that nothing else in the module has: one underscore more, if need be."""
    bare = name.rstrip("_")
    return f"{name}_" if bare in _NAMES or _PART.fullmatch(bare) else name


def _constants(network: SingleLayer) -> Iterator[str]:
    """Yield weights, intercept and parameters with every digit, and the classes."""
    yield f"WEIGHTS = {_array(network.weights)}"
    yield f"INTERCEPT = {_array(np.asarray(network.intercept))}"
    for name, value in network.parameters.items():
        numbers = _array(np.asarray(value))
        yield f"{_unused(name)} = {numbers if np.ndim(value) else f'np.float64({numbers})'}"
    if network.classes:
        yield f"CLASSES = np.array({_list(map(repr, network.classes))}, dtype=object)"


def _array(numbers: Array) -> str:
    if numbers.ndim == 0:
        return _exact(numbers.item())
    if numbers.ndim == 1:
        return f"np.array({_list(map(_exact, numbers.tolist()))})"
    rows = "".join(f"        {_list(map(_exact, row), 8)},\n" for row in numbers.tolist())
    return f"np.array(\n    [\n{rows}    ]\n)"


def _exact(number: float) -> str:
    return repr(number) if math.isfinite(number) else f"float('{number}')"


def _list(items: Iterable[str], indent: int = 0) -> str:
    """Return the source of a list, on more lines than one if it is long."""
    lines = list(folded(f"{item}," for item in items))
    if len(lines) == 1:
        return f"[{lines[0].removesuffix(',')}]"
    space = " " * indent
    return "\n".join(["[", *(f"{space}    {line}" for line in lines), f"{space}]"])


def _predict(network: SingleLayer) -> str:
    net_input = "np.asarray(X, dtype=float) @ WEIGHTS + INTERCEPT"
    n_inputs, *n_outputs = network.weights.shape
    return _PREDICT.format(
        n_inputs=n_inputs,
        shape=f"(n, {n_outputs[0]})" if n_outputs else "(n,)",
        inputs=_named("Inputs", input_names(network)),
        outputs=_named("Outputs", output_names(network)),
        value=net_input if network.activation.formula == "h" else f"f({net_input})",
    )


def _named(what: str, names: list[Name]) -> str:
    """Return names as lines of a docstring."""
    words = [f"{what}:", *(f"{name.text}," for name in names)]
    lines = "\n        ".join(folded(words)).removesuffix(",") + "."
    return lines.replace("\\", r"\\").replace('"', r"\"")


def _inputs(network: SingleLayer) -> Iterator[str]:
    if network.signature is None:
        return
    columns = network.signature.inputs
    if any(column.kind == "boolean" for column in columns):
        yield _TRUTH
    if any(column.kind == "category" for column in columns):
        yield _ONE_HOT
    yield _INPUTS.format(columns="\n".join(f"            {_column(column)}," for column in columns))


def _column(column: Column) -> str:
    values = f"table[{column.name!r}]"
    if column.kind == "number":
        return f"np.asarray({values}, dtype=float)"
    if column.kind == "boolean":
        return f"np.array([TRUTH[str(value).lower()] for value in {values}], dtype=float)"
    return f"one_hot({column.name!r}, {values}, {_list(map(repr, column.categories), 12)})"


def _classify(network: SingleLayer) -> Iterator[str]:
    if network.signature is None or not network.classes:
        return
    middle = float(sum(network.signature.class_targets) / 2)
    two = f"(np.ravel(predict(X)) > {middle!r}).astype(int)"
    yield _CLASSIFY.format(codes=two if len(network.classes) == 2 else "predict(X).argmax(axis=1)")
