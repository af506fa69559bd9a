"""The one log-Mel front end: audio -> x in [-1, 1], and back to log-Mel.

The recipe is that of the vocoder `speechbrain/tts-hifigan-libritts-16kHz`: a centred STFT with
reflect padding and a periodic Hann window, magnitudes, 80 Slaney Mel bands, natural logarithm.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scoresubnet.audio import SAMPLE_RATE
from scoresubnet.caller import undisturbed
from scoresubnet.registries import refuse_unknown

# What the numbers of MelSettings do not say. Part of the hash: change it when the recipe changes.
RECIPE = "stft centred reflect, hann periodic, slaney scale, slaney norm, ln, linear to [-1, 1]"


@dataclass(frozen=True)
class MelSettings:
    """Every number of the front end.

    Frequencies are in hertz, lengths in samples, `clip_seconds` in seconds. `log_max` is the
    log-Mel value that is mapped to +1; log(`floor`) is mapped to -1.

    Raises:
        ValueError: the numbers contradict each other.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = 1024
    win_length: int = 1024
    hop_length: int = 256
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float = 8000.0
    power: float = 1.0
    floor: float = 1e-5
    # Of the 46 million bins of the 9,051 training clips at hand (Speech Commands, 18 words, and
    # FSDD) the greatest is 2.51, and 0.00016 % exceed 2.0.
    log_max: float = 2.0
    frames: int = 64
    clip_seconds: float = 1.0

    def __post_init__(self) -> None:
        positive = ("sample_rate", "n_fft", "win_length", "hop_length", "n_mels", "power", "floor")
        for name in (*positive, "frames", "clip_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"MelSettings.{name} must be positive, not {getattr(self, name)}")
        if not self.hop_length <= self.win_length <= self.n_fft:
            raise ValueError(
                "MelSettings needs hop_length <= win_length <= n_fft, "
                f"not {self.hop_length}, {self.win_length}, {self.n_fft}"
            )
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                "MelSettings needs 0 <= f_min < f_max <= sample_rate / 2, "
                f"not {self.f_min}, {self.f_max}, {self.sample_rate / 2}"
            )
        if not self.log_max > self.log_min:
            raise ValueError(
                f"MelSettings.log_max must exceed log(floor) = {self.log_min:.3f}, "
                f"not {self.log_max}"
            )
        if self.clip_samples > self.padded_samples:
            raise ValueError(
                f"MelSettings: {self.frames} frames hold {self.padded_samples} samples, "
                f"fewer than a clip of {self.clip_samples}; raise frames or shorten clip_seconds"
            )

    @property
    def log_min(self) -> float:
        """The least log-Mel value, mapped to -1."""
        return math.log(self.floor)

    @property
    def clip_samples(self) -> int:
        """Samples in one clip: 16,000."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def padded_samples(self) -> int:
        """Samples of which the centred STFT makes exactly `frames` frames: 16,128."""
        return (self.frames - 1) * self.hop_length

    @property
    def least_frames(self) -> int:
        """The fewest frames that a vocoder takes, 4: the reflect padding of the STFT needs them."""
        return self.n_fft // 2 // self.hop_length + 2

    @property
    def hash(self) -> str:
        """Sixteen hex digits that change with any setting and with the recipe."""
        # As floats, so that f_min=0 and f_min=0.0 are one setting.
        numbers = {name: float(value) for name, value in asdict(self).items()}
        text = json.dumps({"recipe": RECIPE, **numbers}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain numbers, ready for JSON or YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MelSettings:
        """The settings that `to_dict` wrote.

        Raises:
            ValueError: a key is missing or unknown (the nearest known key is named).
        """
        known = [f.name for f in fields(cls)]
        for key in values:
            refuse_unknown("Mel setting", key, known)
        if missing := [name for name in known if name not in values]:
            raise ValueError(f"missing Mel settings: {', '.join(missing)}; give all of them")
        return cls(**values)


# Slaney's scale: 15 mel linearly up to 1 kHz, then 27 mel for each factor of 6.4.
_LOG_STEP = math.log(6.4) / 27


def _hz_to_mel(hz: Tensor) -> Tensor:
    logarithmic = 15 + torch.log(hz.clamp(min=1000) / 1000) / _LOG_STEP
    return torch.where(hz < 1000, hz * 0.015, logarithmic)


def _mel_to_hz(mel: Tensor) -> Tensor:
    exponential = 1000 * torch.exp((mel.clamp(min=15) - 15) * _LOG_STEP)
    return torch.where(mel < 15, mel / 0.015, exponential)


def mel_filterbank(settings: MelSettings) -> Tensor:
    """Triangular Mel filters of unit area (Slaney, Auditory Toolbox 1998).

    Returns:
        (n_mels, n_fft // 2 + 1) = (80, 513) float32; rows are bands, columns STFT bins.
    """
    limits = torch.tensor([settings.f_min, settings.f_max], dtype=torch.float64)
    low, high = _hz_to_mel(limits).tolist()
    edges = _mel_to_hz(torch.linspace(low, high, settings.n_mels + 2, dtype=torch.float64))
    bins = torch.linspace(0, settings.sample_rate / 2, settings.n_fft // 2 + 1, dtype=torch.float64)
    left, centre, right = (e[:, None] for e in (edges[:-2], edges[1:-1], edges[2:]))
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return (triangles * 2 / (right - left)).float()


class LogMel(nn.Module):
    """Audio -> x (B, 1, n_mels=80, frames=64) in [-1, 1]; holds no weights and no saved state."""

    window: Tensor
    filters: Tensor
    shares: Tensor
    """(n_mels, n_fft / 2 + 1): the filters, each bin divided by its sum over the bands."""

    @undisturbed()
    def __init__(self, settings: MelSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or MelSettings()
        self.register_buffer(
            "window", torch.hann_window(self.settings.win_length), persistent=False
        )
        filters = mel_filterbank(self.settings)
        self.register_buffer("filters", filters, persistent=False)
        shares = filters / filters.sum(dim=0).clamp(min=1e-12)
        self.register_buffer("shares", shares, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Features of clips of at most 16,128 samples; zeros are appended up to that length.

        Args:
            audio: (B, N) or (N,), N <= (frames - 1) * hop_length, full scale 1.

        Returns:
            x: (B, 1, 80, 64) float32 in [-1, 1]; B = 1 for an (N,) input.

        Raises:
            ValueError: audio is too long, or neither (B, N) nor (N,).
        """
        if audio.ndim not in (1, 2):
            raise ValueError(f"audio must be (B, N) or (N,), not of shape {tuple(audio.shape)}")
        audio = audio[None] if audio.ndim == 1 else audio
        missing = self.settings.padded_samples - audio.shape[-1]
        if missing < 0:
            raise ValueError(
                f"audio has {audio.shape[-1]} samples, more than the {self.settings.padded_samples}"
                f" of {self.settings.frames} frames; crop it first with"
                f" scoresubnet.audio.io.fit_length(audio, {self.settings.clip_samples})"
            )
        return self.scale(self.log_mel(F.pad(audio, (0, missing))))

    def log_mel(self, audio: Tensor) -> Tensor:
        """Natural logarithm of max(Mel magnitude, floor), for any length.

        Args:
            audio: (B, N), N > n_fft // 2.

        Returns:
            (B, 80, 1 + N // hop_length) float32.

        Raises:
            ValueError: audio is not (B, N), or too short for the reflect padding.
        """
        if audio.ndim != 2:
            raise ValueError(f"audio must be (B, N), not of shape {tuple(audio.shape)}")
        s = self.settings
        if audio.shape[1] <= s.n_fft // 2:
            raise ValueError(
                f"audio has {audio.shape[1]} samples; the centred STFT needs more than"
                f" {s.n_fft // 2}; pad it first with scoresubnet.audio.io.fit_length"
            )
        magnitude = self.stft(audio.float()).abs()
        mel = self.filters @ (magnitude if s.power == 1 else magnitude**s.power)
        return torch.log(mel.clamp(min=s.floor))

    def stft(self, audio: Tensor) -> Tensor:
        """Centred STFT: audio (B, N) float32 -> (B, n_fft // 2 + 1, frames) complex64."""
        s = self.settings
        return torch.stft(
            audio,
            s.n_fft,
            hop_length=s.hop_length,
            win_length=s.win_length,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )

    def istft(self, spectrum: Tensor) -> Tensor:
        """Inverse of `stft`: (B, n_fft // 2 + 1, T) complex -> audio (B, (T - 1) * hop_length)."""
        s = self.settings
        return torch.istft(
            spectrum,
            s.n_fft,
            hop_length=s.hop_length,
            win_length=s.win_length,
            window=self.window,
            center=True,
        )

    def scale(self, log_mel: Tensor) -> Tensor:
        """(B, 80, T) log-Mel -> x (B, 1, 80, T): [log(floor), log_max] to [-1, 1], clamped."""
        s = self.settings
        x = (log_mel - s.log_min) * (2 / (s.log_max - s.log_min)) - 1
        return x.clamp(-1, 1).unsqueeze(1)

    def unscale(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> log-Mel (B, 80, T); inverse of `scale` where that did not clamp."""
        s = self.settings
        return (x.squeeze(1) + 1) * ((s.log_max - s.log_min) / 2) + s.log_min
