"""Files of tables: dialects of CSV, several files, large files, and whatever can be written."""

import csv
import gzip
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import as_csv, bits, refused, write

from fallline import InputError, open_table
from fallline.data.tables._cells import MISSING

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
    "blank lines above semicolons": ("\r\n\n" + TALL.replace(",", ";"), {}),
    "spaces": (TALL.replace(",", " , ").replace("\n", " \n"), {}),
    "all quoted": (re.sub(r"[^,\n]+", r'"\g<0>"', TALL), {}),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


class TestDialects:
    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("packed", [False, True])
    def test_a_table_is_the_same_however_it_is_spelled(self, spelling, packed):
        text, options = SPELLINGS[spelling]
        content = text if isinstance(text, bytes) else text.encode()
        name = write("t.csv.gz", gzip.compress(content)) if packed else write("t.csv", content)
        table = open_table(name, "y", **options)
        assert bits(table) == bits(open_table(write("plain.csv", TALL), "y"))
        assert table.signature.input_names == ("name=Gül", "name=Änne", "length")

    def test_cells_and_names_may_hold_signs_of_the_dialect(self):
        text = '"a;b;c|d\n""e""",kind,y\n1,"two\nlines; one, cell",3\n2,"say ""hm""",5\n'
        table = open_table(write("t.csv", text), "y")
        assert [column.name for column in table.signature.inputs] == ['a;b;c|d\n"e"', "kind"]
        assert table.signature.inputs[1].categories == ('say "hm"', "two\nlines; one, cell")
        assert table.X.tolist() == [[1, 0, 1], [2, 1, 0]]

    def test_blank_lines_and_lines_within_cells_are_no_rows(self):
        text = '"a\nb",c,y\n\n1,"u\nv",1\n\n\n2,u,2\n3,u,three\n4,u,4\n'
        refused("t.csv, row 3, column 'y' holds 'three'", write("t.csv", text), "y")
        refused(
            "t.csv, row 3 has 2 cells under 3 columns ('3,u')",
            write("t.csv", text.replace(",three", "")),
            "y",
        )

    def test_a_point_is_no_decimal_sign_where_that_is_a_comma(self):
        name = write("t.csv", "x;y\n1,5;2\n1.234;3\n2,5;7\n")
        refused("t.csv, row 2, column 'x' holds '1.234', which is not a number", name, "y", decimal=",")


class TestFiles:
    def test_a_pattern_is_one_table_in_the_order_of_names(self):
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
    def test_a_place_is_that_in_its_own_file(self, cells, sentence):
        write("a.csv", "x,y\n1,2\n2,3\n")
        write("b.csv", f"x,y\n{cells}\n")
        refused(sentence, "?.csv", "y")

    def test_files_of_different_columns_are_refused(self):
        write("a.csv", "x,y\n1,2\n")
        write("b.csv", "x,z\n1,2\n")
        refused("b.csv and a.csv have different columns ('y' is in one of them alone): give", "*.csv", "y")

    def test_csv_and_parquet_do_not_make_one_table(self):
        for kind in ("csv", "parquet"):
            write(f"t.{kind}", {"x": [1, 2], "y": [3, 4]})
        refused("of t.parquet and t.csv one is CSV and one Parquet: give files of one kind", "t.*", "y")

    def test_a_path_may_have_the_signs_of_a_pattern(self):
        write("t1.csv", "x,y\n9,9\n8,8\n")
        name = write("t[1].csv", "x,y\n1,2\n2,3\n")
        assert open_table(Path(name), "y").X.ravel().tolist() == [1, 2]


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
    def spoilt(self, rows):
        """Return a function that writes the rows with another one in the place of one of them."""

        def spoilt(number, row):
            content = b"\n".join([b"x,y,note", b"", *rows[: number - 1], row, *rows[number:], b""])
            assert len(content) > 20e6
            return write("t.csv", content)

        return spoilt

    @pytest.mark.parametrize(
        ("row", "sentence"),
        [
            (b"1,two,n", "t.csv, row 89998, column 'y' holds 'two', which is not a number"),
            (b"1,,n", "t.csv, row 89998, column 'y' holds no value"),
            (b"1,2", "t.csv, row 89998 has 2 cells under 3 columns ('1,2'): correct the row"),
            (b"1,2\xff,n", "t.csv, row 89998, column 'y' is not written in utf-8: set encoding"),
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

    def test_parquet_of_several_batches(self):
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
