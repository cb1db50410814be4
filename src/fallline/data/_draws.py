"""Which rows belong to a sample or a part: decided by their numbers and a seed, whatever else is left out."""

from __future__ import annotations

import numpy as np

from fallline.data._validate import checked_integer

SAMPLE, SPLIT, VALIDATION, PREVIEW = 1, 2, 3, 4
"""Purposes with draws of their own."""


def draws(seed: int, purpose: int) -> np.random.Generator:
    """Return a generator whose n-th draw belongs to the n-th row."""
    entropy = [checked_integer(seed, "seed", 0), purpose]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
