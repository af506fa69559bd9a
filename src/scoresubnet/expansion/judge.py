"""A judge of the words of a few recordings, which knows nothing of what generates them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.fad import SpeechEmbedding
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.expansion.variations import varied
from scoresubnet.process.missing import install

_FOLDS = 5
_STRENGTHS = np.logspace(-5, 2, 8)  # of the inverse of the penalty
_COPIES, _MOST = 8, 1000  # varied copies of each recording; of all, at most


class RecordingsJudge:
    """Which of the recorded words a clip is: logistic regression on Google's speech embedding.

    It is fitted to varied copies of the recordings as well, and its penalty is chosen by
    cross-validation: copies of what is left out are left out.

    Args:
        clips: recordings (16000,) at 16 kHz.
        words: the word of each, two different ones or more.

    Attributes:
        words: sorted.
        right: share of the recordings that it hears right if they are left out of the fit; None if
            a word has only one.

    Raises:
        ImportError: scikit-learn, audiomentations or the embedding is not installed.
        ValueError: there is one word alone.
    """

    def __init__(self, clips: Sequence[Audio], words: Sequence[str]) -> None:
        try:
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import (
                GridSearchCV,
                StratifiedGroupKFold,
                cross_val_predict,
            )
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
        except ImportError as error:
            raise ImportError(f"the judge needs scikit-learn: {install('expand')}") from error
        counts = Counter(words)
        if len(counts) < 2:
            raise ValueError(
                f"a judge tells words apart, and there is {words[0]!r} alone; add recordings of "
                "other words, or let the classifier of the weights judge (--judge classifier)"
            )
        self._embed = SpeechEmbedding()
        copies = min(_COPIES, _MOST // len(clips))
        rows = self._embed(varied(clips, copies)).embedding
        own = np.repeat(np.arange(len(clips)), copies + 1)
        given = np.array(words)[own]
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        self.right: float | None = None
        if (folds := min(_FOLDS, *counts.values())) > 1:
            splits = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
            split = list(splits.split(rows, given, own))
            strengths = {"logisticregression__C": _STRENGTHS}
            search = GridSearchCV(model, strengths, cv=split, scoring="neg_log_loss")
            model = search.fit(rows, given).best_estimator_
            guesses = cross_val_predict(model, rows, given, cv=split)
            self.right = float((guesses == given)[:: copies + 1].mean())
        self._model = model.fit(rows, given)
        self.words = tuple(str(word) for word in self._model.classes_)

    def __call__(self, clips: Sequence[Audio]) -> Floats:
        """The probabilities (N, words) of clips (16000,)."""
        found: Floats = self._model.predict_proba(self._embed(clips).embedding)
        return found
