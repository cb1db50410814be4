"""Tables in files: what is read, what its numbers mean, and which rows are used."""

import csv
import gzip
import io
import re
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import fallline
from fallline import InputError, open_table
from fallline.data.tables._cells import MISSING

BEANS = {
    "rain": [0.1, 1e-300, -2.5e10, 3.0, 5.0, 1 / 3],
    "days": [30, 41, -7, 12, 12, 2**40],
    "soil": ["sand", "clay", "Löß", "sand", "loam, wet", "clay"],
    "dry": [True, False, False, True, False, True],
    "yield": [2.5, 3.0, 4.25, 1.0, 0.0, 2.0],
}
INPUTS = ("rain", "days", "soil=Löß", "soil=clay", "soil=loam, wet", "soil=sand", "dry")


def as_csv(columns, separator=",", **dialect):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, **dialect)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


def bits(table):
    """Return all that two readings of the same table have in common."""
    return table.X.tobytes(), table.y.tobytes(), table.y.shape, table.signature, table.row_numbers.tolist()


def refused(sentence, *asked, **options):
    with pytest.raises(InputError, match=re.escape(sentence)):
        open_table(*asked, **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, in which paths begin."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder):
    """Return a function that writes a file of columns, or of text as it is, and gives its name."""

    def write(name, content):
        if isinstance(content, (pa.Table, dict)) and name.endswith(".parquet"):
            parquet.write_table(pa.table(content), folder / name)
        else:
            text = as_csv(content) if isinstance(content, dict) else content
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


class TestColumns:
    @pytest.mark.parametrize("target", ["yield", "soil", "dry", ["yield", "rain"], ["dry", "days"], None])
    def test_csv_and_parquet_are_the_same_table(self, write, target):
        tables = [open_table(write(f"beans.{kind}", BEANS), target) for kind in ("csv", "parquet")]
        assert bits(tables[0]) == bits(tables[1])

    def test_numbers_stay_truths_are_0_and_1_and_texts_get_a_number_each(self, write):
        table = open_table(write("beans.csv", BEANS), "yield")
        assert table.signature.input_names == INPUTS
        assert table.X[:, 0].tolist() == BEANS["rain"]
        assert table.X[:, 1].tolist() == BEANS["days"]
        assert [INPUTS[2:6][place] for place in table.X[:, 2:6].argmax(axis=1)] == [
            f"soil={name}" for name in BEANS["soil"]
        ]
        assert (table.X[:, 2:6].sum(axis=1) == 1).all()
        assert table.X[:, 6].tolist() == BEANS["dry"]
        assert table.y.tolist() == BEANS["yield"]
        assert table.shape == (6, 7, 1)
        assert table.X.flags.c_contiguous

    @pytest.mark.parametrize(
        "cells",
        [
            *(pa.array([3, 1, 2], kind) for kind in (pa.int8(), pa.int64(), pa.uint16(), pa.uint64())),
            *(pa.array(np.array([3, 1, 2], kind)) for kind in (np.float16, np.float32, np.float64)),
            *(pa.array(map(Decimal, "312"), kind) for kind in (pa.decimal128(5, 2), pa.decimal256(50, 3))),
            pa.array([3, 1, 2]).dictionary_encode(),
        ],
        ids=lambda cells: str(cells.type).split("<")[0],
    )
    def test_numbers_of_all_types_of_parquet(self, write, cells):
        table = open_table(write("t.parquet", {"x": cells, "y": [1, 2, 3]}), "y")
        assert table.signature.input_names == ("x",)
        assert table.X.ravel().tolist() == [3, 1, 2]

    @pytest.mark.parametrize(
        "cells",
        [
            pa.array(["b", "a", "b"], pa.large_string()),
            pa.array(["b", "a", "b"], pa.string_view()),
            pa.array([" b", "a ", "b"]),
            pa.array(["b", "a", "b"]).dictionary_encode(),
            pa.array(["b", "a", "b"], pa.large_string()).dictionary_encode(),
        ],
        ids=lambda cells: str(cells.type).split("<")[0],
    )
    def test_texts_of_all_types_of_parquet(self, write, cells):
        table = open_table(write("t.parquet", {"x": cells, "y": [1, 2, 3]}), "y")
        assert table.signature.input_names == ("x=a", "x=b")
        assert table.X.tolist() == [[0, 1], [1, 0], [0, 1]]

    @pytest.mark.parametrize(
        "kind", [pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.duration("s")], ids=str
    )
    def test_dates_of_parquet_are_refused_with_advice(self, write, kind):
        ticks = pa.array([1, 2, 4], pa.int32() if kind.bit_width == 32 else pa.int64())
        name = write("t.parquet", {"day": ticks.cast(kind), "x": [1, 5, 2], "y": [1, 2, 3]})
        refused(
            f"t.parquet: column 'day' holds dates or times ({kind}): turn it into a number (days since a "
            "start, the hour, the month), or drop the column",
            name,
            "y",
        )
        assert open_table(name, "y", drop="day").signature.input_names == ("x",)

    @pytest.mark.parametrize(
        "days",
        [
            ["2024-01-31", "2024-02-01"],
            ["2024-01-31 10:00", "2024-02-01T11:30:00Z"],
            ["31.01.2024", "01.02.2024"],
            ["1/31/2024", "2/1/2024"],
            ["10:30", "11:45:10"],
        ],
    )
    @pytest.mark.parametrize("decimal", [".", ","])
    def test_dates_of_csv_are_refused_with_advice(self, write, days, decimal):
        name = write("t.csv", {"day": days, "x": [1, 2], "y": [3, 4]})
        refused(f"t.csv: column 'day' holds dates or times ({min(days)!r}): turn", name, "y", decimal=decimal)
        assert open_table(name, "y", drop="day").signature.input_names == ("x",)

    @pytest.mark.parametrize(
        "cells",
        [pa.array([[1], [2], [3]]), pa.array([{"q": 1}, {"q": 2}, {"q": 3}]), pa.array([b"a", b"b", b"a"])],
        ids=lambda cells: str(cells.type).split("<")[0],
    )
    def test_what_cannot_become_numbers_is_refused(self, write, cells):
        name = write("t.parquet", {"x": cells, "z": [1, 5, 2], "y": [1, 2, 3]})
        with pytest.raises(
            InputError,
            match=r"^t.parquet: column 'x' holds cells of the type .*, which cannot become numbers: drop",
        ):
            open_table(name, "y")
        assert open_table(name, "y", drop="x").signature.input_names == ("z",)

    def test_truth_is_read_in_any_case(self, write):
        text = "wet,x,dry\nTrue,1,true\nfalse,2,FALSE\ntrue,3,True\n"
        table = open_table(write("t.csv", text), "dry")
        assert table.X.tolist() == [[1, 1], [0, 2], [1, 3]]
        assert table.y.tolist() == [1, 0, 1]
        assert table.signature.classes == ("false", "true")

    @pytest.mark.parametrize("number", ["1e3", "+1000", " 1000.0 ", "1E+03", "01000.", "1000.000"])
    def test_ways_to_write_a_number(self, write, number):
        table = open_table(write("t.csv", f"x,y\n{number},1\n2,3\n"), "y")
        assert table.X.ravel().tolist() == [1000, 2]

    def test_names_may_look_like_paths_into_nested_columns(self, write):
        table = open_table(write("t.parquet", {"a": [1, 2], "a.b": [5, 3], "y": [0, 1]}), "y")
        assert table.X.tolist() == [[1, 5], [2, 3]]


class TestChoices:
    @pytest.mark.parametrize(
        ("asked", "names"),
        [
            ({}, ("rain", "days", "dry")),
            ({"features": ["dry", "rain"]}, ("dry", "rain")),
            ({"features": "rain"}, ("rain",)),
            ({"drop": "rain"}, ("days", "dry")),
            ({"drop": ["rain", "dry"]}, ("days",)),
            ({"target": ["dry", "yield"]}, ("rain", "days")),
        ],
    )
    def test_columns_are_those_asked_for_in_this_order(self, write, asked, names):
        columns = {name: cells for name, cells in BEANS.items() if name != "soil"}
        table = open_table(write("t.parquet", columns), **{"target": "yield", **asked})
        assert table.signature.input_names == names
        for name, numbers in zip(names, table.X.T, strict=True):
            assert numbers.tolist() == BEANS[name]

    def test_several_targets_are_columns_of_y_in_the_order_asked_for(self, write):
        table = open_table(write("t.csv", BEANS), ["dry", "yield"])
        assert table.signature.output_names == ("dry", "yield")
        assert table.y.tolist() == [
            list(map(float, pair)) for pair in zip(BEANS["dry"], BEANS["yield"], strict=True)
        ]
        assert table.signature.classes == ()

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_numbers_can_be_names_of_categories(self, write, kind):
        name = write(f"t.{kind}", {"station": [7, 12, 7], "x": [1, 2, 4], "y": [1, 2, 3]})
        table = open_table(name, "y", categorical="station")
        assert table.signature.input_names == ("station=12", "station=7", "x")
        assert table.X.tolist() == [[0, 1, 1], [1, 0, 2], [0, 1, 4]]

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ({"target": "yeild"}, "has no column 'yeild'; did you mean 'yield'?"),
            ({"target": "Yield"}, "has no column 'Yield'; did you mean 'yield'?"),
            ({"target": "zzz"}, "has no column 'zzz'; it has 'rain', 'days', 'soil', 'dry', 'yield'"),
            ({"features": ["rain", "sol"]}, "has no column 'sol'; did you mean 'soil'?"),
            ({"drop": "rein"}, "has no column 'rein'; did you mean 'rain'?"),
            ({"categorical": "day"}, "has no column 'day'; did you mean 'days'?"),
            ({"features": ["rain", "rain"]}, ": the column 'rain' is asked for twice: name it once"),
            ({"features": ["rain", "yield"]}, ": the column 'yield' is asked for twice: name it once"),
            ({"drop": "yield"}, ": the column 'yield' is asked for and dropped: decide for one"),
            ({"features": "rain", "drop": "rain"}, ": the column 'rain' is asked for and dropped"),
            ({"drop": list(BEANS)[:-1]}, "has no column left to learn from: name some as features, or drop"),
            ({"target": ["soil", "yield"]}, ": the target 'soil' holds texts, and classes are learned one"),
            ({"missing": "skip"}, "missing must be 'error' or 'drop', got 'skip'"),
            ({"sample": 0}, "sample must be a share above 0 and at most 1, got 0"),
            ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
            ({"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
            ({"encoding": "klingon"}, "unknown encoding 'klingon': try utf-8, latin-1 or cp1252"),
        ],
    )
    def test_what_cannot_be_is_named(self, write, asked, sentence):
        refused(sentence, write("beans.csv", BEANS), **{"target": "yield", **asked})

    @pytest.mark.parametrize(("ends", "y"), [((0.0, 1.0), [1, 0, 0, 1]), ((-1.0, 1.0), [1, -1, -1, 1])])
    def test_of_two_classes_the_second_is_the_output(self, write, ends, y):
        name = write("t.csv", "x,kind\n1,wet\n2,dry\n3,dry\n5,wet\n")
        table = open_table(name, "kind", class_targets=ends)
        assert table.signature.output_names == ("kind=wet",)
        assert table.signature.class_targets == ends
        assert table.y.tolist() == y
        assert table.signature.labels(table.y).tolist() == ["wet", "dry", "dry", "wet"]

    def test_each_of_more_classes_has_an_output(self, write):
        table = open_table(write("t.csv", BEANS), "soil", class_targets=(0.1, 0.9))
        assert table.signature.classes == ("Löß", "clay", "loam, wet", "sand")
        assert table.signature.output_names == tuple(f"soil={name}" for name in table.signature.classes)
        assert np.unique(table.y).tolist() == [0.1, 0.9]
        assert table.signature.labels(table.y).tolist() == BEANS["soil"]

    def test_without_a_target_all_columns_are_inputs(self, write):
        table = open_table(write("t.csv", BEANS))
        assert table.signature.input_names == (*INPUTS, "yield")
        assert table.y.shape == (6, 0)


ROWS = 4000


@pytest.fixture
def long_table(write):
    """Return a table of many rows, a third of which lacks a cell."""
    rng = np.random.default_rng(0)
    gaps = [None if row % 3 == 1 else 1.5 * row for row in range(ROWS)]
    return write("long.parquet", {"x": rng.normal(size=ROWS), "gaps": gaps, "y": np.arange(ROWS)})


class TestRows:
    def test_a_gap_is_an_error_or_leaves_its_row_out(self, write):
        name = write("t.csv", "a,b,y\n1,x,1\n2,,2\n,x,3\n4,z,NA\n5,z,5\n")
        refused("t.csv, row 2, column 'b' holds no value: fill it in, drop", name, "y")
        table = open_table(name, "y", missing="drop")
        assert table.row_numbers.tolist() == [1, 5]
        assert table.X[:, 0].tolist() == [1, 5]
        assert table.y.tolist() == [1, 5]
        assert table.n_rows == 5

    @pytest.mark.parametrize("hole", MISSING)
    def test_what_holds_nothing(self, write, hole):
        table = open_table(write("t.csv", f"a,y\n1,1\n{hole},2\n3,4\n"), "y", missing="drop")
        assert table.row_numbers.tolist() == [1, 3]

    def test_gaps_of_parquet_are_nulls_and_nan(self, write):
        columns = {"a": [1.0, None, np.nan, 4.0], "b": ["u", "v", "u", "v"], "y": [1, 2, 3, 4]}
        name = write("t.parquet", pa.table({**columns, "a": pa.array(columns["a"], from_pandas=False)}))
        refused("t.parquet, row 2, column 'a' holds no value", name, "y")
        assert open_table(name, "y", missing="drop").row_numbers.tolist() == [1, 4]

    def test_a_sample_is_a_share_that_depends_on_row_numbers_and_seed_alone(self, long_table):
        sample = open_table(long_table, "y", drop="gaps", sample=0.25, seed=3)
        assert abs(len(sample.y) - 0.25 * ROWS) < 4 * np.sqrt(0.25 * 0.75 * ROWS)
        assert (sample.y + 1 == sample.row_numbers).all()
        kept = set(sample.row_numbers)
        whole = open_table(long_table, "y", missing="drop", seed=3)
        fewer = open_table(long_table, "y", missing="drop", sample=0.25, seed=3)
        assert set(fewer.row_numbers) == kept & set(whole.row_numbers)
        assert set(open_table(long_table, "y", drop="gaps", sample=0.25, seed=4).row_numbers) != kept
        assert set(open_table(long_table, "y", drop="gaps", sample=0.5, seed=3).row_numbers) > kept

    @pytest.mark.parametrize("test_size", [0.1, 0.5])
    def test_a_split_has_every_row_once_in_shares_near_those_asked_for(self, long_table, test_size):
        table = open_table(long_table, "y", missing="drop")
        train, test = table.split(test_size)
        n = len(table.y)
        assert abs(len(test.y) - test_size * n) < 4 * np.sqrt(test_size * (1 - test_size) * n)
        assert sorted([*train.row_numbers, *test.row_numbers]) == table.row_numbers.tolist()
        for part in (train, test):
            chosen = np.isin(table.row_numbers, part.row_numbers)
            assert part.X.tobytes() == table.X[chosen].tobytes()
            assert part.y.tobytes() == table.y[chosen].tobytes()
            assert part.signature == table.signature

    @pytest.mark.parametrize(
        "asked",
        [
            {"missing": "drop"},
            {"drop": "gaps", "sample": 0.4},
            {"drop": "x", "missing": "drop", "sample": 0.9},
        ],
    )
    def test_the_part_of_a_row_does_not_depend_on_what_else_is_read(self, long_table, asked):
        whole_train, whole_test = open_table(long_table, "y", drop="gaps").split(0.3, seed=5)
        train, test = open_table(long_table, "y", **asked).split(0.3, seed=5)
        assert set(train.row_numbers) < set(whole_train.row_numbers)
        assert set(test.row_numbers) < set(whole_test.row_numbers)
        n = len(train.y) + len(test.y)
        assert abs(len(test.y) - 0.3 * n) < 4 * np.sqrt(0.3 * 0.7 * n)

    def test_another_seed_splits_otherwise(self, long_table):
        table = open_table(long_table, "y", drop="gaps")
        assert set(table.split(0.3, seed=1)[1].row_numbers) != set(table.split(0.3, seed=2)[1].row_numbers)

    @pytest.mark.parametrize("test_size", [0, 1, -0.2, 1.5])
    def test_a_split_needs_a_share(self, long_table, test_size):
        with pytest.raises(InputError, match="test_size must be a share between 0 and 1, got"):
            open_table(long_table, "y", drop="gaps").split(test_size)

    def test_a_split_needs_rows(self, write):
        table = open_table(write("t.csv", "x,y\n1,2\n2,4\n"), "y")
        with pytest.raises(InputError, match=r"^t.csv has 2 rows, too few to keep 50% of them for a test"):
            table.split(0.5)


TALL = "name,length,y\nÄnne,1.5,2\nGül,2.5,4\nÄnne,4,8\n"
COMMA = TALL.replace(",", ";").replace(".", ",")
SPELLINGS = {
    "plain": (TALL, {}),
    "semicolons": (TALL.replace(",", ";"), {}),
    "tabs": (TALL.replace(",", "\t"), {}),
    "bars": (TALL.replace(",", "|"), {}),
    "another separator": (TALL.replace(",", ":"), {"separator": ":"}),
    "decimal comma": (COMMA, {"decimal": ","}),
    "quoted decimal comma": (TALL.replace("1.5", '"1,5"').replace("2.5", '"2,5"'), {"decimal": ","}),
    "latin-1": (TALL.encode("latin-1"), {"encoding": "latin-1"}),
    "cp1252": (TALL.encode("cp1252"), {"encoding": "cp1252"}),
    "utf-16": (TALL.encode("utf-16"), {"encoding": "utf-16"}),
    "utf-16, big end first": (b"\xfe\xff" + TALL.encode("utf-16-be"), {"encoding": "utf-16"}),
    "BOM": (TALL.encode("utf-8-sig"), {}),
    **{
        f"BOM, {name}": (TALL.encode("utf-8-sig"), {"encoding": name})
        for name in ("UTF-8", "utf8", "utf-8-sig")
    },
    "CRLF": (TALL.replace("\n", "\r\n"), {}),
    "CR": (TALL.replace("\n", "\r"), {}),
    "no newline at the end": (TALL.rstrip(), {}),
    "blank lines": ("\n\n" + TALL.replace("\n", "\n\n"), {}),
    "spaces": (TALL.replace(",", " , ").replace("\n", " \n"), {}),
    "all quoted": (re.sub(r"[^,\n]+", r'"\g<0>"', TALL), {}),
}


class TestDialects:
    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("packed", [False, True])
    def test_a_table_is_the_same_however_it_is_spelled(self, write, spelling, packed):
        text, options = SPELLINGS[spelling]
        content = text if isinstance(text, bytes) else text.encode()
        name = write("t.csv.gz", gzip.compress(content)) if packed else write("t.csv", content)
        table = open_table(name, "y", **options)
        assert bits(table) == bits(open_table(write("plain.csv", TALL), "y"))
        assert table.signature.input_names == ("name=Gül", "name=Änne", "length")

    def test_cells_and_names_may_hold_signs_of_the_dialect(self, write):
        text = '"a;b;c|d\n""e""",kind,y\n1,"two\nlines; one, cell",3\n2,"say ""hm""",5\n'
        table = open_table(write("t.csv", text), "y")
        assert [column.name for column in table.signature.inputs] == ['a;b;c|d\n"e"', "kind"]
        assert table.signature.inputs[1].categories == ('say "hm"', "two\nlines; one, cell")
        assert table.X.tolist() == [[1, 0, 1], [2, 1, 0]]

    def test_blank_lines_and_lines_within_cells_are_no_rows(self, write):
        text = '"a\nb",c,y\n\n1,"u\nv",1\n\n\n2,u,2\n3,u,three\n4,u,4\n'
        refused("t.csv, row 3, column 'y' holds 'three'", write("t.csv", text), "y")
        refused(
            "t.csv, row 3 has 2 cells under 3 columns ('3,u')",
            write("t.csv", text.replace(",three", "")),
            "y",
        )

    def test_a_point_is_no_decimal_sign_where_that_is_a_comma(self, write):
        name = write("t.csv", "x;y\n1,5;2\n1.234;3\n2,5;7\n")
        refused("t.csv, row 2, column 'x' holds '1.234', which is not a number", name, "y", decimal=",")


class TestFiles:
    def test_a_pattern_is_one_table_in_the_order_of_names(self, write):
        write("b.csv", "x,kind,y\n4,u,2\n5,v,3\n")
        write("a.csv", "kind,y,x\nw,1,1\nu,2,2\nw,3,3\n")
        table = open_table("*.csv", "y", features=["x", "kind"])
        assert table.X.tolist() == [[1, 0, 0, 1], [2, 1, 0, 0], [3, 0, 0, 1], [4, 1, 0, 0], [5, 0, 1, 0]]
        assert table.y.tolist() == [1, 2, 3, 2, 3]
        assert table.row_numbers.tolist() == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize(
        ("cells", "sentence"),
        [
            ("4,nine", "b.csv, row 1, column 'y' holds 'nine'"),
            ("4", "b.csv, row 1 has 1 cell under 2 columns ('4')"),
        ],
    )
    def test_a_place_is_that_in_its_own_file(self, write, cells, sentence):
        write("a.csv", "x,y\n1,2\n2,3\n")
        write("b.csv", f"x,y\n{cells}\n")
        refused(sentence, "?.csv", "y")

    def test_files_of_different_columns_are_refused(self, write):
        write("a.csv", "x,y\n1,2\n")
        write("b.csv", "x,z\n1,2\n")
        refused("b.csv and a.csv have different columns ('y' is in one of them alone): give", "*.csv", "y")

    def test_a_path_may_have_the_signs_of_a_pattern(self, write):
        write("t1.csv", "x,y\n9,9\n8,8\n")
        name = write("t[1].csv", "x,y\n1,2\n2,3\n")
        assert open_table(Path(name), "y").X.ravel().tolist() == [1, 2]


class TestPrediction:
    @pytest.fixture
    def columns(self, write):
        """Return the columns that a network was trained on."""
        table = open_table(write("beans.csv", BEANS), "yield")
        return fallline.train(table, activation="identity").network.signature.inputs

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_order_and_further_columns_do_not_matter(self, write, columns, kind):
        shuffled = {"note": list("abcdef"), **dict(reversed(BEANS.items())), "rank": [1] * 6}
        table = open_table(write(f"new.{kind}", shuffled), features=columns)
        assert table.X.tobytes() == open_table("beans.csv", "yield").X.tobytes()
        assert table.signature.inputs == columns

    def test_a_part_of_the_categories_and_a_single_row_will_do(self, write, columns):
        table = open_table(write("new.csv", "dry,rain,days,soil\nfalse,1,2,clay\n"), features=columns)
        assert table.X.tolist() == [[1, 2, 0, 1, 0, 0, 0]]

    @pytest.mark.parametrize(
        ("row", "sentence"),
        [
            (
                "1,2,peat,true",
                "row 2, column 'soil' holds 'peat', a category that the network was not trained on: it knows "
                "Löß, clay, loam, wet, sand; correct the cell, or leave such rows out",
            ),
            (
                "1,many,sand,true",
                "row 2, column 'days' holds 'many', which is not a number: correct the cell",
            ),
            ("1,2,sand,1", "row 2, column 'dry' holds '1', which is not true or false: correct the cell"),
            ("1,2,,true", "row 2, column 'soil' holds no value: fill it in"),
        ],
    )
    def test_what_does_not_fit_the_network_is_named(self, write, columns, row, sentence):
        name = write("new.csv", f"rain,days,soil,dry\n3,4,sand,true\n{row}\n")
        refused(f"new.csv, {sentence}", name, features=columns)

    def test_a_column_that_is_not_there_is_named(self, write, columns):
        name = write("new.csv", "rain,days,soils,dry\n3,4,sand,true\n")
        refused("new.csv has no column 'soil'; did you mean 'soils'?", name, features=columns)


class TestTraining:
    @pytest.fixture
    def farms(self, write):
        """Return the name of a table of two columns of categories, one of numbers, and a target."""
        rng = np.random.default_rng(1)
        soils, farms = rng.choice(["clay", "loam", "sand"], 60), rng.choice(["A", "B"], 60)
        x = rng.normal(size=60)
        y = 3 * x + 2 * (soils == "clay") + rng.normal(size=60)
        return write("farms.parquet", {"soil": soils, "farm": farms, "x": x, "y": y})

    @pytest.mark.parametrize(
        ("target", "activation"),
        [("y", "identity"), ("farm", "sigmoid"), ("soil", "tanh"), (["y", "x"], "identity")],
    )
    def test_a_table_trains_as_its_arrays_do(self, farms, target, activation):
        table = open_table(farms, target)
        ours, theirs = (
            fallline.train(*data, activation=activation) for data in ([table], [table.X, table.y])
        )
        assert ours.network.signature == table.signature
        assert ours.network.weights.tobytes() == theirs.network.weights.tobytes()
        assert np.asarray(ours.network.intercept).tobytes() == np.asarray(theirs.network.intercept).tobytes()
        assert ours.history["error"].tobytes() == theirs.history["error"].tobytes()

    @pytest.mark.parametrize("scaling", ["standard", "whiten", "auto"])
    def test_one_hot_columns_beside_an_intercept_lead_to_the_least_squares(self, farms, scaling):
        table = open_table(farms, "y")
        run = fallline.train(table, activation="identity", scaling=scaling)
        Z = np.column_stack([table.X, np.ones(len(table.y))])
        solution, _, rank, _ = np.linalg.lstsq(Z, table.y)
        assert rank == Z.shape[1] - 2
        assert run.stop.is_converged
        np.testing.assert_allclose(run.network.predict(table), Z @ solution, rtol=1e-4, atol=1e-4)


NOTE = 240 * b"-"
LONG_ROWS = 90_000


@pytest.fixture(scope="module")
def rows():
    rows = [b"%d,%d,%s" % (row % 89, row % 97, NOTE) for row in range(LONG_ROWS)]
    rows[5] = b'1,2,"a\nb"'
    return rows


class TestLargeFiles:
    """Files of more than 20 MB, which are read in several blocks."""

    @pytest.fixture
    def spoilt(self, folder, rows):
        """Return a function that writes the rows with another one in the place of one of them."""

        def spoilt(number, row):
            content = b"\n".join([b"x,y,note", b"", *rows[: number - 1], row, *rows[number:], b""])
            assert len(content) > 20e6
            (folder / "t.csv").write_bytes(content)
            return "t.csv"

        return spoilt

    @pytest.mark.parametrize(
        ("row", "sentence"),
        [
            (b"1,two,n", "t.csv, row 89998, column 'y' holds 'two', which is not a number"),
            (b"1,,n", "t.csv, row 89998, column 'y' holds no value"),
            (b"1,2", "t.csv, row 89998 has 2 cells under 3 columns ('1,2'): correct the row"),
            (b"1,2\xff,n", "t.csv is not written in utf-8 in row 89998, column 'y': set encoding"),
        ],
    )
    def test_an_error_near_the_end_is_named_with_its_row(self, spoilt, row, sentence):
        refused(sentence, spoilt(89_998, row), "y", features="x")

    def test_all_rows_are_read(self, spoilt):
        table = open_table(spoilt(7, b"5.5,6.5,n"), "y", features="x")
        x, y = np.arange(LONG_ROWS) % 89.0, np.arange(LONG_ROWS) % 97.0
        (x[5], y[5]), (x[6], y[6]) = (1, 2), (5.5, 6.5)
        assert table.X.tobytes() == x.tobytes()
        assert table.y.tobytes() == y.tobytes()

    def test_a_quote_that_is_never_closed_is_named_with_the_row_above_it(self, spoilt):
        name = spoilt(40, b'1,"2,n')
        sentence = "is longer than 8 MiB: look for a quote that is opened and never closed"
        with pytest.raises(InputError, match=rf"^t.csv: a row after row (\d+) {sentence}$") as caught:
            open_table(name, "y", features="x")
        assert int(re.search(r"row ([\d,]+) is", str(caught.value))[1].replace(",", "")) < 40

    def test_parquet_of_several_batches(self, write):
        x = np.arange(200_000.0)
        name = write("t.parquet", {"x": x, "y": np.where(x == 199_990, np.inf, x % 7)})
        refused("t.parquet, row 199991, column 'y' is infinite", name, "y")
        assert open_table(name, features="x").X.ravel().tolist() == x.tolist()


SIGNS = st.sampled_from(list("ab7Éß語😀\"',;|\t\n\r #-")) | st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffd"
)
TEXTS = st.text(SIGNS, min_size=1, max_size=12).map(str.strip).filter(lambda text: text not in MISSING)
NUMBERS = st.floats(-1e150, 1e150) | st.integers(-(10**20), 10**20)


@st.composite
def tables(draw):
    n_rows = draw(st.integers(1, 8))
    cells = st.sampled_from([NUMBERS, TEXTS]).flatmap(
        lambda kind: st.lists(kind, min_size=n_rows, max_size=n_rows)
    )
    return draw(st.dictionaries(TEXTS, cells, min_size=1, max_size=5))


@settings(deadline=None, max_examples=200)
@given(
    columns=tables(),
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL]),
)
def test_what_is_written_is_read(columns, separator, quoting):
    texts = [name for name, cells in columns.items() if isinstance(cells[0], str)]
    is_clear = quoting != csv.QUOTE_MINIMAL and len(columns) > 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(as_csv(columns, separator, quoting=quoting).encode())
        table = open_table(path, categorical=texts, separator=None if is_clear else separator)
    expected = []
    for (name, cells), column in zip(columns.items(), table.signature.inputs, strict=True):
        assert column.name == name
        assert column.categories == (tuple(sorted(set(cells))) if name in texts else ())
        expected += [[cell == category for cell in cells] for category in column.categories] or [cells]
    assert table.X.tobytes() == np.array(expected, dtype=float).T.tobytes()
