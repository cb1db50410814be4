"""Damage of every sort to model files, with a checksum that fits no more, or is made to fit again."""

import json
import struct

import model_files as files
import numpy as np

NUMBERS = [0.0, -0.0, 1.5, 5e-324, 1e308, float("nan"), float("inf"), -float("inf")]
VALUES = [
    None, True, False, 0, 1, 2, -1, 0.0, 1.0, 1e300, 10**400, float("nan"), float("inf"),
    "", "h", "tanh", "a*h", "1/h", "number", "category", "\ud800", "x" * 70, [], {}, [[]], [0, 1], [0.0, 1.0],
    [-1, 1.0], {"name": "a", "kind": "number", "categories": []}, {"fallline": "1", "numpy": "2"},
    {"a": 1.0}, {"a": [1.0, 2.0]}, [1.0, float("nan")], -0.0, "a*h*h",
]  # fmt: skip


def place(random, file):
    return random.randrange(len(file))


def flip_bits(random, file):
    changed = bytearray(file)
    for _ in range(random.choice([1, 1, 1, 2, 8])):
        changed[place(random, file)] ^= 1 << random.randrange(8)
    return bytes(changed)


def change_bytes(random, file):
    changed = bytearray(file)
    for _ in range(random.choice([1, 1, 2, 5])):
        changed[place(random, file)] = random.choice(b'0123456789abcdef"\\{}[],: \x00\xff')
    return bytes(changed)


def insert(random, file):
    i = random.choice([0, len(file), place(random, file)])
    return file[:i] + random.randbytes(random.choice([1, 1, 8, 64])) + file[i:]


def delete(random, file):
    i = place(random, file)
    return file[:i] + file[i + random.choice([1, 1, 8, 64]) :]


def truncate(random, file):
    return file[: place(random, file)]


def swap(random, file):
    a, b, c = sorted(random.sample(range(len(file) + 1), 3))
    return file[:a] + file[b:c] + file[a:b] + file[c:]


def repeat(random, file):
    a, b = sorted(random.sample(range(len(file) + 1), 2))
    return file[:b] + file[a:b] + file[b:]


def change_length(random, file):
    (length,) = struct.unpack("<Q", file[:8])
    other = random.choice([0, 1, length - 1, length + 1, length + 8, 10**8, 2**63, 2**64 - 1])
    return struct.pack("<Q", other) + file[8:]


def change_checksum(random, file):
    i = file.find(files.KEY) + len(files.KEY)
    return file[:i] + random.choice([b"0" * 64, random.randbytes(32).hex().encode()]) + file[i + 64 :]


BYTES = (
    flip_bits, change_bytes, insert, delete, truncate, swap, repeat, change_length, change_checksum,
)  # fmt: skip


def change_value(random, file):
    """Put anything in the place of a value somewhere in the description, take it away, or add one."""
    content = files.content(file)
    node, key = random.choice(list(places(content)))
    what = random.randrange(4)
    if what == 0:
        del node[key]
    elif what == 1 and isinstance(node, dict):
        node[random.choice(["a", "format", "sha256", "\ud800"])] = random.choice(VALUES)
    elif what == 2 and isinstance(node[key], str):
        node[key] = node[key][::-1] + random.choice(["", "é", '"', "\\", "\n"])
    else:
        node[key] = random.choice(VALUES)
    return files.described_as(file, content)


def places(node):
    """Yield every container in JSON with every key or number of it."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from places(node[key])


def respell(random, file):
    """Say the same in other words, or change some characters of the description."""
    content = files.content(file)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    i = place(random, text)
    return files.described_as(
        file,
        random.choice(
            [
                json.dumps(content),
                json.dumps(dict(reversed(content.items())), separators=(",", ":")),
                text.replace(":1,", ":1.0,", 1),
                text.replace('"format":1', '"format":1,"format":1'),
                text.replace("a", "\\u0061", 1),
                text[:i] + random.choice('0123456789eE.-+"\\{}[],: n') + text[i + random.randrange(2) :],
            ]
        ),
    )


def change_numbers(random, file):
    """Put other numbers into the tensors."""
    header, data = files.parts(file)
    numbers = np.frombuffer(data).copy()
    for _ in range(random.randrange(1, 4)):
        numbers[random.randrange(len(numbers))] = random.choice(
            [*NUMBERS[: random.choice([5, 8])], random.random()]
        )
    return files.joined(header, numbers.tobytes())


def change_header(random, file):
    """Let the header say something else about the tensors."""
    header, data = files.parts(file)
    name = random.choice(["weights", "intercept"])
    key, value = random.choice(
        [
            ("dtype", random.choice(["F32", "I64", "F16", "BF16", "F128", 1])),
            (
                "shape",
                random.choice([[], [1], [2], [3], [2, 3], [3, 2], [6], [-1], [2**62, 4], None, [1.0], 3]),
            ),
            (
                "data_offsets",
                random.choice([[0, 8], [8, 0], [0, 16], [8, 24], [0, 2**63], [0], None, [True, 8]]),
            ),
            ("other", 1),
        ]
    )
    header[name][key] = value
    if random.random() < 0.3:
        header[random.choice(["more", "__metadata__", "Weights"])] = header.pop(name)
    if random.random() < 0.1:
        text = json.dumps(header)
        return files.joined(text[:-1] + "," + text[1:], data)
    return files.joined(header, data)


def change_and_seal(random, file):
    return files.sealed(random.choice(BYTES)(random, file))


SEALED = (change_value, respell, change_numbers, change_header, change_and_seal)


def mutated(random, file):
    """Return the file with a change or two, and whether its checksum was made to fit again."""
    kinds = random.choice([BYTES, SEALED])
    changed = file
    for _ in range(random.choice([1, 1, 1, 2])):
        try:
            changed = random.choice(kinds)(random, changed)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error):
            if changed is file:
                raise
            break  # the first change left nothing that the second could read
    return changed, kinds is SEALED
