"""What the sections share: what judges are told, and figures that several of them have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.clips import ClipFile
from scoresubnet.evaluation.judges.base import Embedded, Embedder, embedded
from scoresubnet.evaluation.results import Estimate, Section, absent, from_interval, from_share
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.frechet import frechet_interval
from scoresubnet.evaluation.systems import Systems

FRECHET_RESAMPLES = 200


class Unavailable(ValueError):
    """A judge cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Judging:
    """What the judges are told.

    Attributes:
        words: the labels; none if no clip has one.
        cache_dir: where rows are kept.
        training: files of all training clips, for novelty.
        training_dir: they are named by their paths in it.
        evaluator: file or run of a `WordEvaluator`; the shipped one if None.
        sc09_resnext: file of the published classifier, or None.
        vggish: file, folder or hub id, or None.
        whisper: folder, or None.
        progress: show progress bars.
    """

    words: tuple[str, ...]
    cache_dir: Path
    training: Sequence[ClipFile] = ()
    training_dir: Path = Path()
    evaluator: str | None = None
    sc09_resnext: str | None = None
    vggish: str | None = None
    whisper: str | None = None
    progress: bool = True

    def rows(self, judge: Embedder, clips: Sequence[Audio]) -> Embedded:
        """The rows of clips, each computed once (see `embedding.embedded`)."""
        return embedded(judge, clips, self.cache_dir, self.progress)


Measured = Callable[[Systems], Section]


def distances(
    title: str, reference: Floats, rows: Mapping[str, Floats], judging: Judging
) -> dict[str, Estimate]:
    """The Frechet distance of each row from the reference, with its interval.

    Args:
        title: stands before the progress bar.
        reference: (N, D).
        rows: system -> (N', D); N' = N, so that the distances can be compared.
        judging: says whether there is a bar.
    """
    found = {}
    for name, row in tqdm(
        rows.items(), desc=f"{title}, distances", unit="row", disable=not judging.progress
    ):
        if min(len(reference), len(row)) < 2:
            found[name] = absent("needs two clips", len(row))
        else:
            interval = frechet_interval(reference, row, FRECHET_RESAMPLES)
            found[name] = from_interval(interval, len(row))
    return found


def accuracies(systems: Systems, heard: Mapping[str, Sequence[str]]) -> dict[str, Estimate]:
    """The share of each row's clips that are heard as their labels.

    Args:
        systems: the rows.
        heard: by row, the word that is heard in each clip.
    """
    found = {}
    for name, system in systems.rows.items():
        if system.labels is None:
            found[name] = absent("its clips have no labels", len(system.clips))
        else:
            right = sum(a == b for a, b in zip(system.labels, heard[name], strict=True))
            found[name] = from_share(right, len(system.clips))
    return found


def confusion(
    systems: Systems, heard: Mapping[str, Sequence[str]], words: Sequence[str]
) -> dict[str, Any]:
    """What was heard in each label's clips, generated and real, if they have labels.

    Returns:
        `heard`: the words, the columns. `systems`: by row, `asked`: the labels, the lines; and
        `counts`, whose lines add up to the label's clips.
    """
    found = {}
    for name in ("generated", "real"):
        labels = systems.rows[name].labels
        if labels is None:
            continue
        asked = sorted(set(labels))
        counts = np.zeros((len(asked), len(words)), dtype=np.int64)
        for label, word in zip(labels, heard[name], strict=True):
            counts[asked.index(label), words.index(word)] += 1
        found[name] = {"asked": asked, "counts": counts.tolist()}
    return {"heard": list(words), "systems": found}
