"""The sources of a voice: a train of pulses at the fundamental frequency, and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoresubnet.noise import BLOCK, Draws
from scoresubnet.vocoders.pitch import Pitch


def pulses(
    pitch: Pitch, hop: int, rate: int, begun: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float32]:
    """All harmonics of f0 up to half the sample rate, equally strong and in phase.

    Their sum has a closed form, the Dirichlet kernel: 1 + 2 (cos p + ... + cos K p) =
    sin((K + 1/2) p) / sin(p / 2). Between frames the frequency is interpolated geometrically, and
    voicing, by which the pulses are multiplied, linearly.

    Args:
        pitch: f0 (B, T) in Hz and voiced (B, T).
        hop: samples between frames.
        rate: samples a second.
        begun: cycles before the first sample, (B, 1) or for all.

    Returns:
        (B, (T - 1) * hop), of power 1 where voiced is 1; frame k is at sample k * hop.
    """
    f0 = _f0_at_samples(pitch.f0, hop)
    cycles = begun + np.cumsum(f0 / rate, axis=1)
    half = np.pi * (cycles - np.floor(cycles))
    harmonics = np.floor(rate / 2 / f0)
    below = np.sin(half)
    inside = np.abs(below) < 1e-9
    kernel = np.sin((2 * harmonics + 1) * half) / np.where(inside, 1, below)
    kernel = np.where(inside, 2 * harmonics + 1, kernel)
    voiced = _at_samples(pitch.voiced, hop)
    return ((kernel - 1) / 2 * np.sqrt(2 / harmonics) * voiced).astype(np.float32)


def cycles_of(f0: NDArray[np.floating[Any]], hop: int, rate: int) -> NDArray[np.float64]:
    """The cycles (B, 1) that `pulses` makes of f0 (B, T) in Hz."""
    return (_f0_at_samples(f0, hop) / rate).sum(axis=1, keepdims=True)


def white_noise(samples: int, draws: Draws) -> NDArray[np.float32]:
    """(1, samples) of power 1."""
    return draws.normal(1, max(samples, BLOCK))[:, :samples]


def _f0_at_samples(f0: NDArray[np.floating[Any]], hop: int) -> NDArray[np.float64]:
    return np.exp(_at_samples(np.log(f0.astype(np.float64)), hop))


def _at_samples(values: NDArray[np.floating[Any]], hop: int) -> NDArray[np.float64]:
    """Values at frames (B, T) -> at samples (B, (T - 1) * hop), linearly."""
    left = values[:, :-1, None].astype(np.float64)
    right = values[:, 1:, None]
    return (left + np.arange(hop) / hop * (right - left)).reshape(len(values), -1)
