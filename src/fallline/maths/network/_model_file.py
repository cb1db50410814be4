"""Model files: safetensors with a description in JSON and a checksum over every byte; no code is in them."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from typing import IO, Any

import numpy as np

from fallline._errors import FalllineError, InputError, ModelFileError
from fallline._files import written_whole
from fallline._typing import Array
from fallline.maths.network._description import FORMAT, WRITERS, canonical, described, network_of
from fallline.maths.network._network import SingleLayer

LONGEST_HEADER = 100_000_000
"""More is refused by the safetensors library."""
CHECKSUM_KEY = b'\\"sha256\\":\\"'
"""As it stands in the header, where the description is a string inside JSON; no name can look like it."""
BLANK = b"0" * 64
"""What stands in the checksum's place while it is computed."""

_NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def save(network: SingleLayer, path: str | os.PathLike[str]) -> None:
    """Write a model file that is sure to be read back as the same network."""
    if network.activation.formula is None:
        pair = f"the activation {network.activation.name} is a pair of functions"
        raise InputError(f"{pair}, which no model file can hold: write it as a formula")
    try:
        file = _serialised(network)
        if described(_network(file)) != described(network):
            raise InputError("a text has two surrogates that JSON would join")
    except _NONSENSE as error:
        raise InputError(f"the network cannot be saved ({_reason(error)}): correct this first") from None
    with written_whole(path) as stream:
        stream.write(file)


def load(path: str | os.PathLike[str]) -> SingleLayer:
    """Read a network from a model file: the same numbers to the last bit; nothing in a file is run as code.

    Parameters
    ----------
    path : str or path
        A file that :meth:`SingleLayer.save` wrote.

    Returns
    -------
    SingleLayer
        With its signature and the summary of its training.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is no model file, was changed in any byte, was written by a newer version,
        or describes no network.

    References
    ----------
    The safetensors format, https://huggingface.co/docs/safetensors.
    NIST, Secure Hash Standard, FIPS PUB 180-4 (2015), section 6.2 (SHA-256).

    Examples
    --------
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/model.safetensors"
    >>> SingleLayer([0.5, -0.5], activation="tanh").save(path)
    >>> load(path)
    SingleLayer(2 weights, activation='tanh')
    """
    try:
        return _network(_read(path))
    except ModelFileError as error:
        raise ModelFileError(f"{path} {error}") from None
    except _NONSENSE as error:
        raise ModelFileError(f"{path} holds no network ({_reason(error)}): save the network again") from None


def _reason(error: Exception) -> str:
    """Return the first line of an error of ours; Python's own would say nothing to a user."""
    is_ours = isinstance(error, FalllineError)
    return str(error).splitlines()[0] if is_ours else "its description makes no sense"


def _serialised(network: SingleLayer) -> bytes:
    """Return the file of a network: written with a blank checksum, which is then put in its place."""
    from safetensors.numpy import save as serialise

    # safetensors takes memory as it lies
    weights, intercept = (np.array(a, np.float64, order="C") for a in (network.weights, network.intercept))
    text = canonical(network, {name: version(name) for name in WRITERS}, BLANK.decode())
    file = serialise({"weights": weights, "intercept": intercept}, {"fallline": text})
    place, checksum = _checksum(file)
    return file[:place] + checksum + file[place + len(BLANK) :]


def _checksum(file: bytes) -> tuple[int, bytes]:
    """Return where the checksum stands, and the SHA-256 of all bytes with zeros in that place."""
    place = file.find(CHECKSUM_KEY) + len(CHECKSUM_KEY)
    sha256 = hashlib.sha256(file[:place] + BLANK)
    sha256.update(memoryview(file)[place + len(BLANK) :])
    return place, sha256.hexdigest().encode()


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as stream:
            return _model(stream)
    except ModelFileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: no path can hold NUL
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"cannot be read ({reason}): give a file that SingleLayer.save wrote") from None


def _model(stream: IO[bytes]) -> bytes:
    """Return all bytes of a model file; of any other file no more than what may be its header is read."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    start = stream.read(8)
    length = int.from_bytes(start, "little")
    start += stream.read(length if length <= min(size, LONGEST_HEADER) else 0)
    _, end = _header(start)
    if size != end:
        what = "it is cut short" if size < end else "something was appended"
        raise ModelFileError(f"is damaged ({what}): use another copy of it")
    return start + stream.read()


def _header(file: bytes) -> tuple[str, int]:
    """Return the description in a header, and where it says that the file ends."""
    start = 8 + int.from_bytes(file[:8], "little")
    try:
        tensors = json.loads(file[8:start].decode(), object_pairs_hook=_unique)
        text = tensors.pop("__metadata__")["fallline"]
        return text, start + max(tensor["data_offsets"][1] for tensor in tensors.values())
    except _NONSENSE:
        advice = "give a file that SingleLayer.save wrote"
        raise ModelFileError(f"is no model file, or its header is damaged: {advice}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, none of which may come twice."""
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError
    return members


def _network(file: bytes) -> SingleLayer:
    text, _ = _header(file)
    place, checksum = _checksum(file)
    if file[place : place + len(BLANK)] != checksum:
        raise ModelFileError("is damaged (its bytes do not fit its checksum): use another copy of it")
    found = json.loads(text)["format"]
    if isinstance(found, int) and found > FORMAT:
        raise ModelFileError("has a newer format than this version can read: upgrade fallline")
    return network_of(text, *_tensors(file))


def _tensors(file: bytes) -> tuple[Array, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as deserialise

    try:
        tensors = deserialise(file)
    except SafetensorError:
        raise InputError("its tensors do not fit its header") from None
    weights, intercept = tensors.pop("weights"), tensors.pop("intercept")
    if tensors or {weights.dtype, intercept.dtype} != {np.dtype(np.float64)}:
        raise InputError("its tensors are not weights and an intercept in float64")
    if intercept.shape != weights.shape[1:]:
        raise InputError(f"its weights have shape {weights.shape} and its intercept {intercept.shape}")
    if not (np.isfinite(weights).all() and np.isfinite(intercept).all()):
        raise InputError("a weight or an intercept is not finite")
    return weights, intercept
