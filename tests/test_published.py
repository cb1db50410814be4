"""Defaults, raw data, known optima: nothing tuned by hand."""

import numpy as np
import pytest
from published import REAL
from scipy import sparse

import fallline

CLOSED = ("norris", "longley", "danwood", "rat42", "diabetes", "linnerud")
DTYPES = {
    "float32": np.float32,
    "float32 columns": lambda X: np.asfortranarray(X, dtype=np.float32),
    "float64 columns": np.asfortranarray,
    "CSR": sparse.csr_array,
    "float32 CSR": lambda X: sparse.csr_array(X.astype(np.float32)),
    "lists": np.ndarray.tolist,
}


def point(network):
    """Return intercept and weights as the sets give them."""
    rows = network.weights if network.weights.ndim == 2 else network.weights[:, None]
    return np.vstack([np.atleast_1d(network.intercept), rows]).reshape(-1, *network.weights.shape[1:])


def sse(X, y, network):
    return np.sum((y - network.predict(X)) ** 2)


@pytest.mark.parametrize("name", REAL)
def test_data_and_answers_belong_together(name):
    X, y, activation, least, optimum = REAL[name]
    at_optimum = fallline.SingleLayer(optimum[1:], optimum[0], activation)
    assert sse(X, y, at_optimum) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("method", ["auto", "gauss-newton", "lbfgs"])
@pytest.mark.parametrize("name", REAL)
def test_twenty_passes_reach_the_optimum(name, method):
    X, y, activation, least, _ = REAL[name]
    run = fallline.train(X, y, activation=activation, method=method)
    reached = 2 * run.history["error"] <= least * (1 + 1e-6)
    assert run.stop.is_converged
    assert run.history["passes"][reached][0] <= 20
    assert sse(X, y, run.network) == pytest.approx(2 * run.state.error, rel=1e-9)


@pytest.mark.parametrize("method", ["gauss-newton", "lbfgs"])
@pytest.mark.parametrize("name", REAL)
def test_the_weights_are_those_published(name, method):
    X, y, activation, _, optimum = REAL[name]
    run = fallline.train(X, y, activation=activation, method=method, tol=1e-15)
    np.testing.assert_allclose(point(run.network), optimum, rtol=1e-8 if name in CLOSED else 3e-6)


@pytest.mark.parametrize("lies", DTYPES)
@pytest.mark.parametrize("name", REAL)
def test_the_optimum_does_not_depend_on_how_the_inputs_lie(name, lies):
    X, y, activation, least, _ = REAL[name]
    run = fallline.train(DTYPES[lies](X), y, activation=activation)
    assert run.stop.is_converged
    assert sse(X, y, run.network) <= least * (1 + (2e-5 if "32" in lies else 1e-6))


@pytest.mark.parametrize("name", REAL)
def test_plain_descent_in_whitened_inputs_gets_there_too(name):
    X, y, activation, least, _ = REAL[name]
    run = fallline.train(X, y, activation=activation, method="plain")
    assert sse(X, y, run.network) <= least * (1 + 1e-6)
    assert run.stop.is_converged


@pytest.mark.parametrize("name", ["norris", "longley", "diabetes", "linnerud"])
def test_a_record_counts_as_often_as_its_weight_says(name):
    X, y, _, _, _ = REAL[name]
    s = np.arange(len(X)) % 4
    weighted = fallline.train(X, y, sample_weight=s)
    repeated = fallline.train(np.repeat(X, s, axis=0), np.repeat(y, s, axis=0))
    np.testing.assert_allclose(point(weighted.network), point(repeated.network), rtol=1e-7)
    assert weighted.state.error == pytest.approx(repeated.state.error, rel=1e-10)
    assert weighted.baseline_error == pytest.approx(repeated.baseline_error, rel=1e-10)
