"""JSON for scripts: strict, with null for each number that is not finite."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def print_json(content: Any, *, indent: int | None = 2) -> None:
    """Print one object."""
    print(json.dumps(finite(content), indent=indent, allow_nan=False))


def finite(value: Any) -> Any:
    """Return what JSON can hold."""
    match value:
        case np.ndarray() | np.generic():
            return finite(value.tolist())
        case dict():
            return {name: finite(item) for name, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
    return value
