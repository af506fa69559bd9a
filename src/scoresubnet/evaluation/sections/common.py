"""The common part of the sections: settings of the judges, and counts of several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.cache import Cache, content_key
from scoresubnet.evaluation.clips import ClipFile
from scoresubnet.evaluation.judges.base import Embedded, Embedder
from scoresubnet.evaluation.results import Section
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import System, Systems
from scoresubnet.weights import ModelFile

NO_LABELS = "its clips have no labels"


class Unavailable(ValueError):
    """A judge cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Judging:
    """Settings of the judges.

    Attributes:
        words: the labels; none if no clip has one.
        cache: where rows are kept.
        training: files of all training clips, for novelty.
        training_dir: they are named by their paths in it.
        models: name of a system -> weights with the classifier that it is guided by.
        evaluator: file, run or shipped name of a `WordEvaluator`; a shipped one that knows the
            words if None.
        sc09_resnext: file of the published classifier, or None.
        vggish: file, folder or hub id, or None.
        whisper: folder, or None.
        scoreq: ONNX file, or None.
    """

    words: tuple[str, ...]
    cache: Cache
    training: Sequence[ClipFile] = ()
    training_dir: Path = Path()
    models: Mapping[str, ModelFile] = field(default_factory=dict)
    evaluator: str | None = None
    sc09_resnext: str | None = None
    vggish: str | None = None
    whisper: str | None = None
    scoreq: str | None = None

    def rows(self, judge: Embedder, clips: Sequence[Audio]) -> Embedded:
        """The rows of clips, each computed once.

        Raises:
            ValueError: there are no clips, a clip cannot be used, or a kept row is damaged.
        """
        if not len(clips):
            raise ValueError("no clips to judge")

        def make(positions: list[int]) -> Sequence[Floats]:
            made = judge([clips[k] for k in positions])
            if made.probabilities is None:
                return list(made.embedding)
            return list(np.hstack([made.embedding, made.probabilities]))

        keys = [content_key(clip) for clip in clips]
        rows = np.stack(self.cache.rows(judge.name, judge.settings, keys, make))
        classes = len(judge.labels or ())
        return Embedded(rows[:, :-classes], rows[:, -classes:]) if classes else Embedded(rows)

    def every(self, judge: Embedder, systems: Systems) -> dict[str, Embedded]:
        """The rows of the clips of each system; errors as of `rows`."""
        return {name: self.rows(judge, row.clips) for name, row in systems.rows.items()}


Measured = Callable[[Systems], Section]
H = TypeVar("H")


@dataclass(frozen=True)
class Judged(Generic[H]):
    """A `Measured` of two steps, the first of which parts of a large job share.

    Attributes:
        hear: judge clips; their rows are in the cache then. A part has fewer clips of each row.
        tell: a section, of what was heard in all of them.
    """

    hear: Callable[[Systems], H]
    tell: Callable[[Systems, H], Section]

    def __call__(self, systems: Systems) -> Section:
        """Both."""
        return self.tell(systems, self.hear(systems))


def right(row: System, heard: Sequence[str]) -> Floats | str:
    """1 for each clip (N,) that is heard as its label, else 0; or why that cannot be said."""
    if row.labels is None:
        return NO_LABELS
    return np.array([float(a == b) for a, b in zip(row.labels, heard, strict=True)])


def confusion(
    systems: Systems, heard: Mapping[str, Sequence[str]], words: Sequence[str]
) -> dict[str, Any]:
    """Counts of what was heard in each label's clips, of the rows that have labels.

    Of noise and silence they say nothing, and are left out.

    Returns:
        `heard`: the words, the columns. `systems`: by row, `asked`: the labels, the lines; and
        `counts`, whose lines add up to the label's clips.
    """
    found = {}
    for name, row in systems.rows.items():
        if row.labels is None or name in ("noise", "silence", "training"):
            continue
        asked = sorted(set(row.labels))
        counts = np.zeros((len(asked), len(words)), dtype=np.int64)
        for label, word in zip(row.labels, heard[name], strict=True):
            counts[asked.index(label), words.index(word)] += 1
        found[name] = {"asked": asked, "counts": counts.tolist()}
    return {"heard": list(words), "systems": found}
