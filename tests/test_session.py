"""The session of docs/tables.md: from an untidy table to predictions, real commands print what it shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent
PAGE = (FOLDER / "docs" / "tables.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def told(text):
    """Return the words of some output, without its numbers, widths and rules, and the numbers."""
    words = re.sub(r"[\s─]+", " ", NUMBER.sub("#", text)).strip()
    return words, np.array(NUMBER.findall(text), float)


def run(command, folder):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "COLUMNS": "80", "PATH": path}
    merged = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, text=True, **merged).stdout


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Return the folder of a session, and its commands with what the page shows and what they printed."""
    folder = tmp_path_factory.mktemp("orchard")
    shutil.copy(FOLDER / "examples" / "orchard.py", folder)
    shown = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks("console")), flags=re.MULTILINE)
    return folder, [(command, output, run(command, folder)) for command, output in shown]


def test_it_prints_what_the_page_shows(session):
    _, commands = session
    assert len(commands) == 12
    for command, shown, printed in commands:
        (words, numbers), (expected_words, expected_numbers) = told(printed), told(shown)
        assert words == expected_words, command
        np.testing.assert_allclose(numbers, expected_numbers, rtol=1e-3, err_msg=command)


def test_the_same_in_python(session, monkeypatch, capsys):
    monkeypatch.chdir(session[0])
    (block,) = blocks("python")
    exec(compile(block, "tables.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "kg = exp(h)" in printed
    rows = Path("predictions.csv").read_text(encoding="utf-8").splitlines()[1:]
    predicted = [float(row.rsplit(",", 1)[1]) for row in rows]
    shown = np.array(printed.split("]")[0].strip("[").split(), float)
    np.testing.assert_allclose(shown, predicted, rtol=1e-6)
