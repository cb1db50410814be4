"""What several test files start with."""

import signal
import sys

import pytest


@pytest.fixture
def command_line(monkeypatch, capfd):
    """Return a function that runs a command line in this process: exit code, stdout and stderr."""
    from fallline.faces.cli import main

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(words):
        monkeypatch.setattr(sys, "argv", ["fallline", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capfd.readouterr()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
