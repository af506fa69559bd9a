import dataclasses
import os
import sys

import numpy as np
import pytest
import soundfile

from scoresubnet.data.pitch_tracks import build_pitch_tracks
from scoresubnet.data.waveforms import build_waveforms


def test_tracks_of_clips_are_kept(clips, tmp_path, read):
    result = build_pitch_tracks(clips, tmp_path / "cache", progress=False)
    assert result.f0.shape == (3, 63)
    assert result.clips == clips
    assert result.f0[0, 5:-5] == pytest.approx(300, rel=0.02)
    assert len(read) == 3
    again = build_pitch_tracks(clips, tmp_path / "cache", progress=False)
    assert len(read) == 3
    np.testing.assert_array_equal(again.f0, result.f0)


def test_rows_are_those_of_the_waveforms(clips, tmp_path):
    """A silent file in between is left out of both."""
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    given = [clips[1], dataclasses.replace(clips[0], path=silent), clips[2]]
    waveforms = build_waveforms(given, tmp_path / "cache", progress=False)
    tracks = build_pitch_tracks(waveforms.clips, tmp_path / "cache", progress=False)
    assert tracks.clips == waveforms.clips == [clips[1], clips[2]]
    assert not tracks.f0[0, :10].any()  # half a second between zeros
    assert tracks.f0[1, 5:-5] == pytest.approx(300, rel=0.02)


def test_numba_has_a_place_to_write_wherever_the_home_is(clips, tmp_path, monkeypatch):
    """Its workers inherit the environment; without a place they fail."""
    for name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/dev/null/home")
    seen = []
    recipes = "scoresubnet.data.pitch_tracks.cached"
    monkeypatch.setattr(recipes, lambda *given: seen.append(os.environ["NUMBA_CACHE_DIR"]))
    build_pitch_tracks(clips, tmp_path, progress=False)
    assert os.access(seen[0], os.W_OK)


def test_without_librosa_the_message_says_what_to_install(clips, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ImportError, match=r"librosa.*scoresubnet\[train\]"):
        build_pitch_tracks(clips, tmp_path / "cache", progress=False)
