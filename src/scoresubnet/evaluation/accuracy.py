"""How well the classifier names a word through more and more noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.backbone import FrozenClassifier
from scoresubnet.data.clips import Split
from scoresubnet.data.features import Features
from scoresubnet.evaluation.statistics.shares import Share, shares_by_label
from scoresubnet.weights import ModelFile


@dataclass(frozen=True)
class AccuracyAt:
    """Accuracy at one noise time.

    Attributes:
        time: t, in (0, 1].
        overall: over all clips.
        by_label: of each word that has clips.
    """

    time: float
    overall: Share
    by_label: dict[str, Share]

    def to_dict(self) -> dict[str, Any]:
        """All figures, ready for JSON."""
        return {
            "time": self.time,
            "overall": self.overall.to_dict(),
            "by_label": {label: share.to_dict() for label, share in self.by_label.items()},
        }


def rows_of(features: Features, split: Split, source: str) -> NDArray[np.int64]:
    """The rows of one split of one kind of source, ascending.

    Raises:
        ValueError: there are none.
    """
    rows: NDArray[np.int64] = features.subset(split)
    rows = rows[features.sources[rows] == source]
    if not len(rows):
        there = ", ".join(sorted({str(name) for name in features.sources}))
        raise ValueError(f"no {split} clips of {source!r}; the features are of: {there}")
    return rows


@torch.no_grad()
def accuracy_over_time(
    model: ModelFile,
    features: Features,
    rows: NDArray[np.int64],
    times: Sequence[float],
    seed: int = 0,
    batch_size: int = 128,
    progress: bool = True,
) -> list[AccuracyAt]:
    """Accuracy on X_t = alpha(t) X_0 + sigma(t) eps, for each t.

    A clip gets the same noise eps at every time, so that the curve is that of one set of noisy
    clips; the noise depends on the seed and the clip's position in `rows`.

    Args:
        model: its classifier is frozen in place, and runs where it is.
        features: their words are the model's labels, in the same order.
        rows: (N,) rows of the features, N >= 1.
        times: noise times in [t_eps, 1].
        seed: of the noise.
        batch_size: clips that go through the classifier together.
        progress: show a progress bar.

    Raises:
        ValueError: the words differ from the model's labels, or a time is out of its range.
    """
    if features.words != model.labels:
        raise ValueError(
            f"the features have the words {', '.join(features.words)}, "
            f"the model has {', '.join(model.labels)}; they must be the same, in the same order"
        )
    for time in times:
        if not model.sde.t_eps <= time <= 1:
            raise ValueError(f"time {time} is out of range; it lies in [{model.sde.t_eps:g}, 1]")
    classifier = FrozenClassifier(model.classifier)
    device = next(classifier.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    truth = features.labels[rows]
    right = np.empty((len(times), len(rows)), dtype=bool)
    with tqdm(total=right.size, desc="accuracy", unit="clip", disable=not progress) as bar:
        for start in range(0, len(rows), batch_size):
            part = slice(start, start + batch_size)
            x0 = torch.from_numpy(features.x[rows[part]].astype(np.float32))[:, None]
            # One draw per clip: a larger batch draws nothing else.
            noise = torch.stack([torch.randn(x0.shape[1:], generator=generator) for _ in x0])
            for index, time in enumerate(times):
                t = torch.full((len(x0),), time)
                xt = model.sde.perturb(x0, noise, t)
                named = classifier(xt.to(device), t.to(device)).argmax(1)
                right[index, part] = named.cpu().numpy() == truth[part]
                bar.update(len(x0))
    labels = [features.words[label] for label in truth]
    return [
        AccuracyAt(time, Share(int(row.sum()), len(row)), shares_by_label(labels, row.tolist()))
        for time, row in zip(times, right, strict=True)
    ]
