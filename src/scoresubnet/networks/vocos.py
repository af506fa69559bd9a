"""Vocos: ConvNeXt blocks at frame rate, then magnitude and phase of an inverse STFT.

Siuzdak, "Vocos" (ICLR 2024), with the depthwise blocks of Liu et al., "A ConvNet for the 2020s"
(CVPR 2022). No layer works at the sample rate, which is what makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings

_MOST_LOG_MAGNITUDE = 6.0  # a full-scale sine reaches log(n_fft / 4) = 5.5 under a Hann window


@dataclass(frozen=True)
class VocosConfig:
    """Shape of the network.

    Attributes:
        width: channels between the blocks.
        hidden: channels inside them.
        blocks: how many.
        kernel: frames that the depthwise convolutions span; odd.
    """

    width: int = 256
    hidden: int = 576
    blocks: int = 8
    kernel: int = 7

    def __post_init__(self) -> None:
        if min(self.width, self.hidden, self.blocks, self.kernel) < 1:
            raise ValueError(f"width, hidden, blocks and kernel must be positive: {self}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, not {self.kernel}")


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a perceptron at each frame: (B, T, C) -> (B, T, C).

    Args:
        scale: of the branch at the start of the training (LayerScale).
    """

    def __init__(self, width: int, hidden: int, kernel: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, h: Tensor) -> Tensor:
        branch = self.norm(self.depthwise(h.transpose(1, 2)).transpose(1, 2))
        return h + self.scale * self.reduce(F.gelu(self.expand(branch)))


class Vocos(nn.Module):
    """Scaled log-Mels to audio.

    The Mel settings fix the input and the inverse STFT, which has the analysis' size, hop and
    (centred, periodic Hann) window.
    """

    window: Tensor

    def __init__(self, config: VocosConfig, mel: MelSettings) -> None:
        super().__init__()
        self.config, self.mel = config, mel
        width = config.width
        self.input = nn.Conv1d(mel.n_mels, width, config.kernel, padding=config.kernel // 2)
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.hidden, config.kernel, 1 / config.blocks)
            for _ in range(config.blocks)
        )
        self.norm_out = nn.LayerNorm(width)
        self.head = nn.Linear(width, mel.n_fft + 2)
        self.register_buffer("window", torch.hann_window(mel.win_length), persistent=False)

    def spectrum(self, x: Tensor) -> Tensor:
        """x (B, 1, n_mels, T) in [-1, 1] -> complex STFT (B, n_fft / 2 + 1, T)."""
        h = self.norm_in(self.input(x.squeeze(1)).transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        log_magnitude, phase = self.head(self.norm_out(h)).transpose(1, 2).chunk(2, dim=1)
        return torch.polar(log_magnitude.clamp(max=_MOST_LOG_MAGNITUDE).exp(), phase)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, n_mels, T) in [-1, 1] -> audio (B, (T - 1) * hop_length)."""
        return torch.istft(
            self.spectrum(x),
            self.mel.n_fft,
            hop_length=self.mel.hop_length,
            win_length=self.mel.win_length,
            window=self.window,
            center=True,
        )
