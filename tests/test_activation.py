"""Every name against its definition, compiled code against NumPy, slopes against differences."""

import copy
import ctypes
import math
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import config

from fallline._errors import FormulaError, InputError
from fallline.maths.activations import _compiled
from fallline.maths.activations._activation import Activation
from fallline.maths.activations._formula import NAMED


def sigmoid(h):
    return 1 / (1 + math.exp(-h)) if h > -700 else 0.0


DEFINITIONS = {
    "identity": (lambda h: h, lambda h: 1),
    "sigmoid": (sigmoid, lambda h: sigmoid(h) * sigmoid(-h)),
    "tanh": (math.tanh, lambda h: 1 / math.cosh(h) ** 2),
    "softplus": (lambda h: math.log1p(math.exp(h)), sigmoid),
    "relu": (lambda h: max(h, 0), lambda h: float(h > 0)),
    "leaky_relu": (lambda h: h if h > 0 else 0.01 * h, lambda h: 1 if h > 0 else 0.01),
    "elu": (lambda h: h if h > 0 else math.exp(h) - 1, lambda h: min(math.exp(h), 1)),
    "silu": (lambda h: h * sigmoid(h), lambda h: sigmoid(h) * (1 + h * sigmoid(-h))),
    "gelu": (
        lambda h: h * math.erfc(-h / math.sqrt(2)) / 2,
        lambda h: math.erfc(-h / math.sqrt(2)) / 2 + h * math.exp(-h * h / 2) / math.sqrt(2 * math.pi),
    ),
    "softsign": (lambda h: h / (1 + abs(h)), lambda h: (1 + abs(h)) ** -2),
    "arctan": (math.atan, lambda h: 1 / (1 + h * h)),
    "exp": (math.exp, math.exp),
    "reciprocal": (lambda h: 1 / h, lambda h: -1 / h**2),
    "sin": (math.sin, math.cos),
    "gaussian": (lambda h: math.exp(-h * h), lambda h: -2 * h * math.exp(-h * h)),
    "72.46*sigmoid(h)": (lambda h: 72.46 * sigmoid(h), lambda h: 72.46 * sigmoid(h) * sigmoid(-h)),
    "72.46*relu(h)": (lambda h: 72.46 * max(h, 0), lambda h: 72.46 * (h > 0)),
    "h/(1 + abs(h))": (lambda h: h / (1 + abs(h)), lambda h: (1 + abs(h)) ** -2),
    "2.5*sigmoid(h) - 1": (lambda h: 2.5 * sigmoid(h) - 1, lambda h: 2.5 * sigmoid(h) * sigmoid(-h)),
    "1/(1 + exp(-h))": (sigmoid, lambda h: sigmoid(h) * sigmoid(-h)),
    "h**3 - 2*h**-2": (lambda h: h**3 - 2 / h**2, lambda h: 3 * h**2 + 4 / h**3),
    "2**h": (lambda h: 2**h, lambda h: 2**h * math.log(2)),
    "(1 + h**2)**0.3": (lambda h: (1 + h * h) ** 0.3, lambda h: 0.6 * h * (1 + h * h) ** -0.7),
    "min(max(h, -1), 1)": (lambda h: min(max(h, -1), 1), lambda h: float(-1 < h < 1)),
    "log(1 + h**2)/pi": (lambda h: math.log(1 + h * h) / math.pi, lambda h: 2 * h / (1 + h * h) / math.pi),
    "where(h > 1, sqrt(abs(h)), e*h)": (
        lambda h: math.sqrt(h) if h > 1 else math.e * h,
        lambda h: 0.5 / math.sqrt(h) if h > 1 else math.e,
    ),
}
BOUNDED_OR_LINEAR = sorted(set(NAMED) - {"exp", "reciprocal"})
POINTS = np.array([-7.3, -2.1, -0.6, -0.013, 0.011, 0.37, 0.9, 1.7, 3.3, 8.2])
LEARNED = "bottom + (top - bottom)*sigmoid(k*h)"


@pytest.fixture(autouse=True, scope="module")
def cache_folder(tmp_path_factory):
    before, config.CACHE_DIR = config.CACHE_DIR, str(tmp_path_factory.mktemp("numba"))
    yield
    config.CACHE_DIR = before


def compiled_pair(activation, h, theta=()):
    """Value and slopes from the C function at the address."""
    pointers = (ctypes.c_void_p,) * 4
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(activation.address(h.dtype))
    theta = np.array(theta, h.dtype)
    value, slopes = np.empty_like(h), np.empty((1 + len(theta), *h.shape), h.dtype)
    function(h.size, *(a.ctypes.data for a in (h, theta, value, slopes)))
    return value, slopes


@pytest.mark.parametrize("spec", DEFINITIONS)
def test_value_and_slope_are_the_definition(spec):
    f, slope = DEFINITIONS[spec]
    activation = Activation(spec)
    np.testing.assert_allclose(activation.value(POINTS), [f(h) for h in POINTS], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(activation.slope(POINTS), [slope(h) for h in POINTS], rtol=1e-11, atol=1e-15)
    for h in POINTS[:2]:
        assert activation.value(h) == activation.value(POINTS)[list(POINTS).index(h)]
        assert np.ndim(activation.slope(h)) == 0


@pytest.mark.parametrize("spec", DEFINITIONS)
def test_slopes_are_central_differences(spec):
    activation, step = Activation(spec), 1e-5
    above, below = POINTS + step, POINTS - step
    rise = (activation.value(above) - activation.value(below)) / (2 * step)
    bend = (activation.slope(above) - activation.slope(below)) / (2 * step)
    np.testing.assert_allclose(activation.slope(POINTS), rise, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(activation.second_slope(POINTS), bend, rtol=1e-5, atol=1e-8)


def test_every_name_has_a_definition_here():
    assert set(NAMED) <= set(DEFINITIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDED_OR_LINEAR)
def test_finite_up_to_ten_thousand(name, dtype):
    h = np.concatenate([np.linspace(-1e4, 1e4, 20_001), np.linspace(-120, 120, 24_001)]).astype(dtype)
    activation = Activation(name)
    for value, slopes in (activation.pair(h), compiled_pair(activation, h)):
        assert value.dtype == slopes.dtype == dtype
        assert np.isfinite(value).all()
        assert np.isfinite(slopes).all()
        assert np.abs(value).max() <= 1.01e4
        assert np.abs(slopes).max() < 1.2
    assert np.isfinite(activation.second_slope(h)).all()


@pytest.mark.parametrize("name", NAMED)
def test_infinities_and_nan_pass_without_a_warning(name):
    h = np.array([-np.inf, -1e4, 0.0, 1e4, np.inf, np.nan])
    value, slopes = Activation(name).pair(h)
    assert np.isnan(value[-1])
    assert np.isfinite(value[1:4]).all() == (name not in ("exp", "reciprocal"))
    fast_value, fast_slopes = compiled_pair(Activation(name), h)
    np.testing.assert_allclose(fast_value, value, rtol=1e-14)
    np.testing.assert_allclose(fast_slopes, slopes, rtol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 2e-6)])
@pytest.mark.parametrize("spec", [*DEFINITIONS, LEARNED, "a*h**b + sinh(h/9)*cos(h)"])
def test_compiled_code_is_numpy_s(spec, dtype, tolerance):
    h = np.linspace(0.01, 9, 1_003) * np.tile([1, -1, 1], 1_003)[:1_003]
    activation = Activation(spec)
    theta = [0.7, 2.3, 1.1][: len(activation.parameters)]
    expected = activation.pair(h.astype(dtype), theta)
    for fast, slow in zip(compiled_pair(activation, h.astype(dtype), theta), expected, strict=True):
        assert fast.dtype == slow.dtype == dtype
        scale = np.nanmax(np.abs(slow))
        np.testing.assert_allclose(fast, slow, rtol=tolerance, atol=tolerance * scale)


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.floats(-5, 5, width=32), st.floats(0.125, 3, width=32))
def test_compiled_code_writes_n_numbers_a_row(n, bottom, k):
    h = np.linspace(-3, 3, n)
    value, slopes = compiled_pair(Activation(LEARNED), h, [bottom, 1.5, k])
    expected_value, expected_slopes = Activation(LEARNED).pair(h, [bottom, 1.5, k])
    np.testing.assert_allclose(value, expected_value, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-13, atol=1e-13)


def test_parameters_and_their_slopes():
    activation = Activation(LEARNED)
    assert activation.parameters == ("bottom", "top", "k")
    theta = np.array([1.0, 5.0, 0.8])
    value, slopes = activation.pair(POINTS, theta)
    np.testing.assert_array_equal(value, activation.value(POINTS, bottom=1, top=5, k=0.8))
    np.testing.assert_array_equal(slopes[0], activation.slope(POINTS, bottom=1, top=5, k=0.8))
    for i in range(3):
        step = 1e-6 * np.eye(3)[i]
        rise = activation.pair(POINTS, theta + step)[0] - activation.pair(POINTS, theta - step)[0]
        np.testing.assert_allclose(slopes[1 + i], rise / 2e-6, rtol=1e-6, atol=1e-9)
    assert Activation("a*h + b*h**2").second_slope([1.0], [3.0, 4.0]) == [8]


def test_parameters_given_wrongly():
    with pytest.raises(InputError, match=r"needs a value for top; add top="):
        Activation("bottom + top*h").value(1.0, bottom=2)
    with pytest.raises(InputError, match=r"has no parameter topp; it has top"):
        Activation("top*h").slope(1.0, top=1, topp=2)
    with pytest.raises(InputError, match=r"one number for each of its 1 parameters, not shape \(2,\)"):
        Activation("top*h").pair([1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="not shape"):
        Activation("top*h").value(1.0, top=[1, 2])
    with pytest.raises(InputError, match="real numbers"):
        Activation("sin").value(1j)
    with pytest.raises(InputError, match="real numbers"):
        Activation("sin").value(["one"])


def test_dtype_and_shape_are_kept():
    activation = Activation("0.1*h + 1e-3*sigmoid(h)*top")
    for given_type, found in ((np.float16, np.float32), (np.float32, np.float32), (np.int8, np.float64)):
        h = np.ones((2, 3, 1), given_type)
        assert activation.value(h, top=2).dtype == activation.slope(h, top=2.0).dtype == found
        assert activation.pair(h, np.array([2.0]))[1].shape == (2, 2, 3, 1)
    assert activation.value(np.float32(1), top=1).dtype == np.float32
    assert activation.value(np.empty((0, 3)), top=1).shape == (0, 3)


def test_results_are_the_caller_s_own():
    h = np.ones(3)
    value, slopes = Activation("identity").pair(h)
    value += 1
    slopes += 1
    assert h.tolist() == [1, 1, 1]


def test_a_pair_of_functions():
    def f(h):
        return h**3

    activation = Activation((f, lambda h: 3 * h**2))
    value, slopes = activation.pair(np.array([1.0, 2.0]))
    assert value.tolist() == [1, 8]
    assert slopes.tolist() == [[3, 12]]
    np.testing.assert_allclose(activation.second_slope([1.0, -2.0]), [6, -12], rtol=1e-8)
    assert activation.value(2) == 8
    assert (activation.name, activation.formula, activation.latex, activation.slope_latex) == (
        "f",
        None,
        None,
        None,
    )
    assert activation.parameters == ()
    assert not activation.can_compile
    assert Activation((np.tanh, np.cos)).range == (-1, 1)
    with pytest.raises(InputError, match="f is a pair of functions and cannot be compiled"):
        activation.address(np.float64)


@pytest.mark.parametrize("wrong", [lambda h: 1.0, lambda h: h[:1], lambda h: h + 1j, lambda h: "x"])
def test_functions_that_return_something_else(wrong):
    with pytest.raises(InputError, match="the function slope of the activation sin returned"):
        Activation((np.sin, wrong)).pair(np.ones(3))
    with pytest.raises(InputError, match="the function f of the activation"):
        Activation((wrong, np.sin)).pair(np.ones(3))


@pytest.mark.parametrize("spec", [None, 3, ("sin", "cos"), (np.sin,), (np.sin, np.cos, np.tan), b"sin", {}])
def test_other_things_are_no_activation(spec):
    with pytest.raises(InputError, match="a name, a formula in h or a pair of functions"):
        Activation(spec)


def test_a_misspelt_name():
    with pytest.raises(FormulaError, match="unknown activation sigmod; did you mean sigmoid"):
        Activation("sigmod")


def test_equality_and_hash():
    assert Activation("relu") == Activation("max(0,  h)") == Activation(Activation("relu"))
    assert len({Activation("silu"), Activation("h*sigmoid(h)"), Activation(" silu ")}) == 1
    assert Activation("tanh") != Activation("sin")
    assert Activation("a*h") != Activation("b*h")
    assert Activation("tanh") != "tanh"
    pair = (np.sin, np.cos)
    assert Activation(pair) == Activation(list(pair))
    assert Activation(pair) != Activation((np.sin, np.tan))
    assert hash(Activation(pair)) == hash(Activation(pair))


def test_immutable_copied_and_pickled():
    for spec in ("sigmoid", LEARNED, (np.sin, np.cos)):
        activation = Activation(spec)
        activation.range  # noqa: B018 - fills a cache that a copy may leave out
        for twin in (
            pickle.loads(pickle.dumps(activation)),
            copy.deepcopy(activation),
            copy.copy(activation),
        ):
            assert twin == activation
            assert twin.name == activation.name
        with pytest.raises(AttributeError):
            activation.spec = "tanh"


def test_labels():
    activation = Activation("2.50*sigmoid( h )-1")
    assert activation.name == activation.formula == "2.5 * sigmoid(h) - 1"
    assert repr(activation) == "Activation('2.50*sigmoid( h )-1')"
    assert (Activation("relu").name, Activation("relu").formula) == ("relu", "max(h, 0)")


@pytest.mark.parametrize(
    ("spec", "low", "high"),
    [
        ("identity", -math.inf, math.inf),
        ("sigmoid", 0, 1),
        ("tanh", -1, 1),
        ("softplus", 0, math.inf),
        ("relu", 0, math.inf),
        ("leaky_relu", -math.inf, math.inf),
        ("elu", -1, math.inf),
        ("silu", -0.278464542761074, math.inf),
        ("gelu", -0.169971207479904, math.inf),
        ("softsign", -1, 1),
        ("arctan", -math.pi / 2, math.pi / 2),
        ("exp", 0, math.inf),
        ("reciprocal", -math.inf, math.inf),
        ("sin", -1, 1),
        ("gaussian", 0, 1),
        ("2.5*sigmoid(h) - 1", -1, 1.5),
        ("3*sin(h + 1)", -3, 3),
        ("h**2", 0, math.inf),
        ("log(h)*0 + sqrt(h)/(1 + sqrt(h))", 0, 1),
        ("a*tanh(h)", -math.inf, math.inf),
        ("sqrt(-1 - h**2)", -math.inf, math.inf),
    ],
)
def test_range(spec, low, high):
    assert Activation(spec).range == pytest.approx((low, high), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("spec", "f", "slope"),
    [
        ("identity", "h", "1"),
        ("sigmoid", r"\frac{1}{1 + e^{- h}}", r"\sigma(h) \left(1 - \sigma(h)\right)"),
        ("tanh", r"\tanh{\left(h \right)}", r"1 - \tanh^{2}{\left(h \right)}"),
        ("softplus", r"\ln{\left(1 + e^{h} \right)}", r"\sigma(h)"),
        (
            "relu",
            r"\max\left(h, 0\right)",
            r"\begin{cases} 0 & \text{if } h \leq 0 \\ 1 & \text{otherwise} \end{cases}",
        ),
        (
            "elu",
            r"\begin{cases} h & \text{if } h > 0 \\ e^{h} - 1 & \text{otherwise} \end{cases}",
            r"\begin{cases} 1 & \text{if } h > 0 \\ e^{h} & \text{otherwise} \end{cases}",
        ),
        ("silu", r"\frac{h}{1 + e^{- h}}", r"h \sigma(h) \left(1 - \sigma(h)\right) + \sigma(h)"),
        ("softsign", r"\frac{h}{1 + \left|{h}\right|}", r"\frac{1}{\left(1 + \left|{h}\right|\right)^{2}}"),
        ("arctan", r"\arctan{\left(h \right)}", r"\frac{1}{1 + h^{2}}"),
        ("reciprocal", r"\frac{1}{h}", r"- \frac{1}{h^{2}}"),
        ("gaussian", r"e^{- h^{2}}", r"- 2 h e^{- h^{2}}"),
        ("72.46*sigmoid(h)", r"\frac{72.46}{1 + e^{- h}}", r"72.46 \sigma(h) \left(1 - \sigma(h)\right)"),
        ("2**h + h/pi", r"2^{h} + \frac{h}{\pi}", r"2^{h} \ln{\left(2 \right)} + \frac{1}{\pi}"),
        ("h**(1/3)", r"\sqrt[3]{h}", r"\frac{1}{3 h^{\frac{2}{3}}}"),
        ("theta_1*h + size", r"h \theta_{1} + \mathrm{size}", r"\theta_{1}"),
        (
            "sigmoid(h)**2",
            r"\frac{1}{\left(1 + e^{- h}\right)^{2}}",
            r"2 \sigma(h)^{2} \left(1 - \sigma(h)\right)",
        ),
        ("+".join(f"sin({i}*h)**{i}" for i in range(1, 40)), "f(h)", "f'(h)"),
        ("((2*h)**100)**100", "f(h)", "f'(h)"),
    ],
)
def test_latex(spec, f, slope):
    activation = Activation(spec)
    assert activation.latex == f
    assert activation.slope_latex == slope


def test_latex_of_gelu_has_exact_roots():
    activation = Activation("gelu")
    assert r"\operatorname{erf}{\left(\frac{\sqrt{2} h}{2} \right)}" in activation.latex
    assert r"\frac{\sqrt{2} h e^{- \frac{h^{2}}{2}}}{2 \sqrt{\pi}}" in activation.slope_latex


def test_address_is_refused_for_other_types():
    with pytest.raises(InputError, match="compiled for float32 and float64, not float16"):
        Activation("tanh").address(np.float16)


def test_threads_get_one_function():
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(Activation("sin(h)*0.123").address(np.float64)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


HITS = """
import sys
import numpy as np
from fallline.maths.activations._activation import Activation
from fallline.maths.activations._compiled import compiled
for spec in sys.argv[1:]:
    activation = Activation(spec)
    activation.address(np.float32)
    print(compiled(activation._rule.with_slopes, "float32").cache_hits, end="")
assert "sympy" not in sys.modules
"""


def start(folder, *specs):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", HITS, *specs]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def hits(process):
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    return out


def test_compiled_code_is_read_back_by_other_processes(tmp_path):
    at_the_same_time = [start(tmp_path, "sin", "cos(h)") for _ in range(2)]
    assert all(len(hits(process)) == 2 for process in at_the_same_time)
    assert hits(start(tmp_path, "cos(h)", "sin", "h/3")) == "110"


def test_a_cache_that_cannot_be_used_is_done_without(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert hits(start(blocked, "sin")) == "0"
    assert hits(start(tmp_path, "sin")) == "0"
    for file in tmp_path.rglob("*.nb[ci]"):
        file.write_bytes(b"damaged")
    assert hits(start(tmp_path, "sin")) == "0"


def test_functions_read_back_from_two_processes_stay_apart(tmp_path):
    """Both were the first function of their process, which is what Numba numbers symbols by."""
    hits(start(tmp_path, "h + 0.25"))
    hits(start(tmp_path, "h + 0.75"))
    code = (
        "import ctypes, numpy as np\n"
        "from fallline.maths.activations._activation import Activation\n"
        "for spec in ('h + 0.25', 'h + 0.75'):\n"
        "    h, value, slopes = np.zeros((3, 1), np.float32)\n"
        "    address = Activation(spec).address(np.float32)\n"
        "    f = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p]*4)(address)\n"
        "    f(1, *(a.ctypes.data for a in (h, h, value, slopes)))\n"
        "    print(value[0], end=' ')\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True) == "0.25 0.75 "


def test_the_cache_folder_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _compiled._cache_folder() == tmp_path / "fallline" / "activations"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _compiled._cache_folder() == tmp_path / ".cache" / "fallline" / "activations"
