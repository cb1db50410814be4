"""The command line, run as people run it: in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from fallline import StopReason
from fallline.faces.cli._endings import exit_code
from fallline.faces.cli.demo._demo import solved
from fallline.faces.cli.demo._problems import diabetes
from fallline.faces.cli.demo._view import show_result

COMMAND = [sys.executable, "-m", "fallline"]
WIDTHS = (80, 120)
posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def environment(width=80):
    kept = {
        name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")
    }
    return kept | {"COLUMNS": str(width), "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}


def fallline(*arguments, width=80, command=COMMAND):
    return subprocess.run(
        [*command, *arguments], capture_output=True, encoding="utf-8", env=environment(width), timeout=300
    )


@pytest.fixture(scope="module")
def sets():
    done = fallline("demo", "--compare", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return {each["name"]: each for each in json.loads(done.stdout)["sets"]}


@pytest.fixture(scope="module", params=WIDTHS)
def page(request):
    """Return a width, and what is printed at it into a pipe."""
    done = fallline("demo", "--compare", width=request.param)
    assert (done.returncode, done.stderr) == (0, "")
    return request.param, done.stdout


@pytest.mark.parametrize(("name", "score"), [("diabetes", "r2"), ("breast cancer", "accuracy")])
class TestNumbers:
    def test_the_network_beats_the_trivial_baseline(self, sets, name, score):
        network, baseline = sets[name]["network"], sets[name]["baseline"]
        assert network["error"] < 0.5 * baseline["error"]
        for part in ("train", "test"):
            assert network[part][score] > baseline[part][score] + 0.2

    def test_the_descent_goes_from_the_baseline_down_to_the_network(self, sets, name, score):
        steps = sets[name]["steps"]
        errors = [step["error"] for step in steps]
        assert errors == sorted(errors, reverse=True)
        assert errors[0] == pytest.approx(sets[name]["baseline"]["error"], rel=1e-12)
        assert errors[-1] == pytest.approx(sets[name]["network"]["error"], rel=1e-9)
        assert [step["step"] for step in steps] == list(range(len(steps)))
        assert sets[name]["converged"]
        assert sets[name]["message"].startswith("converged")

    def test_every_solver_is_there_and_has_been_at_work(self, sets, name, score):
        rows = sets[name]["compare"]
        solvers = [(row["solver"], row["inputs"]) for row in rows]
        assert solvers[:4] == [
            ("fallline", "raw"),
            ("SciPy L-BFGS-B", "raw"),
            ("SciPy L-BFGS-B", "scaled"),
            ("SciPy least_squares", "raw"),
        ]
        assert len(rows) == 6
        assert len(set(solvers)) == 6
        assert rows[0]["passes"] == sets[name]["steps"][-1]["passes"]
        assert rows[0]["score"] == pytest.approx(sets[name]["network"]["test"][score], rel=1e-6)
        assert all(row["seconds"] > 0.0 for row in rows)
        assert all(row["error"] < 0.5 * sets[name]["baseline"]["error"] for row in rows)
        assert all(row["score"] > sets[name]["baseline"]["test"][score] for row in rows)

    def test_the_lines_of_python_are_complete_and_give_the_same_score(self, sets, name, score):
        *lines, score_line = sets[name]["code"]
        names = {}
        exec("\n".join(lines), names)
        assert eval(score_line, names) == pytest.approx(sets[name]["network"]["test"][score], rel=1e-9)


def test_solvers_of_one_problem_find_one_bottom(sets):
    """Through tanh the diabetes set has a single bottom, and SciPy finds it by itself."""
    ours, *scipys = (row["error"] for row in sets["diabetes"]["compare"][:4])
    assert scipys == pytest.approx([ours] * 3, rel=1e-6)


def test_a_page_fits_its_width_and_holds_no_control_characters(page):
    width, text = page
    assert max(map(len, text.splitlines())) <= width
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert "…" not in text, "a cell was cut"
    assert not re.search(r" $", text, re.MULTILINE), "a line ends in spaces"


def test_a_page_shows_all_that_was_found(page, sets):
    words = " ".join(page[1].split())
    for each in sets.values():
        for row in each["compare"]:
            assert row["solver"] in words
        for line in each["code"]:
            assert line in words
        for measures in (each["network"], each["baseline"]):
            assert f" {measures['error']:#.4g} " in words
        assert each["message"][1:] in words
    assert "mean of y" in words
    assert "majority class" in words


def test_the_middle_of_a_long_descent_is_left_out(page, sets):
    diabetes, cancer = page[1].split("\nbreast cancer\n")
    assert "⋮" not in diabetes
    assert "⋮" in cancer
    for step in sets["diabetes"]["steps"]:
        assert f"{step['error']:.8f}" in diabetes
    for number in (0, -1):
        assert f"{sets['breast cancer']['steps'][number]['error']:.8f}" in cancer


def test_what_training_warns_of_stands_on_the_page():
    """Targets that tanh cannot reach: no warning escapes (here that is an error), its sentence is shown."""
    known = diabetes()
    result = solved(replace(known, y_train=2.0 * known.y_train), compare=False, quiet=True)
    console = Console(file=StringIO(), width=80)
    show_result(console, result)
    page = console.file.getvalue()
    assert len(result.notes) == 1
    assert f"Note: {result.notes[0]}." in " ".join(page.split())
    assert "Why did it stop? " in page


def test_without_compare_no_other_solver_is_run():
    done = fallline("demo", "--json")
    assert [each["compare"] for each in json.loads(done.stdout)["sets"]] == [[], []]


def test_progress_is_for_terminals_and_never_in_the_results():
    pty = pytest.importorskip("pty")
    reader, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=terminal, env=environment()
    ) as process:
        os.close(terminal)
        seen = b"".join(iter(lambda: read_terminal(reader), b""))
        results = process.stdout.read()
    os.close(reader)
    assert process.returncode == 0
    assert "step 5  E 14.1427" in seen.decode()
    assert b"\x1b" not in results


def read_terminal(reader):
    try:
        return os.read(reader, 4096)
    except OSError:  # Linux says so at the end
        return b""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_cleanly_with_what_is_there(number):
    environ = environment() | {"PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, "demo", "--compare"], **pipes, encoding="utf-8", env=environ) as process:
        while "least_squares" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        errors = process.stderr.read()
    assert (process.returncode, errors) == (75, "fallline: interrupted\n")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interruption_kills(number):
    program = f"""
import os
from fallline.faces.cli._endings import heed_signals
heed_signals()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), {int(number)})
print("still here")
"""
    done = fallline(command=[sys.executable, "-c", f"import signal{program}"])
    assert (done.returncode, done.stdout) == (-number, "")


@posix
@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--json"]])
def test_an_output_that_is_closed_early_is_no_error(arguments):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, *arguments], **pipes, env=environment()) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, b"")


@pytest.mark.parametrize("arguments", [["demo", "--nope"], ["nope"], ["demo", "one"]])
def test_bad_usage_is_a_sentence(arguments):
    done = fallline(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_an_error_raised_on_purpose_is_a_sentence():
    broken = """
from fallline import InputError
from fallline.faces.cli import _app

@_app.app.command()
def broken():
    raise InputError("the weights are missing: give them")

_app.main()
"""
    done = fallline("broken", command=[sys.executable, "-c", broken])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fallline: the weights are missing: give them\n"


def test_help_names_every_command_in_full_and_gives_an_example_of_each():
    commands = fallline("--help").stdout.split("Commands:")[1]
    assert "..." not in commands, "a summary was cut"
    names = re.findall(r"^  (\w+)", commands, re.MULTILINE)
    assert {"demo", "step"} <= set(names)
    for name in names:
        text = fallline(name, "--help").stdout
        assert " ".join(text.split("\n\n")[-1].split()).startswith(f"Example: fallline {name} ")
        assert max(map(len, text.splitlines())) <= 80


def test_version():
    assert re.fullmatch(r"fallline \d+\.\d+\.\d+\S*\n", fallline("--version").stdout)


def test_the_command_line_loads_nothing_heavy():
    heavy = "numba", "numpy", "pandas", "rich", "scipy", "sklearn", "sympy"
    program = f"import fallline.faces.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    assert fallline(command=[sys.executable, "-c", program]).stdout == "[]\n"


@pytest.mark.parametrize("reason", StopReason)
def test_the_exit_code_says_how_it_ended(reason):
    codes = {StopReason.DIVERGED: 3, StopReason.INTERRUPTED: 75}
    expected = codes.get(reason, 4 if reason.is_failure else 0)
    assert exit_code([StopReason.CONVERGED, reason]) == expected


def test_divergence_outweighs_a_descent_that_only_failed():
    assert exit_code([StopReason.MAX_ITER, StopReason.DIVERGED]) == 3
