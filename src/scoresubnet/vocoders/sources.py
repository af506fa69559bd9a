"""The sources of a voice: a train of pulses at the fundamental frequency, and noise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from scoresubnet.vocoders.pitch_network import Pitch


def pulses(pitch: Pitch, hop: int, rate: int, begun: Tensor | float = 0.0) -> Tensor:
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
        (B, (T - 1) * hop) float32, of power 1 where voiced is 1; frame k is at sample k * hop.
    """
    f0 = _at_samples(pitch.f0.double().log(), hop).exp()
    cycles = begun + torch.cumsum(f0 / rate, dim=1)
    half = torch.pi * (cycles - cycles.floor())
    harmonics = torch.floor(rate / 2 / f0)
    below = half.sin()
    kernel = torch.where(
        below.abs() < 1e-9, 2 * harmonics + 1, ((2 * harmonics + 1) * half).sin() / below
    )
    voiced = _at_samples(pitch.voiced.double(), hop)
    return ((kernel - 1) / 2 * (2 / harmonics).sqrt() * voiced).float()


def cycles_of(f0: Tensor, hop: int, rate: int) -> Tensor:
    """The cycles (B, 1) float64 that `pulses` makes of f0 (B, T) in Hz."""
    return (_at_samples(f0.double().log(), hop).exp() / rate).sum(dim=1, keepdim=True)


def white_noise(samples: int, generator: torch.Generator) -> Tensor:
    """(1, samples) of power 1."""
    return torch.randn(1, samples, generator=generator)


def _at_samples(values: Tensor, hop: int) -> Tensor:
    """Values at frames (B, T) -> at samples (B, (T - 1) * hop), linearly."""
    size = (values.shape[1] - 1) * hop
    finer = F.interpolate(values[:, None], size=size + 1, mode="linear", align_corners=True)
    return finer[:, 0, :size]
