"""Noise from seeds: that of torch's generator on the CPU, without torch.

The Mersenne Twister (Matsumoto & Nishimura 1998) gives 24-bit uniform numbers, and Box & Muller's
method (1958) turns blocks of 16 of them into 16 normal ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoresubnet.arrays import Array, place_like
from scoresubnet.samplers import Noise

BLOCK = 16


class Draws:
    """The numbers that `torch.Generator().manual_seed(seed)` gives, one after another.

    Args:
        seed: 0 to 2^32 - 1.
    """

    def __init__(self, seed: int) -> None:
        self._twister = np.random.RandomState(seed)  # its seeding is that of torch

    def uniform(self, *shape: int) -> NDArray[np.float32]:
        """As `torch.rand`: float32 in [0, 1)."""
        drawn = self._twister.randint(0, 2**32, shape, np.uint32) & np.uint32(2**24 - 1)
        return drawn.astype(np.float32) * np.float32(2**-24)

    def normal(self, *shape: int) -> NDArray[np.float32]:
        """As `torch.randn`, of 16 numbers or more: standard normal float32.

        Raises:
            ValueError: they are fewer; torch draws those by another method.
        """
        count = int(np.prod(shape))
        if count < BLOCK:
            raise ValueError(f"{count} numbers are fewer than {BLOCK}; draw more at once")
        uniform = self.uniform(count)
        whole = count - count % BLOCK
        made = np.empty(count, np.float32)
        made[:whole] = _box_muller(uniform[:whole])
        if whole < count:  # the last 16 are drawn anew, over some that were there
            made[-BLOCK:] = _box_muller(self.uniform(BLOCK))
        return made.reshape(shape)


def _box_muller(uniform: NDArray[np.float32]) -> NDArray[np.float32]:
    """(16 n,) uniform -> (16 n,) normal; the first half of a block belongs to its second."""
    length, turn = uniform.reshape(-1, 2, BLOCK // 2).transpose(1, 0, 2)
    radius = np.sqrt(-2 * np.log1p(-length))
    angle = np.float32(2 * np.pi) * turn
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


def seeded_noise(seeds: list[int], shape: tuple[int, ...], like: Array | None = None) -> Noise:
    """One generator per item: sample k depends on its own seed and on nothing beside it.

    Args:
        seeds: one seed per item, 0 to 2^32 - 1.
        shape: shape of one item, (1, F, T).
        like: whose library and device the noise is for; numpy if None.

    Returns:
        A function that gives the next noise (B, 1, F, T).
    """
    each = [Draws(seed) for seed in seeds]

    def noise() -> Array:
        drawn = np.stack([draws.normal(*shape) for draws in each])
        return drawn if like is None else place_like(drawn, like)

    return noise
