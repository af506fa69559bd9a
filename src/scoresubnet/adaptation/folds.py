"""Parts of a few recordings: what is learned on the others is tested on each."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoresubnet.data.recordings import Recording
from scoresubnet.process.missing import install


def folds_of(recordings: Sequence[Recording], most: int = 5) -> NDArray[np.int64]:
    """The fold of each recording (N,): of each word about as many in every one.

    A speaker is in one fold, where the names of all files tell who speaks, there are as many
    speakers as folds, and that leaves each word on both sides and no fold twice too large.

    Args:
        recordings: of words with two recordings or more.
        most: folds; fewer if a word has fewer recordings.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: a word has one recording alone.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    except ImportError as error:
        raise ImportError(f"folds need scikit-learn ({error}): {install('train')}") from error
    words = np.array([recording.word for recording in recordings])
    counts = Counter(words.tolist())
    count = min(most, *counts.values())
    if count < 2:
        few = min(counts, key=lambda word: counts[word])
        raise ValueError(f"there is one recording of {few!r} alone; record more of them")
    speakers = [recording.speaker for recording in recordings]
    splitters: list[Any] = [StratifiedKFold(count, shuffle=True, random_state=0)]
    if None not in speakers and len(set(speakers)) >= count:
        splitters.insert(0, StratifiedGroupKFold(count, shuffle=True, random_state=0))
    for splitter in splitters:
        folds = np.empty(len(words), dtype=np.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a word has fewer recordings than folds
            for number, (_, rows) in enumerate(splitter.split(words, words, speakers)):
                folds[rows] = number
        inside = [folds == number for number in range(count)]
        if all(_is_even(words, rows, count) for rows in inside):
            break
    return folds


def _is_even(words: NDArray[np.str_], inside: NDArray[np.bool_], folds: int) -> bool:
    """Whether a fold and the rest have all words, and the fold is not twice too large."""
    both = [set(words[inside]), set(words[~inside])]
    return all(side == set(words) for side in both) and inside.sum() * folds < 2 * len(words)
