"""The protocol of vocoders: x in [-1, 1] -> audio, for the Mel settings that it states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.pieces import pieces


class Vocoder(Protocol):
    """x (B, 1, 80, T) in [-1, 1] -> audio (B, samples) in [-1, 1], numpy's arrays of float32.

    T = `mel.frames` gives one clip: 64 frames are 16,000 samples. Item k of the result depends on
    item k of x alone.
    """

    name: str
    mel: MelSettings

    @property
    def settings(self) -> dict[str, Any]:
        """All that the sound depends on besides x, ready for JSON: the key of a cache of sounds.

        "name", "mel" (the hash of the Mel settings), "weights" (the hash of the weights, or None),
        and every number by its name.
        """
        ...

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]: ...


def audio_samples(frames: int, settings: MelSettings) -> int:
    """Samples that a vocoder makes of `frames` frames: 16,000 of 64, else (T - 1) * 256 - 128.

    The zeros that the front end appends to a clip are cut off again.
    """
    padding = settings.padded_samples - settings.clip_samples
    return (frames - 1) * settings.hop_length - padding


def checked(x: NDArray[np.float32], settings: MelSettings, name: str) -> NDArray[np.float32]:
    """x (B, 1, 80, T) as float32, values beyond [-1, 1] clamped.

    Raises:
        ValueError: x has another shape, no item, or fewer than `MelSettings.least_frames` frames.
    """
    least = settings.least_frames
    if x.ndim != 4 or not x.shape[0] or x.shape[1:3] != (1, settings.n_mels) or x.shape[3] < least:
        raise ValueError(
            f"x is of shape {tuple(x.shape)}; {name} needs "
            f"(B >= 1, 1, {settings.n_mels}, T >= {least})"
        )
    return np.clip(np.asarray(x, np.float32), -1, 1)


def finished(audio: NDArray[np.float32], frames: int, settings: MelSettings) -> NDArray[np.float32]:
    """Audio (B, (T - 1) * hop_length) -> (B, `audio_samples(T)`), items beyond 1 scaled down."""
    audio = audio[:, : audio_samples(frames, settings)]
    return audio / np.maximum(np.abs(audio).max(axis=1, keepdims=True), 1)


def resynthesise(audio: NDArray[np.float32], vocoder: Vocoder) -> NDArray[np.float32]:
    """Audio through the front end and back: what the vocoder makes of its log-Mel.

    Args:
        audio: (N,) at the vocoder's sample rate, N >= 1, full scale 1; of any length.
        vocoder: its `mel` settings make the log-Mel.

    Returns:
        (N,). Zeros are appended for the analysis, so that the end is not lost.

    Raises:
        ValueError: audio is not (N >= 1,).
    """
    if audio.ndim != 1 or not len(audio):
        raise ValueError(f"audio is of shape {audio.shape}; give (N >= 1,)")
    s = vocoder.mel
    enough = math.ceil((len(audio) - audio_samples(1, s)) / s.hop_length) + 1
    frames = max(enough, s.least_frames)
    return vocoder(_features(audio, frames, LogMel(s)))[0, : len(audio)]


def _features(audio: NDArray[np.float32], frames: int, front_end: LogMel) -> NDArray[np.float32]:
    """Audio (N,) with zeros after it -> x (1, 1, 80, T), in pieces."""
    hop, filled = front_end.settings.hop_length, 0
    x = np.empty((1, 1, front_end.settings.n_mels, frames), np.float32)
    for first, end in pieces(frames, front_end.settings):
        part = audio[first * hop : (end - 1) * hop]
        part = np.pad(part, (0, (end - first - 1) * hop - len(part)))
        half = (filled - first) // 2  # of what two pieces share: away from the end of either
        x[..., first + half : end] = front_end.scale(front_end.log_mel(part[None])[..., half:])
        filled = end
    return x


def refuse_other_features(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise if the vocoder's Mel settings are not those of the features.

    Raises:
        ValueError: a value differs; the message names each that does.
    """
    differing = [f"{key} {theirs[key]} / {ours[key]}" for key in ours if theirs[key] != ours[key]]
    if differing:
        raise ValueError(
            f"the vocoder {name!r} was made for other Mel settings than the features "
            f"(vocoder / features: {', '.join(differing)}); choose a vocoder that fits"
        )
