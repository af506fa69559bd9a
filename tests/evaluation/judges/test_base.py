"""Rows are made one by one, of clips that can be used."""

from __future__ import annotations

import numpy as np
import pytest

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.base import row_by_row
from scoresubnet.evaluation.statistics.checks import Floats

CLIP = np.full(3, 0.5, dtype=np.float32)


def first(clip: Audio) -> Floats:
    return clip[:1].astype(np.float64)


def test_no_clips_and_unusable_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="no clips"):
        row_by_row(first, [], False, "")
    for bad in (np.zeros(0), np.array([np.nan]), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="finite samples"):
            row_by_row(first, [CLIP, bad], False, "")
    assert row_by_row(first, [CLIP, CLIP], False, "").shape == (2, 1)
