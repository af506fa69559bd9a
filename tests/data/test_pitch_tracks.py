import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.pitch_tracks import build_pitch_tracks, track_pitch


def sawtooth(f0: np.ndarray) -> np.ndarray:
    """Ten harmonics of a frequency (16000,)."""
    phase = 2 * np.pi * np.cumsum(f0) / 16_000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 11))).astype(np.float32)


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


def test_tracks_of_clips_are_kept(clips, tmp_path, read):
    result = build_pitch_tracks(clips, tmp_path / "cache", progress=False)
    assert result.f0.shape == (3, 63)
    assert result.clips == clips
    assert result.f0[0, 5:-5] == pytest.approx(300, rel=0.02)
    assert len(read) == 3
    again = build_pitch_tracks(clips, tmp_path / "cache", progress=False)
    assert len(read) == 3
    np.testing.assert_array_equal(again.f0, result.f0)
