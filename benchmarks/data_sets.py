"""Real data that lie inside installed packages, each set with a target and an activation that suits it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from published import REAL

STATSMODELS = """
anes96: vote: sigmoid
anes96: 2*vote - 1: tanh
anes96: PID == 0; PID == 1; PID == 2; PID == 3; PID == 4; PID == 5; PID == 6: sigmoid
cancer: cancer: exp
cancer: cancer: softplus
ccard: AVGEXP: exp
ccard: AVGEXP / 100: softplus
committee: BILLS104: exp
copper: WORLDCONSUMPTION: identity
cpunish: EXECUTIONS: exp
cpunish: EXECUTIONS: softplus
engel: foodexp: identity
engel: foodexp / 1000: softplus
fair: affairs > 0: sigmoid
fair: affairs: exp
grunfeld: invest: identity
grunfeld: invest / 100: softplus
grunfeld: invest: exp
heart: survival: exp
heart: censors: sigmoid
interest_inflation: R; Dp: identity
macrodata: realcons; realinv; realgovt: identity
macrodata: realcons / 1000; realinv / 1000; realgovt / 1000: exp
modechoice: choice: sigmoid
modechoice: 2*choice - 1: tanh
randhie: mdvis: exp
randhie: mdvis: softplus
randhie: mdvis > 0: sigmoid
scotland: YES / 100: sigmoid
scotland: YES: exp
spector: GRADE: sigmoid
spector: 2*GRADE - 1: tanh
stackloss: STACKLOSS: identity
stackloss: STACKLOSS / 100: sigmoid
stackloss: STACKLOSS: exp
star98: NABOVE / (NABOVE + NBELOW): sigmoid
star98: NABOVE / 1000; NBELOW / 1000: softplus
statecrime: murder: softplus
statecrime: murder; violent / 100: exp
strikes: duration: exp
strikes: duration / 10: softplus
"""
"""A set, its targets as pandas reads them, and an activation; the inputs are all columns but those."""

LABELS = {"modechoice": "individual", "interest_inflation": "year"}
"""A column that only counts the records."""


class Problem(NamedTuple):
    """Raw inputs (n, d), targets (n,) or (n, k), the activation of the unit, and the penalty's α."""

    name: str
    X: Any
    y: Any
    activation: str
    alpha: float = 0.0


def problems() -> Iterator[Problem]:
    """Yield all problems: those with published optima, scikit-learn's data, statsmodels' where installed."""
    for name, (X, y, activation, *_) in REAL.items():
        yield Problem(name, X, y, activation)
    yield from of_classes()
    yield from of_amounts()
    if find_spec("statsmodels"):
        yield from of_statsmodels()
    else:
        print("The sets of statsmodels are left out: pip install statsmodels\n", file=sys.stderr)


def of_classes() -> Iterator[Problem]:
    """Yield classes as targets, a unit a class, 0 and 1 or −1 and 1; most of them are separable."""
    for name in ("breast_cancer", "wine", "iris", "digits"):
        X, classes = getattr(datasets, f"load_{name}")(return_X_y=True)
        member = (classes[:, None] == np.unique(classes)).astype(float)
        member = member[:, 1] if member.shape[1] == 2 else member
        yield Problem(f"{name}, classes", X, member, "sigmoid")
        yield Problem(f"{name}, classes", X, member, "sigmoid", 1e-4)
        yield Problem(f"{name}, classes", X, 2.0 * member - 1.0, "tanh")
    yield Problem("digits, classes", X, member, "identity")
    yield Problem("digits, 8 or not", X, member[:, 8], "sigmoid")


def of_amounts() -> Iterator[Problem]:
    """Yield positive amounts and shares as targets."""
    X, y = datasets.load_linnerud(return_X_y=True)
    yield Problem("linnerud", X, y, "exp")
    yield Problem("linnerud, y / 10", X, y / 10, "softplus")
    X, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    yield Problem("diabetes", X, y, "exp")
    yield Problem("diabetes, y / 400", X, y / 400, "sigmoid")
    X = datasets.load_wine().data
    yield Problem("wine, alcohol", X[:, 1:], X[:, 0], "identity")
    yield Problem("wine, proline / 100", X[:, :-1], X[:, -1] / 100, "exp")
    X = datasets.load_iris().data
    yield Problem("iris, petals", X[:, :2], X[:, 2:], "softplus")


def of_statsmodels() -> Iterator[Problem]:
    """Yield the problems listed above."""
    for line in STATSMODELS.strip().splitlines():
        name, targets, activation = line.split(": ")
        frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data.select_dtypes("number")
        y = np.column_stack([frame.eval(target).astype(float) for target in targets.split("; ")])
        used = [*re.findall(r"\w+", targets), LABELS.get(name)]
        X = frame[[column for column in frame if column not in used]].to_numpy(float)
        shown = targets if y.shape[1] <= 3 else f"{targets.split('; ')[0]}; …"
        yield Problem(f"{name}, {shown}", X, y[:, 0] if y.shape[1] == 1 else y, activation)
