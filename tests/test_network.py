"""A layer predicts what plain loops predict, in the precision of its inputs."""

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, NUMBERS, UNITS, clear_of_zero, csr, laid, problems, sigmoid

import fallline
from fallline import Activation, InputError, SingleLayer, error_and_gradient
from fallline.data.sources._arrays import ArraySource
from fallline.maths.network._signature import Column, Signature


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(sorted(UNITS)), st.sampled_from(NUMBERS), st.sampled_from(sorted(LAYOUTS)))
def test_predictions_are_those_of_plain_loops(data, unit, dtype, layout):
    problem = data.draw(problems(dtype=dtype))
    problem = clear_of_zero(problem) if unit == "reciprocal" else problem
    network = SingleLayer(problem.weights, problem.intercept, unit)
    X = laid(problem.X, dtype, layout)
    weights, intercept = problem.weights.tolist(), problem.intercept.tolist()
    outputs = range(len(intercept))
    h = [[reference.net_input(x, weights, intercept, j) for j in outputs] for x in problem.X.tolist()]
    np.testing.assert_array_equal(network.net_input(X), h)
    expected = np.vectorize(UNITS[unit][0], otypes=[float])(h)
    np.testing.assert_allclose(network.predict(X), expected, rtol=2e-5, atol=2e-6)
    if dtype == np.float64:
        np.testing.assert_allclose(network.predict(X), expected, rtol=1e-13, atol=1e-15)


@settings(deadline=None)
@given(problems(), st.sampled_from(["tanh", "softplus"]))
def test_predictions_have_the_error_that_is_descended(problem, unit):
    error, _, _ = error_and_gradient(
        problem.X, problem.y, problem.weights, intercept=problem.intercept, activation=unit
    )
    y_hat = SingleLayer(problem.weights, problem.intercept, unit).predict(problem.X)
    assert np.sum((problem.y - y_hat) ** 2) / 2 == pytest.approx(error, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64), (np.int8, np.float64)],
)
def test_precision_follows_the_inputs(dtype, expected):
    network = SingleLayer([0.1, 0.2], 0.3, "tanh")
    assert network.net_input(np.ones((3, 2), dtype)).dtype == expected
    assert network.predict(np.ones((3, 2), dtype)).dtype == expected


def test_shapes_follow_the_weights():
    X = np.ones((5, 2))
    assert SingleLayer([1.0, 2.0]).predict(X).shape == (5,)
    assert SingleLayer([[1.0], [2.0]]).predict(X).shape == (5, 1)
    wide = SingleLayer(np.ones((2, 3)), 0.5)
    assert wide.predict(X).shape == (5, 3)
    np.testing.assert_array_equal(wide.intercept, [0.5, 0.5, 0.5])


def test_a_network_keeps_its_own_numbers():
    weights, intercept = np.ones((2, 3)), np.zeros(3)
    network = SingleLayer(weights, intercept, Activation("tanh"))
    weights[:], intercept[:] = 7.0, 7.0
    np.testing.assert_array_equal(network.weights, 1.0)
    np.testing.assert_array_equal(network.intercept, 0.0)
    assert repr(network) == "SingleLayer(2×3 weights, activation='tanh')"


class TestParameters:
    LOGISTIC = "bottom + (top - bottom)*sigmoid(h)"

    def test_one_output_has_floats_in_the_order_of_the_formula(self):
        network = SingleLayer([1.0, 2.0], 0.5, self.LOGISTIC, parameters={"top": np.float32(3), "bottom": -1})
        assert network.parameters == {"bottom": -1.0, "top": 3.0}
        assert list(network.parameters) == ["bottom", "top"]
        assert {type(value) for value in network.parameters.values()} == {float}

    def test_without_free_names_there_are_none(self):
        assert SingleLayer([1.0]).parameters == {}
        assert SingleLayer([1.0], activation=(np.sin, np.cos), parameters={}).parameters == {}

    @settings(deadline=None)
    @given(st.data(), problems(), st.sampled_from([np.float32, np.float64]), st.booleans())
    def test_predictions_are_those_of_plain_loops(self, data, problem, dtype, sparse):
        k = len(problem.intercept)
        quarters = st.integers(-8, 8).map(lambda n: n / 4)
        value = quarters | st.lists(quarters, min_size=k, max_size=k)
        given = {name: data.draw(value) for name in ("bottom", "top")}
        network = SingleLayer(problem.weights, problem.intercept, self.LOGISTIC, parameters=given)
        bottom, top = (np.broadcast_to(given[name], k).tolist() for name in ("bottom", "top"))
        expected = [
            [
                bottom[j] + (top[j] - bottom[j]) * sigmoid(reference.net_input(x, *numbers, j))
                for j in range(k)
            ]
            for x in problem.X.tolist()
            for numbers in [(problem.weights.tolist(), problem.intercept.tolist())]
        ]
        found = network.predict(csr(problem.X.astype(dtype)) if sparse else problem.X.astype(dtype))
        assert found.dtype == dtype
        bound = {"rtol": 1e-13, "atol": 1e-14} if dtype == np.float64 else {"rtol": 2e-5, "atol": 2e-6}
        np.testing.assert_allclose(found, expected, **bound)

    def test_a_network_keeps_its_own_values(self):
        top = np.ones(2)
        network = SingleLayer(np.ones((1, 2)), 0.0, "top*h", parameters={"top": top})
        top[:] = 7.0
        np.testing.assert_array_equal(network.predict([[3.0]]), [[3.0, 3.0]])

    def test_a_source_is_predicted_with_them(self):
        X = np.arange(12.0).reshape(6, 2)
        network = SingleLayer([1.0, -2.0], 0.0, "a*h**2", parameters={"a": 0.5})
        np.testing.assert_array_equal(network.predict(ArraySource(X, X[:, 0])), network.predict(X))

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            (None, r"'a \* h \+ b' has free names \(a, b\) without a value: give each one in parameters"),
            ({"b": 1.0}, r"has free names \(a\) without a value"),
            ({"a": 1.0, "b": 1.0, "c": 1.0, 4: 2.0}, "has no free names 'c', 4: its free names are a, b"),
            ({"a": [1.0], "b": 1.0}, r"the parameter a has shape \(1,\): .* an array of shape \(2,\)"),
            ({"a": [[1.0, 2.0]], "b": 1.0}, r"the parameter a has shape \(1, 2\)"),
            ({"a": [1.0, "x"], "b": 1.0}, "the parameter a is not made of numbers"),
            ({"a": 1j, "b": 1.0}, "the parameter a is not made of numbers"),
            ([1.0, 2.0], "parameters is of type list"),
        ],
    )
    def test_values_that_do_not_fit_are_refused(self, parameters, message):
        with pytest.raises(InputError, match=message) as caught:
            SingleLayer(np.ones((3, 2)), 0.0, "a*h + b", parameters=parameters)
        assert "\n" not in str(caught.value)

    def test_an_array_for_one_output_is_refused(self):
        with pytest.raises(InputError, match=r"has shape \(1,\): give it a number$"):
            SingleLayer([1.0], 0.0, "a*h", parameters={"a": [1.0]})


@pytest.mark.parametrize(
    ("weights", "intercept", "message"),
    [
        (1.0, 0.0, "weights must have shape"),
        (np.ones((1, 2, 3)), 0.0, "weights must have shape"),
        (np.ones(2), np.zeros(2), "intercept must be a number"),
        (np.ones((2, 3)), np.zeros(2), "intercept must be a number"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(weights, intercept, message):
    with pytest.raises(InputError, match=message):
        SingleLayer(weights, intercept)


@pytest.mark.parametrize("X", [np.ones((4, 3)), np.ones(2), np.ones((2, 2, 2)), [[1.0]]])
def test_inputs_of_another_width_are_refused(X):
    with pytest.raises(InputError, match=r"takes \(n_samples, 2\)"):
        SingleLayer([1.0, 2.0]).predict(X)


SOIL = Column("soil", "category", ("clay", "loam", "sand"))
BEANS = Signature((Column("rain"), SOIL), (Column("yield"),))


class TestNames:
    def test_without_a_signature_inputs_and_outputs_are_numbered(self):
        assert SingleLayer([1.0, 2.0]).input_names == ("x0", "x1")
        assert SingleLayer([1.0, 2.0]).output_names == ("y",)
        assert SingleLayer(np.ones((1, 2))).output_names == ("y0", "y1")
        assert SingleLayer([1.0]).classes == ()

    def test_a_signature_names_them(self):
        network = SingleLayer(np.ones(4), signature=BEANS)
        assert network.input_names == ("rain", "soil=clay", "soil=loam", "soil=sand")
        assert network.output_names == ("yield",)

    def test_a_signature_of_other_numbers_is_refused(self):
        with pytest.raises(InputError, match=r"names 4 inputs and 1 outputs, but weights have shape \(3,\)"):
            SingleLayer(np.ones(3), signature=BEANS)

    def test_names_of_a_data_frame_reach_the_network(self):
        X = pd.DataFrame({"rain": [0.0, 1.0, 2.0], "sun": [3.0, 1.0, 2.0]})
        y = pd.Series([1.0, 2.0, 4.0], name="yield")
        network = fallline.train(X, y).network
        assert (network.input_names, network.output_names) == (("rain", "sun"), ("yield",))
        assert fallline.train(X.to_numpy(), y).network.signature is None

    def test_a_training_leaves_its_summary(self):
        run = fallline.train([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
        assert run.network.training["records"] == 3
        assert run.network.training["error"] == run.state.error
        assert run.network.training["stop"] == run.stop.name


class TestClasses:
    X = np.array([[-2.0], [-0.1], [0.3], [2.0]])

    def test_of_two_the_second_is_above_the_middle(self):
        signature = Signature((Column("x"),), (Column("y", "category", ("no", "yes")),), (-1.0, 1.0))
        network = SingleLayer([1.0], activation="tanh", signature=signature)
        assert network.output_names == ("y=yes",)
        assert network.classify(self.X).tolist() == ["no", "no", "yes", "yes"]

    def test_of_more_the_greatest_output_wins(self):
        signature = Signature((Column("x"),), (Column("y", "category", ("a", "b", "c")),))
        network = SingleLayer([[-1.0, 0.0, 1.0]], [0.0, 0.2, 0.0], signature=signature)
        assert network.classify(self.X).tolist() == ["a", "b", "c", "c"]

    def test_a_regression_has_none(self):
        with pytest.raises(InputError, match="not trained on classes: call predict"):
            SingleLayer([1.0]).classify(self.X)


def test_a_source_is_predicted_block_by_block():
    X = np.random.default_rng(0).normal(size=(300_000, 8))
    network = SingleLayer(np.arange(8.0), activation="tanh")
    source = ArraySource(X, X[:, 0])
    assert source.n_blocks > 1
    np.testing.assert_allclose(network.predict(source), network.predict(X), rtol=1e-12)
