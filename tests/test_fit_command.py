"""``fallline fit``: from a table to a kept and explained network."""

import csv
import json
import re
import shlex
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from tables import as_csv, write

from fallline import SingleLayer, load, open_table

COMMAND = [sys.executable, "-m", "fallline"]
MODEL = "model.safetensors"
CURVE = "low + (top-low)*sigmoid(h)"
INPUTS = "--features rain,shade,soil,dry"
ACTIVATIONS = {"identity": lambda h: h, "sigmoid": lambda h: (1 + np.tanh(h / 2)) / 2, "tanh": np.tanh}
SCORES = {"error": "E", "rmse": "RMSE", "r2": "R²", "accuracy": "accuracy"}


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def numbers(self):
        """What --json printed, as JSON that knows no NaN."""
        return json.loads(self.out, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def beans(n=120):
    """Return columns of every kind that can be a target."""
    rng = np.random.default_rng(4)
    rain, shade, dry = rng.normal(100, 20, n).round(1), rng.random(n).round(3), rng.random(n) < 0.4
    soil = rng.choice(["clay", "loam", "sand"], n)
    crop = 3 + 0.03 * rain - 2 * shade + (soil == "clay") - 0.5 * dry + rng.normal(0, 0.4, n)
    return {
        "rain": rain,
        "shade": shade,
        "soil": soil,
        "dry": np.where(dry, "true", "false"),
        "yield": crop.round(3),
        "height": (crop * shade + rng.normal(0, 0.2, n)).round(3),
        "grade": np.array(["low", "mid", "top"])[np.digitize(crop, np.quantile(crop, [0.3, 0.7]))],
        "sold": np.where(crop + rng.normal(0, 0.4, n) > 5.5, "yes", "no"),
        "ripe": np.where(rain + rng.normal(0, 9, n) > 100, "True", "False"),
        "dead": (shade + rng.normal(0, 0.2, n) > 0.5).astype(int),
    }


@pytest.fixture
def run(tmp_path, monkeypatch, command_line):
    """Return a function that runs a command line in this process, in a folder with a table of beans."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    write("beans.csv", beans())
    return lambda words: Done(*command_line(shlex.split(words)))


@pytest.fixture
def fit(run):
    """Return a function that fits the beans."""
    return lambda words: run(f"fit beans.csv {words}")


def columns_of(names):
    """Return the columns (n, k) of the beans that some inputs or outputs stand for, by plain NumPy."""
    with open("beans.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = []
    for name in names:
        column, _, category = name.partition("=")
        cells = np.array([row[column] for row in rows])
        if category:
            columns.append(np.char.lower(cells) == category)
        else:
            columns.append(cells == "true" if column == "dry" else cells.astype(float))
    return np.column_stack(columns).astype(float)


def predicted(found, activation):
    """Return ŷ (n, k) of all beans, from the weights and intercepts that --json tells by name."""
    weights = np.array([list(of_output.values()) for of_output in found["weights"].values()]).T
    h = columns_of(found["inputs"]) @ weights + list(found["intercept"].values())
    return ACTIVATIONS[activation](h)


def plain_scores(y, y_hat, ends=(0, 1), classes=()):
    """Return E, RMSE, R² and accuracy as their definitions have them; y and ŷ are (n, k)."""
    squares = (y - y_hat) ** 2
    r2 = 1 - squares.sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    if len(classes) > 2:
        right = y_hat.argmax(axis=1) == y.argmax(axis=1)
    else:
        right = (y_hat > sum(ends) / 2) == (y > sum(ends) / 2)
    scores = {"error": squares.sum() / 2, "rmse": np.sqrt(squares.mean())}
    scores |= {} if classes else {"r2": r2.mean()}
    return scores | ({"accuracy": right.mean()} if classes or set(np.unique(y)) == {0, 1} else {})


def known(scores):
    """Return the scores without those that are null."""
    return {kind: score for kind, score in scores.items() if score is not None}


def section(page, begin, end):
    """Return the rows of the first table between two texts: cells that two spaces and more part."""
    lines = page.split(begin, 1)[1].split(end, 1)[0].splitlines()[1:]
    return [re.split(r"\s{2,}", line.strip()) for line in lines if line.strip(" ─")]


def assert_weights(rows, found, outputs):
    """Hold the rows of the weights' table to what --json tells."""
    for place, output in enumerate(outputs, start=1):
        expected = [*found["weights"][output].values(), found["intercept"][output]]
        np.testing.assert_allclose([float(row[place]) for row in rows], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "activation", "ends"),
    [
        ("yield", "identity", (0, 1)),
        ("yield,height", "identity", (0, 1)),
        ("sold", "sigmoid", (0, 1)),
        ("sold", "tanh", (-1, 1)),
        ("grade", "sigmoid", (0, 1)),
        ("grade", "tanh", (-1, 1)),
        ("ripe", "sigmoid", (0, 1)),
        ("dead", "sigmoid", (0, 1)),
    ],
)
class TestScores:
    def test_they_are_those_of_plain_numpy_on_the_same_split(self, fit, target, activation, ends):
        done = fit(f"--target {target} {INPUTS} --activation {activation} --json")
        assert (done.code, done.err) == (0, "")
        found, classes = done.numbers, done.numbers["classes"]
        y, y_hat = columns_of(found["outputs"]), predicted(found, activation)
        if classes:
            y = ends[0] + (ends[1] - ends[0]) * y
        parts = open_table("beans.csv", target.split(","), "rain").split(0.2)
        baseline = np.tile(y[parts[0].row_numbers - 1].mean(axis=0), (len(y), 1))
        assert found["records"] == {"train": len(parts[0].y), "test": len(parts[1].y)}
        for part, source in zip(("train", "test"), parts, strict=True):
            rows = source.row_numbers - 1
            for who, numbers in (("network", y_hat), ("baseline", baseline)):
                expected = plain_scores(y[rows], numbers[rows], ends, classes)
                assert known(found[who][part]) == pytest.approx(expected, rel=1e-9, abs=1e-12), (who, part)
        assert found["network"]["train"]["error"] == pytest.approx(found["steps"][-1]["error"], rel=1e-9)
        assert found["network"]["train"]["error"] < 0.9 * found["baseline"]["train"]["error"]

    def test_the_page_shows_the_same_numbers(self, fit, target, activation, ends):
        asked = f"--target {target} {INPUTS} --activation {activation}"
        page, found = fit(asked).out, fit(f"{asked} --json").numbers
        words = " ".join(page.split())
        assert found["message"][1:] in words
        kinds = known(found["network"]["train"])
        assert " ".join(SCORES[kind] for kind in kinds) in words
        who = {"fallline": "network", "mean of the target": "baseline", "shares of the classes": "baseline"}
        rows = re.findall(rf"^ *(train|test|) +({'|'.join(who)}) +([-\d].*)$", page, re.MULTILINE)
        assert [part for part, _, _ in rows] == ["train", "", "test", ""]
        trivial = "shares of the classes" if found["classes"] else "mean of the target"
        assert [name for _, name, _ in rows] == 2 * ["fallline", trivial]
        for (_, name, numbers), part in zip(rows, ("train", "train", "test", "test"), strict=True):
            expected = list(known(found[who[name]][part]).values())
            np.testing.assert_allclose(np.array(numbers.split(), float), expected, rtol=6e-4, atol=6e-4)
        header, *rows = section(page, "weights, for inputs", "The same")
        assert header == ["input", *found["outputs"]]
        assert [row[0] for row in rows] == [*found["inputs"], "intercept"]
        assert_weights(rows, found, found["outputs"])


@pytest.mark.parametrize(("share", "part"), [("20%", "test"), ("0", "train")])
def test_each_of_several_targets_has_scores_of_its_own(fit, share, part):
    asked = f"--target yield,height {INPUTS} --test-size {share}"
    table = open_table("beans.csv", "yield", "rain")
    rows = (table.split(0.2)[1] if part == "test" else table).row_numbers - 1
    y_hat = predicted(fit(f"{asked} --json").numbers, "identity")[rows]
    y = columns_of(["yield", "height"])[rows]
    shown = section(fit(asked).out, f"target ({part})", "weights")
    assert [row[0] for row in shown] == ["yield", "height"]
    for place, (_, *numbers) in enumerate(shown):
        expected = plain_scores(y[:, [place]], y_hat[:, [place]])
        np.testing.assert_allclose(np.array(numbers, float), [expected["rmse"], expected["r2"]], rtol=2e-3)


class TestCode:
    @pytest.mark.parametrize(
        "asked",
        [
            "beans.csv --target yield --features rain,soil,shade",
            "beans.csv --target yield,height --drop grade,sold,ripe,dead",
            "beans.csv --target grade --features rain,shade,soil --activation tanh",
            "beans.csv --target yield --features rain,shade --activation '12*sigmoid(h)'",
            "gaps.csv --target b --missing drop",
            "beans.csv --target yield --features rain,dead --categorical dead",
            "beans.csv --target yield --features rain,shade --sample 60% --seed 3",
            "beans.csv --target sold --features rain --activation sigmoid --seed 5 --test-size 0.3",
            "beans.csv --target yield --features rain,shade --test-size 0",
            "beans.csv --target yield --features rain,shade --method plain --scaling standard --tol 1e-6",
            "beans.csv --target yield --features shade --batch-size 16 --learning-rate 0.01 --seed 2",
            "beans.csv --target yield --features shade --reduction sum --method plain --learning-rate 1e-3",
            "beans.csv --target yield --features rain,shade --no-intercept --method lbfgs --scaling none",
            "beans.csv --target sold --features rain --activation sigmoid --start start",
            "beans.csv --target yield --features rain,shade --alpha 0.01 --l1-ratio 0.5 --max-passes 9",
            "beans.csv --target sold --features rain,shade --early-stopping --seed 4 --n-init 3",
            "beans.csv --target yield --features rain --method nesterov --max-iter 50 --max-time 60",
            "beans.csv --target dead --features shade --activation tanh --batch-size 1 "
            "--learning-rate normalised --max-iter 3",
            "beans.csv --target yield --features rain --learning-rate armijo --max-iter 5",
            f"beans.csv --target yield --features rain,shade --activation '{CURVE}' --max-iter 9",
            f"beans.csv --target yield,height --features rain,shade --activation '{CURVE}' --max-iter 9 "
            "--parameter top=9,7 --parameter low=1 --bounds low=0: --bounds top=:30",
            f"beans.csv --target yield,height --features rain,shade --activation '{CURVE}' "
            "--shared-parameters --max-iter 9",
            f"beans.csv --target yield --features rain,shade --activation '{CURVE}' --max-iter 9 "
            "--start curve",
            f"beans.csv --target yield --features rain,shade --activation '{CURVE}' --max-iter 9 "
            "--start curve --parameter top=12 --parameter low=0.5",
            "odd.csv --target 'it''s,\"a, \"\"b\"\" \\\"' --encoding latin-1 --separator ';' --decimal ,",
        ],
    )
    def test_as_it_stands_it_keeps_the_same_network(self, run, asked):
        write("gaps.csv", {"a": [1, 2, "", 4, 5, 7], "b": [3, 4, 5, "NA", 8, 9]})
        odd = {'a, "b" \\': ["1,5", "2", "3,5"], "its": ["2", "1", "1,5"], "Höhe": ["1", "3", "2"]}
        write("odd.csv", as_csv(odd, ";").encode("latin-1"))
        run("fit beans.csv --target sold --features rain --activation sigmoid --max-iter 1 --save start")
        run(
            f"fit beans.csv --target yield --features rain,shade --activation '{CURVE}' "
            "--max-iter 5 --save curve"
        )
        done = run(f"fit {asked} --save {MODEL}")
        assert (done.code in (0, 4), done.err) == (True, "")
        kept = Path(MODEL).read_bytes()
        Path(MODEL).unlink()
        names = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            exec(textwrap.dedent(code_of(done.out)), names)
        assert Path(MODEL).read_bytes() == kept
        y_hat = names["run"].network.predict(names["test" if "test" in names else "table"])
        np.testing.assert_array_equal(names["y_hat"], y_hat)

    def test_a_process_of_its_own_keeps_the_same_bytes(self, run):
        asked = f"beans.csv --target grade {INPUTS} --activation tanh --batch-size 10 --max-iter 3 --save"
        done = run(f"fit {asked} {MODEL}")
        words = [*COMMAND, "fit", *asked.split(), "alone.safetensors"]
        alone = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=120)
        assert (alone.returncode, alone.stdout) == (done.code, done.out.replace(MODEL, "alone.safetensors"))
        assert Path("alone.safetensors").read_bytes() == Path(MODEL).read_bytes()


def code_of(page):
    """Return the lines of Python of a page, as they stand there."""
    return re.split(r"\n(?=\S)", page.split("The same in Python:\n")[1])[0]


class TestNames:
    def test_they_are_shown_as_they_are(self, run):
        names = ["[red]rain[/red]", "[/]", ":smile:", "高さ", "%s {x}", "a=b", 'the "best", of all']
        rng = np.random.default_rng(0)
        write("names.csv", {name: rng.random(40) for name in [*names, "[b]y"]})
        done = run("fit names.csv --target [b]y")
        header, *rows = section(done.out, "weights, for inputs", "The same")
        assert [header, [row[0] for row in rows]] == [["input", "[b]y"], [*names, "intercept"]]
        assert f"7 columns: {', '.join(names)}. Target: [b]y." in " ".join(done.out.split())

    def test_control_characters_and_line_breaks_are_written_out(self, run):
        write("signs.csv", {"kind": ["\x1b[31mred", "b\nlue", "b\nlue"] * 5, "y": range(15)})
        page = run("fit signs.csv --target y").out
        assert "\x1b" not in page
        rows = section(page, "weights, for inputs", "The same")
        assert [row[0] for row in rows[1:3]] == ["kind=\\x1b[31mred", "kind=b\\nlue"]

    @pytest.mark.parametrize("width", [80, 120])
    @pytest.mark.parametrize("name", ["a very long name indeed, that of number {}", "高さ" * 25 + "{}", "{}"])
    def test_however_long_they_are_every_number_is_whole(self, run, monkeypatch, name, width):
        monkeypatch.setenv("COLUMNS", str(width))
        rng = np.random.default_rng(0)
        inputs, outputs = [name.format(f"x{i}") for i in range(3)], [name.format(f"y{j}") for j in range(6)]
        table = {each: rng.normal(size=30) * 10.0 ** rng.integers(-7, 7) for each in [*inputs, *outputs]}
        write("long.csv", table)
        asked = f"fit long.csv --target {shlex.quote(as_csv(dict.fromkeys(outputs, ())).strip())}"
        page, found = run(asked).out, run(f"{asked} --json").numbers
        header, *rows = section(page, "weights, for inputs", "The same")
        assert header[-1] == "…"
        assert len(header) > 2
        assert_weights(rows, found, outputs[: len(header) - 2])

    def test_of_very_many_the_first_are_shown(self, run):
        rng = np.random.default_rng(0)
        columns = [f"x{i}" for i in range(45)], [f"y{j}" for j in range(42)]
        write("many.csv", {name: rng.random(60).round(3) for name in [*columns[0], *columns[1]]})
        page = run(f"fit many.csv --target {','.join(columns[1])} --test-size 0").out
        words = " ".join(page.split())
        assert "x10, x11 and 33 more. Target: y0," in words
        assert "y10, y11 and 30 more." in words
        rows = section(page, "weights, for inputs", "The same")
        assert [row[0] for row in rows[-3:]] == ["x39", "… and 5 more", "intercept"]
        assert [row[0] for row in section(page, "target (train)", "weights")][-2:] == ["y39", "… and 2 more"]


def curves(n=200):
    """Return a table of two doses' effects: logistic curves, each between asymptotes of its own."""
    rng = np.random.default_rng(8)
    dose, age = rng.uniform(0, 10, n), rng.uniform(20, 60, n)
    share = 1 / (1 + np.exp(4 - 0.8 * dose - 0.02 * (age - 40)))
    effect, side = 5 + 70 * share + rng.normal(0, 0.5, n), 2 + 30 * share + rng.normal(0, 0.3, n)
    write("curves.csv", {"dose": dose, "age": age, "effect": effect, "side": side})
    return np.column_stack([dose, age]), np.column_stack([effect, side])


class TestFreeNames:
    asked = f"fit curves.csv --target effect,side --activation '{CURVE}'"

    def test_they_are_learned_and_stand_below_the_weights(self, run):
        curves()
        page, found = run(self.asked), run(f"{self.asked} --json").numbers
        assert page.code == 0
        assert list(found["parameters"]) == ["effect", "side"]
        assert found["parameters"]["effect"] == pytest.approx({"low": 5, "top": 75}, abs=0.5)
        assert found["parameters"]["side"] == pytest.approx({"low": 2, "top": 32}, abs=0.5)
        assert "and the free names of the formula" in page.out
        rows = section(page.out, "weights, for inputs", "The same")
        assert [row[0] for row in rows] == ["input", "dose", "age", "intercept", "low", "top"]
        learned = [
            [found["parameters"][output][name] for output in ("effect", "side")] for name in ("low", "top")
        ]
        np.testing.assert_allclose(np.array([row[1:] for row in rows[-2:]], float), learned, rtol=1e-5)

    def test_all_targets_may_share_them(self, run):
        curves()
        found = run(f"{self.asked} --shared-parameters --json").numbers["parameters"]
        assert found["effect"] == found["side"]

    def test_they_start_and_stay_where_they_were_told_to(self, run):
        curves()
        asked = f"{self.asked} --parameter top=60,30 --bounds low=3: --bounds top=:70"
        learned = run(f"{asked} --json").numbers["parameters"]
        assert learned["effect"]["top"] == 70.0
        assert learned["side"]["low"] == 3.0
        held = run(f"{asked} --max-iter 0 --json").numbers["parameters"]
        assert [held[output]["top"] for output in held] == [60.0, 30.0]

    def test_a_network_that_was_kept_predicts_with_them_and_goes_on_with_them(self, run):
        X, y = curves()
        found = run(f"{self.asked} --save {MODEL} --json").numbers
        assert run(f"predict {MODEL} curves.csv --only --out predicted.csv").code == 0
        y_hat = np.genfromtxt("predicted.csv", delimiter=",", skip_header=1)
        np.testing.assert_allclose(y_hat, load(MODEL).predict(X), rtol=1e-12)
        assert np.abs(y_hat - y).max() < 3
        again = run(f"{self.asked} --start {MODEL} --max-iter 0 --json").numbers
        assert again["parameters"] == found["parameters"]
        assert again["steps"][0]["error"] == pytest.approx(found["steps"][-1]["error"], rel=1e-9)

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ("--parameter tip=1", "initial_parameters names 'tip', but the free names of the activation are"),
            ("--bounds top=3:1", "parameter_bounds['top'] is empty"),
            ("--parameter top", "parameter is 'top': give a name and a value, such as top=70"),
            ("--parameter top=1,2,3", "must be a number, or 2 of them"),
        ],
    )
    def test_what_does_not_fit_them_is_a_sentence(self, run, asked, sentence):
        curves()
        done = run(f"{self.asked} {asked}")
        assert (done.code, done.out) == (2, "")
        assert sentence in done.err
        assert done.err.count("\n") == 1


class TestLimits:
    @pytest.mark.parametrize(
        ("asked", "stop", "code"),
        [
            ("--max-passes 4 --method plain", "MAX_PASSES", 0),
            ("--max-time 1e-9 --method plain", "MAX_TIME", 0),
            ("--early-stopping --method plain --tol 0 --target dead", "VALIDATION", 0),
            ("--max-iter 2 --method plain --scaling none", "COLLINEAR", 4),
        ],
    )
    def test_to_stop_as_one_was_told_to_is_no_failure(self, fit, asked, stop, code):
        target = "" if "--target" in asked else "--target yield"
        done = fit(f"{target} --features rain,shade {asked} --json")
        assert (done.numbers["stop"], done.code) == (stop, code)

    def test_of_several_starts_the_spread_is_told(self, fit):
        done = fit("--target sold --features rain,shade --n-init 3")
        assert "of 3 starts ended at" in " ".join(done.out.split())

    def test_an_l1_penalty_makes_weights_exactly_0(self, fit):
        found = fit("--target yield --features rain,shade,soil --alpha 0.3 --l1-ratio 1 --json").numbers
        assert 0.0 in found["weights"]["yield"].values()


class TestEnd:
    @pytest.mark.parametrize(
        ("asked", "rate"),
        [
            ("--target yield --features rain,soil --method plain --scaling none", 1),
            ("--target yield --features rain,soil --method plain --activation softplus", 50),
            ("--target yield --features rain,soil --batch-size 8", 100),
        ],
    )
    def test_diverged_nothing_is_kept_and_the_rate_that_is_named_works(self, fit, asked, rate):
        asked += f" --save {MODEL} --learning-rate"
        done, page = fit(f"{asked} {rate} --json"), fit(f"{asked} {rate}")
        assert (done.code, done.err, page.code, page.err) == (3, "", 3, "")
        assert (done.numbers["stop"], done.numbers["saved"]) == ("DIVERGED", None)
        assert "Nothing is saved of a training that diverged." in page.out
        assert "save" not in code_of(page.out)
        assert not Path(MODEL).exists()
        words = " ".join(page.out.split())
        named = re.search(r"below ([\d.e+-]+) the error is sure|rate of ([\d.e+-]+) is usually safe", words)
        again = fit(f"{asked} {0.99 * float(named[1] or named[2])} --json")
        assert again.code in (0, 4)
        errors = [step["error"] for step in again.numbers["steps"]]
        assert errors[-1] < errors[0]
        assert Path(MODEL).exists()

    def test_out_of_steps_what_was_reached_is_kept(self, fit):
        done = fit(f"--target sold {INPUTS} --activation sigmoid --max-iter 2 --save {MODEL}")
        assert (done.code, done.err) == (4, "")
        assert "Why did it stop? Not converged: max_iter was reached" in done.out
        assert f"Saved as {MODEL}. To predict:\n\n  fallline predict {MODEL} TABLE\n" in done.out
        assert load(MODEL).training["stop"] == "MAX_ITER"
        assert load(MODEL).training["steps"] == 2

    @pytest.mark.parametrize("far", [False, True])
    def test_numbers_that_are_not_finite_are_null(self, run, far):
        """A row to test lies so far out that exp overflows; from weights far out, it does so everywhere."""
        x = np.linspace(0, 1, 60)
        test = open_table(write("far.csv", {"x": x, "y": np.exp(x)}), "y").split(0.2)[1]
        x[test.row_numbers[0] - 1] = 2000.0
        write("far.csv", {"x": x, "y": np.exp(np.minimum(x, 1))})
        SingleLayer([1000.0], 800.0, "exp").save("start")
        asked = f"fit far.csv --target y --activation exp {'--start start' if far else ''}"
        done, page = run(f"{asked} --json"), run(asked)
        assert (done.code, done.err, page.err) == (3 if far else 0, "", "")
        assert done.numbers["network"]["test"] == dict.fromkeys(SCORES)
        assert (done.numbers["steps"][0]["error"] is None) == far
        assert re.search(r"test +fallline +inf +inf +-inf", page.out)


class TestParts:
    @pytest.mark.parametrize(
        ("n", "words", "parts"),
        [
            (49, "", ["train"]),
            (50, "", ["train", "test"]),
            (49, "--test-size 0.2", ["train", "test"]),
            (50, "--test-size 0%", ["train"]),
        ],
    )
    def test_from_50_rows_on_some_are_tested_unless_asked_otherwise(self, run, n, words, parts):
        write("some.csv", {"x": range(n), "y": np.arange(n) ** 2})
        found = run(f"fit some.csv --target y {words} --json").numbers
        assert sum(found["records"].values()) == n
        assert list(found["records"]) == list(found["network"]) == list(found["baseline"]) == parts

    def test_too_few_rows_for_a_test_is_a_sentence(self, run):
        write("few.csv", {"x": [1, 2, 3], "y": [1, 4, 9]})
        done = run(f"fit few.csv --target y --test-size 1% --save {MODEL}")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(
            "fallline: few.csv has 3 rows, too few to keep a share of 0.01 for a test: "
        )
        assert not Path(MODEL).exists()

    def test_of_a_target_that_never_changes_in_the_test_there_is_no_r2(self, run):
        x = np.arange(12.0)
        test = open_table(write("two.csv", {"x": x, "y": x}), "y").split(0.3)[1].row_numbers - 1
        write("two.csv", {"x": x, "y": np.where(np.isin(x, test), 0.1, x)})
        done = run("fit two.csv --target y --test-size 0.3 --json")
        assert len(test) > 1
        assert done.numbers["network"]["test"]["r2"] is done.numbers["baseline"]["test"]["r2"] is None
        page = run("fit two.csv --target y --test-size 0.3").out
        assert re.search(r"test +fallline +[\d.]+ +[\d.]+ +–\n", page)


def test_the_help_has_an_example_that_runs_and_commands_are_listed_in_full(run):
    commands = run("--help").out.split("Commands:")[1]
    assert "fit      Train a network on a table, keep it and explain it.\n" in commands
    assert "predict  Predict each row of a table by a kept network.\n" in commands
    text = run("fit --help").out
    assert max(map(len, text.splitlines())) <= 80
    example = " ".join(text.split("Example: fallline ")[1].split())
    assert run(f"{example} --drop grade").code == 0
    assert load("beans.safetensors").output_names == ("yield",)
