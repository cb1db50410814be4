"""What an import loads, and which names it offers."""

import inspect
import pkgutil
import subprocess
import sys

import pytest

import fallline

HEAVY = {"sklearn", "numba", "sympy", "pyarrow", "rich", "typer", "pandas", "matplotlib", "safetensors"}
PUBLIC = {
    "Activation", "Ledger", "Run", "SingleLayer", "SingleLayerClassifier", "SingleLayerRegressor", "State",
    "StopReason", "descend", "error_and_gradient", "load", "one_step", "open_table", "train",
    "Exponential", "ImportanceAware", "InverseScaling", "Normalised", "largest_stable_rate",
    "DataWarning", "DivergenceError", "FalllineError", "FormulaError", "InputError", "ModelFileError",
}  # fmt: skip


def loaded_by(code):
    """Return the heavy packages that a fresh Python has loaded after some code."""
    report = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}} & {HEAVY!r})"
    command = [sys.executable, "-W", "error", "-c", report]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_an_import_is_light():
    assert loaded_by("import fallline; dir(fallline); fallline.__version__; fallline.train") == set()


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "72.5*tanh(h)"])
def test_training_loads_the_compiler_alone(activation):
    code = (
        f"import fallline\nfallline.train([[0.0], [1.0], [2.0]], [0.1, 0.2, 0.4], activation={activation!r})"
    )
    assert loaded_by(code) <= {"numba"}


def test_the_public_names_are_those_of_the_contract():
    assert set(fallline.__all__) == PUBLIC
    assert len(fallline.__all__) == len(PUBLIC)
    assert set(dir(fallline)) >= PUBLIC | {"__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_resolves_to_what_it_says(name):
    thing = getattr(fallline, name)
    assert thing.__name__ == name
    assert inspect.isclass(thing) or inspect.isfunction(thing)
    assert getattr(fallline, name) is thing


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"fallline.*has no attribute 'trian'"):
        _ = fallline.trian


def test_errors_are_what_callers_can_catch():
    for error in (fallline.InputError, fallline.FormulaError):
        assert issubclass(error, ValueError)
        assert issubclass(error, fallline.FalllineError)
    assert issubclass(fallline.DivergenceError, fallline.FalllineError)
    assert issubclass(fallline.DataWarning, UserWarning)


def test_modules_are_private():
    inner = [
        name.split(".")[-1]
        for _, name, package in pkgutil.walk_packages(fallline.__path__, "fallline.")
        if not package
    ]
    assert [name for name in inner if not name.startswith("_")] == []
