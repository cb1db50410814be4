"""``fallline fit`` and ``predict`` as real processes, told to end at moments that they show themselves."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tables import write

from fallline import SingleLayer, load
from fallline.maths.network._signature import Column, Signature

pty = pytest.importorskip("pty", reason="signals, pipes and terminals of POSIX")

COMMAND = [sys.executable, "-m", "fallline"]
MODEL = "model.safetensors"
SIGNALS = signal.SIGTERM, signal.SIGINT
LONG = "long.csv --target y --method plain --scaling none --learning-rate 1e-9 --tol 0"
FOREVER = ["fit", *LONG.split(), "--max-iter", "100000000", "--save", MODEL]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, in which paths begin."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return tmp_path


@pytest.fixture
def start(folder):
    """Return a function that starts a process, which does not outlive the test."""
    started = []

    def start(*words, command=COMMAND, **streams):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        started.append(subprocess.Popen([*command, *words], **streams))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def train(start):
    """Return a function that starts a training of hours, and comes back when its first steps are made."""
    rng = np.random.default_rng(0)
    X = {f"x{i}": rng.normal(size=500).round(3) * 10.0**i for i in range(4)}
    write("long.csv", X | {"y": sum(X.values()) + rng.normal(size=500)})

    def train(**streams):
        reader, terminal = pty.openpty()
        process = start(*FOREVER, stderr=terminal, **streams)
        os.close(terminal)
        has_begun = threading.Event()
        threading.Thread(target=watch, args=(reader, has_begun), daemon=True).start()
        assert has_begun.wait(timeout=60), "no step was shown"
        return process

    return train


def watch(reader, has_begun):
    """Read what a terminal shows, until it is closed."""
    seen = b""
    while chunk := read(reader):
        seen += chunk
        if re.search(rb"step \d{3}", seen):
            has_begun.set()
    os.close(reader)


def read(reader):
    try:
        return os.read(reader, 4096)
    except OSError:  # Linux says so at the end
        return b""


def keep_doubler():
    """Keep a network that doubles what it is given."""
    signature = Signature((Column("x"),), (Column("y"),))
    SingleLayer([2.0], signature=signature).save(MODEL)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_reached_is_shown_and_kept_and_a_training_goes_on_from_it(start, train, number):
    process = train()
    process.send_signal(number)
    page = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 75
    assert "Why did it stop? Interrupted: the state reached so far is kept." in page
    assert f"Saved as {MODEL}. To predict:" in page
    reached = load(MODEL).training
    assert reached["stop"] == "INTERRUPTED"
    assert reached["steps"] >= 100

    more = start("fit", *LONG.split(), "--max-iter", "50", "--start", MODEL, "--save", "more", "--json")
    errors = [step["error"] for step in json.loads(more.communicate(timeout=60)[0])["steps"]]
    assert more.returncode == 4
    assert errors[0] == pytest.approx(reached["error"], rel=1e-12)
    assert load("more").training["error"] == errors[-1] < reached["error"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_kills(train, number):
    reader, full = os.pipe()
    fill(full)
    process = train(stdout=full)  # the page that it wants to show finds no room
    process.send_signal(number)
    while not Path(MODEL).exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(timeout=60) == -number
    assert load(MODEL).training["stop"] == "INTERRUPTED"
    os.close(reader)
    os.close(full)


def fill(pipe):
    """Write to a pipe until no byte more finds room."""
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b" " * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are seen in /proc")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "words", [f"fit slow.csv --target y --save {MODEL}", f"predict {MODEL} slow.csv --out out.csv"]
)
def test_while_a_table_is_read_it_ends_with_a_sentence_and_leaves_all_as_it_is(folder, start, words, number):
    Path("slow.csv").write_bytes(b"x,y\n" + b"1.5,2.5\n2.5,1.5\n" * 1_500_000)
    keep_doubler()
    before = Path(MODEL).read_bytes()
    process = start(*words.split())
    wait_until_it_reads("slow.csv", process)
    process.send_signal(number)
    assert process.communicate(timeout=60) == (b"", b"fallline: interrupted\n")
    assert process.returncode == 75
    assert Path(MODEL).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [MODEL, "slow.csv"]


def wait_until_it_reads(name, process):
    """Come back when a process has a file open."""
    while name not in open_files(process):
        assert process.poll() is None


def open_files(process):
    """Return the names of the files that a process has open."""
    names = set()
    for file in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed again meanwhile
            names.add(os.path.basename(os.readlink(file)))
    return names


def test_predictions_of_which_only_the_first_are_wanted_are_no_error(start):
    keep_doubler()
    write("many.csv", {"x": range(100_000)})
    process = start("predict", MODEL, "many.csv")
    assert process.stdout.readline() == b"x,predicted_y\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("words", [f"predict {MODEL} many.csv", "fit many.csv --target y", "demo --json"])
def test_an_output_that_finds_no_room_is_a_sentence(start, words):
    keep_doubler()
    write("many.csv", {"x": range(100), "y": [n % 7 for n in range(100)]})
    with open("/dev/full", "wb") as full:
        process = start(*words.split(), stdout=full)
        err = process.communicate(timeout=60)[1]
    sentence = b"fallline: the output cannot be written (No space left on device): make room for it\n"
    assert (process.returncode, err) == (2, sentence)


def test_predictions_that_find_no_room_leave_the_old_ones(folder, start):
    small = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from fallline.faces.cli import main
main()
"""
    keep_doubler()
    write("many.csv", {"x": range(100_000)})
    Path("out.csv").write_text("old")
    command = [sys.executable, "-c", small]
    process = start("predict", MODEL, "many.csv", "--out", "out.csv", command=command)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b"")
    assert err.startswith(b"fallline: out.csv cannot be written (File too large): ")
    assert err.count(b"\n") == 1
    assert Path("out.csv").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["many.csv", MODEL, "out.csv"]
