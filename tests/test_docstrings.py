"""Every public name says what it does, and its examples run."""

import doctest
import importlib
import inspect
import pkgutil
from itertools import pairwise

import pytest

import fallline

CLASSES = [name for name in fallline.__all__ if inspect.isclass(getattr(fallline, name))]
FUNCTIONS = [name for name in fallline.__all__ if inspect.isfunction(getattr(fallline, name))]
MODELS = ["Activation", "SingleLayer", "SingleLayerClassifier", "SingleLayerRegressor"]
ORDER = [
    "Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "Notes", "References", "Examples",
]  # fmt: skip


def members(name):
    """Return the documented things of a class: itself, and its own public methods and properties."""
    thing = getattr(fallline, name)
    own = {key: value for key, value in vars(thing).items() if not key.startswith("_")}
    documented = {
        k: v for k, v in own.items() if callable(v) or isinstance(v, property) or hasattr(v, "func")
    }
    return {name: thing, **{f"{name}.{key}": value for key, value in documented.items()}}


def parameters_of(thing):
    return [p for p in inspect.signature(thing).parameters if p not in ("self", "args", "kwargs")]


@pytest.mark.parametrize("name", fallline.__all__)
def test_everything_public_is_described(name):
    described = members(name) if name in CLASSES else {name: getattr(fallline, name)}
    assert [key for key, value in described.items() if not (inspect.getdoc(value) or "").strip()] == []


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODELS])
def test_a_verb_has_every_section(name):
    text = inspect.getdoc(getattr(fallline, name))
    needed = {"Parameters", "References", "Examples"}
    needed |= {"Raises"} if name in [*FUNCTIONS, "Activation", "SingleLayer"] else {"Attributes"}
    needed |= ({"Yields"} if name == "descend" else {"Returns"}) if name in FUNCTIONS else set()
    headings = [above for above, below in pairwise(text.splitlines()) if set(below) == {"-"}]
    assert needed - set(headings) == set()
    assert headings == [section for section in ORDER if section in headings]


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODELS])
def test_every_parameter_is_described(name):
    text = inspect.getdoc(getattr(fallline, name))
    section = text.split("Parameters\n----------\n")[1].split("\n\n")[0]
    lines = [line.split(":")[0] for line in section.splitlines() if line and not line.startswith(" ")]
    described = {parameter.strip() for line in lines for parameter in line.split(",")}
    if name == "SingleLayerClassifier":
        assert "SingleLayerRegressor" in section
        described |= set(parameters_of(fallline.SingleLayerRegressor))
    assert described == set(parameters_of(getattr(fallline, name)))


@pytest.mark.parametrize("name", ["State", "Run", "Ledger"])
def test_every_field_is_described(name):
    thing = getattr(fallline, name)
    text = inspect.getdoc(thing)
    assert [field for field in thing.__dataclass_fields__ if field not in text] == []


MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(fallline.__path__, "fallline."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODELS])
def test_there_is_an_example(name):
    assert doctest.DocTestFinder(recurse=False).find(getattr(fallline, name))[0].examples
