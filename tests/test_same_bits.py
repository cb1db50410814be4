"""The same records give the same bits, whoever computes the blocks, in any order and from any place."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, LAYOUTS, NUMBERS, csr, laid, memory_map, problems, small_blocks
from threadpoolctl import threadpool_limits

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.execution._evaluate import evaluate, sum_over_blocks
from fallline.execution._reduction import Node
from fallline.execution.engines._threads import thread_engine
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._moments import block_moments
from fallline.maths._records import Layer

UNITS = st.sampled_from(["identity", "tanh", "exp", (np.tanh, lambda h: 1 - np.tanh(h) ** 2)])
MANY = problems(most=400, outputs=[1, 3, 6])


def bits(result):
    """A sum, or a tuple of numbers, as bytes."""
    fields = result if isinstance(result, tuple) else [getattr(result, name) for name in result.__slots__]
    return [np.asarray(field, dtype=np.float64).tobytes() for field in fields]


def spoilt(problem):
    """Numbers with digits to lose: sums of the drawn ones are exact in any order."""
    noise = np.sin(np.arange(problem.X.size)).reshape(problem.X.shape)
    return problem._replace(X=problem.X + noise / 3, weights=problem.weights / 7)


def gradient(X, problem, unit="tanh", n_jobs=None):
    return fallline.error_and_gradient(
        X, problem.y, problem.weights, intercept=problem.intercept, activation=unit,
        sample_weight=problem.sample_weight, n_jobs=n_jobs,
    )  # fmt: skip


@settings(deadline=None)
@given(MANY, st.sampled_from(NUMBERS), st.sampled_from(sorted(LAYOUTS)), UNITS)
def test_any_number_of_threads(problem, dtype, layout, unit):
    problem = spoilt(problem)
    X = laid(problem.X, dtype, layout)
    with small_blocks():
        expected = bits(gradient(X, problem, unit, n_jobs=1))
        for n_jobs in (2, 3, 4, None, -1):
            assert bits(gradient(X, problem, unit, n_jobs)) == expected


@settings(deadline=None)
@given(MANY, st.sampled_from(FLOATS), UNITS, st.sampled_from(["rows", "columns"]))
def test_many_blocks_are_one_block_to_rounding(problem, dtype, unit, layout):
    X = laid(problem.X, dtype, layout)
    whole = gradient(X, problem, unit)
    with small_blocks():
        in_blocks = gradient(X, problem, unit)
    digits = 1e-5 if dtype != np.float64 else 1e-13
    for one, many in zip(whole, in_blocks, strict=True):
        np.testing.assert_allclose(many, one, rtol=digits, atol=digits * (1 + whole[0]))


def any_engine(draw):
    """An engine that pre-adds aligned subtrees and hands them over in any order, as a cluster may."""

    def engine(task, source):
        sums = {Node(0, block.number): task(block) for block in source.blocks()}
        for level in range(len(sums).bit_length()):
            for left in [node for node in sums if node.level == level and node.number % 2 == 0]:
                right = Node(level, left.number + 1)
                if right in sums and draw(st.booleans()):
                    sums[Node(level + 1, left.number // 2)] = sums.pop(left) + sums.pop(right)
        return [(node, sums[node]) for node in draw(st.permutations(sorted(sums)))]

    return engine


@settings(deadline=None)
@given(
    data=st.data(),
    problem=MANY,
    layout=st.sampled_from(["rows", "columns", "csr"]),
    what=st.sampled_from(["gradient", "matrix", "moments"]),
)
def test_any_engine(data, problem, layout, what):
    problem = spoilt(problem)
    X = laid(problem.X, np.float64, layout)
    layer = Layer(problem.weights, problem.intercept, fallline.Activation("sigmoid"))
    with small_blocks():
        source = ArraySource(X, problem.y, problem.sample_weight)
        passes = {
            "gradient": lambda engine: evaluate(source, layer, engine),
            "matrix": lambda engine: sum_over_blocks(partial(matrices, layer=layer), source, engine),
            "moments": lambda engine: sum_over_blocks(moments, source, engine),
        }
        one_pass = passes[what]
        assert bits(one_pass(any_engine(data.draw))) == bits(one_pass(thread_engine(1)))


def matrices(block, layer):
    return block_in_coordinates(block.records, np.cos, layer, curvature=True, fit_intercept=True)


def moments(block):
    return block_moments(block.records.X, block.records.sample_weight, full=True)


@settings(deadline=None)
@given(MANY, st.sampled_from(FLOATS))
def test_any_place_of_rows(problem, dtype):
    problem = spoilt(problem)
    families = (
        ("rows", "read-only", "memory map", "rows backwards"),
        ("columns", "read-only columns", "memory map of columns"),
    )
    with small_blocks():
        for family in families:
            first, *others = (bits(gradient(laid(problem.X, dtype, layout), problem)) for layout in family)
            assert others == [first] * len(others)


def test_any_type_of_csr_indices():
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(999, 5)), rng.normal(size=999), rng.normal(size=5)
    with small_blocks():
        narrow, wide = (fallline.error_and_gradient(csr(X, index), y, w) for index in (np.int32, np.int64))
    assert bits(narrow) == bits(wide)


@pytest.mark.parametrize("outputs", [1, 20])
def test_large_blocks_and_any_limit_on_blas(outputs, monkeypatch):
    monkeypatch.setattr("fallline.data._blocks.BLOCK_BYTES", 2**20)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50_000, 24)).astype(np.float32)
    Y, W = rng.normal(size=(len(X), outputs)), rng.normal(size=(24, outputs))
    on_disk = memory_map(X)
    assert ArraySource(X, Y).n_blocks > 2
    expected = bits(fallline.error_and_gradient(X, Y, W, activation="sigmoid", n_jobs=1))
    for n_jobs, limit in ((1, 1), (2, 2), (3, None), (4, 1), (None, 2)):
        with threadpool_limits(limit, user_api="blas"):
            found = fallline.error_and_gradient(on_disk, Y, W, activation="sigmoid", n_jobs=n_jobs)
            assert bits(found) == expected


def test_a_pass_of_another_thread():
    """Products of this size come out of two BLAS threads with other bits than out of one."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(1000, 777)).astype(np.float32), rng.normal(size=(1000, 33))
    one_pass = partial(fallline.error_and_gradient, X, Y, rng.normal(size=(777, 33)) / 30, activation="tanh")
    expected = bits(one_pass())
    with ThreadPoolExecutor(1) as other:
        assert bits(other.submit(one_pass).result()) == expected


def test_passes_at_the_same_time():
    rng = np.random.default_rng(0)
    X, Y, W = rng.normal(size=(3000, 40)), rng.normal(size=(3000, 6)), rng.normal(size=(40, 6)) / 7
    with small_blocks(), ThreadPoolExecutor(6) as callers:
        assert ArraySource(X, Y).n_blocks > 20
        expected = bits(fallline.error_and_gradient(X, Y, W, activation="tanh", n_jobs=1))
        jobs = [1, 2, 3, 4, None] * 6
        futures = [
            callers.submit(fallline.error_and_gradient, X, Y, W, activation="tanh", n_jobs=n) for n in jobs
        ]
        assert all(bits(future.result()) == expected for future in futures)


def test_the_bits_of_the_tree_are_not_those_of_a_running_sum():
    """Otherwise the tests above would compare additions that are exact in any order."""
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(2000, 5)), rng.normal(size=2000), rng.normal(size=5)

    def running(task, source):
        first, *others = [task(block) for block in source.blocks()]
        return [(Node(0, 0), sum(others, start=first))]

    with small_blocks():
        source, layer = ArraySource(X, y), Layer(w[:, None], np.zeros(1), fallline.Activation("tanh"))
        assert bits(evaluate(source, layer, running)) != bits(evaluate(source, layer, thread_engine(1)))
