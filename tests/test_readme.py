"""The README's Python runs as it stands, and its numbers are true."""

import re
from pathlib import Path

import numpy as np

import fallline

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def python_blocks():
    return re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_its_python_runs_in_order(capsys):
    names = {}
    for block in python_blocks():
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    score = re.search(r"R² (\S+) after (\d+) steps: converged", printed)
    assert 0.3 < float(score[1]) < 0.6
    errors = [float(e) for e in re.findall(r"E = (\S+),", printed)]
    assert len(errors) == 6
    assert errors == sorted(errors, reverse=True)


def test_the_numbers_beside_one_step_are_its_numbers():
    block = next(block for block in python_blocks() if "one_step" in block)
    names = {"fallline": fallline}
    exec(compile(block, "README.md", "exec"), names)
    shown = [np.array(re.findall(r"-?\d+\.\d+", comment), float) for comment in re.findall(r"#(.*)", block)]
    ledger = names["ledger"]
    np.testing.assert_allclose(np.concatenate([ledger.h, ledger.y_hat, ledger.residual]), shown[0], atol=5e-6)
    np.testing.assert_allclose(np.concatenate([ledger.delta, ledger.delta_w]), shown[1], atol=5e-6)


def test_the_symbols_have_names():
    table = README.split("## The symbols and their names")[1].split("##")[0]
    named = re.findall(r"`(\w+)`", table)
    ledger = fallline.one_step([[1.0]], [0.0], [1.0], activation="tanh", learning_rate=1.0)
    network = fallline.SingleLayer([1.0])
    assert [name for name in named if not (hasattr(ledger, name) or hasattr(network, name))] == []


def test_the_commands_are_marked_once():
    for command in ("main", "test"):
        assert len(re.findall(rf"<!-- {command} command -->\n```sh\n[^\n]+\n```", README)) == 1


def test_its_links_lead_somewhere():
    folder = Path(__file__).parent.parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (folder / link).exists()] == []
