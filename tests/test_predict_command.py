"""``fallline predict``: what a kept network predicts for each row of a table."""

import csv
import io
import json
import re
import shlex
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tables import write

from fallline import SingleLayer, load, open_table, train
from fallline.faces.cli.predict._write import write_csv
from fallline.maths.network._signature import Column, Signature

MODEL = "model.safetensors"
BEANS = {
    "label": ["007", "010", "1e5", " 08 "],
    "rain": ["1.50", "2", "-3.25", "4"],
    "note": ["", 'he said "dry", twice', "two\r\nlines\n", "plain"],
    "soil": ["sand", "clay", "clay", "sand"],
    "empty": ["", "", "", ""],
}
INPUTS = Column("rain"), Column("soil", "category", ("clay", "sand"))


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def columns(self):
        """Columns of the CSV that was printed, as texts."""
        return columns_of(self.out)


def columns_of(text):
    """Return the columns of CSV, as texts by name."""
    names, *rows = csv.reader(io.StringIO(text, newline=""))
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


@pytest.fixture
def run(tmp_path, monkeypatch, command_line):
    """Return a function that runs a command line in this process, in a folder with beans and a network."""
    monkeypatch.chdir(tmp_path)
    write("beans.csv", BEANS)
    keep(Column("yield"))
    return lambda words: Done(*command_line(shlex.split(words)))


@pytest.fixture
def predict(run):
    """Return a function that predicts the beans by the kept network."""
    return lambda words="": run(f"predict {MODEL} beans.csv {words}")


def keep(*targets, activation="softplus", ends=(0.0, 1.0), inputs=INPUTS):
    """Keep a network of some targets, and return it."""
    signature = Signature(inputs, targets, ends)
    shape = len(signature.input_names), len(signature.output_names)
    weights = np.random.default_rng(3).normal(size=shape if shape[1] > 1 else shape[0])
    network = SingleLayer(weights, 0.25, activation, signature=signature)
    network.save(MODEL)
    return network


def inputs_of(name="beans.csv", **options):
    """Return what the network takes in, row by row."""
    return open_table(name, features=INPUTS, **options).X


def as_numbers(cells):
    return np.array(cells, dtype=float)


class TestColumns:
    def test_those_of_the_table_pass_through_and_the_prediction_stands_behind(self, predict):
        done = predict()
        assert (done.code, done.err) == (0, "")
        *names, last = done.columns
        assert (names, last) == (list(BEANS), "predicted_yield")
        assert {name: done.columns[name] for name in names} == BEANS
        y_hat = load(MODEL).predict(inputs_of())
        np.testing.assert_array_equal(as_numbers(done.columns[last]), y_hat)

    def test_without_them_there_is_the_prediction_only(self, predict):
        done = predict("--only")
        assert done.columns == {"predicted_yield": predict().columns["predicted_yield"]}
        assert (done.code, done.err) == (0, "")

    def test_several_outputs_have_a_column_each(self, predict):
        network = keep(Column("yield"), Column("height, in m"))
        found = predict("--only").columns
        assert list(found) == ["predicted_yield", "predicted_height, in m"]
        np.testing.assert_array_equal(as_numbers(list(found.values())).T, network.predict(inputs_of()))

    @pytest.mark.parametrize(
        ("activation", "ends", "grades"),
        [
            ("sigmoid", (0.0, 1.0), ("low", "top")),
            ("tanh", (-1.0, 1.0), ("low", "top")),
            ("tanh", (-1.0, 1.0), ("low", "mid", "top")),
        ],
    )
    def test_of_classes_the_label_comes_first(self, predict, activation, ends, grades):
        network = keep(Column("grade", "category", grades), activation=activation, ends=ends)
        found = predict("--only").columns
        assert list(found) == [f"predicted_{name}" for name in ("grade", *network.output_names)]
        label, *y_hat = found.values()
        assert label == network.classify(inputs_of()).tolist()
        assert len(set(label)) > 1
        np.testing.assert_array_equal(as_numbers(y_hat).T, network.predict(inputs_of()).reshape(4, -1))

    def test_a_network_that_a_fit_has_kept_predicts_what_it_was_trained_on(self, run):
        """The target may stay in the table, and columns may stand in another order."""
        X = {"a": [n * n for n in range(20)], "kind": list("xy") * 10}
        write("old.csv", X | {"wet": ["true", "false", "false", "true"] * 5})
        write("new.csv", dict(reversed(X.items())))
        assert run(f"fit old.csv --target wet --activation sigmoid --save {MODEL}").code == 0
        y_hat = load(MODEL).predict(open_table("old.csv", "wet"))
        for table in ("old.csv", "new.csv"):
            found = run(f"predict {MODEL} {table}").columns
            np.testing.assert_array_equal(as_numbers(found["predicted_wet=true"]), y_hat)
            assert found["predicted_wet"] == np.where(y_hat > 0.5, "true", "false").tolist()

    def test_a_network_without_names_takes_all_columns_in_order(self, run):
        X, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9.0)
        network = train(X, y).network
        network.save("plain")
        write("plain.csv", {"b": X[:, 0], "a": X[:, 1]})
        found = run("predict plain plain.csv").columns
        assert list(found) == ["b", "a", "predicted_y"]
        np.testing.assert_array_equal(as_numbers(found["predicted_y"]), network.predict(X))
        done = run("predict plain beans.csv")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "fallline: beans.csv has 5 columns, but the network takes 2 inputs and has no names for them: "
            "give a table of exactly these\n"
        )

    @pytest.mark.parametrize("name", ["predicted_yield", "label"])
    def test_a_name_that_is_taken_is_a_sentence(self, predict, name):
        Path("beans.csv").write_text(f"rain,soil,label,{name}\n1,sand,a,b\n")
        done = predict()
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"fallline: beans.csv: the column {name!r} cannot stand beside the predictions, as its name is "
            "taken: rename it, or write the predictions only\n"
        )
        assert predict("--only").code == predict("--json").code == 0


class TestGaps:
    @pytest.fixture(autouse=True)
    def table(self, run):
        write("beans.csv", BEANS | {"rain": ["1.5", "NA", "3", ""]})

    def test_rows_with_gaps_keep_their_place_without_a_prediction(self, predict):
        assert predict().code == 2
        done = predict("--missing drop")
        assert done.columns["label"] == BEANS["label"]
        assert done.columns["rain"] == ["1.5", "NA", "3", ""]
        y_hat = load(MODEL).predict(inputs_of(missing="drop"))
        first, second, third, fourth = done.columns["predicted_yield"]
        assert (second, fourth) == ("", "")
        assert [float(first), float(third)] == y_hat.tolist()
        told = predict("--missing drop --out out.csv").out
        assert told == "4 rows, 2 of them without a prediction, as cells are missing: written to out.csv\n"
        found = json.loads(predict("--missing drop --json").out)["predictions"]
        assert found == {"predicted_yield": [y_hat[0], None, y_hat[1], None]}

    def test_alone_they_keep_their_place_for_readers_that_pass_over_blank_lines(self, predict):
        pandas = pytest.importorskip("pandas")
        done = predict("--missing drop --only")
        found = pandas.read_csv(io.StringIO(done.out))["predicted_yield"]
        assert found.isna().tolist() == [False, True, False, True]
        assert done.columns["predicted_yield"] == predict("--missing drop").columns["predicted_yield"]

    def test_of_classes_the_label_is_missing_too(self, predict):
        keep(Column("grade", "category", ("low", "top")))
        found = predict("--missing drop --only").columns
        assert [cell == "" for cell in found["predicted_grade"]] == [False, True, False, True]
        assert [cell == "" for cell in found["predicted_grade=top"]] == [False, True, False, True]


class TestFiles:
    def test_a_pattern_is_one_table_in_the_order_of_the_names(self, run):
        write("p2.csv", {"rain": ["3", ""], "soil": ["clay", "sand"], "id": ["03", "04"]})
        write("p1.csv", {"id": ["01", "02"], "soil": ["sand", "clay"], "rain": ["1", "2"]})
        found = run(f"predict {MODEL} 'p?.csv' --missing drop").columns
        assert list(found) == ["id", "soil", "rain", "predicted_yield"]
        assert found["id"] == ["01", "02", "03", "04"]
        assert found["rain"] == ["1", "2", "3", ""]
        X = np.vstack([inputs_of("p1.csv"), inputs_of("p2.csv", missing="drop")])
        np.testing.assert_array_equal(as_numbers(found["predicted_yield"][:3]), load(MODEL).predict(X))
        assert found["predicted_yield"][3] == ""

    def test_parquet_keeps_its_types(self, run):
        table = pa.table(
            {
                "day": [date(2024, 2, 29), date(2024, 3, 1)],
                "rain": pa.array([1, 2], pa.int32()),
                "soil": pa.array(["sand", "clay"]).dictionary_encode(),
                "marks": [[1, 2], []],
                "raw": [b"\xff,", None],
            }
        )
        parquet.write_table(table, "beans.parquet")
        done = run(f"predict {MODEL} beans.parquet --out out.parquet")
        assert (done.code, done.out, done.err) == (0, "2 rows: written to out.parquet\n", "")
        found = parquet.read_table("out.parquet")
        assert found.drop_columns(["predicted_yield"]).equals(table)
        y_hat = load(MODEL).predict(inputs_of("beans.parquet"))
        np.testing.assert_array_equal(found["predicted_yield"], y_hat)

    def test_what_csv_cannot_hold_is_a_sentence(self, run):
        Path("out.csv").write_text("old")
        for name, column, kind in (("marks", [[1, 2]], "list<.*>"), ("raw", [b"\xff"], "binary")):
            write("odd.parquet", {"rain": [1.0], "soil": ["sand"], name: column})
            done = run(f"predict {MODEL} odd.parquet --out out.csv")
            assert (done.code, done.out, Path("out.csv").read_text()) == (2, "", "old")
            sentence = (
                f"fallline: column '{name}' is of the type {kind}, which CSV cannot hold: write a .parquet"
            )
            assert re.match(sentence, done.err)

    def test_columns_of_text_of_any_type_are_written_as_csv(self, run):
        text = pa.array(["a,b", None])
        kinds = {"t": text, "l": text.cast(pa.large_string()), "d": text.dictionary_encode()}
        write("text.parquet", {"rain": [1.0, 2.0], "soil": ["sand", "clay"], **kinds})
        found = run(f"predict {MODEL} text.parquet").columns
        for name in kinds:
            assert found[name] == ["a,b", ""]

    def test_parquet_files_of_one_pattern_may_differ_in_the_width_of_their_numbers(self, run):
        for name, kind in (("q1", pa.int32()), ("q2", pa.int64()), ("r1", pa.int32()), ("r2", pa.string())):
            soil, rain = ["sand"], pa.array([1.0])
            write(f"{name}.parquet", {"rain": rain, "soil": soil, "id": pa.array([7]).cast(kind)})
        assert run(f"predict {MODEL} 'q*.parquet'").columns["id"] == ["7", "7"]
        done = run(f"predict {MODEL} 'r*.parquet'")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(
            "fallline: r*.parquet: a column is of one type in one file and of another "
        )
        assert run(f"predict {MODEL} 'r*.parquet' --only").code == 0


class TestOut:
    def test_a_file_has_what_the_screen_would_show(self, predict):
        Path("out.csv").write_text("old")
        done = predict("--out out.csv")
        assert (done.code, done.out, done.err) == (0, "4 rows: written to out.csv\n", "")
        assert Path("out.csv").read_bytes().decode() == predict().out
        predict("--out out.parquet --only")
        y_hat = load(MODEL).predict(inputs_of())
        np.testing.assert_array_equal(parquet.read_table("out.parquet")["predicted_yield"], y_hat)

    @pytest.mark.parametrize("name", ["beans.csv", "./beans.csv", MODEL])
    def test_what_is_read_is_never_written_over(self, predict, name):
        before = [Path(file).read_bytes() for file in ("beans.csv", MODEL)]
        Path("link.csv").symlink_to("beans.csv")
        for out in (name, "link.csv"):
            done = predict(f"--out {out}")
            assert (done.code, done.out) == (2, "")
            assert done.err == f"fallline: {out} is what the command reads: write to another file\n"
        assert [Path(file).read_bytes() for file in ("beans.csv", MODEL)] == before

    def test_other_kinds_of_files_are_not_pretended(self, predict):
        done = predict("--out out.xlsx")
        assert (done.code, done.out) == (2, "")
        assert done.err == "fallline: out.xlsx would be neither CSV nor Parquet: name it .csv or .parquet\n"

    def test_a_european_table_stays_one(self, predict):
        expected = predict("--only").out.replace(".", ",").splitlines()
        text = Path("beans.csv").read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text)))
        with open("beans.csv", "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows(
                [cell.replace(".", ",") for cell in row] for row in rows
            )
        shown = predict("--decimal ,").out
        found = list(csv.reader(io.StringIO(shown), delimiter=";"))
        assert [row[-1] for row in found[1:]] == expected[1:]
        assert [row[:-1] for row in found] == [[cell.replace(".", ",") for cell in row] for row in rows]

    def test_in_parquet_the_numbers_of_a_csv_file_are_numbers(self, predict):
        predict("--out out.parquet")
        kinds = {field.name: str(field.type) for field in parquet.read_schema("out.parquet")}
        assert kinds["rain"] == kinds["predicted_yield"] == "double"
        assert kinds["soil"] == kinds["label"] == "string"  # 007 is a label, no number

    def test_a_folder_that_is_not_there_is_a_sentence_and_nothing_is_left(self, predict):
        done = predict("--out nowhere/out.csv")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "fallline: nowhere/out.csv cannot be written, as its folder is not there: choose another\n"
        )
        assert sorted(path.name for path in Path().iterdir()) == ["beans.csv", MODEL]

    def test_bad_rows_leave_the_old_file(self, predict):
        Path("out.csv").write_text("old")
        write("beans.csv", BEANS | {"soil": ["sand", "mud", "clay", "clay"]})
        assert predict("--out out.csv").code == 2
        assert Path("out.csv").read_text() == "old"

    def test_json_holds_predictions_and_nothing_else_is_printed(self, predict):
        keep(Column("grade", "category", ("low", "mid", "top")))
        done, columns = predict("--json --out out.csv --only"), predict("--only").columns
        assert (done.code, done.err) == (0, "")
        label, *y_hat = columns.items()
        predictions = {name: as_numbers(cells).tolist() for name, cells in y_hat}
        assert json.loads(done.out) == {
            "model": MODEL,
            "table": "beans.csv",
            "rows": 4,
            "predictions": dict([label]) | predictions,
        }
        assert columns_of(Path("out.csv").read_text()) == columns

    def test_what_overflows_is_infinite_and_in_json_null(self, predict):
        network = keep(Column("yield"), activation="exp")
        write("beans.csv", {"rain": [1.0, 1e6, -1e6], "soil": ["sand"] * 3})
        y_hat = network.predict(inputs_of())
        assert np.isinf(y_hat).sum() == 1
        np.testing.assert_array_equal(as_numbers(predict().columns["predicted_yield"]), y_hat)
        found = json.loads(predict("--json").out, parse_constant=pytest.fail)["predictions"]
        assert found["predicted_yield"] == [each if np.isfinite(each) else None for each in y_hat]


CELLS = st.text(st.sampled_from(",;\"'\r\n\t ab0é高") | st.characters(codec="utf-8"), max_size=6)


@given(st.dictionaries(CELLS, st.tuples(CELLS, CELLS), min_size=2, max_size=4))
def test_any_text_is_read_back_from_csv_as_it_was(columns):
    columns = {name: list(cells) for name, cells in columns.items()}
    stream = io.BytesIO()
    write_csv(pa.table(columns), stream, ",", ".")
    assert columns_of(stream.getvalue().decode()) == columns


def test_the_help_has_an_example_that_runs(run):
    text = run("predict --help").out
    assert max(map(len, text.splitlines())) <= 80
    example = " ".join(text.split("Example: fallline ")[1].split())
    Path(MODEL).rename("beans.safetensors")
    Path("beans.csv").rename("new-beans.csv")
    assert run(example).out == "4 rows: written to predictions.csv\n"
