"""Long log-Mels in pieces that overlap, so that memory does not grow with their length.

A piece is 384 windows long, 25 s. It overlaps the next one by 48 windows, 3 s, and in the middle of
these its sound becomes that of the next one. There both are the same to 25 dB or better, if they
start alike: so far from its end a piece sounds otherwise than the whole, for a loud voice.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import MelSettings

LONGEST, OVERLAP, FADE = 384, 48, 8
"""Of a piece, of the overlap of two, and of the fade between them, in windows of the STFT."""


def pieces(frames: int, settings: MelSettings) -> list[tuple[int, int]]:
    """First frame and end of each piece, in turn; one if there are at most 1536 frames."""
    longest, overlap = (_frames(count, settings) for count in (LONGEST, OVERLAP))
    starts = range(0, max(1, frames - overlap), longest - overlap)
    return [(first, min(first + longest, frames)) for first in starts]


def joined(
    sounds: Iterable[NDArray[np.float32]], frames: int, settings: MelSettings
) -> NDArray[np.float32]:
    """The sound of the whole, of those of its pieces.

    Args:
        sounds: audio (B, (t - 1) * hop_length) of each of `pieces`, t frames long, in turn.
        frames: T, of the whole.
        settings: of the front end.

    Returns:
        (B, (T - 1) * hop_length); the very audio of a single piece.
    """
    hop, whole = settings.hop_length, None
    to_fade = _frames(OVERLAP - FADE, settings) // 2 * hop
    for (first, _), sound in zip(pieces(frames, settings), sounds, strict=True):
        if not first:
            whole = sound
            if sound.shape[1] < (frames - 1) * hop:
                whole = np.empty((len(sound), (frames - 1) * hop), np.float32)
                whole[:, : sound.shape[1]] = sound
            continue
        assert whole is not None
        new = whole[:, first * hop : first * hop + sound.shape[1]]
        rise = np.linspace(0, 1, _frames(FADE, settings) * hop, dtype=np.float32)
        fade = slice(to_fade, to_fade + len(rise))
        new[:, fade] += rise * (sound[:, fade] - new[:, fade])
        new[:, fade.stop :] = sound[:, fade.stop :]
    assert whole is not None
    return whole


def _frames(windows: int, settings: MelSettings) -> int:
    return windows * settings.n_fft // settings.hop_length
