"""Predictors of quality and recognisers as embedders, so that one cache keeps all that is heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.base import Embedded, row_by_row
from scoresubnet.evaluation.judges.quality import QualityPredictor
from scoresubnet.evaluation.judges.waveforms import RATE, Unmeasurable, as_clip
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.process.threads import each_on_a_thread


class Recogniser(Protocol):
    """Hears one of some words in a clip, or None; see `intelligibility.WordRecogniser`."""

    words: tuple[str, ...]

    @property
    def settings(self) -> Mapping[str, object]: ...

    def recognise(self, audio: ArrayLike, rate: int) -> str | None: ...


class RowScorer:
    """An `Embedder` whose rows are what a function gives for each clip.

    Args:
        name: fit for the name of a folder.
        settings: all that a row depends on besides the clip, ready for JSON.
        row: (16000,) -> (D,).
        side_by_side: several threads may call `row` at once, each for a clip.
    """

    labels = None

    def __init__(
        self,
        name: str,
        settings: Mapping[str, object],
        row: Callable[[Audio], Floats],
        side_by_side: bool = False,
    ) -> None:
        self.name = name
        self.settings = settings
        self._row = row
        self._side_by_side = side_by_side

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        if not self._side_by_side or not len(clips):
            return Embedded(row_by_row(self._row, clips, progress, self.name))
        with tqdm(total=len(clips), desc=self.name, unit="clip", disable=not progress) as bar:

            def row(clip: Audio) -> Floats:
                made = self._row(as_clip(clip))
                bar.update()
                return made

            rows = each_on_a_thread(row, clips, fewest=1)
        return Embedded(np.stack(rows).astype(np.float64, copy=False))


def quality_scorer(name: str, predictor: QualityPredictor) -> RowScorer:
    """Rows are the predictor's scores, NaN for a clip that has none.

    Args:
        name: fit for the name of a folder.
        predictor: may be called by several threads at once.
    """

    def row(clip: Audio) -> Floats:
        try:
            scores: Mapping[str, float] = predictor(clip)
        except Unmeasurable:
            scores = {}
        return np.array([scores.get(score, np.nan) for score in predictor.scores])

    return RowScorer(name, predictor.settings, row, side_by_side=True)


def recognition_scorer(name: str, recogniser: Recogniser) -> RowScorer:
    """Rows are the index of the word that is heard, -1 for none."""

    def row(clip: Audio) -> Floats:
        heard = recogniser.recognise(clip, RATE)
        return np.array([-1.0 if heard is None else recogniser.words.index(heard)])

    return RowScorer(name, recogniser.settings, row)
