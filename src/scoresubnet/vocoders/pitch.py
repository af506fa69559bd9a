"""Pitch and voicing, as a network reads them in log-Mels.

A network classifies each frame over logarithmic bins of frequency, as in CREPE (Kim et al., ICASSP
2018); `pitch_network` has one of torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoresubnet.arrays import Array, array_namespace
from scoresubnet.options.ranges import check_shape

HIGHEST = 1e5
"""Hertz; of any sound."""


class Pitch(NamedTuple):
    """f0 (B, T) in Hz, of use where there is a voice; voiced (B, T), the probability of that."""

    f0: NDArray[np.floating[Any]]
    voiced: NDArray[np.floating[Any]]


class PitchLogits(NamedTuple):
    """Of the frequency bins (B, T, bins), and of there being a voice (B, T)."""

    bins: Array
    voiced: Array


@dataclass(frozen=True)
class PitchNetworkConfig:
    """Shape of the network, and what its outputs mean.

    Attributes:
        width: channels between the blocks; twice as many inside them.
        blocks: how many.
        kernel: frames that each convolution spans; odd.
        f_min: frequency of the first bin, Hz; by default the least that `audio.pitch` tracks.
        f_max: of the last one, at least.
        bins_per_octave: 48 are 25 cents wide each.

    Raises:
        ValueError: a number is out of range, the kernel even, or f_max not above f_min.
    """

    width: int = 96
    blocks: int = 3
    kernel: int = 7
    f_min: float = 60.0
    f_max: float = 500.0
    bins_per_octave: int = 48

    def __post_init__(self) -> None:
        check_shape(self)
        if self.kernel % 2 == 0 or not 1 <= self.f_min < self.f_max <= HIGHEST:
            raise ValueError(
                f"kernel must be odd, and 1 <= f_min < f_max <= {HIGHEST:g} hertz: {self}"
            )

    @property
    def bins(self) -> int:
        return math.ceil(self.bins_per_octave * math.log2(self.f_max / self.f_min)) + 1

    @property
    def reach(self) -> int:
        """Frames to each side of one that its pitch is read in."""
        return (self.blocks + 1) * (self.kernel // 2)

    def position(self, f0: Array) -> Array:
        """Hz -> place among the bins, beyond the range that of its end."""
        xp = array_namespace(f0)
        return self.bins_per_octave * xp.log2(xp.clip(f0, self.f_min, self.f_max) / self.f_min)


@dataclass(frozen=True)
class PitchReader:
    """A trained network, by whatever library it runs.

    Attributes:
        read: x (B, 1, n_mels, T) float32 in [-1, 1] -> logits, numpy's arrays; threads may call it
            at once.
        config: the network's.
        weights: a hash of its weights.
    """

    read: Callable[[NDArray[np.float32]], PitchLogits]
    config: PitchNetworkConfig
    weights: str


def decode_pitch(logits: PitchLogits, config: PitchNetworkConfig, reach: int) -> Pitch:
    """The mean of the bins around the best one, by their probability, as in CREPE.

    Args:
        logits: of the network, numpy's arrays.
        config: of the network.
        reach: bins to each side of the best one.
    """
    positions = np.arange(config.bins)
    best = logits.bins.argmax(axis=-1)[..., None]
    near = np.abs(positions - best) <= reach
    weights = near * np.exp(logits.bins - logits.bins.max(axis=-1, keepdims=True))
    mean = (weights * positions).sum(axis=-1) / weights.sum(axis=-1)
    f0 = config.f_min * np.exp2(mean / config.bins_per_octave)
    return Pitch(f0, sigmoid(logits.voiced))


def sigmoid(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """1 / (1 + exp(-x)), which overflows nowhere."""
    return 0.5 + 0.5 * np.tanh(x / 2)
