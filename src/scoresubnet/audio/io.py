"""Sound files in and out: mono float32 arrays at one sample rate, full scale 1."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from scoresubnet.audio import SAMPLE_RATE
from scoresubnet.audio.decoding import SILENCE_PEAK, Audio, AudioError, read_blocks
from scoresubnet.files import write_bytes

__all__ = [
    "AUDIO_SUFFIXES",
    "LONGEST",
    "SILENCE_PEAK",
    "Audio",
    "AudioError",
    "fit_length",
    "is_silent",
    "read_audio",
    "read_blocks",
    "write_wav",
]

AUDIO_SUFFIXES = (".wav", ".flac")
"""Endings of the sound files that are found in folders."""

LONGEST = 3600
"""Seconds of the longest signal that is held in memory: at 16 kHz 0.2 GiB, and a few times that
while it is worked on. It also ends a small file that unpacks to days of silence."""


def read_audio(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> Audio:
    """A sound file as mono (N,) float32 at `sample_rate` hertz; channels are averaged.

    Raises:
        AudioError: the file is longer than `LONGEST`, or as of `read_blocks`.
    """
    blocks: list[Audio] = []
    length = 0
    for block in read_blocks(path, sample_rate):
        blocks.append(block)
        length += len(block)
        if length > LONGEST * sample_rate:
            raise AudioError(f"{path}: longer than {LONGEST // 60} minutes; cut it into pieces")
    return np.concatenate(blocks)


def fit_length(audio: Audio, length: int) -> Audio:
    """Exactly `length` samples of an (N,) signal.

    Short audio is put in the middle of zeros. Of long audio the window of greatest energy is kept,
    the earliest one if several are equal.
    """
    spare = length - len(audio)
    if spare >= 0:
        return np.pad(audio, (spare // 2, spare - spare // 2))
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return audio[start : start + length]


def is_silent(audio: Audio) -> bool:
    """True where no sample exceeds `SILENCE_PEAK` once the mean (a DC offset) is taken away."""
    return bool(np.abs(audio - audio.mean(dtype=np.float64)).max(initial=0.0) <= SILENCE_PEAK)


def write_wav(path: str | os.PathLike[str], audio: Audio, sample_rate: int = SAMPLE_RATE) -> None:
    """Write (N,) audio as 16-bit PCM, clipped to [-1, 1]; parent folders are made.

    The file appears complete or not at all: an error leaves an older file of that name as it was.

    Raises:
        AudioError: audio is not one-dimensional, or has a NaN or infinite sample.
        OSError: the file cannot be written; the message names it.
    """
    path = Path(path)
    audio = np.asarray(audio)
    if audio.ndim != 1:
        raise AudioError(
            f"{path}: audio of shape {audio.shape} cannot be written; give mono audio (N,)"
        )
    if not np.isfinite(audio).all():
        raise AudioError(f"{path}: the audio has NaN or infinite samples and was not written")
    file = BytesIO()
    soundfile.write(file, np.clip(audio, -1, 1), sample_rate, format="WAV", subtype="PCM_16")
    write_bytes(path, file.getbuffer())
