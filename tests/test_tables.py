"""Tables: what their columns become, which rows are used, and what networks learn from them."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from tables import BEANS, bits, refused, write

import fallline
from fallline import InputError, open_table

INPUTS = ("rain", "days", "soil=Löß", "soil=clay", "soil=loam, wet", "soil=sand", "dry")
HOLES = ("", " ", "NA", "n/a", "#N/A", "#NA", "NaN", "nan", "NAN", "-nan", "null", "NULL", "None", "<NA>")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


class TestColumns:
    @pytest.mark.parametrize("target", ["yield", "soil", "dry", ["yield", "rain"], ["dry", "days"], None])
    def test_csv_and_parquet_are_the_same_table(self, target):
        tables = [open_table(write(f"beans.{kind}", BEANS), target) for kind in ("csv", "parquet")]
        assert bits(tables[0]) == bits(tables[1])

    def test_numbers_stay_truths_are_0_and_1_and_texts_get_a_number_each(self):
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
    def test_numbers_of_all_types_of_parquet(self, cells):
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
    def test_texts_of_all_types_of_parquet(self, cells):
        table = open_table(write("t.parquet", {"x": cells, "y": [1, 2, 3]}), "y")
        assert table.signature.input_names == ("x=a", "x=b")
        assert table.X.tolist() == [[0, 1], [1, 0], [0, 1]]

    @pytest.mark.parametrize(
        "kind", [pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.duration("s")], ids=str
    )
    def test_dates_of_parquet_are_refused_with_advice(self, kind):
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
    def test_dates_of_csv_are_refused_with_advice(self, days, decimal):
        name = write("t.csv", {"day": days, "x": [1, 2], "y": [3, 4]})
        refused(f"t.csv: column 'day' holds dates or times ({min(days)!r}): turn", name, "y", decimal=decimal)
        assert open_table(name, "y", drop="day").signature.input_names == ("x",)

    @pytest.mark.parametrize(
        "cells",
        [pa.array([[1], [2], [3]]), pa.array([{"q": 1}, {"q": 2}, {"q": 3}]), pa.array([b"a", b"b", b"a"])],
        ids=lambda cells: str(cells.type).split("<")[0],
    )
    def test_what_cannot_become_numbers_is_refused(self, cells):
        name = write("t.parquet", {"x": cells, "z": [1, 5, 2], "y": [1, 2, 3]})
        with pytest.raises(
            InputError,
            match=r"^t.parquet: column 'x' holds cells of the type .*, which cannot become numbers: turn",
        ):
            open_table(name, "y")
        assert open_table(name, "y", drop="x").signature.input_names == ("z",)

    def test_truth_is_read_in_any_case(self):
        text = "wet,x,dry\nTrue,1,true\nfalse,2,FALSE\ntrue,3,True\n"
        table = open_table(write("t.csv", text), "dry")
        assert table.X.tolist() == [[1, 1], [0, 2], [1, 3]]
        assert table.y.tolist() == [1, 0, 1]
        assert table.signature.classes == ("false", "true")

    @pytest.mark.parametrize("number", ["1e3", "+1000", " 1000.0 ", "1E+03", "01000.", "1000.000"])
    def test_ways_to_write_a_number(self, number):
        table = open_table(write("t.csv", f"x,y\n{number},1\n2,3\n"), "y")
        assert table.X.ravel().tolist() == [1000, 2]

    @pytest.mark.parametrize("cell", ["0x10", "1_000", "1d5", "nan(0)", "−4", "12%", "€12", "1e", "1 2"])
    def test_what_is_no_number(self, cell):
        sentence = f"t.csv, row 2, column 'x' holds {cell!r}, which is not a number: "
        refused(sentence, write("t.csv", f"x,y\n1,1\n{cell},2\n3,4\n"), "y")

    def test_names_may_look_like_paths_into_nested_columns(self):
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
    def test_columns_are_those_asked_for_in_this_order(self, asked, names):
        columns = {name: cells for name, cells in BEANS.items() if name != "soil"}
        table = open_table(write("t.parquet", columns), **{"target": "yield", **asked})
        assert table.signature.input_names == names
        for name, numbers in zip(names, table.X.T, strict=True):
            assert numbers.tolist() == BEANS[name]

    def test_several_targets_are_columns_of_y_in_the_order_asked_for(self):
        table = open_table(write("t.csv", BEANS), ["dry", "yield"])
        assert table.signature.output_names == ("dry", "yield")
        assert table.y.tolist() == [
            list(map(float, pair)) for pair in zip(BEANS["dry"], BEANS["yield"], strict=True)
        ]
        assert table.signature.classes == ()

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_numbers_can_be_names_of_categories(self, kind):
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
            ({"drop": "DRY"}, "has no column 'DRY'; did you mean 'dry'?"),
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
            ({"separator": "§"}, "separator must be a single ASCII character, such as ';', got '§'"),
            ({"separator": ";;"}, "separator must be a single ASCII character, such as ';', got ';;'"),
            ({"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
            ({"encoding": "klingon"}, "unknown encoding 'klingon': try utf-8, latin-1 or cp1252"),
        ],
    )
    def test_what_cannot_be_is_named(self, asked, sentence):
        refused(sentence, write("beans.csv", BEANS), **{"target": "yield", **asked})

    @pytest.mark.parametrize(("ends", "y"), [((0.0, 1.0), [1, 0, 0, 1]), ((-1.0, 1.0), [1, -1, -1, 1])])
    def test_of_two_classes_the_second_is_the_output(self, ends, y):
        name = write("t.csv", "x,kind\n1,wet\n2,dry\n3,dry\n5,wet\n")
        table = open_table(name, "kind", class_targets=ends)
        assert table.signature.output_names == ("kind=wet",)
        assert table.signature.class_targets == ends
        assert table.y.tolist() == y
        assert table.signature.labels(table.y).tolist() == ["wet", "dry", "dry", "wet"]

    def test_each_of_more_classes_has_an_output(self):
        table = open_table(write("t.csv", BEANS), "soil", class_targets=(0.1, 0.9))
        assert table.signature.classes == ("Löß", "clay", "loam, wet", "sand")
        assert table.signature.output_names == tuple(f"soil={name}" for name in table.signature.classes)
        assert np.unique(table.y).tolist() == [0.1, 0.9]
        assert table.signature.labels(table.y).tolist() == BEANS["soil"]

    def test_without_a_target_all_columns_are_inputs(self):
        table = open_table(write("t.csv", BEANS))
        assert table.signature.input_names == (*INPUTS, "yield")
        assert table.y.shape == (6, 0)


ROWS = 4000


@pytest.fixture
def long_table():
    """Return a table of many rows, a third of which lacks a cell."""
    rng = np.random.default_rng(0)
    gaps = [None if row % 3 == 1 else 1.5 * row for row in range(ROWS)]
    return write("long.parquet", {"x": rng.normal(size=ROWS), "gaps": gaps, "y": np.arange(ROWS)})


class TestRows:
    def test_a_gap_is_an_error_or_leaves_its_row_out(self):
        name = write("t.csv", "a,b,y\n1,x,1\n2,,2\n,x,3\n4,z,NA\n5,z,5\n")
        refused("t.csv, row 2, column 'b' holds no value: fill it in, drop", name, "y")
        table = open_table(name, "y", missing="drop")
        assert table.row_numbers.tolist() == [1, 5]
        assert table.X[:, 0].tolist() == [1, 5]
        assert table.y.tolist() == [1, 5]
        assert table.n_rows == 5

    @pytest.mark.parametrize("hole", HOLES)
    def test_what_holds_nothing(self, hole):
        table = open_table(write("t.csv", f"a,y\n1,1\n{hole},2\n3,4\n"), "y", missing="drop")
        assert table.row_numbers.tolist() == [1, 3]

    def test_gaps_of_parquet_are_nulls_and_nan(self):
        columns = {"a": [1.0, np.nan, None, 4.0], "b": ["u", "v", "u", "v"], "y": [1, 2, 3, 4]}
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
            {"drop": "gaps", "sample": 0.4, "seed": 5},
            {"drop": "x", "missing": "drop", "sample": 0.9, "seed": 5},
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

    def test_a_split_needs_rows(self):
        table = open_table(write("t.csv", "x,y\n1,2\n2,4\n"), "y")
        with pytest.raises(InputError, match=r"^t.csv has 2 rows, too few to keep a share of 0.5 for a test"):
            table.split(0.5)


class TestPrediction:
    @pytest.fixture
    def columns(self):
        """Return the columns that a network was trained on."""
        table = open_table(write("beans.csv", BEANS), "yield")
        return fallline.train(table, activation="identity").network.signature.inputs

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_order_and_further_columns_do_not_matter(self, columns, kind):
        shuffled = {"note": list("abcdef"), **dict(reversed(BEANS.items())), "rank": [1] * 6}
        table = open_table(write(f"new.{kind}", shuffled), features=columns)
        assert table.X.tobytes() == open_table("beans.csv", "yield").X.tobytes()
        assert table.signature.inputs == columns

    def test_a_part_of_the_categories_and_a_single_row_will_do(self, columns):
        table = open_table(write("new.csv", "dry,rain,days,soil\nfalse,1,2,clay\n"), features=columns)
        assert table.X.tolist() == [[1, 2, 0, 1, 0, 0, 0]]

    @pytest.mark.parametrize(
        ("row", "sentence"),
        [
            (
                "1,2,peat,true",
                "row 2, column 'soil' holds 'peat', a category that the network was not trained on: it knows "
                "'Löß', 'clay', 'loam, wet', 'sand'; correct the cell, or leave such rows out",
            ),
            (
                "1,many,sand,true",
                "row 2, column 'days' holds 'many', which is not a number: correct the cell",
            ),
            ("1,2,sand,1", "row 2, column 'dry' holds '1', which is not true or false: correct the cell"),
            ("1,2,,true", "row 2, column 'soil' holds no value: fill it in"),
        ],
    )
    def test_what_does_not_fit_the_network_is_named(self, columns, row, sentence):
        name = write("new.csv", f"rain,days,soil,dry\n3,4,sand,true\n{row}\n")
        refused(f"new.csv, {sentence}", name, features=columns)

    def test_a_column_that_is_not_there_is_named(self, columns):
        name = write("new.csv", "rain,days,soils,dry\n3,4,sand,true\n")
        refused("new.csv has no column 'soil'; did you mean 'soils'?", name, features=columns)


class TestTraining:
    @pytest.fixture
    def farms(self):
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
