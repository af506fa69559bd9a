"""Fundamental frequency, read from log-Mels by a small network."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.pitch import F_MAX, F_MIN
from scoresubnet.vocoders.convnext import ConvNeXt

BINS_PER_OCTAVE = 48
BINS = math.ceil(BINS_PER_OCTAVE * math.log2(F_MAX / F_MIN)) + 1
_BLUR = 1.0  # standard deviation of the targets, bins of 25 cents
_REACH = 4  # bins to each side of the best one that its value is averaged over


class Pitch(NamedTuple):
    """f0 (B, T) in Hz, of use where there is a voice; voiced (B, T), the probability of that."""

    f0: Tensor
    voiced: Tensor


class PitchLogits(NamedTuple):
    """Of the frequency bins (B, T, BINS), and of there being a voice (B, T)."""

    bins: Tensor
    voiced: Tensor


class PitchLosses(NamedTuple):
    """Scalars: cross-entropy of the bins over voiced frames, and of voicing over all frames."""

    bins: Tensor
    voiced: Tensor


class PitchNetwork(nn.Module):
    """Scaled log-Mels -> fundamental frequency by classification over logarithmic bins.

    Args:
        bands: n_mels.
        width: channels; twice as many inside the blocks.
        blocks: how many.
        kernel: frames that each convolution spans; odd.
    """

    def __init__(self, bands: int, width: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.trunk = ConvNeXt(bands, width, 2 * width, blocks, kernel)
        self.head = nn.Linear(width, BINS + 1)

    def forward(self, x: Tensor) -> PitchLogits:
        """x (B, 1, n_mels, T) in [-1, 1]."""
        bins, voiced = self.head(self.trunk(x)).split((BINS, 1), dim=-1)
        return PitchLogits(bins, voiced.squeeze(-1))


def decode_pitch(logits: PitchLogits) -> Pitch:
    """The mean of the bins around the best one, by their probability, as in CREPE.

    Kim et al., "CREPE: a convolutional representation for pitch estimation" (ICASSP 2018).
    """
    positions = torch.arange(BINS, device=logits.bins.device)
    best = logits.bins.argmax(dim=-1, keepdim=True)
    near = (positions - best).abs() <= _REACH
    weights = logits.bins.masked_fill(~near, -math.inf).softmax(dim=-1)
    octaves = (weights * positions).sum(dim=-1) / BINS_PER_OCTAVE
    return Pitch(F_MIN * torch.exp2(octaves), logits.voiced.sigmoid())


def pitch_losses(logits: PitchLogits, f0: Tensor) -> PitchLosses:
    """How far the logits are from tracked f0 (B, T) in Hz, 0 where there is no voice.

    The target of a frame is a Gaussian over the bins around its frequency.
    """
    voiced = f0 > 0
    position = BINS_PER_OCTAVE * torch.log2(f0.clamp(F_MIN, F_MAX) / F_MIN)
    distance = torch.arange(BINS, device=f0.device) - position[..., None]
    targets = (-0.5 * (distance / _BLUR).square()).softmax(dim=-1)
    each = -(targets * logits.bins.log_softmax(dim=-1)).sum(dim=-1)
    bins = (each * voiced).sum() / voiced.sum().clamp(min=1)
    return PitchLosses(bins, F.binary_cross_entropy_with_logits(logits.voiced, voiced.float()))
