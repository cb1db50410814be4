"""Model files: the same network comes back, or one error says why not."""

import ast
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import model_files as files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mutations import mutated

import fallline
from fallline import InputError, ModelFileError
from fallline.maths.network._signature import Column, Signature

NETWORKS = files.networks()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
TEXT = ANY_TEXT.filter(lambda text: json.loads(json.dumps(text)) == text)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def bits(network):
    weights, intercept = np.asarray(network.weights), np.asarray(network.intercept)
    return weights.shape, weights.tobytes(), intercept.shape, intercept.tobytes()


def parameter_bits(network):
    values = {name: (type(value), np.asarray(value)) for name, value in network.parameters.items()}
    return {name: (kind, value.dtype, value.tobytes()) for name, (kind, value) in values.items()}


def file_of(network, folder):
    path = Path(folder) / "model.safetensors"
    network.save(path)
    return path.read_bytes()


def assert_same(loaded, network):
    assert type(loaded) is fallline.SingleLayer
    assert bits(loaded) == bits(network)
    assert parameter_bits(loaded) == parameter_bits(network)
    assert list(loaded.parameters) == list(loaded.activation.parameters)
    assert loaded.activation == network.activation
    assert loaded.signature == network.signature
    assert json.dumps(loaded.training, sort_keys=True) == json.dumps(network.training, sort_keys=True)


FORMULAS = ["identity", "tanh", "1/h", " 2*h  -max(h, 1e-7)", "where(h > 0, h, 0)"]
FORMULAS += ["top*sigmoid(h)", "b + (a - b)*tanh(Größe*h)"]
ENDS = st.lists(FINITE, min_size=2, max_size=2, unique_by=lambda x: x + 0.0).map(sorted).map(tuple)


@st.composite
def columns(draw, n_numbers):
    """Columns that stand for so many numbers."""
    found = []
    while n_numbers:
        n = draw(st.integers(1, n_numbers))
        categories = draw(st.lists(TEXT, min_size=n, max_size=n)) if n > 1 or draw(st.booleans()) else []
        kind = "category" if categories else draw(st.sampled_from(["number", "boolean"]))
        found.append(Column(draw(TEXT), kind, tuple(categories)))
        n_numbers -= n
    return tuple(found)


@st.composite
def networks(draw):
    d, k = draw(st.integers(1, 5)), draw(st.none() | st.integers(1, 4))
    weights = draw(arrays.arrays(np.float64, (d,) if k is None else (d, k), elements=FINITE))
    intercept = draw(FINITE if k is None else arrays.arrays(np.float64, (k,), elements=FINITE))
    targets = tuple(Column(draw(TEXT)) for _ in range(k or 1))
    signature = Signature(draw(columns(d)), targets, draw(ENDS))
    activation = draw(st.sampled_from(FORMULAS))
    value = FINITE if k is None else FINITE | arrays.arrays(np.float64, (k,), elements=FINITE)
    return fallline.SingleLayer(
        weights,
        intercept,
        activation,
        parameters={name: draw(value) for name in fallline.Activation(activation).parameters},
        signature=draw(st.none() | st.just(signature)),
        training=draw(st.dictionaries(TEXT, JSON, max_size=4)),
    )


# What comes back


@given(networks())
def test_a_network_comes_back_to_the_last_bit(network):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        network.save(path)
        loaded = fallline.load(str(path))
        assert_same(loaded, network)
        X = np.linspace(-2.0, 3.0, 4 * len(network.weights)).reshape(4, -1)
        with np.errstate(all="ignore"):
            assert loaded.predict(X).tobytes() == network.predict(X).tobytes()
        assert file_of(loaded, folder) == path.read_bytes() == file_of(network, folder)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_says_what_it_holds(name, tmp_path):
    network, file = NETWORKS[name], file_of(NETWORKS[name], tmp_path)
    content = files.content(file)
    shape, numbers, intercept_shape, intercept = bits(network)
    assert files.tensor(file, "weights") == (shape, numbers)
    assert files.tensor(file, "intercept") == (intercept_shape, intercept)
    assert content["format"] == 1
    parameters = {name: np.asarray(value).tolist() for name, value in network.parameters.items()}
    assert json.dumps(content["parameters"], sort_keys=True) == json.dumps(parameters, sort_keys=True)
    assert content["activation"] == network.activation.spec
    assert content["versions"] == {"fallline": fallline.__version__, "numpy": np.__version__}
    assert (content["inputs"] is None) == (network.signature is None)
    assert files.sealed(file) == file
    header, _ = files.parts(file)
    assert set(header) == {"__metadata__", "intercept", "weights"}
    assert set(header["__metadata__"]) == {"fallline"}


def test_columns_in_fortran_order_are_kept(tmp_path):
    network = fallline.SingleLayer(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    network.save(tmp_path / "model")
    np.testing.assert_array_equal(fallline.load(tmp_path / "model").weights, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2), (1, 1), (1,)])
def test_a_small_network_comes_back(shape, tmp_path):
    network = fallline.SingleLayer(np.ones(shape))
    network.save(tmp_path / "model")
    assert_same(fallline.load(tmp_path / "model"), network)


def test_a_trained_network_comes_back(tmp_path):
    network = fallline.train([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).network
    network.save(tmp_path / "model")
    assert_same(fallline.load(tmp_path / "model"), network)


def test_a_long_formula_comes_back(tmp_path):
    network = fallline.SingleLayer([1.0], activation="+".join(["h*1e15"] * 90))
    assert len(network.activation.formula) > 2000  # more than is read
    network.save(tmp_path / "model")
    assert_same(fallline.load(tmp_path / "model"), network)


def test_learned_parameters_stand_in_the_description(tmp_path):
    file = file_of(NETWORKS["learned"], tmp_path)
    text = files.parts(file)[0]["__metadata__"]["fallline"]
    assert '"parameters":{"bottom":-0.0,"top":[72.46,0.3333333333333333],"\\u03b1":[5e-324,1e+300]}' in text
    header, _ = files.parts(file)
    assert set(header) == {"__metadata__", "intercept", "weights"}


@given(st.lists(FINITE, min_size=1, max_size=4), st.permutations(["a", "b"]))
def test_the_same_parameters_give_the_same_bytes(values, order):
    parameters = {"a": values[0], "b": values}
    weights = np.ones((2, len(values)))
    first, second = (
        fallline.SingleLayer(weights, 0.0, "a*h + b", parameters={name: given[name] for name in names})
        for given, names in ((parameters, "ab"), (parameters | {"b": np.array(values)}, order))
    )
    with tempfile.TemporaryDirectory() as folder:
        assert file_of(first, folder) == file_of(second, folder)


def test_what_json_does_not_have_becomes_null_or_plain(tmp_path):
    training = {"a": math.nan, "b": np.float32(0.5), "c": (math.inf, np.int64(3)), "d": {"e": -np.inf}}
    fallline.SingleLayer([1.0], training=training).save(tmp_path / "model")
    assert fallline.load(tmp_path / "model").training == {
        "a": None,
        "b": 0.5,
        "c": [None, 3],
        "d": {"e": None},
    }


def test_every_process_writes_the_same_bytes(tmp_path):
    code = "import sys, model_files\nmodel_files.networks()[sys.argv[1]].save(sys.argv[2])"
    for seed in "12":
        command = [sys.executable, "-c", code, "odd names", str(tmp_path / seed)]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parent)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert (tmp_path / "1").read_bytes() == file_of(NETWORKS["odd names"], tmp_path)


def test_a_file_of_version_1_loads():
    loaded = fallline.load(files.VERSION_1)
    expected = files.network_of_version_1()
    assert bits(loaded) == bits(expected)
    assert loaded.activation == fallline.Activation("0.5 + 0.5*tanh(h)")
    assert loaded.parameters == {}
    assert loaded.signature == expected.signature
    assert loaded.classes == ("rye", "oat", "дуб")
    assert loaded.input_names[2:] == ('soil "type"=clay', 'soil "type"=Sänd\\', 'soil "type"=sha256')
    assert loaded.training == expected.training | {"baseline_error": None}
    assert loaded.classify([[0.0, 0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, -1.0]]).tolist() == ["oat", "дуб"]


def test_a_file_of_version_1_is_still_written_so(tmp_path):
    kept, new = files.VERSION_1.read_bytes(), file_of(files.network_of_version_1(), tmp_path)
    writer = {key: files.content(kept)[key] for key in ("versions", "sha256")}
    assert files.content(new) | writer == files.content(kept)
    assert [files.tensor(new, name) for name in ("weights", "intercept")] == [
        files.tensor(kept, name) for name in ("weights", "intercept")
    ]
    assert files.sealed(kept) == kept


# Whole or not at all


def test_a_folder_that_is_gone_or_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "gone" / "model", tmp_path / "file" / "model", tmp_path):
        with pytest.raises(InputError, match=r"cannot be written|is a folder"):
            NETWORKS["plain"].save(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "model"
    NETWORKS["plain"].save(path)
    before = path.read_bytes()
    code = (
        "import resource, sys, fallline\n"
        "network = fallline.SingleLayer(range(100_000))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "network.save(sys.argv[1])"
    )
    for limit in (0, 1, 1000, 799_999):
        command = [sys.executable, "-c", code, str(path), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "InputError" in done.stderr.splitlines()[-1]
        assert "cannot be written (File too large)" in done.stderr.splitlines()[-1]
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


# No code is run

WATCH = """
import sys, fallline
fallline.load(sys.argv[1])  # loads what loading needs
seen = []
sys.addaudithook(lambda event, details: seen.append((event, str(details[0]) if details else "")))
try:
    print(fallline.load(sys.argv[2]))
except fallline.ModelFileError:
    print("refused")
found = list(seen)
print(found)
"""


@pytest.mark.parametrize(
    "activation", ["2*h + 1", "__import__('os').system('true')", "h.__class__", "(lambda: h)()"]
)
def test_reading_runs_no_code(activation, tmp_path):
    good = file_of(NETWORKS["plain"], tmp_path)
    (tmp_path / "first").write_bytes(good)
    (tmp_path / "second").write_bytes(files.with_content(good, activation=activation))
    command = [sys.executable, "-c", WATCH, str(tmp_path / "first"), str(tmp_path / "second")]
    result, events = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert result == (
        "SingleLayer(2 weights, activation='2 * h + 1')" if activation == "2*h + 1" else "refused"
    )
    assert "'open'" in events
    parsing = [("compile", activation), ("compile", f"{activation.encode()}")]
    opening = [("open", str(tmp_path / "second"))]
    assert set(ast.literal_eval(events)) <= {*parsing, *opening}


# Damage at random


def assert_holds(network, file):
    """Check that a network is what a file says, as another reader reads it."""
    said = files.content(file)
    weights, intercept = files.tensor(file, "weights"), files.tensor(file, "intercept")
    assert bits(network) == (*weights, *intercept)
    assert np.isfinite(np.frombuffer(weights[1] + intercept[1])).all()
    assert network.activation.spec == said["activation"]
    assert json.dumps(network.training) == json.dumps(said["training"])
    signature = network.signature
    columns = [] if signature is None else [signature.inputs, signature.targets]
    assert [[vars(column) for column in side] for side in columns] == [
        [column | {"categories": tuple(column["categories"])} for column in said[side]]
        for side in ("inputs", "targets")
        if said[side] is not None
    ]
    if signature is not None:
        assert json.dumps(signature.class_targets) == json.dumps(said["class_targets"])
    assert said["format"] == 1
    parameters = {name: np.asarray(value) for name, value in network.parameters.items()}
    assert all(np.isfinite(value).all() for value in parameters.values())
    assert said["parameters"].keys() == parameters.keys() == set(network.activation.parameters)
    assert all(
        json.dumps(said["parameters"][name]) == json.dumps(parameters[name].tolist()) for name in parameters
    )


def outcome(file, original, is_sealed, path):
    """Load a file that may be damaged, and check what comes of it."""
    path.write_bytes(file)
    refusal = None
    try:
        network = fallline.load(path)
    except ModelFileError as error:
        refusal = error
    if refusal is not None:
        assert type(refusal) is ModelFileError
        assert len(str(refusal).splitlines()) == 1
        assert file != original
        return "refused"
    assert is_sealed or file == original
    assert_holds(network, file)
    return "the original" if file == original else "loaded"


@pytest.mark.parametrize("count", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_damaged_file_is_refused_or_says_what_it_holds(count, tmp_path):
    originals = [file_of(network, tmp_path) for network in NETWORKS.values()]
    outcomes = Counter()
    for number in range(count):
        draw = random.Random(number)
        original = draw.choice(originals)
        file, is_sealed = mutated(draw, original)
        try:
            outcomes[is_sealed, outcome(file, original, is_sealed, tmp_path / "damaged")] += 1
        except BaseException as error:
            error.add_note(f"mutation {number}")
            raise
    assert outcomes[False, "refused"] > 0.4 * count
    assert outcomes[True, "refused"] > 0.2 * count
    assert outcomes[True, "loaded"] > 0.05 * count
    assert outcomes[False, "loaded"] == 0
