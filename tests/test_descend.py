"""The stream of states against the rule written as loops."""

from itertools import islice, pairwise, permutations, product

import numpy as np
import pytest
import reference
from strategies import DENSE, SPARSE, UNITS, small_blocks

import fallline
from fallline.data.sources._arrays import ArraySource
from fallline.execution.engines._threads import thread_engine


def epoch(
    problem, w, b, name, rate, batch_size=11, order=range(11), *, reduction="mean", fit_intercept=False
):
    """Return w, b and the error met on the way after an epoch in loops."""
    X, y, s = problem
    mean_weight = s.mean() if reduction == "mean" else None
    w, b, met = reference.epoch(
        X, y, w, b, *UNITS[name], list(order), batch_size, rate, mean_weight, fit_intercept, s
    )
    return np.array(w), np.array(b), met


def drawn(n=11, d=3, k=1, weighted=True):
    """Records (X, y, s) whose targets suit every unit, weights (d, k) and intercepts (k,)."""
    rng = np.random.default_rng(0)
    s = rng.integers(1, 4, size=n) * (np.arange(n) != 2) if weighted else np.ones(n)
    problem = rng.normal(size=(n, d)), rng.uniform(0.1, 0.9, size=(n, k)), s
    return problem, rng.normal(size=(d, k)), rng.normal(size=k)


def first_states(count, problem, w, b, **settings):
    X, y, s = problem
    start = {"initial_weights": w, "initial_intercept": b.tolist()}
    return islice(fallline.descend(X, y, sample_weight=s, **start, **settings), count)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("name", "k"), [("identity", 1), ("sigmoid", 3), ("tanh", 6)])
def test_full_batch_is_the_rule(name, k, reduction, fit_intercept, weighted):
    problem, w, b = drawn(k=k, weighted=weighted)
    settings = {"reduction": reduction, "fit_intercept": fit_intercept}
    states = first_states(25, problem, w, b, activation=name, learning_rate=0.03, **settings)
    for step, state in enumerate(states):
        E, gradient, intercept_gradient = reference.error_and_gradient(
            *problem[:2], w, b, *UNITS[name], problem[2]
        )
        slope = np.append(gradient, np.array(intercept_gradient) * fit_intercept)
        assert (state.step, state.passes) == (step, step + 1)
        assert (state.weights.shape, state.intercept.shape) == (w.shape, b.shape)
        np.testing.assert_allclose(state.weights, w, rtol=1e-10)
        np.testing.assert_allclose(state.intercept, b, rtol=1e-10)
        np.testing.assert_allclose(state.error, E, rtol=1e-12)
        np.testing.assert_allclose(state.gradient_norm, np.linalg.norm(slope), rtol=1e-8)
        assert state.learning_rate == 0.03 or step == 0
        w, b, _ = epoch(problem, w, b, name, 0.03, **settings)


def test_one_output_has_the_shapes_of_y():
    (X, y, _), w, _ = drawn()
    state = next(fallline.descend(X, y[:, 0], initial_weights=w[:, 0], initial_intercept=0.5))
    assert (state.weights.shape, np.shape(state.intercept)) == ((3,), ())


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_an_initial_intercept_may_be_an_array(fit_intercept):
    (X, y, _), w, b = drawn(k=2)
    state = next(fallline.descend(X, y, initial_weights=w, initial_intercept=b, fit_intercept=fit_intercept))
    np.testing.assert_array_equal(state.intercept, b)


TOLERANCES = {"float16": 1e-5, "float32": 1e-5, "float64": 1e-9}
LAYOUTS = [
    *product(["rows", "columns", "csr"], ["float32", "float64"]),
    ("rows backwards", "float64"), ("memory map", "float64"), ("csr in pieces", "float64"),
    ("csc", "float64"), ("lists", "float64"), ("rows", "float16"), ("columns", "float16"),
]  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 4, 11, 500])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("layout", "dtype"), LAYOUTS)
def test_batches_in_order_are_the_rule(layout, dtype, reduction, batch_size):
    (X, *rest), w, b = drawn(k=2)
    X = X.astype(np.float16)
    problem, tolerance = (X.astype(float), *rest), TOLERANCES[dtype]
    as_it_lies = (DENSE | SPARSE)[layout](X.astype(dtype))
    settings = {"reduction": reduction, "fit_intercept": True}
    states = first_states(
        4, (as_it_lies, *rest), w, b, activation="sigmoid", learning_rate=0.2, batch_size=batch_size,
        shuffle=False, **settings,
    )  # fmt: skip
    met = np.nan
    for number, state in enumerate(states):
        assert state.step == number * -(-11 // batch_size)
        np.testing.assert_allclose(state.weights, w, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(state.intercept, b, rtol=tolerance, atol=tolerance)
        E = reference.error_and_gradient(*problem[:2], w, b, *UNITS["sigmoid"], problem[2])[0]
        np.testing.assert_allclose(state.error, E, rtol=10 * tolerance)
        np.testing.assert_allclose(state.progressive_error, met, rtol=10 * tolerance)
        w, b, met = epoch(problem, w, b, "sigmoid", 0.2, batch_size, **settings)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_a_pair_of_functions_descends_like_the_name(batch_size):
    pair = (np.tanh, lambda h: 1 - np.tanh(h) ** 2)
    settings = {"learning_rate": 0.1, "batch_size": batch_size, "shuffle": False}
    named, paired = (first_states(5, *drawn(k=2), activation=f, **settings) for f in ("tanh", pair))
    for one, other in zip(named, paired, strict=True):
        np.testing.assert_allclose(one.weights, other.weights, rtol=1e-12)


def test_a_fixed_intercept_stays_in_batches():
    problem, w, b = drawn(k=2)
    *_, last = first_states(3, problem, w, b, learning_rate=0.1, batch_size=2, shuffle=False)
    for _ in range(2):
        w, b, _ = epoch(problem, w, b, "identity", 0.1, 2)
    np.testing.assert_allclose(last.weights, w, rtol=1e-10)
    np.testing.assert_array_equal(last.intercept, b)


def visited(before, after):
    """Read the order of eight records off one weight: with x = 1 and η = 0.9 each leaves its y as a digit."""
    digits = (after - before * 0.1**8) / 0.9
    return [int(digit) for digit in f"{digits * 10**7:.0f}".zfill(8)][::-1]


def shuffled_orders(seed, epochs=6):
    settings = {"learning_rate": 0.9, "batch_size": 1, "initial_weights": [0.0], "random_state": seed}
    states = fallline.descend(np.ones((8, 1)), np.arange(8.0), **settings)
    weights = [float(state.weights[0]) for state in islice(states, epochs + 1)]
    return [visited(*pair) for pair in pairwise(weights)]


def test_every_epoch_visits_every_record_once_in_a_new_order():
    orders = shuffled_orders(seed=1)
    assert [sorted(order) for order in orders] == [list(range(8))] * 6
    assert len({tuple(order) for order in orders}) == 6


def test_seeds_set_the_order():
    assert shuffled_orders(seed=5) == shuffled_orders(seed=5) != shuffled_orders(seed=6)
    assert shuffled_orders(seed=None) == shuffled_orders(seed=None)
    assert shuffled_orders(seed=np.random.default_rng(5)) == shuffled_orders(seed=5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_shuffled_batches_are_the_rule_in_some_order(reduction):
    problem, w, b = drawn(n=5)
    settings = {"learning_rate": 0.3, "reduction": reduction}
    _, first = first_states(2, problem, w, b, batch_size=2, **settings)

    def gap(order):
        by_hand = epoch(problem, w, b, "identity", 0.3, 2, order, reduction=reduction)
        return np.abs(by_hand[0] - first.weights).max()

    assert min(map(gap, permutations(range(5)))) < 1e-12
    assert gap(range(5)) > 1e-6


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.parametrize("shuffle", [False, True])
def test_many_blocks_are_visited_completely(shuffle, batch_size):
    """Record i moves weight i alone, half of the way to its target: once, neither less nor more."""
    n, settings = 300, {"learning_rate": 0.5, "reduction": "sum", "initial_weights": np.zeros(300)}
    with small_blocks():
        states = fallline.descend(
            np.eye(n), np.arange(n), batch_size=batch_size, shuffle=shuffle, evaluate=False, **settings
        )
        _, state = islice(states, 2)
    np.testing.assert_array_equal(state.weights, np.arange(n) / 2)
    assert state.step == -(-n // batch_size)


@pytest.mark.parametrize("batch_size", [None, 30])
@pytest.mark.parametrize("scaling", ["none", "whiten"])
def test_seeded_runs_repeat_bit_for_bit(batch_size, scaling):
    (X, y, _), _, _ = drawn(n=300, d=5, k=2)

    def bits(seed):
        settings = {"activation": "tanh", "learning_rate": 0.1, "initial_weights": "random"}
        states = fallline.descend(X, y, random_state=seed, batch_size=batch_size, scaling=scaling, **settings)
        return [(s.weights.tobytes(), s.error) for s in islice(states, 4)]

    assert bits(3) == bits(3)
    assert bits(3)[-1] != bits(4)[-1]


def standardised(X, s, fit_intercept):
    centre = np.average(X, axis=0, weights=s) if fit_intercept else np.zeros(X.shape[1])
    return centre, np.diag(np.average((X - centre) ** 2, axis=0, weights=s) ** -0.5)


def whitened(X, s, fit_intercept):
    """Whiten by Cholesky: plain descent does not see how whitened inputs are turned."""
    centre = np.average(X, axis=0, weights=s) if fit_intercept else np.zeros(X.shape[1])
    spread = (X - centre).T @ ((X - centre) * s[:, None]) / s.sum()
    return centre, np.linalg.inv(np.linalg.cholesky(spread)).T


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("scaling", "by_hand"), [("standard", standardised), ("whiten", whitened)])
def test_scaled_descent_is_the_rule_in_those_coordinates(scaling, by_hand, fit_intercept, batch_size):
    (X, y, s), w, b = drawn(k=2)
    X, w = X * [1e3, 1.0, 1e-2] + [5e3, 0.0, 1.0], w / [[2e4], [20.0], [0.2]]
    b = b if fit_intercept else np.zeros(2)
    settings = {
        "scaling": scaling,
        "batch_size": batch_size,
        "shuffle": False,
        "fit_intercept": fit_intercept,
    }
    states = first_states(8, (X, y, s), w, b, activation="tanh", learning_rate=0.3, **settings)
    centre, T = by_hand(X, s, fit_intercept)
    Z, v, c = (X - centre) @ T, np.linalg.solve(T, w), b + centre @ w
    for state in states:
        np.testing.assert_allclose(state.weights, T @ v, rtol=1e-7)
        np.testing.assert_allclose(X @ state.weights + state.intercept, Z @ v + c, rtol=1e-7, atol=1e-9)
        E, gradient, intercept_gradient = reference.error_and_gradient(Z, y, v, c, *UNITS["tanh"], s)
        slope = np.append(gradient, np.array(intercept_gradient) * fit_intercept)
        np.testing.assert_allclose(state.error, E, rtol=1e-9)
        np.testing.assert_allclose(state.gradient_norm, np.linalg.norm(slope), rtol=1e-6)
        v, c, _ = epoch((Z, y, s), v, c, "tanh", 0.3, batch_size or 11, fit_intercept=fit_intercept)


class CountedSource(ArraySource):
    """Records in blocks of seven that count how often they are read."""

    reads = 0

    def __init__(self, X, y, whole=None):
        super().__init__(X, y)
        self.rows, self.whole = 7, whole or self

    @property
    def passes(self):
        return self.reads / len(self.y)

    def blocks(self, start=0):
        for block in super().blocks(start):
            self.whole.reads += len(block.records.y)
            yield block

    def raise_for_bad_values(self):
        self.whole.reads += len(self.y)
        super().raise_for_bad_values()

    def in_batches(self, batch_size):
        return CountedSource(self.X, self.y, self.whole)


ASKED = [
    {}, {"learning_rate": 0.1}, {"learning_rate": fallline.InverseScaling(0.1)}, {"learning_rate": "armijo"},
    {"activation": "exp"}, {"method": "momentum"}, {"method": "nesterov"}, {"method": "lbfgs"},
    {"method": "gauss-newton"}, {"method": "auto"}, {"batch_size": 7}, {"batch_size": 7, "method": "adam"},
    {"batch_size": 7, "method": "momentum"}, {"batch_size": 1, "learning_rate": 0.1, "shuffle": False},
    {"batch_size": 1, "learning_rate": "normalised"}, {"batch_size": 7, "evaluate": False},
    {"batch_size": 1, "learning_rate": "importance-aware", "activation": "identity"},
    {"alpha": 0.1}, {"activation": "top*sigmoid(h)", "method": "lbfgs"},
    {"activation": "top*sigmoid(h)", "batch_size": 7},
]  # fmt: skip


@pytest.mark.parametrize("scaling", ["none", "standard", "whiten", "auto"])
@pytest.mark.parametrize("asked", ASKED, ids=str)
@pytest.mark.parametrize("collinear", [False, True])
def test_passes_are_the_reads_that_were_made(collinear, asked, scaling):
    (X, y, _), _, _ = drawn(n=56)
    if collinear:
        X[:, 2] = X[:, 0] - X[:, 1]
    source = CountedSource(X, y)
    settings = {"activation": "tanh", "fit_intercept": True, "scaling": scaling, "n_jobs": 1, **asked}
    for state in islice(fallline.descend(source, **settings), 5):
        assert state.passes == source.passes - 1  # the first reading is of y alone


@pytest.mark.parametrize("method", ["plain", "nesterov"])
def test_power_iterations_are_passes(method):
    """With more than a thousand inputs λmax takes reads of its own."""
    X = np.random.default_rng(0).normal(size=(56, 1100))
    source = CountedSource(X, X[:, :1])
    for state in islice(fallline.descend(source, method=method, n_jobs=1), 3):
        assert state.passes == source.passes - 1
    assert state.passes > 3 + 1


def test_every_full_pass_goes_through_the_engine():
    calls = []

    def engine(task, source):
        calls.append(source)
        return thread_engine(1)(task, source)

    (X, y, _), _, _ = drawn()
    states = fallline.descend(X, y, activation="tanh", scaling="whiten", method="lbfgs", engine=engine)
    assert [state.passes for state in islice(states, 4)][-1] == len(calls)


def test_without_evaluation_an_epoch_is_one_pass_and_the_error_unknown():
    settings = {"learning_rate": 0.1, "batch_size": 3, "activation": "tanh"}
    blind = list(first_states(4, *drawn(), evaluate=False, **settings))
    seeing = list(first_states(4, *drawn(), **settings))
    assert [state.passes for state in blind] == [0, 1, 2, 3]
    assert [state.passes for state in seeing] == [1, 3, 5, 7]
    assert np.isnan([[state.error, state.gradient_norm] for state in blind]).all()
    for one, other in zip(blind, seeing, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    assert [s.progressive_error for s in blind[1:]] == [s.progressive_error for s in seeing[1:]]


@pytest.mark.parametrize("settings", [{"learning_rate": 0.5}, {}, {"batch_size": 1}, {"scaling": "whiten"}])
def test_the_plain_stream_does_not_end_at_the_bottom(settings):
    states = fallline.descend([[1.0], [2.0]], [2.0, 4.0], reduction="mean", **settings)
    *_, last = islice(states, 2000)
    assert last.weights[0] == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize(
    "settings", [{"method": "lbfgs"}, {"method": "gauss-newton"}, {"activation": "exp", "scaling": "whiten"}]
)
def test_a_search_ends_where_nothing_lowers_the_error(settings):
    (X, y, _), _, _ = drawn(n=40)
    *_, last = islice(fallline.descend(X, y[:, 0], fit_intercept=True, **settings), 5000)
    assert last.step < 4000
    activation = settings.get("activation", "identity")
    for way in np.vstack([np.eye(3), -np.eye(3)]) * 1e-5:
        moved = last.weights + way
        there = fallline.error_and_gradient(
            X, y[:, 0], moved, intercept=last.intercept, activation=activation
        )
        assert there[0] >= last.error


def test_start_without_intercept_is_small_and_seeded():
    (X, y, _), _, _ = drawn(d=50)
    start, again, other = (next(fallline.descend(X, y, random_state=seed)).weights for seed in (1, 1, 2))
    np.testing.assert_array_equal(start, again)
    assert (start != other).all()
    assert 0 < np.abs(start).max() < 0.1


def test_random_weights_have_variance_one_over_inputs():
    X, y = np.zeros((2, 5000)), [0.0, 1.0]
    states = fallline.descend(X, y, initial_weights="random", random_state=7, learning_rate=0.1)
    w = next(states).weights
    assert abs(w.mean()) < 4 / 5000
    assert w.std() * 5000**0.5 == pytest.approx(1.0, abs=0.04)


INVERSES = {
    "identity": lambda m: m, "sigmoid": lambda m: np.log(m / (1 - m)), "tanh": np.arctanh, "exp": np.log,
    "softplus": lambda m: np.log(np.expm1(m)), "2*sigmoid(h) - 1": lambda m: np.log((1 + m) / (1 - m)),
}  # fmt: skip


@pytest.mark.parametrize("name", INVERSES)
def test_start_with_intercept_is_the_weighted_mean(name):
    (X, y, s), _, _ = drawn(k=2)
    start = next(fallline.descend(X, y, activation=name, fit_intercept=True, sample_weight=s))
    mean = np.average(y, axis=0, weights=s)
    np.testing.assert_allclose(start.intercept, INVERSES[name](mean), rtol=1e-9)
    assert start.weights.shape == (3, 2)
    assert not start.weights.any()
    assert start.error == pytest.approx(0.5 * np.sum(s[:, None] * (y - mean) ** 2))


def test_states_are_snapshots():
    (X, y, _), w, _ = drawn()
    before = w.copy()
    states = fallline.descend(X, y, initial_weights=w, learning_rate=0.1)
    first = next(states)
    kept = first.weights.copy()
    next(states)
    np.testing.assert_array_equal(first.weights, kept)
    np.testing.assert_array_equal(w, before)
