"""The tree of additions, made visible by adding strings; and the cut into blocks."""

import gc
import weakref
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, Text, laid, memory_map, small_blocks, tree

from fallline.data._blocks import BLOCK_BYTES
from fallline.data.sources._arrays import ArraySource
from fallline.execution._reduction import Node, fold_tree
from fallline.maths._partial import Partial


def leaves(n):
    return [(Node(0, i), Text(i)) for i in range(n)]


def test_the_tree_of_seven_blocks():
    assert fold_tree(leaves(7)) == "(((0 1) (2 3)) ((4 5) 6))"


@pytest.mark.parametrize("n", range(1, 70))
def test_blocks_in_order(n):
    assert fold_tree(leaves(n)) == tree(0, n)


@given(st.integers(1, 200).flatmap(lambda n: st.permutations(leaves(n))))
def test_blocks_in_any_order(nodes):
    assert fold_tree(nodes) == tree(0, len(nodes))


@given(st.data(), st.integers(1, 200))
def test_aligned_subtrees_in_any_order(data, n):
    def subtrees(level, number):
        first, stop = number << level, (number + 1) << level
        if first >= n:
            return []
        if level == 0 or (stop <= n and data.draw(st.booleans())):
            return [(Node(level, number), Text(tree(first, stop)))]
        return subtrees(level - 1, 2 * number) + subtrees(level - 1, 2 * number + 1)

    nodes = subtrees(n.bit_length(), 0)
    assert fold_tree(data.draw(st.permutations(nodes))) == tree(0, n)


def test_sums_in_order_wait_on_a_path_of_the_tree_only():
    living = weakref.WeakSet()

    class Counted:
        def __init__(self):
            living.add(self)

        def __add__(self, other):
            return Counted()

    def sums():
        for i in range(1000):
            yield Node(0, i), Counted()
            most.append(len(living))

    most = []
    gc.collect()
    fold_tree(sums())
    assert max(most) <= 14


numbers = st.integers(-9, 9).map(float)


@st.composite
def partials(draw):
    shapes = [(), (3, 2), (2,), (1,), (2,), (2, 4, 4)]
    return Partial(*(draw(numbers) + np.arange(np.prod(s, dtype=int)).reshape(s) for s in shapes))


@given(partials(), partials())
def test_partials_add_field_by_field(one, other):
    total = one + other
    for field in fields(Partial):
        np.testing.assert_array_equal(
            getattr(total, field.name), getattr(one, field.name) + getattr(other, field.name)
        )


def test_a_partial_is_finite_if_all_of_it_is():
    zero = Partial.zero(2, 1)
    assert zero.is_finite
    assert not replace(zero, error=np.inf).is_finite
    for field in fields(Partial)[1:]:
        assert not replace(zero, **{field.name: np.array([0.0, np.nan])}).is_finite


sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000)).filter(lambda dk: dk[0] * dk[1] < 1e5)


@settings(deadline=None)
@given(sizes, st.sampled_from(FLOATS), st.integers(1, 50), st.sampled_from(["rows", "columns", "memory map"]))
def test_the_cut_depends_on_width_outputs_and_dtype_only(size, dtype, n, layout):
    d, k = size
    rows = ArraySource(np.zeros((1, d), dtype), np.zeros((1, k))).rows
    other = ArraySource(laid(np.ones((n, d)), dtype, layout), np.ones((n, k)), np.ones(n))
    assert other.rows == rows
    assert rows * d * np.dtype(dtype).itemsize >= max(BLOCK_BYTES, 16 * 8 * k * (d + 1))


def test_blocks_hold_every_record_once_and_in_order():
    X = memory_map(np.arange(2000.0).reshape(-1, 2))
    y, s = X[:, 0] + 1, X[:, 0] + 2
    with small_blocks():
        source = ArraySource(X, y, s)
    assert source.n_blocks > 3
    for start in range(source.n_blocks + 1):
        blocks = list(source.blocks(start))
        assert [block.number for block in blocks] == [*range(start, source.n_blocks)]
        first = start * source.rows
        for column, part in ((X, "X"), (y[:, None], "y"), (s, "sample_weight")):
            parts = [getattr(block.records, part) for block in blocks]
            np.testing.assert_array_equal(np.concatenate([column[:0], *parts]), column[first:])


def test_a_cut_into_batches_splits_none():
    source = ArraySource(np.zeros((100, 20)), np.zeros(100))
    for size in (1, 7, 999):
        in_batches = source.in_batches(size)
        assert in_batches.rows % size == 0
        assert 0 <= in_batches.rows - source.rows < size
