"""What columns mean stays with a network: other tables are read by it, or refused."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import fallline
from fallline import InputError, open_table
from fallline.maths.network._signature import Column, Signature


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def beans(soils=("clay", "loam", "sand"), n=30):
    rng = np.random.default_rng(0)
    rain, soil = rng.uniform(0, 9, n).round(2), rng.choice(soils, n)
    return pd.DataFrame({"rain": rain, "soil": soil, "yield": rain + (soil == soils[-1])})


def trained(path="beans.csv", **options):
    beans().to_csv("beans.csv", index=False)
    return fallline.train(open_table(path, "yield", **options)).network


class TestPrediction:
    def test_a_table_opened_by_other_categories_is_refused(self):
        network = trained()
        beans(("loam", "peat", "sand")).to_csv("other.csv", index=False)
        with pytest.raises(InputError, match=r"open it with features=network\.signature\.inputs$"):
            network.predict(open_table("other.csv", "yield"))

    def test_a_data_frame_has_to_have_the_inputs_in_their_order(self):
        X = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 5.0]})
        network = fallline.train(X, X["a"] - X["b"]).network
        np.testing.assert_allclose(network.predict(X), X["a"] - X["b"], atol=1e-12)
        with pytest.raises(InputError, match=r"columns \['b', 'a'\], but the network takes \['a', 'b'\]"):
            network.predict(X[["b", "a"]])

    @pytest.mark.parametrize("cells", [[10**15, 7, 8], [0.1, 0.2, 0.3], ["010", "7", "8"]])
    def test_numbers_that_are_categories_are_found_again_in_parquet(self, cells):
        column = pa.array(cells * 4, pa.float32() if isinstance(cells[0], float) else None)
        parquet.write_table(pa.table({"code": column, "y": [1.0, 2.0, 4.0] * 4}), "codes.parquet")
        network = fallline.train(open_table("codes.parquet", "y", categorical="code")).network
        again = open_table("codes.parquet", features=network.signature.inputs)
        np.testing.assert_allclose(network.predict(again), [1.0, 2.0, 4.0] * 4, rtol=1e-6)

    def test_a_test_table_is_scored_by_the_meaning_of_the_targets(self):
        beans().to_csv("beans.csv", index=False)
        network = fallline.train(open_table("beans.csv", "soil"), activation="sigmoid").network
        some = beans().query("soil != 'sand'")
        some.to_csv("some.csv", index=False)
        signature = network.signature
        table = open_table("some.csv", signature.targets, signature.inputs)
        assert table.y.shape == (len(some), 3)
        assert table.signature == signature
        assert signature.labels(table.y).tolist() == some["soil"].tolist()

    def test_a_single_row_can_be_scored(self):
        network = trained()
        beans(n=1).to_csv("one.csv", index=False)
        table = open_table("one.csv", "yield", network.signature.inputs)
        np.testing.assert_allclose(network.predict(table), table.y, atol=1e-9)


class TestOpening:
    def test_the_index_that_pandas_keeps_in_parquet_is_no_column(self):
        beans().query("rain > 2").sample(frac=1, random_state=0).to_parquet("beans.parquet")
        assert open_table("beans.parquet", "yield").signature.input_names[0] == "rain"

    def test_features_may_be_any_names(self):
        frame = beans()
        frame.to_csv("beans.csv", index=False)
        for features in (frame.columns[:1], np.array(["rain"]), ("rain",), "rain"):
            assert open_table("beans.csv", "yield", features).signature.input_names == ("rain",)

    def test_more_categories_than_can_be_learned_are_named_as_such(self):
        frame = pd.DataFrame({"k": np.arange(1500) % 1200, "y": np.arange(1500.0) % 7})
        frame.to_csv("many.csv", index=False)
        with pytest.raises(
            InputError, match=r"column 'k' holds more than 1,000 different texts in 1,500 rows"
        ):
            open_table("many.csv", "y", categorical="k")

    def test_a_column_that_counts_the_rows_is_warned_of(self):
        beans().to_csv("beans.csv", index_label="row")
        with pytest.warns(fallline.DataWarning, match="column 'row' counts the rows"):
            open_table("beans.csv", "yield")

    def test_a_pipe_is_refused_at_once(self):
        os.mkfifo("beans.csv")
        with pytest.raises(
            InputError, match=r"^beans.csv is no ordinary file: write the table to one first$"
        ):
            open_table("beans.csv", "yield")

    def test_any_seed_that_is_a_whole_number_will_do(self):
        beans().to_csv("beans.csv", index=False)
        assert open_table("beans.csv", "yield", sample=0.5, seed=10**30).shape.n_records < 30
        with pytest.raises(InputError, match="seed must be an integer of at least 0"):
            open_table("beans.csv", "yield").split(0.2, seed=None)
        with pytest.raises(InputError, match="test_size must be a share"):
            open_table("beans.csv", "yield").split("0.2")


class TestSignature:
    @pytest.mark.parametrize("ends", [(1.0, 0.0), (0.0, np.nan), (-np.inf, 1.0), (0.5, 0.5)])
    def test_targets_of_classes_are_two_numbers_in_order(self, ends):
        with pytest.raises(InputError, match="two finite numbers, the lower first"):
            Signature((Column("x"),), (Column("y", "category", ("a", "b")),), ends)

    def test_classes_stand_alone(self):
        with pytest.raises(InputError, match="has to be the only one"):
            Signature((Column("x"),), (Column("y", "category", ("a", "b")), Column("z")))
