"""E and its gradient against plain loops: every unit, dtype, layout and number of outputs."""

import tracemalloc

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from strategies import FLOATS, LAYOUTS, NUMBERS, UNITS, clear_of_zero, csr, laid, problems, small_blocks

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.execution._evaluate import evaluate
from fallline.execution.engines._threads import thread_engine
from fallline.maths._gradient import block_gradient, tiles
from fallline.maths._records import Layer


def epsilon(dtype):
    """The rounding of the arithmetic in which records of a dtype are computed."""
    return np.finfo(np.float32 if dtype in (np.float16, np.float32) else np.float64).eps


def by_loops(problem, unit):
    return reference.error_and_gradient(
        *(numbers.tolist() for numbers in problem[:4]),
        *UNITS[unit],
        None if problem.sample_weight is None else problem.sample_weight.tolist(),
    )


def magnitudes(problem, unit):
    """The sizes of the terms that E and the gradients add up, which bound the rounding of the sums."""
    h = problem.X @ problem.weights + problem.intercept
    value, slope = (np.abs(np.vectorize(f, otypes=[float])(h)) for f in UNITS[unit])
    s = 1.0 if problem.sample_weight is None else problem.sample_weight[:, None]
    # a slope made of values, such as f (1 - f), is as rough as they are
    delta = s * (np.abs(problem.y) + value + 1) * (slope + value + 1)
    return np.sum(s * (np.abs(problem.y) + value + 1) ** 2), np.abs(problem.X).T @ delta, delta.sum(axis=0)


def assert_same_sums(found, problem, unit, roundings):
    for ours, loops, size in zip(found, by_loops(problem, unit), magnitudes(problem, unit), strict=True):
        np.testing.assert_array_less(np.abs(ours - np.array(loops)), roundings * size + 1e-300)


@pytest.mark.parametrize("unit", UNITS)
@settings(deadline=None, max_examples=30)
@given(data=st.data(), dtype=st.sampled_from(NUMBERS), layout=st.sampled_from(sorted(LAYOUTS)))
def test_gradient_is_that_of_plain_loops(unit, data, dtype, layout):
    problem = data.draw(problems(dtype=dtype))
    if unit == "reciprocal":
        problem = clear_of_zero(problem)
    found = fallline.error_and_gradient(
        laid(problem.X, dtype, layout),
        problem.y,
        problem.weights,
        intercept=problem.intercept,
        activation=unit,
        sample_weight=problem.sample_weight,
    )
    assert_same_sums(found, problem, unit, 64 * epsilon(dtype))


SIZES = [(5003, 3, 1), (301, 67, 4), (300, 67, 5), (150, 1500, 1), (67, 1500, 2), (34, 700, 7), (603, 20, 3)]
"""More than fits a tile, with none to three rows beyond a multiple of four."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_many_tiles_of_a_block_lose_no_record(size, layout, dtype):
    (n, d, k), unit, rng = size, "tanh", np.random.default_rng(0)
    X = (rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5)).astype(dtype)
    weights, intercept = rng.normal(size=(d, k)) / d**0.5, rng.normal(size=k)
    y, s = rng.normal(size=(n, k)), rng.integers(0, 3, n).astype(float)
    found = fallline.error_and_gradient(
        laid(X, dtype, layout), y, weights, intercept=intercept, activation=unit, sample_weight=s
    )
    expected = reference.error_and_gradient(
        X.tolist(), y.tolist(), weights.tolist(), intercept.tolist(), *UNITS[unit], s.tolist()
    )
    for ours, loops in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, loops, rtol=0, atol=32 * epsilon(dtype) * np.abs(loops).max())


@given(st.integers(1, 10**5), st.integers(1, 10**6))
def test_tiles_hold_every_row_once(n_records, record_bytes):
    ends = [0]
    for rows in tiles(n_records, record_bytes):
        assert rows.start == ends[-1] < rows.stop
        ends.append(rows.stop)
    assert ends[-1] == n_records


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
def test_narrow_floats_are_added_in_wide_ones(layout):
    """A running sum of 200,000 terms of one sign in float32 would lose two digits more."""
    X = np.random.default_rng(0).uniform(1, 2, size=(200_000, 3)).astype(np.float32)
    found = fallline.error_and_gradient(laid(X, np.float32, layout), np.zeros(len(X)), [0.5, 0.5, 0.5])
    wide = fallline.error_and_gradient(X.astype(np.float64), np.zeros(len(X)), [0.5, 0.5, 0.5])
    for ours, expected in zip(found, wide, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=3e-7)


@settings(deadline=None)
@given(
    data=st.data(),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from(["rows", "csr"]),
    unit=st.sampled_from(["silu", "tanh"]),
)
def test_compiled_kernels_are_the_numpy_reference(data, dtype, layout, unit):
    problem = data.draw(problems(outputs=[1, 2, 3, 4, 5, 7], dtype=dtype))
    s = problem.sample_weight
    source = ArraySource(laid(problem.X, dtype, layout), problem.y, s)
    layer = Layer(problem.weights, problem.intercept, fallline.Activation(unit))
    (block,) = source.blocks()
    ours, numpys = evaluate(source, layer, thread_engine(1)), block_gradient(block.records, layer)
    size, *gradient_sizes = magnitudes(problem, unit)
    for field, bound in zip(("error", "weights", "intercept"), (size, *gradient_sizes), strict=True):
        found, expected = np.asarray(getattr(ours, field)), np.asarray(getattr(numpys, field))
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype == np.float64
        np.testing.assert_array_less(np.abs(found - expected), 16 * epsilon(dtype) * bound + 1e-300)
    slopes = np.vectorize(UNITS[unit][1], otypes=[float])(problem.X @ problem.weights + problem.intercept)
    mass = (slopes**2 * (1 if s is None else s[:, None])).sum(axis=0)
    for partial in (ours, numpys):
        np.testing.assert_allclose(partial.mass[0], mass, rtol=16 * epsilon(dtype), atol=16 * epsilon(dtype))


@settings(deadline=None)
@given(data=st.data(), dtype=st.sampled_from(NUMBERS), layout=st.sampled_from(sorted(LAYOUTS)))
def test_a_pair_of_functions_is_the_formula(data, dtype, layout):
    problem, pair = data.draw(problems(dtype=dtype)), (np.tanh, lambda h: 1 / np.cosh(h) ** 2)
    X = laid(problem.X, dtype, layout)
    found = fallline.error_and_gradient(
        X, problem.y, problem.weights, intercept=problem.intercept, activation=pair,
        sample_weight=problem.sample_weight,
    )  # fmt: skip
    assert_same_sums(found, problem, "tanh", 16 * epsilon(dtype))


def test_the_shapes_of_the_gradient_follow_y():
    X, y = np.ones((3, 2)), np.arange(3.0)
    error, gradient, intercept = fallline.error_and_gradient(X, y, [0.5, 0.5])
    assert isinstance(error, float)
    assert gradient.shape == (2,)
    assert intercept.shape == ()
    _, gradient, intercept = fallline.error_and_gradient(X, y[:, None], [[0.5], [0.5]])
    assert gradient.shape == (2, 1)
    assert intercept.shape == (1,)


USED_AS_THEY_LIE = [
    "rows",
    "columns",
    "read-only",
    "read-only columns",
    "memory map",
    "memory map of columns",
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", USED_AS_THEY_LIE)
@pytest.mark.parametrize("outputs", [1, 5])
def test_x_is_read_as_it_lies(dtype, layout, outputs, monkeypatch):
    monkeypatch.setattr("fallline.data._blocks.BLOCK_BYTES", 2**16)
    rng = np.random.default_rng(0)
    X = laid(rng.normal(size=(2**22 // 64 // np.dtype(dtype).itemsize, 64)), dtype, layout)
    y = np.zeros((len(X), outputs), dtype)
    source = ArraySource(X, y)
    assert source.n_blocks > 30
    assert all(np.shares_memory(block.records.X, X) for block in source.blocks())
    assert peak_of_a_pass(X, y) < X.nbytes / 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_csr_is_read_as_it_lies(dtype, index, monkeypatch):
    monkeypatch.setattr("fallline.data._blocks.BLOCK_BYTES", 2**16)
    X = csr(sparse.random_array((20_000, 300), density=0.1, rng=0, dtype=dtype, format="csr"), index)
    y = np.zeros(X.shape[0], dtype)
    source = ArraySource(X, y)
    assert source.n_blocks > 30
    assert all(np.shares_memory(block.records.X.data, X.data) for block in source.blocks())
    assert peak_of_a_pass(X, y) < X.data.nbytes / 4


def peak_of_a_pass(X, y):
    """The most memory that one pass holds, in bytes."""
    weights = np.zeros((X.shape[1], *y.shape[1:]))
    fallline.error_and_gradient(X[:2], y[:2], weights, activation="sigmoid", n_jobs=1)
    tracemalloc.start()
    try:
        fallline.error_and_gradient(X, y, weights, activation="sigmoid", n_jobs=1)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layout", ["rows", "columns", "csr"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("formula", ["exp(1000*h)", "1/(h - 1)"])
def test_what_is_not_finite_comes_out_without_a_warning(layout, dtype, formula):
    X, y = laid(np.tile(np.eye(3), (99, 1)), dtype, layout), np.ones(297)
    with small_blocks():
        assert ArraySource(X, y).n_blocks > 2
        error, gradient, _ = fallline.error_and_gradient(X, y, [1.0, 1.0, 1.0], activation=formula, n_jobs=2)
    assert error == np.inf
    assert not np.isfinite(gradient).any()


@pytest.mark.parametrize("numbers", ["y", "weights"])
def test_numbers_beyond_float32_come_out_without_a_warning(numbers):
    y, weights = (np.full(2, 1e300 if numbers == which else 1.0) for which in ("y", "weights"))
    error, _, _ = fallline.error_and_gradient(np.eye(2, dtype=np.float32), y, weights)
    assert not np.isfinite(error)


def test_free_names_are_refused():
    with pytest.raises(fallline.InputError, match="free names"):
        fallline.error_and_gradient(np.ones((1, 1)), [1.0], [1.0], activation="a*h")
