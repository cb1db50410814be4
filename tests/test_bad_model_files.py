"""Files that hold no network, and networks that no file can hold: one sentence each."""

import json
import math
import os
import pickle
import struct
import tracemalloc

import model_files as files
import numpy as np
import pytest

import fallline
from fallline import InputError, ModelFileError
from fallline.maths.network._signature import Column, Signature

PLAIN = files.networks()["plain"]


def assert_refused(path, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        fallline.load(path)
    assert type(caught.value) is ModelFileError
    assert str(caught.value).startswith(f"{path} ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def good(tmp_path):
    """The bytes of a file of a plain network."""
    PLAIN.save(tmp_path / "good")
    return (tmp_path / "good").read_bytes()


def test_a_path_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert_refused(
        tmp_path / "missing", r"cannot be read \(No such file.*give a file that SingleLayer.save wrote"
    )
    assert_refused(tmp_path, r"cannot be read \(Is a directory\)")
    assert_refused(tmp_path / "loop", r"cannot be read \(Too many levels")
    assert_refused(f"{tmp_path}/\0", r"cannot be read \(embedded null")
    assert_refused(f"{tmp_path}/\ud800", "cannot be read")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"abc",
        b"\0" * 8,
        b"\0" * 100,
        b"x,y\n1,2\n" * 100,
        b"\xff" * 100,
        struct.pack("<Q", 10**8) + b"{}",
        struct.pack("<Q", 10**6) + b"[" * 10**6,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 4) + b"null",
        pickle.dumps(PLAIN.weights),
        files.joined({"w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        files.joined({"__metadata__": {"format": "pt"}}, b""),
        files.joined({"__metadata__": {"fallline": "{}"}}, b""),
        files.joined({"__metadata__": "fallline"}, b""),
        files.joined({"__metadata__": {"fallline": "{}"}, "w": {"data_offsets": [0, "8"]}}, bytes(8)),
    ],
)
def test_what_is_no_model_file_is_refused(file, tmp_path):
    (tmp_path / "other").write_bytes(file)
    assert_refused(tmp_path / "other", "is no model file, or its header is damaged: give a file that")


def test_every_truncation_and_every_changed_byte_is_refused(good, tmp_path):
    path = tmp_path / "damaged"
    for i in range(len(good)):
        path.write_bytes(good[:i])
        assert_refused(
            path, "is no model file, or its header is damaged|is damaged .it is cut short.: use another"
        )
        path.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        assert_refused(
            path, "is no model file|is damaged .its bytes do not fit its checksum.: use another|is cut"
        )
    path.write_bytes(good + b"\0")
    assert_refused(path, r"is damaged \(something was appended\): use another copy of it")


def test_an_upper_case_checksum_is_refused(good, tmp_path):
    checksum = files.content(good)["sha256"]
    (tmp_path / "other").write_bytes(good.replace(checksum.encode(), checksum.upper().encode()))
    assert_refused(tmp_path / "other", "do not fit its checksum")


def test_a_newer_format_asks_for_an_upgrade(good, tmp_path):
    (tmp_path / "newer").write_bytes(files.with_content(good, format=2, kernel=[1]))
    assert_refused(tmp_path / "newer", "has a newer format than this version can read: upgrade fallline")


COLUMN = {"name": "a", "kind": "number", "categories": []}
SIGNED = {"targets": [COLUMN], "class_targets": [0.0, 1.0]}
NOT_CANONICAL = "its description is not written as fallline writes it"
NO_TEXT = "something else than text stands where text belongs"
NO_SENSE = "its description makes no sense"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 0}, NOT_CANONICAL),
        ({"format": True}, NOT_CANONICAL),
        ({"format": "1"}, NOT_CANONICAL),
        ({"activation": "cuberoot(h)"}, "unknown function cuberoot"),
        ({"activation": "tanhh"}, "unknown activation tanhh"),
        ({"activation": "a*h"}, r"has free names \(a\) without a value"),
        ({"activation": "__import__('os').system('touch here')"}, "a formula cannot hold the character"),
        ({"activation": "(" * 300 + "h" + ")" * 300}, "too many nested parentheses"),
        ({"activation": ["h", "h"]}, "an activation is a name, a formula"),
        ({"activation": None}, "an activation is a name, a formula"),
        ({"parameters": {"a": 1.0}}, "has no free names 'a': its free names are none"),
        ({"parameters": {"\n\ud800": 1.0}}, r"has no free names '\\n\\ud800'"),
        ({"parameters": None}, NOT_CANONICAL),
        ({"parameters": []}, "parameters is of type list"),
        ({"parameters": 1}, "parameters is of type int"),
        ({"training": None}, NOT_CANONICAL),
        ({"training": [["a", 1]]}, NOT_CANONICAL),
        ({"training": {"a": math.nan}}, NOT_CANONICAL),
        ({"training": 3}, NO_SENSE),
        ({"versions": {"fallline": "1"}}, NO_SENSE),
        ({"versions": {"fallline": "1", "numpy": 2}}, NO_TEXT),
        ({"versions": {"fallline": "1", "numpy": "2", "more": "3"}}, NOT_CANONICAL),
        ({"sha": "1"}, NOT_CANONICAL),
        ({"targets": []}, NOT_CANONICAL),
        ({"class_targets": [0.0, 1.0]}, NOT_CANONICAL),
        (SIGNED | {"inputs": [COLUMN]}, "the signature names 1 inputs"),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"name": 3}]}, NO_TEXT),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"kind": "date"}]}, "a column is of no known kind"),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"kind": []}]}, "a column is of no known kind"),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"categories": "ab"}]}, NOT_CANONICAL),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"categories": [None]}]}, NO_TEXT),
        (SIGNED | {"inputs": [COLUMN, COLUMN | {"unit": "m"}]}, NOT_CANONICAL),
        (SIGNED | {"inputs": [COLUMN, ["b", "number", []]]}, NO_SENSE),
        (SIGNED | {"inputs": {"a": 1, "b": 2}}, NO_SENSE),
        (SIGNED | {"inputs": [COLUMN] * 2, "targets": None}, NO_SENSE),
        (SIGNED | {"inputs": [COLUMN] * 2, "class_targets": [0.0, 1.0, 2.0]}, NO_SENSE),
        (SIGNED | {"inputs": [COLUMN] * 2, "class_targets": ["0", "1"]}, NO_SENSE),
        (SIGNED | {"inputs": [COLUMN] * 2, "class_targets": [0.0, math.inf]}, "a class target is not finite"),
        (SIGNED | {"inputs": [COLUMN] * 2, "class_targets": [0, 10**4000]}, NO_SENSE),
    ],
)
def test_a_sealed_description_without_sense_is_refused(changes, reason, good, tmp_path):
    (tmp_path / "odd").write_bytes(files.with_content(good, **changes))
    assert_refused(tmp_path / "odd", f"holds no network .*{reason}.*: save the network again")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, r"has free names \(top, low\) without a value"),
        ({"low": 0.0}, r"has free names \(top\) without a value"),
        ({"low": 0.0, "top": 1.0, "more": 2.0}, "has no free names 'more'"),
        ({"low": 0.0, "top": 1}, NOT_CANONICAL),
        ({"low": 0.0, "top": True}, NOT_CANONICAL),
        ({"low": 0.0, "top": [1, 2.5]}, NOT_CANONICAL),
        ({"low": 0.0, "top": [True, 2.5]}, NOT_CANONICAL),
        ({"low": 0.0, "top": None}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": "1.0"}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": {"a": 1.0}}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": [1.0, None]}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": [[1.0], [1.0, 2.0]]}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": 10**400}, "the parameter top is not made of numbers"),
        ({"low": 0.0, "top": [1.0]}, r"the parameter top has shape \(1,\)"),
        ({"low": 0.0, "top": []}, r"the parameter top has shape \(0,\)"),
        ({"low": 0.0, "top": [[1.0, 2.0]]}, r"the parameter top has shape \(1, 2\)"),
        ({"low": 0.0, "top": math.nan}, "the parameter top is not finite"),
        ({"low": [0.0, -math.inf], "top": 1.0}, "the parameter low is not finite"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(parameters, reason, tmp_path):
    weights, learned = [[0.5, 0.25]], {"top": [1.0, 2.0], "low": 0.0}
    fallline.SingleLayer(weights, 0.0, "top*sigmoid(h) + low", parameters=learned).save(tmp_path / "good")
    good = (tmp_path / "good").read_bytes()
    (tmp_path / "odd").write_bytes(files.with_content(good, parameters=parameters))
    assert_refused(tmp_path / "odd", f"holds no network .*{reason}.*: save the network again")


@pytest.mark.parametrize(
    "respell",
    [
        lambda text: text.replace('"top":1.5', '"top":1.50'),
        lambda text: text.replace('"top":1.5', '"top":15e-1'),
        lambda text: text.replace('"low":-0.0,"top":1.5', '"top":1.5,"low":-0.0'),
        lambda text: text.replace('"top":1.5', '"top":2.5,"top":1.5'),
        lambda text: text.replace('"top":1.5', '"top":1e999'),
        lambda text: text.replace('"low":-0.0', '"low":-0'),
        lambda text: text.replace('"low":-0.0', '"low":-1e-400'),
    ],
)
def test_parameters_in_other_words_are_refused(respell, tmp_path):
    network = fallline.SingleLayer([1.0], 0.0, "top*sigmoid(h) + low", parameters={"top": 1.5, "low": -0.0})
    network.save(tmp_path / "good")
    good = (tmp_path / "good").read_bytes()
    text = files.parts(good)[0]["__metadata__"]["fallline"]
    assert respell(text) != text
    (tmp_path / "odd").write_bytes(files.described_as(good, respell(text)))
    assert_refused(tmp_path / "odd", "holds no network|is damaged")


@pytest.mark.parametrize(
    "name", ["format", "activation", "inputs", "training", "versions", "sha256", "parameters"]
)
def test_a_description_that_lacks_something_is_refused(name, good, tmp_path):
    content = files.content(good)
    del content[name]
    (tmp_path / "odd").write_bytes(files.described_as(good, content))
    assert_refused(tmp_path / "odd", "holds no network|is damaged")


@pytest.mark.parametrize(
    "respell",
    [
        lambda text: text.replace('"format":1', '"format": 1'),
        lambda text: text.replace('"format":1', '"format":1.0'),
        lambda text: text.replace('"format":1', '"format":1,"format":1'),
        lambda text: text.replace('"format"', '"\\u0066ormat"'),
        lambda text: text + "\n",
        lambda text: "{" + text[:-1].rpartition(',"training"')[2].join(['"training"', "," + text[1:]]),
        lambda text: text.replace('"training":{}', '"training":' + "[" * 10**5 + "]" * 10**5),
        lambda text: text.replace('"training":{}', '"training":{"a":' + "9" * 5000 + "}"),
        lambda text: text.replace('"training":{}', '"training":{"a":1e999}'),
        lambda text: text.replace('"training":{}', '"training":{"a":1,"a":2}'),
        lambda text: "[" + text + "]",
        lambda text: '"' + text.replace('"', '\\"') + '"',
        lambda text: text[:-1],
    ],
)
def test_a_sealed_description_in_other_words_is_refused(respell, good, tmp_path):
    text = files.parts(good)[0]["__metadata__"]["fallline"]
    assert respell(text) != text
    (tmp_path / "odd").write_bytes(files.described_as(good, respell(text)))
    assert_refused(tmp_path / "odd", "holds no network|is damaged")


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"weights": [[[1.0]]], "intercept": 0.0}, "its weights have shape"),
        ({"weights": 1.0, "intercept": 0.0}, "weights must have shape"),
        (
            {"weights": [1.0, 2.0], "intercept": [0.0]},
            r"its weights have shape \(2,\) and its intercept \(1,\)",
        ),
        ({"weights": [[1.0, 2.0]], "intercept": 0.0}, "its weights have shape"),
        ({"weights": [1.0, math.nan], "intercept": 0.0}, "a weight or an intercept is not finite"),
        ({"weights": [1.0], "intercept": -math.inf}, "a weight or an intercept is not finite"),
        ({"weights": [1, 2], "intercept": 0.0}, "its tensors are not weights and an intercept in float64"),
        ({"weights": [1.0], "intercept": 0.0, "more": 0.0}, "its tensors are not weights and an intercept"),
        ({"weights": [1.0]}, NO_SENSE),
        ({"w": [1.0], "intercept": 0.0}, NO_SENSE),
    ],
)
def test_sealed_tensors_without_sense_are_refused(arrays, reason, good, tmp_path):
    tensors = {name: np.array(array) for name, array in arrays.items()}
    (tmp_path / "odd").write_bytes(files.with_tensors(good, **tensors))
    assert_refused(tmp_path / "odd", f"holds no network .*{reason}.*: save the network again")


def test_tensors_that_overlap_or_come_twice_are_refused(good, tmp_path):
    header, data = files.parts(good)
    shared = header | {"intercept": header["intercept"] | {"data_offsets": [8, 16]}}
    (tmp_path / "odd").write_bytes(files.joined(shared, data))
    assert_refused(tmp_path / "odd", "its tensors do not fit its header")
    text = json.dumps(header)
    (tmp_path / "odd").write_bytes(files.joined(f"{text[:-1]}, {text[1:]}", data))
    assert_refused(tmp_path / "odd", "is no model file, or its header is damaged")


@pytest.mark.parametrize("start", ["nothing", "another header", "a model"])
def test_a_huge_file_is_not_read(start, good, tmp_path):
    other = files.joined({"w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, b"")
    path = tmp_path / "huge"
    path.write_bytes({"nothing": b"", "another header": other, "a model": good}[start])
    os.truncate(path, 10 * 2**30)
    tracemalloc.start()
    assert_refused(path, "something was appended" if start == "a model" else "is no model file")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


# What cannot be saved


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            fallline.SingleLayer([1.0], activation=(np.sin, np.cos)),
            "a pair of functions, .*write it as a formula",
        ),
        (
            fallline.SingleLayer([1.0], activation="a*h", parameters={"a": math.nan}),
            "the parameter a is not finite",
        ),
        (
            fallline.SingleLayer([[1.0, 2.0]], activation="a*h", parameters={"a": [1.0, math.inf]}),
            "the parameter a is not finite",
        ),
        (fallline.SingleLayer([math.nan]), "a weight or an intercept is not finite"),
        (fallline.SingleLayer([1.0], math.inf), "a weight or an intercept is not finite"),
        (fallline.SingleLayer([1.0], training={"a": object()}), "mappings by name, and no object"),
        (fallline.SingleLayer([1.0], training={"a": {1: 2}}), "mappings by name, and no dict"),
        (fallline.SingleLayer([1.0], training={"\ud83d\ude00": 1}), "two surrogates"),
        (fallline.SingleLayer([1.0], training={"a": 10**5000}), NO_SENSE),
    ],
)
def test_what_no_file_can_hold_is_refused_before_it_is_written(network, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        network.save(tmp_path / "model")
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def column_named(name="a", kind="number", categories=()):
    signature = Signature((Column(name, kind, categories),), (Column("y"),))
    return fallline.SingleLayer([1.0], signature=signature)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (column_named(3), NO_TEXT),
        (column_named(b"a"), "and no bytes"),
        (column_named(kind="date"), "a column is of no known kind"),
        (column_named(kind="category", categories=(None,)), NO_TEXT),
    ],
)
def test_columns_without_sense_are_not_saved(network, message, tmp_path):
    with pytest.raises(InputError, match=f"the network cannot be saved .*{message}"):
        network.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_circle_is_not_saved(tmp_path):
    training = {}
    training["training"] = training
    with pytest.raises(InputError, match="the network cannot be saved"):
        fallline.SingleLayer([1.0], training=training).save(tmp_path / "model")
