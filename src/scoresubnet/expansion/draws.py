"""Draws of audiomentations, which come from Python's and numpy's global generators."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def drawn(seed: int) -> Iterator[None]:
    """Let the global generators draw from a seed, and restore them."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 (audiomentations draws there)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
