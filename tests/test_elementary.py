"""The functions that formulas call when compiled, against the same in more digits."""

import numba
import numpy as np
import pytest

from fallline.maths.activations._elementary import elementary

WIDE = np.longdouble
EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(WIDE(0), x),
}
LIMITS = {
    "exp": (0.0, 1.0, np.inf),
    "expm1": (-1.0, 0.0, np.inf),
    "tanh": (-1.0, 0.0, 1.0),
    "sigmoid": (0.0, 0.5, 1.0),
    "softplus": (0.0, np.log(2), np.inf),
}


def values(name, x):
    function = elementary(x.dtype.type)[list(EXACT).index(name)]

    @numba.njit
    def each(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    y = np.empty_like(x)
    each(x, y)
    return y


@pytest.mark.skipif(np.finfo(WIDE).eps == np.finfo(float).eps, reason="no wider type to compare with")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_within_five_units_in_the_last_place(name, dtype):
    far, tiny = (87, 1e-30) if dtype is np.float32 else (700, 1e-300)
    near_zero = np.geomspace(tiny, 1, 20_000)
    x = np.concatenate([np.linspace(-far, far, 100_001), np.linspace(-3, 3, 100_001), near_zero, -near_zero])
    x = x.astype(dtype)
    exact = EXACT[name](x.astype(WIDE))
    ulp = np.spacing(np.maximum(np.abs(exact), np.finfo(dtype).tiny).astype(dtype))
    assert np.max(np.abs(values(name, x) - exact) / ulp) <= 5.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_far_out_and_where_there_is_no_number(name, dtype):
    below, middle, above = LIMITS[name]
    x = np.array([np.nan, -np.inf, -1e30, -1000, 0.0, -0.0, 1000, 1e30, np.inf], dtype)
    expected = [np.nan, below, below, below, middle, middle, above, above, above]
    if name == "softplus":
        expected[6:8] = x[6:8]
    np.testing.assert_allclose(values(name, x), np.array(expected, dtype), rtol=4 * np.finfo(dtype).eps)
