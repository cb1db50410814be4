"""Every kind of untidy table gets one exact sentence, from every face, and nothing is written."""

import subprocess
import sys

import numpy as np
import pytest
from untidy import CASES, PAGE, page

import fallline
from fallline import InputError, open_table
from fallline.maths.network._signature import Column, Signature

BY_NAME = {f"{group}: {case.what}": case for group, cases in CASES.items() for case in cases}
BEYOND_REACH = "The target: out of reach of the activation"
MODEL, OUT = "model.safetensors", "predicted.csv"
FIT = ["fit", None, "--target", "y", "--activation", "sigmoid", "--save", MODEL]
STEP = ["step", None, "--target", "y", "--steps", "1", "--json"]
PREDICT = ["predict", MODEL, None, "--out", OUT]


def command(words, case):
    """Return the words of a command on the file of a case."""
    return [case.file if word is None else word for word in words]


def snapshot(folder):
    """Return all that is in a folder: kinds, times of change and contents."""
    return {
        path.name: (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.iterdir()
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, in which paths begin."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, command_line):
    """Return the function that runs a command line, in an empty folder."""
    return command_line


def run_alone(words):
    """Run a command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "fallline", *words], capture_output=True, encoding="utf-8", timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def keep_network():
    """Save a network that takes rain and sun."""
    signature = Signature((Column("rain"), Column("sun")), (Column("y"),))
    fallline.SingleLayer([0.1, 0.2], -0.5, "sigmoid", signature=signature).save(MODEL)


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != BEYOND_REACH])
def test_open_table(folder, name):
    case = BY_NAME[name]
    case.write(folder)
    if case.fit is None:
        table = open_table(case.file, "y")
        assert table.X.tolist() == [[1, 5], [2, 3], [4, 6]]
        assert table.y.tolist() == [0.2, 0.4, 0.9]
        return
    with pytest.raises(InputError) as caught:
        open_table(case.file, "y")
    assert str(caught.value) == case.fit


@pytest.mark.parametrize("name", BY_NAME)
def test_fit(folder, run, name):
    case = BY_NAME[name]
    case.write(folder)
    before = snapshot(folder)
    code, out, err = run(command(FIT, case))
    if case.fit is None:
        assert (code, err) == (0, "")
        assert snapshot(folder).keys() - before.keys() == {MODEL}
        return
    assert (code, out, err) == (2, "", f"fallline: {case.fit}\n")
    assert snapshot(folder) == before


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != BEYOND_REACH])
def test_step(folder, run, name):
    case = BY_NAME[name]
    case.write(folder)
    before = snapshot(folder)
    code, out, err = run(command(STEP, case))
    if case.fit is None:
        assert (code, err) == (0, "")
    else:
        assert (code, out, err) == (2, "", f"fallline: {case.fit}\n")
    assert snapshot(folder) == before


@pytest.mark.parametrize("name", BY_NAME)
def test_predict(folder, run, name):
    case = BY_NAME[name]
    case.write(folder)
    keep_network()
    before = snapshot(folder)
    code, out, err = run(command(PREDICT, case))
    sentence = case.predict_says
    if sentence is None:
        assert (code, err) == (0, "")
        y_hat = open_table(OUT, features="predicted_y").X
        X = open_table(case.file, features=["rain", "sun"]).X
        np.testing.assert_allclose(y_hat.ravel(), fallline.load(MODEL).predict(X), rtol=1e-12)
        return
    assert (code, out, err) == (2, "", f"fallline: {sentence}\n")
    assert snapshot(folder) == before


@pytest.mark.parametrize("words", [FIT, PREDICT], ids=["fit", "predict"])
@pytest.mark.parametrize(
    "name", ["Cells: `1e300`", "Rows: a quote that is never closed", "The file: an image"]
)
def test_a_process_of_its_own(folder, words, name):
    case = BY_NAME[name]
    case.write(folder)
    keep_network()
    before = snapshot(folder)
    sentence = case.fit if words is FIT else case.predict_says
    assert run_alone(command(words, case)) == (2, "", f"fallline: {sentence}\n")
    assert snapshot(folder) == before


def test_training_on_a_target_out_of_reach_warns(folder):
    BY_NAME[BEYOND_REACH].write(folder)
    with pytest.warns(
        fallline.DataWarning, match=r"goes from 0.2 to 1.7, but sigmoid only reaches from 0 to 1"
    ):
        fallline.train(open_table("beans.csv", "y"), activation="sigmoid")


def test_no_case_is_listed_twice():
    assert len(BY_NAME) == sum(map(len, CASES.values()))


def test_the_page_has_every_sentence():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run python tests/untidy.py"
