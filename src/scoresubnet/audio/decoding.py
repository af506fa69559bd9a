"""Sound files decoded a block at a time, up to their real end: what headers claim is not trusted.

Nothing is allocated by the length in a header. Encoders that write to a pipe leave it open, and a
damaged one may claim more than any memory holds.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from scoresubnet.audio import SAMPLE_RATE
from scoresubnet.git_lfs import pointer_hint

Audio = NDArray[np.float32]

# Three steps of 16-bit quantisation (-80 dB of full scale): dither, not speech.
SILENCE_PEAK = 1e-4

_BLOCK = 2**18  # samples of all channels that are decoded together: 1 MiB
_RATES = (1_000, 1_000_000)  # hertz; beyond them a header is damaged, and a resampled block huge
_LOUDEST = 2.0**31  # integers of 32 bits stored as floats; much beyond it, sums overflow
_OPEN_FRAMES = 2**63 - 1  # libsndfile's length of a FLAC that states none
_TOO_MUCH = 64  # bytes that writers claim by mistake, such as the 44 of the header, or 8 of a chunk
_OPEN_BYTES = 0x7FFF_F000  # the least that sox, ffmpeg and others write for the length of a WAV
# A WAV whose length is 0 although something follows that is not the name of another chunk.
_UNFINISHED = re.compile(rb"RIFF.{4}WAVE.*?data(?P<length>\0{4})(?!\Z|[A-Za-z0-9 ]{4})", re.DOTALL)


class AudioError(ValueError):
    """A sound file or signal that cannot be used; the message names it."""


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file read from start to end; after the last block of an open FLAC a seek fails."""

    def seekable(self) -> bool:
        return False


def native_name(path: str | os.PathLike[str]) -> str | os.PathLike[str] | bytes:
    """A file's name as soundfile takes it, also where it is not UTF-8."""
    return path if os.name == "nt" or os.fspath(path).isascii() else os.fsencode(path)


def read_blocks(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> Iterator[Audio]:
    """The blocks of a sound file, one after the other: mono (N,) float32 at `sample_rate` hertz.

    Channels are averaged. Together the blocks are what the whole signal gives, to the bit; a block
    may be empty. A WAV whose length was never filled in is read to its end.

    Raises:
        AudioError: the file is missing, unreadable, empty or cut short, has a rate that no sound
            has, NaN, infinite or enormous samples, or channels that cancel each other.
    """
    if not os.path.isfile(path):
        raise AudioError(f"{path}: {pointer_hint(path) or 'there is no such file'}")
    try:
        yield from _blocks(path, sample_rate)
    except AudioError:
        raise
    except Exception as error:  # decoders raise what they like, MemoryError too
        why = getattr(error, "error_string", str(error)) or type(error).__name__
        reason = pointer_hint(path) or f"not a readable sound file ({why})"
        raise AudioError(f"{path}: {reason}") from error


def _blocks(path: str | os.PathLike[str], sample_rate: int) -> Iterator[Audio]:
    with _opened(path) as file:
        if not _RATES[0] <= file.samplerate <= _RATES[1]:
            raise AudioError(
                f"{path}: its header claims {file.samplerate} samples a second; export it again"
            )
        same = file.samplerate == sample_rate
        stream = None if same else soxr.ResampleStream(file.samplerate, sample_rate, 1)
        length = 0
        low, high = np.full((2, file.channels + 1), [[np.inf], [-np.inf]])
        for channels in _decoded(file, path):
            if not np.abs(channels).max() <= _LOUDEST:  # so it is where one is NaN
                raise AudioError(
                    f"{path}: the sound has NaN, infinite or enormous samples; export it again"
                )
            mono: Audio = channels.mean(axis=1)
            signals = np.stack([*channels.T, mono])
            low = np.minimum(low, signals.min(axis=1))
            high = np.maximum(high, signals.max(axis=1))
            block = mono if stream is None else stream.resample_chunk(mono)
            length += len(block)
            yield block
        if high[-1] < low[-1]:
            raise AudioError(f"{path}: the sound is empty; record it again")
        peaks = (high - low) / 2
        if peaks[-1] <= SILENCE_PEAK < peaks.max() / file.channels:
            raise AudioError(
                f"{path}: its channels cancel each other when they are averaged; export one of them"
            )
        if stream is not None:
            rest = stream.resample_chunk(mono[:0], last=True)
            if not length + len(rest):
                raise AudioError(
                    f"{path}: the sound is shorter than a sample at {sample_rate} Hz; record more"
                )
            yield rest


def _decoded(
    file: soundfile.SoundFile, path: str | os.PathLike[str]
) -> Iterator[NDArray[np.float32]]:
    """The samples (N > 0, channels) of each block, as many as the header claims if it does."""
    left = file.frames
    claim = re.search(r"^data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    claimed, there = map(int, claim.groups()) if claim else (0, 0)
    short = there + _TOO_MUCH < claimed < _OPEN_BYTES
    while left and not short:
        wanted = min(left, _BLOCK // file.channels)
        channels = file.read(wanted, dtype="float32", always_2d=True)
        if len(channels):
            yield channels
        left -= len(channels)
        if len(channels) < wanted:
            short, left = file.frames != _OPEN_FRAMES, 0
    if short:
        raise AudioError(
            f"{path}: the file is cut short: its header claims more sound than there is; "
            "copy or record it again"
        )


def _opened(path: str | os.PathLike[str]) -> soundfile.SoundFile:
    """The file; of a WAV that is empty by its header alone, what follows it is the sound."""
    file = _Forward(native_name(path))
    if file.frames:
        return file
    content = bytearray(Path(path).read_bytes())
    header = _UNFINISHED.match(content)
    if header is None:
        return file
    file.close()
    content[slice(*header.span("length"))] = _OPEN_BYTES.to_bytes(4, "little")
    return _Forward(io.BytesIO(content))
