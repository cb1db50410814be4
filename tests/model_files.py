"""Model files, read and sealed without the code that is tested; as a script it makes the fixture."""

import hashlib
import json
import math
import struct
from pathlib import Path

import numpy as np

import fallline
from fallline.maths.network._signature import Column, Signature

VERSION_1 = Path(__file__).parent / "data" / "model-v1.safetensors"
KEY = b'\\"sha256\\":\\"'
BLANK = b"0" * 64


def network_of_version_1():
    """A network with a bit of everything: every kind of column, three classes, a formula, odd numbers."""
    inputs = (
        Column("age"),
        Column("smoker", "boolean"),
        Column('soil "type"', "category", ("clay", "Sänd\\", "sha256")),
    )
    return fallline.SingleLayer(
        [[0.1, -0.0, 5e-324], [-1.5, 2.0, 1e300], [1 / 3, -7.25, 0.0], [1.0, 2.0, 3.0], [4.0, 5.0, math.pi]],
        [-0.0, 2.2250738585072014e-308, -1e-9],
        "0.5 + 0.5*tanh(h)",
        signature=Signature(inputs, (Column("crop", "category", ("rye", "oat", "дуб")),), (0.0, 1.0)),
        training={
            "records": 150,
            "error": 1.25,
            "baseline_error": math.nan,
            "stop": "TOL",
            "message": "η δ x",
        },
    )


def networks():
    """Networks of different shapes, whose names try to look like parts of the file."""
    odd = (Column('","sha256":"' + "f" * 64), Column('\\"sha256\\":\\"\ud800\x00\n'), Column(""))
    counted = {"records": 3, "nested": {"sha256": "0" * 64, "list": [1, 2.5, None, True]}}
    return {
        "plain": fallline.SingleLayer([0.5, -0.5], 0.25, "tanh"),
        "many outputs": fallline.SingleLayer(np.arange(6.0).reshape(2, 3) / 7, [1.0, -0.0, 1e-310]),
        "odd names": fallline.SingleLayer(
            [1.0, 2.0, 3.0],
            0.0,
            "72.46*sigmoid(h)",
            signature=Signature(odd, (Column("y"),)),
            training=counted,
        ),
        "learned": fallline.SingleLayer(
            [[1.0, 2.0], [3.0, -0.0]],
            [0.1, 0.2],
            "bottom + (top - bottom)*sigmoid(α*h)",
            parameters={"bottom": -0.0, "top": [72.46, 1 / 3], "α": [5e-324, 1e300]},
        ),
        "version 1": network_of_version_1(),
    }


def parts(file):
    """Return the header and the data of a file."""
    (length,) = struct.unpack("<Q", file[:8])
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def content(file):
    """Return the description in a file."""
    return json.loads(parts(file)[0]["__metadata__"]["fallline"])


def tensor(file, name):
    """Return the shape and the bytes of a tensor."""
    header, data = parts(file)
    first, last = header[name]["data_offsets"]
    return tuple(header[name]["shape"]), data[first:last]


def joined(header, data):
    """Return the file of a header, which may be text, and its data, with a checksum that fits."""
    text = header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))
    encoded = text.encode(errors="surrogatepass")
    return sealed(struct.pack("<Q", len(encoded)) + encoded + data)


def sealed(file):
    """Return a file with the checksum that fits its other bytes, if there is a place for it."""
    place = file.find(KEY) + len(KEY)
    if place < len(KEY) or len(file) < place + 64:
        return file
    blank = file[:place] + BLANK + file[place + 64 :]
    return file[:place] + hashlib.sha256(blank).hexdigest().encode() + file[place + 64 :]


def described_as(file, description):
    """Return a sealed file with another description: text, or an object that is written canonically."""
    header, data = parts(file)
    is_text = isinstance(description, str)
    text = description if is_text else json.dumps(description, sort_keys=True, separators=(",", ":"))
    return joined(header | {"__metadata__": {"fallline": text}}, data)


def with_content(file, **changes):
    """Return a sealed file whose description has other values."""
    return described_as(file, content(file) | changes)


def with_tensors(file, **arrays):
    """Return a sealed file with other tensors."""
    header, data = {"__metadata__": parts(file)[0]["__metadata__"]}, b""
    for name, array in sorted(arrays.items()):
        offsets = [len(data), len(data) + array.nbytes]
        dtype = {"f": "F", "i": "I"}[array.dtype.kind] + str(8 * array.dtype.itemsize)
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += array.tobytes()
    return joined(header, data)


if __name__ == "__main__":
    network_of_version_1().save(VERSION_1)
