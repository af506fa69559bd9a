from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.cache import Cache
from scoresubnet.evaluation.judges.scorers import quality_scorer, recognition_scorer
from scoresubnet.evaluation.judges.waveforms import Unmeasurable
from scoresubnet.evaluation.sections.common import Judging

LOUD, SILENT = np.full(16_000, 0.5, dtype=np.float32), np.zeros(16_000, dtype=np.float32)


def judging(folder: Path) -> Judging:
    return Judging((), Cache(folder, progress=False))


class Fussy:
    scores = ("a", "b")
    settings: dict[str, object] = {}  # noqa: RUF012

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        if not np.any(audio):
            raise Unmeasurable("silent")
        return {"b": 2.0, "a": 1.0}


class Hearer:
    words = ("yes", "no")
    settings: dict[str, object] = {}  # noqa: RUF012

    def recognise(self, audio: ArrayLike, rate: int) -> str | None:
        assert rate == 16_000
        return "no" if np.any(audio) else None


def test_a_clip_without_a_score_is_nan_and_kept(tmp_path: Path) -> None:
    for _ in range(2):  # computed, and from the cache
        rows = judging(tmp_path).rows(quality_scorer("fussy", Fussy()), [LOUD, SILENT])
        np.testing.assert_array_equal(rows.embedding, [[1, 2], [np.nan, np.nan]])


def test_what_is_heard_as_a_row(tmp_path: Path) -> None:
    rows = judging(tmp_path).rows(recognition_scorer("hearer", Hearer()), [LOUD, SILENT])
    np.testing.assert_array_equal(rows.embedding, [[1], [-1]])
