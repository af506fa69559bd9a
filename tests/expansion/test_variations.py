"""Copies differ from one another, are the same for the same seed, and leave the clip as it is."""

import random

import numpy as np

from scoresubnet.expansion.variations import varied


def test_copies_are_varied() -> None:
    time = np.arange(16_000) / 16_000
    clips = [(0.3 * np.sin(2 * np.pi * f * time)).astype(np.float32) for f in (200, 500)]
    before = [clip.copy() for clip in clips]
    random.seed(3)
    state = random.getstate()
    found = varied(clips, 3)
    assert random.getstate() == state
    assert all(np.array_equal(clip, old) for clip, old in zip(clips, before, strict=True))
    assert len(found) == 8
    assert np.array_equal(found[0], clips[0])
    assert np.array_equal(found[4], clips[1])
    assert all(copy.shape == (16_000,) and copy.dtype == np.float32 for copy in found)

    def peak(clip: np.ndarray) -> float:
        """The loudest frequency, hertz."""
        return float(np.abs(np.fft.rfft(clip)).argmax())

    heights = [peak(copy) / 200 for copy in found[1:4]]
    assert len({round(height, 3) for height in heights}) == 3
    assert all(2 ** (-3.2 / 12) < height < 2 ** (3.2 / 12) for height in heights)
    again, other = varied(clips, 3), varied(clips, 3, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    assert not np.array_equal(found[1], other[1])
