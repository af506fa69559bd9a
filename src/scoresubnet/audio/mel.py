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

import numpy as np
from numpy.typing import NDArray

from scoresubnet.arrays import Array, array_namespace, device
from scoresubnet.audio import SAMPLE_RATE
from scoresubnet.options.registries import refuse_unknown

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


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = 15 + np.log(np.maximum(hz, 1000) / 1000) / _LOG_STEP
    return np.where(hz < 1000, hz * 0.015, logarithmic)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    exponential = 1000 * np.exp((np.maximum(mel, 15) - 15) * _LOG_STEP)
    return np.where(mel < 15, mel / 0.015, exponential)


def mel_filterbank(settings: MelSettings) -> NDArray[np.float32]:
    """Triangular Mel filters of unit area (Slaney, Auditory Toolbox 1998).

    Returns:
        (n_mels, n_fft // 2 + 1) = (80, 513); rows are bands, columns STFT bins.
    """
    low, high = _hz_to_mel(np.array([settings.f_min, settings.f_max]))
    edges = _mel_to_hz(np.linspace(low, high, settings.n_mels + 2))
    bins = np.linspace(0, settings.sample_rate / 2, settings.n_fft // 2 + 1)
    left, centre, right = (e[:, None] for e in (edges[:-2], edges[1:-1], edges[2:]))
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles * 2 / (right - left)).astype(np.float32)


def hann_window(length: int) -> NDArray[np.float32]:
    """The periodic one, (length,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


class LogMel:
    """Audio -> x (B, 1, n_mels=80, frames=64) in [-1, 1].

    Audio and what is made of it are torch's tensors, on any device, or numpy's arrays.

    Args:
        settings: `MelSettings()` if None.

    Attributes:
        settings: the numbers.
        window: (win_length,) float32, of numpy.
        filters: (n_mels, n_fft / 2 + 1), of numpy.
        shares: of the same shape: the filters, each bin divided by its sum over the bands.
    """

    def __init__(self, settings: MelSettings | None = None) -> None:
        self.settings = settings or MelSettings()
        self.window = hann_window(self.settings.win_length)
        self.filters = mel_filterbank(self.settings)
        self.shares = self.filters / np.maximum(self.filters.sum(axis=0), 1e-12)
        self._cut = _cut_window(self.window, self.settings)
        self._kept: dict[str, tuple[Array, ...]] = {}  # device -> of `_beside`

    def __call__(self, audio: Array) -> Array:
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
        return self.scale(self.log_mel(_with_zeros(audio, missing)))

    def log_mel(self, audio: Array) -> Array:
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
        s, xp = self.settings, array_namespace(audio)
        if audio.shape[1] <= s.n_fft // 2:
            raise ValueError(
                f"audio has {audio.shape[1]} samples; the centred STFT needs more than"
                f" {s.n_fft // 2}; pad it first with scoresubnet.audio.io.fit_length"
            )
        magnitude = xp.abs(self.stft(xp.astype(audio, xp.float32, copy=False)))
        _, filters = self._beside(audio)
        mel = filters @ (magnitude if s.power == 1 else magnitude**s.power)
        return xp.log(xp.clip(mel, min=s.floor))

    def stft(self, audio: Array) -> Array:
        """Centred STFT: audio (B, N) float32 -> (B, n_fft // 2 + 1, frames) complex64."""
        n_fft, hop, xp = self.settings.n_fft, self.settings.hop_length, array_namespace(audio)
        edge = n_fft // 2
        before, after = audio[:, 1 : edge + 1], audio[:, -edge - 1 : -1]
        padded = xp.concat([xp.flip(before, axis=1), audio, xp.flip(after, axis=1)], axis=1)
        frames = 1 + (padded.shape[1] - n_fft) // hop
        # A frame is cut into pieces of a hop, and piece k of frame n is hop n + k of the sound.
        pieces = -(-n_fft // hop)
        samples = (frames + pieces - 1) * hop
        padded = _with_zeros(padded[:, :samples], max(0, samples - padded.shape[1]))
        hops = xp.reshape(padded, (len(audio), frames + pieces - 1, hop))
        window, _ = self._beside(audio)
        windowed = [hops[:, k : k + frames] * window[k] for k in range(pieces)]
        spectrum = xp.fft.rfft(xp.concat(windowed, axis=2)[..., :n_fft])
        return xp.matrix_transpose(spectrum)

    def scale(self, log_mel: Array) -> Array:
        """(B, 80, T) log-Mel -> x (B, 1, 80, T): [log(floor), log_max] to [-1, 1], clamped."""
        s, xp = self.settings, array_namespace(log_mel)
        x = (log_mel - s.log_min) * (2 / (s.log_max - s.log_min)) - 1
        return xp.clip(x, min=-1, max=1)[:, None]

    def unscale(self, x: Array) -> Array:
        """x (B, 1, 80, T) -> log-Mel (B, 80, T); inverse of `scale` where that did not clamp."""
        s = self.settings
        log_mel = array_namespace(x).squeeze(x, axis=1)
        return (log_mel + 1) * ((s.log_max - s.log_min) / 2) + s.log_min

    def _beside(self, x: Array) -> tuple[Array, ...]:
        """Window (pieces, hop_length) and filters, of the library of x and where that is."""
        xp, place = array_namespace(x), device(x)
        kept = self._kept.get(str(place))
        if kept is None:
            kept = tuple(xp.asarray(each, device=place) for each in (self._cut, self.filters))
            # What lies on the CPU is no copy, and what inference mode made could not be trained on.
            if str(place) != "cpu":
                self._kept[str(place)] = kept
        return kept


def _cut_window(window: NDArray[np.float32], s: MelSettings) -> NDArray[np.float32]:
    """A window in the middle of a frame, cut into pieces of a hop: (pieces, hop_length)."""
    left = (s.n_fft - s.win_length) // 2
    whole = -(-s.n_fft // s.hop_length) * s.hop_length
    return np.pad(window, (left, whole - s.win_length - left)).reshape(-1, s.hop_length)


def _with_zeros(audio: Array, count: int) -> Array:
    """Audio (B, N) and so many zeros; none at all cost nothing."""
    if not count:
        return audio
    xp = array_namespace(audio)
    zeros = xp.zeros((len(audio), count), dtype=audio.dtype, device=device(audio))
    return xp.concat([audio, zeros], axis=1)
