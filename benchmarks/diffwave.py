"""DiffWave in its published SC09 shape: the peer from outside, for its time and memory alone."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 200  # of the published SC09 model, and as many network evaluations
SAMPLES = 16_000  # one second at 16 kHz


class DiffWave(nn.Module):
    """The unconditional SC09 model of Kong et al., ICLR 2021 (section 5.3, appendix A, C).

    36 residual layers of 256 channels with dilations 1, 2, ..., 2048 three times over: 24.0 M
    parameters. Their 24.1 M hold the separate gains of weight normalisation, which inference folds
    into the weights. Weights here are random.

    Args:
        layers: residual layers.
        channels: residual and skip channels.
        cycle: layers after which the dilations start again.
    """

    def __init__(self, layers: int = 36, channels: int = 256, cycle: int = 12) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(128, 512), nn.SiLU(), nn.Linear(512, 512), nn.SiLU())
        self.input = nn.Conv1d(1, channels, 1)
        self.layers = nn.ModuleList(
            ResidualLayer(channels, 2 ** (n % cycle)) for n in range(layers)
        )
        self.output = nn.Sequential(
            nn.Conv1d(channels, channels, 1), nn.ReLU(), nn.Conv1d(channels, 1, 1)
        )

    def forward(self, x: Tensor, step: Tensor) -> Tensor:
        """Noisy waveforms x (B, 1, samples) at diffusion steps (B,) -> noise, shaped like x."""
        embedding = self.embed(_sinusoids(step))
        h = F.relu(self.input(x))
        skips = torch.zeros((), dtype=x.dtype, device=x.device)
        for layer in self.layers:
            h, skip = layer(h, embedding)
            skips = skips + skip
        return self.output(skips / math.sqrt(len(self.layers)))


class ResidualLayer(nn.Module):
    """A dilated convolution of width 3 with a gate; half of its output goes on, half is skipped."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.step = nn.Linear(512, channels)
        self.dilated = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.out = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, samples), embedding (B, 512) -> the next x and the skip, both shaped like x."""
        h = self.dilated(x + self.step(embedding)[:, :, None])
        a, b = h.chunk(2, dim=1)
        residual, skip = self.out(torch.tanh(a) * torch.sigmoid(b)).chunk(2, dim=1)
        return (x + residual) / math.sqrt(2), skip


def _sinusoids(step: Tensor) -> Tensor:
    """64 sines, then 64 cosines, of step times 10^(4 k / 63) (their section 3.2): (B, 128)."""
    angles = step[:, None] * 10 ** (torch.arange(64, device=step.device) * 4 / 63)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
