"""Vocos with the sources of a voice: filters at frame rate, then an inverse STFT.

Siuzdak, "Vocos" (ICLR 2024) is the design: ConvNeXt blocks at frame rate, magnitude and phase out,
no layer at the sample rate. Here they are those of filters (ours): of pulses at the fundamental
frequency, which brings phases that fit together from frame to frame, and of noise. A neural
source-filter model (Wang, Takaki & Yamagishi, ICASSP 2019) whose filters act on the STFT. Without
filters each source is as loud as the Mel bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.convnext import ConvNeXt
from scoresubnet.vocoders.inversion import smooth_magnitudes
from scoresubnet.vocoders.pitch import Pitch, PitchNetwork, decode_pitch
from scoresubnet.vocoders.source import pulses, white_noise

_MOST_LOG_GAIN = 6.0
"""Of a filter over the Mel bands, which as densities are some e ** 2.7 below the magnitudes."""
_FIRST_WEIGHTS = 0.02  # standard deviation in the head: filters start near the smooth magnitudes
_VOICE, _TURN, _HISS = range(3)  # what the head gives: two log gains, and the voice's phase


@dataclass(frozen=True)
class VocosConfig:
    """Shape of the network.

    Attributes:
        width: channels between the blocks.
        hidden: channels inside them.
        blocks: how many; 0 for no filters at all: pulses and noise as loud as the Mel bands.
        kernel: frames that every convolution spans; odd.
        pitch_width: channels of the network that hears the fundamental frequency.
        pitch_blocks: blocks of that network.
    """

    width: int = 256
    hidden: int = 512
    blocks: int = 8
    kernel: int = 7
    pitch_width: int = 96
    pitch_blocks: int = 3

    def __post_init__(self) -> None:
        sizes = (self.width, self.hidden, self.kernel, self.pitch_width, self.pitch_blocks)
        if min(sizes) < 1 or self.blocks < 0:
            raise ValueError(f"all must be positive, but for blocks, which may be 0: {self}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, not {self.kernel}")


class Vocos(nn.Module):
    """Scaled log-Mels to audio.

    The Mel settings fix the input and the inverse STFT, which has the analysis' size, hop and
    (centred, periodic Hann) window.
    """

    def __init__(self, config: VocosConfig, mel: MelSettings) -> None:
        super().__init__()
        self.config, self.mel = config, mel
        self.front_end = LogMel(mel)
        c = config
        self.pitch = PitchNetwork(mel.n_mels, c.pitch_width, c.pitch_blocks, c.kernel)
        self.gain = math.log(mel.sample_rate / mel.n_fft) / mel.power
        if c.blocks:
            self.trunk = ConvNeXt(mel.n_mels, c.width, c.hidden, c.blocks, c.kernel)
            self.head = nn.Linear(c.width, 3 * (mel.n_fft // 2 + 1))
            nn.init.normal_(self.head.weight, std=_FIRST_WEIGHTS)
            nn.init.constant_(self.head.bias, self.gain)
            nn.init.zeros_(self.head.bias.data.chunk(3)[_TURN])

    def parts(
        self, x: Tensor, pitch: Pitch | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The voice and the hiss, whose sum is the sound: complex STFT (B, n_fft / 2 + 1, T) each.

        Args:
            x: scaled log-Mels (B, 1, n_mels, T) in [-1, 1].
            pitch: of the pulses, (B, T); what `self.pitch` hears if None. No gradient goes there.
            noise: of power 1 (B or 1, (T - 1) * hop_length); the one of `white_noise` if None.
        """
        with torch.no_grad():
            pulse, hiss = self._sources(x, pitch, noise)
        level = smooth_magnitudes(self.front_end.unscale(x).exp(), self.front_end).log()
        if not self.config.blocks:
            loudness = (level + self.gain).exp()
            return loudness * pulse, loudness * hiss
        filters = self.head(self.trunk(x)).transpose(1, 2).chunk(3, dim=1)
        voice_filter = torch.polar(_magnitude(level, filters[_VOICE]), filters[_TURN])
        return voice_filter * pulse, _magnitude(level, filters[_HISS]) * hiss

    def forward(self, x: Tensor, pitch: Pitch | None = None, noise: Tensor | None = None) -> Tensor:
        """The sound of `parts`: audio (B, (T - 1) * hop_length)."""
        voice, hiss = self.parts(x, pitch, noise)
        return self.front_end.istft(voice + hiss)

    def _sources(
        self, x: Tensor, pitch: Pitch | None, noise: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """STFT of pulses and noise, each of power 1 in a bin, were it noise."""
        hop = self.mel.hop_length
        pitch = decode_pitch(self.pitch(x)) if pitch is None else pitch
        noise = white_noise((x.shape[3] - 1) * hop).to(x) if noise is None else noise
        scale = self.front_end.window.square().sum().rsqrt()
        voice = pulses(pitch, hop, self.mel.sample_rate)
        return scale * self.front_end.stft(voice), scale * self.front_end.stft(noise)


def _magnitude(level: Tensor, gain: Tensor) -> Tensor:
    return (level + gain.clamp(max=_MOST_LOG_GAIN)).exp()
