"""Rates: the largest eigenvalue they rest on, those chosen by "auto", and the searches that find one."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import laid, small_blocks

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.descent import _rates as rates
from fallline.descent._coordinates import COLLINEAR, find_coordinates
from fallline.descent._objective import Evaluation
from fallline.descent._schedules import Fixed
from fallline.descent._search import HALVINGS, Halving, Path, Scheduled
from fallline.execution.engines._threads import thread_engine

seeds = st.integers(0, 10**6)


def eigenvalue_and_passes(X, s, scaling, fit_intercept):
    """Return λmax by the package, the passes it says it took and those it took, and λmax by eigvalsh."""
    reads, threads = [], thread_engine(2)

    def engine(task, source):
        reads.append(source)
        return threads(task, source)

    source = ArraySource(X, np.zeros(X.shape[0]), s)
    coordinates, before = find_coordinates(source, engine, scaling, fit_intercept, np.zeros(1))
    found, passes = rates.largest_eigenvalue(source, engine, coordinates)
    z = coordinates.apply(X if isinstance(X, np.ndarray) else X.toarray())
    z = np.column_stack([z, np.ones(len(z))]) if fit_intercept else z
    exact = np.linalg.eigvalsh(z.T @ (z if s is None else z * s[:, None]))[-1]
    return found, passes, len(reads) - before, exact


def random_inputs(rng, n, d, far):
    decay = 10.0 ** (-rng.uniform(0, 3) * np.arange(min(n, d)) / d)
    return (rng.normal(size=(n, min(n, d))) * decay) @ rng.normal(size=(min(n, d), d)) + far


@settings(deadline=None)
@given(
    seed=seeds, n=st.integers(1, 50), d=st.integers(1, 12), far=st.sampled_from([0.0, 1.0, 100.0]),
    scaling=st.sampled_from(["none", "standard", "whiten"]), fit_intercept=st.booleans(),
    weighted=st.booleans(), layout=st.sampled_from(["rows", "columns", "csr"]),
)  # fmt: skip
def test_the_largest_eigenvalue_of_few_inputs_is_exact(
    seed, n, d, far, scaling, fit_intercept, weighted, layout
):
    rng = np.random.default_rng(seed)
    X, s = random_inputs(rng, n, d, far), rng.uniform(0, 2, size=n) if weighted else None
    with small_blocks():
        found, passes, counted, exact = eigenvalue_and_passes(
            laid(X, np.float64, layout), s, scaling, fit_intercept
        )
    # Whitening from the products XᵀX is exact to eps over the smallest share of an eigenvalue it is done at.
    digits = np.finfo(np.float64).eps / COLLINEAR if scaling == "whiten" else 1e-9
    assert found == pytest.approx(exact, rel=digits, abs=1e-300)
    assert passes == counted == 1


@settings(deadline=None, max_examples=60)
@given(
    seed=seeds, n=st.integers(1, 60), d=st.integers(5, 40), far=st.sampled_from([0.0, 0.3, 10.0]),
    fit_intercept=st.booleans(), weighted=st.booleans(), layout=st.sampled_from(["rows", "columns", "csr"]),
    scaling=st.sampled_from(["none", "standard"]),
)  # fmt: skip
def test_power_iteration_is_close_and_seldom_too_small(
    seed, n, d, far, fit_intercept, weighted, layout, scaling
):
    """Spectra flat and steep: never more than 1 % below, nor more than 20 % above."""
    rng = np.random.default_rng(seed)
    X, s = random_inputs(rng, n, d, far), rng.uniform(0.1, 2, size=n) if weighted else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates, "FULL_FEATURES", 0)
        found, passes, counted, exact = eigenvalue_and_passes(
            laid(X, np.float64, layout), s, scaling, fit_intercept
        )
    assert 0.99 * exact <= found <= 1.2 * exact
    assert passes == counted <= 20


@pytest.mark.parametrize("layout", ["rows", "csr"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("n", "share"), [(1500, 1.0), (300, 0.02)])
def test_more_than_1024_inputs_take_few_passes(layout, fit_intercept, n, share):
    """Noise has the flattest of spectra: its largest eigenvalues lie close together."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 1100)) * (rng.random((n, 1100)) < share)
    found, passes, counted, exact = eigenvalue_and_passes(
        laid(X, np.float64, layout), None, "none", fit_intercept
    )
    assert found == pytest.approx(exact, rel=0.05)
    assert passes == counted <= 20
    limit = fallline.largest_stable_rate(laid(X, np.float64, layout), fit_intercept=fit_intercept)
    assert limit == pytest.approx(2 * n / exact, rel=0.05)


def test_bad_values_are_named_in_the_power_iteration():
    X = np.ones((3, 1100))
    X[1, 7] = np.nan
    with pytest.raises(fallline.InputError, match=r"row 1.*column 7"):
        fallline.largest_stable_rate(X)


def first_rate(X, y, **asked):
    _, first = islice(fallline.descend(X, y, **asked), 2)
    return first.learning_rate


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["plain", "momentum", "nesterov"])
@pytest.mark.parametrize("unit", ["identity", "sigmoid"])
def test_auto_is_half_of_the_limit(method, unit, reduction):
    rng = np.random.default_rng(0)
    X, y, s = rng.normal(size=(30, 3)), rng.random((30, 2)), rng.uniform(0.5, 2, size=30)
    asked = {"activation": unit, "reduction": reduction, "fit_intercept": True, "alpha": 0.2}
    limit = fallline.largest_stable_rate(X, y, sample_weight=s, **asked)
    assert first_rate(X, y, method=method, sample_weight=s, **asked) == pytest.approx(limit / 2, rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 8, 1000])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("scaling", ["none", "standard", "whiten"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_auto_in_batches_is_a_third_of_the_bound_of_widrow(batch_size, reduction, scaling, fit_intercept):
    """1 / (3 c mean ‖z‖²), for sums divided by the records of a batch."""
    rng = np.random.default_rng(0)
    X, y, s = rng.normal(size=(30, 3)) * [1, 5, 20] + 2, rng.random(30), rng.uniform(0.5, 2, size=30)
    source = ArraySource(X, y, s)
    coordinates, _ = find_coordinates(source, thread_engine(1), scaling, fit_intercept, np.zeros(1))
    squares = np.average(np.sum(coordinates.apply(X) ** 2, axis=1) + fit_intercept, weights=s)
    terms = 1 if reduction == "mean" else min(batch_size, 30)
    asked = {"scaling": scaling, "fit_intercept": fit_intercept, "reduction": reduction, "sample_weight": s}
    found = first_rate(X, y, batch_size=batch_size, **asked)
    assert found == pytest.approx(1 / (3 * squares * terms), rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 50])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["plain", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("unit", ["identity", "sigmoid", "exp"])
def test_auto_in_batches_descends(unit, method, reduction, batch_size):
    rng = np.random.default_rng(3)
    X, s = rng.normal(size=(200, 5)) * [1, 2, 3, 1, 2], rng.uniform(0.5, 2, size=200)
    y = fallline.Activation(unit).value(X @ [0.1, -0.2, 0.1, 0.3, 0.0] + 0.3) + rng.normal(size=200) / 50
    states = fallline.descend(
        X, y, activation=unit, method=method, reduction=reduction, batch_size=batch_size,
        fit_intercept=True, sample_weight=s,
    )  # fmt: skip
    errors = [state.error for state in islice(states, 60)]
    assert errors[-1] < 0.8 * errors[0]


@pytest.mark.parametrize("unit", ["identity", "exp", "tanh"])
def test_armijo_lowers_the_error_at_every_step_and_counts_its_reads(unit):
    rng = np.random.default_rng(0)
    X, y, reads, threads = rng.normal(size=(50, 4)) * [1, 3, 9, 0.1], rng.random(50), [], thread_engine(1)

    def engine(task, source):
        reads.append(task)
        return threads(task, source)

    states = fallline.descend(
        X, y, activation=unit, learning_rate="armijo", fit_intercept=True, engine=engine
    )
    seen = []
    for state in islice(states, 60):
        seen.append(state)
        assert state.passes == len(reads)
    assert all(after.error < before.error for before, after in pairwise(seen))
    for before, after in pairwise(seen):
        promised = 1e-4 * after.learning_rate / 50 * before.gradient_norm**2
        assert before.error - after.error >= promised * (1 - 1e-9)


def evaluation(gradient, point, error=1.0):
    nothing = np.zeros(0)
    return Evaluation(point, error, 0.0, gradient, 0.0, nothing, nothing)


def state_of(rate):
    return fallline.State(1, 1, np.zeros(3), 0.0, 1.0, 1.0, rate)


@settings(deadline=None)
@given(
    seed=seeds,
    first=st.floats(1e-3, 1e3),
    growth=st.floats(1.0, 4.0) | st.just(np.inf),
    most=st.just(np.inf) | st.floats(1e-3, 1e3),
    last=st.just(np.nan) | st.floats(1e-3, 1e3),
)
def test_halving_takes_the_first_trial_that_armijo_allows(seed, first, growth, most, last):
    assume(np.isfinite(growth) or np.isfinite(most))
    rng = np.random.default_rng(seed)
    root, point = rng.normal(size=(3, 3)), rng.normal(size=3)
    hessian = root @ root.T + 0.1 * np.eye(3)
    gradient, rates = hessian @ point, []
    direction = -gradient * rng.uniform(0.5, 2.0, size=3)

    def error(at):
        return float(at @ hessian @ at) / 2

    def where(rate):
        rates.append(rate)
        return point + rate * direction

    def evaluate(at):
        return evaluation(hessian @ at, point=at, error=error(at))

    search = Halving(first, growth, most)
    path = Path(where, evaluate, lambda at: float(gradient @ (at - point)), error(point))
    move = search(path, search.first_rate(state_of(last)))
    begin = first if np.isnan(last) else min(growth * last, most)
    assert rates == [begin / 2.0**trial for trial in range(len(rates))]
    assert (move.passes, move.rate) == (len(rates), rates[-1])
    np.testing.assert_array_equal(move.evaluation.point, point + move.rate * direction)

    def allowed(rate):
        moved = point + rate * direction
        return error(moved) <= error(point) + 1e-4 * gradient @ (moved - point)

    assert [allowed(rate) for rate in rates] == [False] * (len(rates) - 1) + [True]


@pytest.mark.parametrize("error", [np.inf, 2.0, 1.0])
def test_halving_gives_up_where_nothing_lowers_the_error(error):
    trials = []

    def evaluate(at):
        trials.append(at)
        return evaluation(-np.ones(1), point=at, error=error)

    path = Path(lambda rate: np.full(1, rate), evaluate, lambda at: -float(at[0]), 1.0)
    assert Halving()(path, 1.0) == HALVINGS
    assert len(trials) == HALVINGS


def test_halving_does_not_stand_still():
    """Where a step is lost in rounding, E is 'not higher': that is no move."""
    path = Path(lambda rate: np.full(1, 1e20) + rate, lambda at: evaluation(at, at), lambda at: 0.0, 1.0)
    assert Halving()(path, 1.0) == HALVINGS


def test_a_schedule_goes_wherever_it_leads():
    search = Scheduled(Fixed(0.5))
    path = Path(
        lambda rate: np.ones(1) + rate * 4.0,
        lambda at: evaluation(-np.ones(1), point=at, error=np.inf),
        lambda at: -1.0,
        1.0,
    )
    move = search(path, search.first_rate(state_of(np.nan)))
    assert (move.rate, move.evaluation.point[0], move.evaluation.error, move.passes) == (0.5, 3.0, np.inf, 1)
