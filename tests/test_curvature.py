"""Error, gradient and Gauss–Newton matrix of a block in coordinates, against loops and the raw gradient."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, UNITS, laid, problems

from fallline import Activation
from fallline.data.sources._arrays import ArraySource
from fallline.descent._coordinates import find_coordinates
from fallline.execution.engines._threads import thread_engine
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._gradient import block_gradient
from fallline.maths._records import Layer, Records


def coordinates_of(X, s, scaling, fit_intercept, k):
    source = ArraySource(X, np.zeros((len(X), k)), s)
    return find_coordinates(source, thread_engine(1), scaling, fit_intercept, np.zeros(k))[0]


@settings(deadline=None)
@given(
    problem=problems(),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from(["rows", "columns", "view with gaps", "csr"]),
    unit=st.sampled_from(["identity", "tanh", "softplus", "72.46*sigmoid(h)"]),
    scaling=st.sampled_from(["none", "standard", "whiten"]),
    fit_intercept=st.booleans(),
)
def test_a_block_in_coordinates(problem, dtype, layout, unit, scaling, fit_intercept):
    X, y, weights, intercept, s = problem
    coordinates = coordinates_of(X, s, scaling, fit_intercept, y.shape[1])
    point = coordinates.unfold(weights, intercept * fit_intercept)
    v, c, _ = coordinates.split(point)
    layer = Layer(v, c, Activation(unit))
    records = Records(laid(X, dtype, layout), y, s)
    found = block_in_coordinates(
        records, coordinates.apply, layer, curvature=True, fit_intercept=fit_intercept
    )

    raw_weights, raw_intercept, _ = coordinates.fold(point)
    plain = block_gradient(Records(X, y, s), Layer(raw_weights, raw_intercept, layer.activation))
    assert found.error == pytest.approx(plain.error, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(found.mass, plain.mass, rtol=1e-9, atol=1e-9)
    gradient = coordinates.gradient(found.weights, found.intercept, found.theta)
    pulled = coordinates.pull(plain.weights, plain.intercept, plain.theta)
    np.testing.assert_allclose(gradient, pulled, rtol=0, atol=1e-9 * (1 + np.abs(plain.weights).max()))

    z = coordinates.apply(X)
    h = z @ layer.weights + layer.intercept
    columns = np.column_stack([z, np.ones(len(z))]) if fit_intercept else z
    assert found.curvature.shape == (y.shape[1], columns.shape[1], columns.shape[1])
    for j, matrix in enumerate(found.curvature):
        if columns.shape[1]:
            loops = reference.gauss_newton_matrix(
                columns.tolist(), h.tolist(), UNITS[unit][1], j, None if s is None else s.tolist()
            )
            np.testing.assert_allclose(matrix, loops, rtol=1e-9, atol=1e-9 * (1 + np.abs(loops).max()))

    without = block_in_coordinates(
        records, coordinates.apply, layer, curvature=False, fit_intercept=fit_intercept
    )
    assert without.curvature.size == 0
    np.testing.assert_array_equal(without.weights, found.weights)
    assert without.error == found.error


def test_the_matrix_is_the_hessian_where_nothing_is_left_over():
    """With y = f(h) the residual term is gone: the matrix is the slope of the gradient."""
    rng = np.random.default_rng(0)
    X, w, f = rng.normal(size=(700, 60)), rng.normal(size=(60, 1)) / 8, Activation("tanh")
    y = np.tanh(X @ w)

    def at(weights, curvature=False):
        layer = Layer(weights, np.zeros(1), f)
        return block_in_coordinates(
            Records(X, y, None), lambda x: x, layer, curvature=curvature, fit_intercept=False
        )

    matrix = at(w, curvature=True).curvature[0]
    direction = rng.normal(size=(60, 1))
    rise = at(w + 1e-5 * direction).weights - at(w - 1e-5 * direction).weights
    np.testing.assert_allclose(rise / 2e-5, matrix @ direction, rtol=1e-6)


def test_the_matrix_counts_free_parameters():
    """a = (f′ z, f′, ∂f/∂θ), and the intercept's entries are those of an input of ones."""
    rng = np.random.default_rng(1)
    X, s, f = (
        rng.normal(size=(50, 3)),
        rng.integers(0, 4, size=50) / 2,
        Activation("low + (top-low)*sigmoid(h)"),
    )
    v, c, theta = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(2, 2))
    y = rng.normal(size=(50, 2))
    found = block_in_coordinates(
        Records(X, y, s), lambda x: x, Layer(v, c, f, theta), curvature=True, fit_intercept=True
    )
    sigmoid = 1 / (1 + np.exp(-(X @ v + c)))
    low, top = (theta[f.parameters.index(name)] for name in ("low", "top"))
    slope = (top - low) * sigmoid * (1 - sigmoid)
    by_name = {"low": 1 - sigmoid, "top": sigmoid}
    residual = y - low - (top - low) * sigmoid
    for j in range(2):
        a = np.column_stack(
            [X * slope[:, j, None], slope[:, j], *(by_name[name][:, j] for name in f.parameters)]
        )
        np.testing.assert_allclose(found.curvature[j], a.T @ (a * s[:, None]), rtol=1e-12)
        gradient = [*found.weights[:, j], found.intercept[j], *found.theta[:, j]]
        np.testing.assert_allclose(gradient, -a.T @ (s * residual[:, j]), rtol=1e-10)
