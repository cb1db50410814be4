"""Error, gradient and Gauss–Newton matrix of a block in coordinates, against loops and the raw gradient."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FLOATS, UNITS, laid, problems

from fallline import Activation
from fallline.descent._coordinates import from_moments, raw
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._gradient import block_gradient
from fallline.maths._moments import block_moments
from fallline.maths._records import Layer, Records


def coordinates_of(X, s, scaling, fit_intercept, k):
    if scaling == "none":
        return raw(X.shape[1], fit_intercept, np.zeros(k))
    return from_moments(scaling, block_moments(X, s, full=True), fit_intercept, np.zeros(k))


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
    layer = Layer(*coordinates.split(point), Activation(unit))
    records = Records(laid(X, dtype, layout), y, s)
    found = block_in_coordinates(
        records, coordinates.apply, layer, curvature=True, fit_intercept=fit_intercept
    )

    plain = block_gradient(Records(X, y, s), Layer(*coordinates.fold(point), layer.activation))
    assert found.error == pytest.approx(plain.error, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(found.mass, plain.mass, rtol=1e-9, atol=1e-9)
    gradient = coordinates.join(found.weights, found.intercept)
    pulled = coordinates.pull(plain.weights, plain.intercept)
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
