"""The thread engine: its threads, its failures, its neighbours."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from strategies import Text, small_blocks, tree
from threadpoolctl import threadpool_info, threadpool_limits

import fallline
from fallline.data._blocks import Block
from fallline.data.sources._arrays import ArraySource
from fallline.execution._evaluate import sum_over_blocks
from fallline.execution._reduction import fold_tree
from fallline.execution.engines._threads import thread_engine, usable_cores


@pytest.fixture
def source():
    """300 records in 10 blocks; each record's y is its number."""
    with small_blocks():
        return ArraySource(np.zeros((300, 8)), np.arange(300.0), np.ones(300))


def total(block):
    return block.records.y.sum()


class Threads:
    """A task that notes which threads ran it, and holds them until enough have come."""

    def __init__(self, expected):
        self.names = set()
        self.barrier = threading.Barrier(expected)

    def __call__(self, block):
        self.names.add(threading.current_thread().name)
        if block.number < self.barrier.parties:
            self.barrier.wait(timeout=20)
        return total(block)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_blocks_run_in_as_many_threads_as_asked(source, n_jobs):
    assert source.n_blocks > 6
    task = Threads(n_jobs)
    assert sum_over_blocks(task, source, thread_engine(n_jobs)) == 299 * 300 / 2
    assert len(task.names) == n_jobs


@pytest.mark.parametrize(
    ("n_jobs", "threads"),
    [(None, usable_cores()), (-1, usable_cores()), (-2, usable_cores() - 1), (-1000, 1)],
)
def test_counts_as_in_joblib(source, n_jobs, threads):
    expected = max(1, threads)
    if n_jobs is not None:
        assert expected == joblib.effective_n_jobs(n_jobs)
    task = Threads(min(expected, source.n_blocks))
    sum_over_blocks(task, source, thread_engine(n_jobs))
    assert len(task.names) == min(expected, source.n_blocks)


def test_no_threads_are_refused():
    with pytest.raises(fallline.InputError, match=r"n_jobs must be a number of threads.*0"):
        fallline.error_and_gradient(np.ones((2, 1)), [1.0, 2.0], [1.0], n_jobs=0)


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("bad", [0, 4, 9])
def test_a_failing_task_fails_the_pass(source, n_jobs, bad):
    def task(block):
        if block.number == bad:
            raise ZeroDivisionError(f"in block {bad}")
        return total(block)

    limits = blas_threads()
    with pytest.raises(ZeroDivisionError, match=f"in block {bad}"):
        sum_over_blocks(task, source, thread_engine(n_jobs))
    assert blas_threads() == limits
    assert sum_over_blocks(total, source, thread_engine(n_jobs)) == 299 * 300 / 2


def blas_threads():
    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_blas_has_one_thread_in_a_pass_and_its_own_number_after_it(source, n_jobs):
    def task(block):
        seen.append(set(blas_threads().values()))
        return total(block)

    seen = []
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        sum_over_blocks(task, source, thread_engine(n_jobs))
        assert blas_threads() == before
    assert set(before.values()) == {2}
    assert seen == [{1}] * source.n_blocks


def test_blas_has_one_thread_in_a_pass_of_any_thread(source):
    def task(block):
        seen.append(set(blas_threads().values()))
        return total(block)

    seen, before = [], blas_threads()
    sum_over_blocks(task, source, thread_engine(1))
    with ThreadPoolExecutor(1) as other:
        other.submit(sum_over_blocks, task, source, thread_engine(1)).result(timeout=60)
    assert seen == [{1}] * (2 * source.n_blocks)
    assert blas_threads() == before


def test_blas_has_one_thread_in_a_pass_while_another_thread_has_limits_of_its_own(source):
    def task(block):
        seen.append(set(blas_threads().values()))
        return total(block)

    seen = []
    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as other:
        other.submit(sum_over_blocks, task, source, thread_engine(1)).result(timeout=60)
        assert set(blas_threads().values()) == {2}
    assert seen == [{1}] * source.n_blocks


def test_blas_is_held_until_the_last_of_overlapping_passes_ends(source):
    def outer(block):
        if block.number == 0:
            waiting.append(other.submit(sum_over_blocks, inner, source, thread_engine(1)))
            assert inner_runs.wait(timeout=20)
        return total(block)

    def inner(block):
        inner_runs.set()
        assert outer_is_done.wait(timeout=20)
        seen.append(set(blas_threads().values()))
        return total(block)

    inner_runs, outer_is_done, seen, waiting = threading.Event(), threading.Event(), [], []
    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as other:
        sum_over_blocks(outer, source, thread_engine(1))
        outer_is_done.set()
        waiting[0].result(timeout=60)
        assert set(blas_threads().values()) == {2}
    assert seen == [{1}] * source.n_blocks


class Numbers:
    """A source of so many blocks, which notes how many were taken."""

    def __init__(self, n):
        self.n, self.taken = n, 0

    def blocks(self):
        for number in range(self.n):
            self.taken = number
            yield Block(number, None)


def name(block):
    return Text(block.number)


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 4, 7])
def test_threads_make_the_additions_of_the_tree(n_jobs):
    for n in (*range(1, 80), 255, 1000):
        assert fold_tree(thread_engine(n_jobs)(name, Numbers(n))) == tree(0, n)


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_block_is_taken_when_a_worker_is_free(n_jobs):
    source, done = Numbers(2_000), []

    def task(block):
        assert source.taken - len(done) <= n_jobs
        done.append(block.number)
        return name(block)

    list(thread_engine(n_jobs)(task, source))
    assert sorted(done) == [*range(2_000)]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_one_thread_inside_a_joblib_worker(backend):
    outside = usable_cores()
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(usable_cores)() for _ in range(2)) == [1, 1]
    assert usable_cores() == outside


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_threads(source):
    expected = sum_over_blocks(total, source, thread_engine(3))
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(0 if sum_over_blocks(Threads(3), source, thread_engine(3)) == expected else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
