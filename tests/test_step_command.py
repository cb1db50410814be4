"""``fallline step``: the ledger of one step after another, on a table."""

import json
import os
import re
import signal
import subprocess
import sys
from io import StringIO
from itertools import islice

import numpy as np
import pytest
from rich.console import Console

from fallline import SingleLayer, descend, one_step, open_table
from fallline.faces.cli.screen._json import finite
from fallline.faces.cli.step._step import NUMBERS, Settings, start
from fallline.faces.cli.step._view import inputs_of, show_names

COMMAND = [sys.executable, "-m", "fallline"]
BEANS = """rain,soil,shade,yield,dead
120,clay,0.5,2.5,0
80,clay,0.25,1.5,1
100,sand,0.75,3.5,0
90,sand,,9.5,0
140,sand,1.0,4.0,1
60,clay,0.0,1.0,1
"""


def environment(**more):
    kept = {
        name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")
    }
    return kept | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "TERM": "xterm", **more}


def run(*arguments, command=(*COMMAND, "step"), **environ):
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        timeout=300,
    )


@pytest.fixture(scope="module")
def beans(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "beans.csv"
    path.write_text(BEANS)
    return str(path)


def table_of(beans, target="yield"):
    return open_table(beans, target, drop=["dead"] if target == "yield" else [], missing="drop")


def settings(**asked):
    known = {
        "activation": "identity",
        "learning_rate": "auto",
        "reduction": "mean",
        "scaling": "none",
        "fit_intercept": True,
        "seed": 0,
    }
    return Settings(**known | asked)


def states_of(table, asked):
    return descend(
        table,
        activation=asked.activation,
        learning_rate=asked.learning_rate,
        reduction=asked.reduction,
        scaling=asked.scaling,
        fit_intercept=asked.fit_intercept,
        random_state=asked.seed,
        initial_parameters=asked.parameters,
    )


TRAJECTORIES = [
    settings(),
    settings(activation="4.5*sigmoid(h)", reduction="sum"),
    settings(scaling="standard"),
    settings(scaling="standard", fit_intercept=False, seed=5),
    settings(activation="softplus", fit_intercept=False, seed=3),
    settings(activation="exp"),  # no safe rate is known: it is searched anew at each step
    settings(learning_rate=3e-5, reduction="sum"),
]


@pytest.mark.parametrize("target", ["yield", ["yield", "dead"]])
@pytest.mark.parametrize("asked", TRAJECTORIES, ids=str)
def test_the_steps_are_those_of_descend(beans, asked, target):
    table = table_of(beans, target)
    states = list(islice(states_of(table, asked), 21))
    descent = start(table, asked)
    steps = list(islice(descent.steps, 20))
    assert [step.number for step in steps] == list(range(1, 21))
    weights = np.array([ledger.weights for _, _, ledger in steps])
    for (_, passes, ledger), before, after in zip(steps, states[:-1], states[1:], strict=True):
        scale = descent.coordinates.inverse.reshape(-1, *[1] * (table.y.ndim - 1))
        rounding = {"rtol": 1e-9, "atol": 1e-11 * np.abs(weights).max()}
        np.testing.assert_allclose(ledger.weights, before.weights * scale, **rounding)
        np.testing.assert_allclose(ledger.new_weights, after.weights * scale, **rounding)
        np.testing.assert_allclose(ledger.new_error, after.error, rtol=1e-9)
        np.testing.assert_allclose(ledger.y_hat, predicted(table.X, before, asked), rtol=1e-9, atol=1e-11)
        assert ledger.learning_rate == pytest.approx(after.learning_rate, rel=1e-12)
        assert ledger.reduction == asked.reduction
        assert passes == after.passes
    assert weights[-1].any()


def predicted(X, state, asked):
    """Return ŷ at a state, in raw inputs whatever the coordinates."""
    return SingleLayer(state.weights, state.intercept, asked.activation, parameters=state.parameters).predict(
        X
    )


@pytest.mark.parametrize("target", ["yield", ["yield", "dead"]])
def test_the_free_names_step_as_in_descend(beans, target):
    table = table_of(beans, target)
    asked = settings(activation="low + top*sigmoid(h)", learning_rate=1e-4, parameters={"top": 3.0})
    states = list(islice(states_of(table, asked), 6))
    steps = list(islice(start(table, asked).steps, 5))
    for (_, _, ledger), before, after in zip(steps, states[:-1], states[1:], strict=True):
        for name in ("low", "top"):
            np.testing.assert_allclose(ledger.parameters[name], before.parameters[name], rtol=1e-9)
            np.testing.assert_allclose(ledger.new_parameters[name], after.parameters[name], rtol=1e-9)
        np.testing.assert_allclose(ledger.new_error, after.error, rtol=1e-9)
    np.testing.assert_array_equal(steps[0].ledger.parameters["top"], 3.0)


def test_the_free_names_are_in_the_json_and_on_the_page(beans):
    asked = "--target", "yield", "--drop", "dead", "--missing", "drop", "--activation", "top*sigmoid(h)"
    done = run(beans, *asked, "--parameter", "top=4.5", "--learning-rate", "1e-5", "--steps", "2", "--json")
    first, second = json.loads(done.stdout)["steps"]
    assert first["parameters"] == {"top": 4.5}
    assert second["parameters"] == first["new_parameters"]
    assert first["parameter_gradient"] == pytest.approx(first["parameter_finite_difference"], rel=1e-6)
    page = run(beans, *asked, "--parameter", "top=4.5", "--learning-rate", "1e-5").stdout
    assert "name  " in page
    assert "top 4.5 " in " ".join(page.split())


class TestJson:
    def test_it_holds_all_numbers_of_each_step_and_nothing_else(self, beans):
        done = run(
            beans, "--target", "yield", "--drop", "dead", "--missing", "drop", "--steps", "3", "--json"
        )
        assert (done.returncode, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        assert found["inputs"] == ["rain", "soil=clay", "soil=sand", "shade"]
        assert found["outputs"] == ["yield"]
        assert found["rows"] == [1, 2, 3, 5, 6]
        assert [step["step"] for step in found["steps"]] == [1, 2, 3]
        for step in found["steps"]:
            ledger = one_step(
                found["X"],
                found["y"],
                step["weights"],
                intercept=step["intercept"],
                activation="identity",
                learning_rate=step["learning_rate"],
                fit_intercept=True,
            )
            for name in NUMBERS:
                np.testing.assert_array_equal(step[name], getattr(ledger, name), err_msg=name)
        for before, after in zip(found["steps"][:-1], found["steps"][1:], strict=True):
            assert after["weights"] == before["new_weights"]
            assert after["error"] == before["new_error"]

    def test_it_holds_the_derivations_for_every_output(self, beans):
        arguments = "--target", "yield,rain", "--missing", "drop", "--record", "3", "--json"
        (step,) = json.loads(run(beans, *arguments).stdout)["steps"]
        assert len(step["derivation"]) == 2
        assert "record 3, output 1 " in step["derivation"][1]

    def test_where_it_diverges_it_holds_the_steps_up_to_there(self, beans):
        arguments = "--target", "yield", "--missing", "drop", "--learning-rate", "1", "--steps", "9", "--json"
        done = run(beans, *arguments)
        assert done.returncode == 3
        assert re.fullmatch(
            r"fallline: diverged at step \d+: .* is sure to fall at every step .*\n", done.stderr
        )
        steps = json.loads(done.stdout)["steps"]
        assert 0 < len(steps) < 9
        assert steps[-1]["new_error"] > steps[0]["error"]

    def test_numbers_that_are_not_finite_are_null(self):
        assert finite(np.array([[1.0, np.nan], [-np.inf, 0.5]])) == [[1.0, None], [None, 0.5]]
        assert finite({"at": np.float64("inf"), "steps": (3, 0.5)}) == {"at": None, "steps": [3, 0.5]}


class TestText:
    @pytest.mark.parametrize(("asked", "shown"), [([], 1), (["--steps", "3"], 3)])
    def test_it_shows_the_ledgers_and_in_a_pipe_asks_nothing(self, beans, asked, shown):
        done = run(beans, "--target", "yield", "--drop", "dead", "--missing", "drop", *asked)
        assert (done.returncode, done.stderr) == (0, "")
        head, *pages = re.split(r"^step \d, (\d) passes so far\n", done.stdout, flags=re.MULTILINE)
        assert head.startswith("Inputs i: 0 rain, 1 soil=clay, 2 soil=sand, 3 shade.\nOutput: yield.\n")
        steps = list(islice(start(table_of(beans), settings()).steps, shown))
        assert pages[::2] == [str(step.passes) for step in steps]
        assert [page.strip() for page in pages[1::2]] == [str(step.ledger) for step in steps]

    def test_a_record_is_derived_and_its_row_is_named(self, beans):
        done = run(beans, "--target", "yield", "--drop", "dead", "--missing", "drop", "--record", "3")
        _, derivation = done.stdout.split("\nrecord 3 is row 5 of the table\n")
        step = next(start(table_of(beans), settings()).steps)
        assert derivation == f"{step.ledger.derivation(3)}\n"
        assert step.ledger.y[3] == 4.0

    def test_it_ends_where_no_step_lowers_the_error(self, tmp_path):
        path = tmp_path / "exact.csv"
        path.write_text("x,y\n0,1\n0.5,1.5\n1,2.25\n")
        done = run(str(path), "--target", "y", "--activation", "exp", "--steps", "3000")
        assert done.returncode == 0
        assert done.stdout.endswith("\nNo step, however short, lowers E any further.\n")

    def test_what_the_start_warns_of_is_a_note(self, beans):
        done = run(beans, "--target", "yield", "--missing", "drop", "--activation", "tanh")
        assert "\nNote: yield goes from 1 to 4, but tanh only reaches" in done.stdout
        assert done.stderr == ""

    def test_scaled_inputs_are_named_by_the_formula_that_scales_them(self, beans):
        table = table_of(beans)
        descent = start(table, settings(scaling="standard"))
        for name, column, z in zip(
            inputs_of(table.signature.input_names, descent.coordinates), table.X.T, descent.X.T, strict=True
        ):
            formula = re.fullmatch(r"\((.+) − (\S+)\)/(\S+)", name)
            assert formula[1] in table.signature.input_names
            np.testing.assert_allclose((column - float(formula[2])) / float(formula[3]), z, atol=2e-3)

    def test_inputs_that_were_not_moved_keep_their_names(self, beans):
        table = table_of(beans)
        coordinates = start(table, settings()).coordinates
        assert inputs_of(table.signature.input_names, coordinates) == list(table.signature.input_names)

    def test_of_many_names_the_first_are_shown(self):
        console = Console(file=StringIO(), width=200)
        show_names(console, [f"x{number}" for number in range(1000)], ["a", "b"], [])
        words = " ".join(console.file.getvalue().split())
        assert "28 x28, 29 x29, and 970 more. Outputs j: 0 a, 1 b." in words


def at_a_terminal(typed, *arguments):
    """Return what a terminal shows after keys were typed, and the exit code."""
    pty = pytest.importorskip("pty")
    keys, terminal = pty.openpty()
    os.write(keys, typed)
    with subprocess.Popen(
        [*COMMAND, "step", *arguments], stdin=terminal, stdout=terminal, stderr=terminal, env=environment()
    ) as process:
        os.close(terminal)
        seen = b"".join(iter(lambda: read_terminal(keys), b""))
    os.close(keys)
    return seen.decode(), process.returncode


def read_terminal(reader):
    try:
        return os.read(reader, 4096)
    except OSError:  # Linux says so at the end
        return b""


class TestTerminal:
    @pytest.mark.parametrize(("typed", "steps"), [(b"q\n", 1), (b"\n\nq\n", 3), (b"\n\x04", 2)])
    def test_it_asks_after_each_step_whether_to_go_on(self, beans, typed, steps):
        seen, code = at_a_terminal(typed, beans, "--target", "yield", "--missing", "drop")
        assert code == 0
        assert seen.count("passes so far") == steps
        assert seen.count("Enter: next step, q: end") == steps

    def test_with_a_number_of_steps_it_asks_nothing(self, beans):
        seen, code = at_a_terminal(b"", beans, "--target", "yield", "--missing", "drop", "--steps", "2")
        assert (code, seen.count("passes so far"), seen.count("Enter")) == (0, 2, 0)

    def test_ctrl_c_at_the_question_ends_it(self, beans):
        pty = pytest.importorskip("pty")
        keys, terminal = pty.openpty()
        command = [*COMMAND, "step", beans, "--target", "yield", "--missing", "drop"]
        streams = {"stdin": terminal, "stdout": terminal, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **streams, env=environment()) as process:
            os.close(terminal)
            seen = b""
            while b"q: end" not in seen:
                seen += read_terminal(keys)
            process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
        os.close(keys)
        assert (process.returncode, errors) == (75, b"fallline: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "yeild"], "did you mean 'yield'?"),
        ([], "setting missing to drop"),
        (["--missing", "drop", "--record", "5"], "choose one from 0 to 4"),
        (["--missing", "drop", "--learning-rate", "fast"], "a positive number or 'auto'"),
        (["--missing", "drop", "--learning-rate", "-1"], "a positive number or 'auto'"),
        (["--missing", "drop", "--activation", "tahn"], "unknown activation tahn"),
        (["--missing", "drop", "--activation", "a*h", "--scaling", "standard"], "leave scaling at none"),
        (["--missing", "drop", "--activation", "a*h", "--parameter", "b=1"], "the free names of the"),
        (["--missing", "drop", "--parameter", "a=one"], "'one' is no finite number"),
        (["--missing", "drop", "--parameter", "a"], "give a name and a value"),
        (["--sample", "some"], "sample is 'some': give a share such as 1% or 0.01"),
        (["--sample", "200%"], "at most 1"),
        (["--steps", "0"], "--steps"),
        (["--record", "-1"], "--record"),
        (["--missing", "guess"], "--missing"),
        (["another.csv"], "another.csv"),
    ],
)
def test_bad_usage_is_a_sentence(beans, arguments, sentence):
    done = run(beans, "--target", "yield", *arguments, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
