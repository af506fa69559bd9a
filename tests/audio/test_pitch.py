"""Tracked pitch of sounds whose pitch is known."""

import numpy as np

from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.pitch import track_pitch


def sawtooth(f0: np.ndarray) -> np.ndarray:
    """Ten harmonics of a frequency (16000,)."""
    phase = 2 * np.pi * np.cumsum(f0) / 16_000
    k = np.arange(1, 11)[:, None]
    return (0.1 * (np.sin(k * phase) / k).sum(0)).astype(np.float32)


def test_a_glide_is_followed():
    f0 = np.geomspace(100, 200, 16_000)
    track = track_pitch(sawtooth(f0), MelSettings())
    assert track.shape == (63,)
    assert track.dtype == np.float16
    inner = track[4:-4].astype(float)
    cents = 1200 * np.log2(inner / f0[::256][4:59])
    assert np.abs(cents).max() < 40


def test_digital_silence_has_no_pitch(recwarn):
    sound = sawtooth(np.full(16_000, 150.0))
    sound[6000:] = 0
    track = track_pitch(sound, MelSettings())
    assert (track[4:20] > 0).all()
    assert not track[30:].any()
    assert not recwarn.list
