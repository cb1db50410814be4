"""Options that commands share, and what a shell offers for them."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from fallline import InputError, load, open_table, train
from fallline.descent._coordinates import SCALINGS
from fallline.descent._schedules import kind_of
from fallline.descent._settings import METHODS
from fallline.faces.cli import _options as options
from fallline.faces.cli._app import fit

NAMED_FALLLINE = "import sys; sys.argv[0] = 'fallline'; from fallline.faces.cli import main; main()"
BEANS = "rain,soil,shade,yield,dead\n120,clay,0.5,2.5,0\n80,sand,0.25,1.5,1\n"


def run(*arguments, **environ):
    """Run what a shell calls when it is installed."""
    return subprocess.run(
        [sys.executable, "-c", NAMED_FALLLINE, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environ,
        timeout=300,
    )


@pytest.fixture
def beans(tmp_path):
    path = tmp_path / "beans.csv"
    path.write_text(BEANS)
    return str(path)


class TestOptions:
    @pytest.mark.parametrize(
        ("typed", "names"),
        [
            (None, []),
            ([""], [""]),
            (["age"], ["age"]),
            (["age, sex"], ["age", "sex"]),
            (["age", "sex"], ["age", "sex"]),
            (['"mass, kg",age'], ["mass, kg", "age"]),
            ([",age"], ["", "age"]),
        ],
    )
    def test_names_stand_between_commas(self, typed, names):
        assert options.names(typed) == names

    @pytest.mark.parametrize(("typed", "share"), [("1%", 0.01), ("0.25", 0.25), ("100 %", 1.0)])
    def test_a_share_is_a_number_or_percent(self, typed, share):
        assert options.share(typed) == share

    @pytest.mark.parametrize("typed", ["", "%", "one", "1%%"])
    def test_what_is_no_share_is_refused(self, typed):
        with pytest.raises(InputError, match="give a share"):
            options.share(typed)

    @pytest.mark.parametrize(
        ("typed", "parameters"),
        [
            (None, None),
            ([], None),
            (["top=70"], {"top": 70.0}),
            (["top = 7e1", "low=-1"], {"top": 70.0, "low": -1.0}),
            (["top=70,80", "low=0"], {"top": [70.0, 80.0], "low": 0.0}),
        ],
    )
    def test_parameters_are_numbers_by_name(self, typed, parameters):
        assert options.parameters(typed) == parameters

    @pytest.mark.parametrize(
        ("typed", "bounds"),
        [
            (None, None),
            (["top=0:100"], {"top": (0.0, 100.0)}),
            (["top=0:", "low=:-1e-3"], {"top": (0.0, None), "low": (None, -1e-3)}),
        ],
    )
    def test_bounds_have_a_low_and_a_high_end_or_one_of_them(self, typed, bounds):
        assert options.bounds(typed) == bounds

    @pytest.mark.parametrize("typed", ["top", "top=", "top=x", "top=1,", "top=nan", "top=1:2"])
    def test_what_is_no_parameter_is_refused(self, typed):
        with pytest.raises(InputError, match="give"):
            options.parameters([typed])

    @pytest.mark.parametrize("typed", ["top", "top=1", "top=a:1", "top=0:inf", "top=1:2:3"])
    def test_what_is_no_bound_is_refused(self, typed):
        with pytest.raises(InputError, match="give"):
            options.bounds([typed])

    def test_every_default_of_fit_is_that_of_train(self):
        theirs = inspect.signature(train).parameters
        for name, parameter in inspect.signature(fit).parameters.items():
            if name in theirs and name not in ("activation",):
                assert parameter.default == theirs[name].default, name

    def test_every_method_and_scaling_can_be_asked_for(self):
        for option, known in ((options.Method, METHODS), (options.Scaling, SCALINGS)):
            assert set(get_args(get_args(option)[0])) == set(known)

    def test_every_named_rate_is_one(self):
        assert {kind_of(name) for name in options.RATES} == set(options.RATES)

    def test_what_is_not_asked_for_is_left_to_open_table(self):
        assert options.opening() == {}
        known = inspect.signature(open_table).parameters
        assert {name: known[name].default for name in options.DEFAULTS} == options.DEFAULTS
        written = inspect.signature(options.opening).parameters
        assert set(written) <= set(known)

    def test_all_that_is_asked_for_reaches_open_table(self, tmp_path):
        path = tmp_path / "all.csv"
        path.write_bytes("größe\tcode\tno\ty\n1,5\t7\t1\t2\n2,5\t8\t1\t3\n\t7\t1\t3\n".encode("latin-1"))
        opening = options.opening(
            target=["y"],
            features=["größe", "code"],
            categorical=["code"],
            missing="drop",
            separator="tab",
            decimal=",",
            encoding="latin-1",
        )
        table = open_table(path, **opening)
        assert table.signature.input_names == ("größe", "code=7", "code=8")
        assert table.X.tolist() == [[1.5, 1.0, 0.0], [2.5, 0.0, 1.0]]

    def test_the_seed_matters_to_a_table_only_where_a_sample_is_drawn(self):
        assert options.opening(seed=7) == {}
        assert options.opening(seed=7, sample="10%") == {"seed": 7, "sample": 0.1}


def completed(line, words):
    """Return what a bash would offer at the end of a line of words."""
    done = run(
        COMP_WORDS=f"fallline {line}",
        COMP_CWORD=str(words),
        _FALLLINE_COMPLETE="complete_bash",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "words", "offered"),
        [
            ("st", 1, ["step"]),
            ("step {} --target yi", 4, ["yield"]),
            ("step {} --drop rain,s", 4, ["rain,soil", "rain,shade"]),
            ("step {} --missing drop --features ", 6, ["rain", "soil", "shade", "yield", "dead"]),
            ("step {} --missing ", 4, ["error", "drop"]),
            ("step {} --reduction s", 4, ["sum"]),
            ("step {} --scaling ", 4, ["none", "standard"]),
            ("step {} --activation so", 4, ["softplus", "softsign"]),
            ("step {} --rec", 3, ["--record"]),
            ("step {} --learning-rate a", 4, ["auto", "armijo"]),
            ("fit {} --method ne", 4, ["nesterov"]),
            ("step nothing.csv --target ", 4, []),
            ("step --target ", 3, []),
            ("step . --target ", 4, []),
        ],
    )
    def test_it_offers_what_fits(self, beans, line, words, offered):
        assert completed(line.format(beans), words) == offered

    def test_columns_are_read_with_the_separator_and_the_encoding_that_are_typed(self, tmp_path):
        path = tmp_path / "odd.csv"
        path.write_bytes("größe_a;größe,b_c\n1;2\n".encode("latin-1"))
        line = f"step {path} --separator ; --encoding latin-1 --target größe"
        assert completed(line, 8) == ["größe_a", "größe,b_c"]

    def test_its_script_is_shown_and_installed(self, tmp_path):
        plain = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        shown = run("--show-completion", "bash", **plain)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "_FALLLINE_COMPLETE=complete_bash" in shown.stdout
        installed = run("--install-completion", "bash", **plain)
        assert (installed.returncode, installed.stderr) == (0, "")
        (script,) = (tmp_path / ".bash_completions").iterdir()
        assert script.read_text().strip() == shown.stdout.strip()


class TestChoices:
    @pytest.mark.parametrize(
        ("arguments", "activation", "ends"),
        [
            ("--target yield", "identity", (0.0, 1.0)),
            ("--target soil", "sigmoid", (0.0, 1.0)),
            ("--target soil --activation identity", "identity", (-1.0, 1.0)),
            ("--target soil --activation tanh", "tanh", (-1.0, 1.0)),
        ],
    )
    def test_classes_are_learned_with_a_sigmoid_and_numbers_with_the_identity(
        self, beans, tmp_path, arguments, activation, ends
    ):
        model = str(tmp_path / "model.safetensors")
        done = run("fit", beans, *arguments.split(), "--features", "rain", "--save", model, "--json")
        assert json.loads(done.stdout)["activation"] == activation
        network = load(model)
        assert (network.activation.name, network.signature.class_targets) == (activation, ends)

    def test_an_option_that_is_given_twice_counts_twice(self, beans):
        words = "--target yield --target dead --drop soil --drop shade --json"
        found = json.loads(run("fit", beans, *words.split()).stdout)
        assert (found["outputs"], found["inputs"]) == (["yield", "dead"], ["rain"])

    def test_a_network_of_the_same_columns_is_a_start_whatever_its_activation(self, beans, tmp_path):
        model, words = str(tmp_path / "model.safetensors"), ["--features", "rain", "--json"]
        run("fit", beans, "--target", "soil", *words, "--save", model)
        again = run("fit", beans, "--target", "soil", *words, "--activation", "tanh", "--start", model)
        assert again.stderr == ""
        odd = run("fit", beans, "--target", "yield", *words, "--start", model)
        assert (odd.returncode, odd.stdout) == (2, "")
        assert odd.stderr.startswith(f"fallline: {model} holds a network of other columns or categories: ")

    def test_the_table_itself_is_never_written_over(self, beans):
        done = run("fit", beans, "--target", "yield", "--features", "rain", "--save", beans)
        assert done.stderr == f"fallline: {beans} is what the command reads: write to another file\n"
        assert Path(beans).read_text(encoding="utf-8") == BEANS
