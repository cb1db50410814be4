"""A formula and its slopes as a compiled C function, kept on disk for the next process."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config

from fallline.maths.activations import _elementary
from fallline.maths.activations._operations import OPERATIONS
from fallline.maths.activations._tape import Instruction, Tape

_HEADER = """\
from math import atan, cos, cosh, erf, log, log1p, sin, sinh, sqrt, tan
from numpy import {type} as number
from fallline.maths.activations._elementary import elementary

exp, expm1, tanh, sigmoid, softplus = elementary(number)

def {name}(n, h, theta, value, slopes):
    zero, one = number(0), number(1)
{body}"""
_LOCK = threading.Lock()


def compiled_address(tape: Tape, dtype: np.dtype[Any]) -> int:
    """Address of ``void(int64 n, T *h, T *theta, T *value, T *slopes)``, valid as long as the process lives.

    The first output of `tape` goes to `value`, output 1 + k to ``slopes[k*n : (k + 1)*n]``.
    """
    with _LOCK:  # two functions made at once would leave one address whose code is freed
        return int(compiled(tape, dtype.name).address)


@cache
def compiled(tape: Tape, type_name: str) -> Any:
    """Numba's C function of a tape; `type_name` is float32 or float64."""
    body = _body(tape)
    # Numba numbers symbols by process: functions read back from two of them need names of their own.
    name = "activation_" + _digest(numba.__version__, _functions(), _HEADER, type_name, body)
    source = _HEADER.format(name=name, type=type_name, body=body)
    try:
        return _define(source, name, type_name, _stored(source, name))
    except Exception:
        # No folder to write to, a full disk, a damaged file: the cache may fail, the fit may not.
        return _define(source, name, type_name, None)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


@cache
def _functions() -> str:
    """Return the source of the functions that formulas call."""
    return Path(_elementary.__file__).read_text(encoding="utf-8")


def _body(tape: Tape) -> str:
    """One assignment an instruction; constants and parameters come before the loop."""
    before: list[str] = []
    inside: list[str] = []
    for r, instruction in enumerate(tape.instructions):
        part = before if instruction.op in ("constant", "parameter") else inside
        part.append(f"r{r} = {_expression(instruction, tape)}")
    value, *slopes = tape.outputs
    inside.append(f"value[i] = r{value}")
    inside += [f"slopes[{k}*n + i] = r{r}" for k, r in enumerate(slopes)]
    lines = [*before, "for i in range(n):", *(f"    {line}" for line in inside)]
    return "".join(f"    {line}\n" for line in lines)


def _expression(instruction: Instruction, tape: Tape) -> str:
    op, args, leaf = instruction
    match op:
        case "h":
            return "h[i]"
        case "constant":
            return f"number({leaf!r})"
        case "parameter":
            return f"theta[{tape.parameters.index(str(leaf))}]"
    return OPERATIONS[op].compiled.format(*(f"r{a}" for a in args))


def _define(source: str, name: str, type_name: str, file: Path | None) -> Any:
    namespace: dict[str, Any] = {"__name__": __name__}  # Numba imports this module when it reads its cache
    exec(compile(source, file or f"<{name}>", "exec"), namespace)
    pointer = numba.types.CPointer(getattr(numba.types, type_name))
    signature = numba.types.void(numba.types.int64, pointer, pointer, pointer, pointer)
    return numba.cfunc(signature, cache=file is not None, error_model="numpy")(namespace[name])


def _stored(source: str, name: str) -> Path:
    """File with the source; Numba keeps compiled code beside it, good for as long as it is unchanged."""
    file = _cache_folder() / f"{name}.py"
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as stream:
            stream.write(source)
        os.replace(temporary, file)  # other processes see the whole file or none
    return file


def _cache_folder() -> Path:
    if folder := config.CACHE_DIR:  # type: ignore[attr-defined]
        return Path(folder) / "fallline"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fallline" / "activations"
