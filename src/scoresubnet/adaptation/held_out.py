"""How sure a head is of recordings that it has not learned from, at several noise levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from scoresubnet.adaptation.head import Bank, HeadConfig, features_of, fit_head
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.sde import VPSDE

TIMES = (1e-3, 0.1, 0.2, 0.3, 0.5)
DRAWS = 4
"""Draws of noise of each recording and time."""


@dataclass(frozen=True)
class HeldOut:
    """What heads that were learned from the other folds make of each recording.

    Attributes:
        right: time -> share of recordings that are heard right.
        sure: time -> mean probability of the right word.
        heard: (words, words), share of the recordings of the row's word heard as the column's, at
            the smallest time.
    """

    right: dict[float, float]
    sure: dict[float, float]
    heard: list[list[float]]

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> HeldOut:
        """From JSON, where the times have become texts."""
        right, sure = ({float(t): v for t, v in values[k].items()} for k in ("right", "sure"))
        return cls(right, sure, values["heard"])

    def confusions(self, words: Sequence[str], least: float = 0.2) -> list[tuple[str, str, float]]:
        """(word, other, share heard as the other), most first, of at least such a share."""
        found = [
            (words[i], words[j], share)
            for i, row in enumerate(self.heard)
            for j, share in enumerate(row)
            if i != j and share >= least
        ]
        return sorted(found, key=lambda pair: -pair[2])


def heads_without(
    bank: Bank,
    labels: Sequence[int],
    folds: NDArray[np.int64],
    config: HeadConfig,
    seed: int = 0,
    kept: nn.Linear | None = None,
    progress: bool = False,
) -> dict[int, nn.Linear]:
    """Fold -> a head that has not learned from it.

    Args:
        bank: noisy copies of the recordings, and of clips that are in no fold.
        labels: of the recordings and then of those clips.
        folds: of the recordings, (R,).
        config: of the heads.
        seed: likewise.
        kept: as for `fit_head`.
        progress: whether a bar is shown.
    """
    classes, others = max(labels) + 1, list(labels[len(folds) :])
    return {
        fold: fit_head(
            bank,
            [-1 if at == fold else label for at, label in zip(folds, labels, strict=False)]
            + others,
            classes,
            config,
            seed,
            kept,
        )
        for fold in tqdm(
            sorted(set(folds.tolist())), desc="checking", unit="fold", disable=not progress
        )
    }


def cross_validated(
    backbone: FrozenClassifier,
    log_mels: Tensor,
    heads: Mapping[int, nn.Linear],
    labels: Sequence[int],
    folds: NDArray[np.int64],
    sde: VPSDE,
    seed: int = 0,
) -> HeldOut:
    """Let each head hear the fold that it has not learned from.

    Args:
        backbone: the frozen body.
        log_mels: of the recordings, (R, 1, F, T).
        heads: of `heads_without`.
        labels: of the recordings, (R,).
        folds: likewise.
        sde: the noise process.
        seed: of the noise.
    """
    count, classes = len(log_mels), heads[0].out_features
    given = torch.tensor(labels)
    generator = torch.Generator().manual_seed(seed)
    right, sure = {}, {}
    heard = torch.zeros(classes, classes)
    for time in TIMES:
        found = torch.zeros(count, classes)
        for _ in range(DRAWS):
            t = torch.full((count,), time)
            noise = torch.randn(log_mels.shape, generator=generator)
            features = features_of(backbone, sde.perturb(log_mels, noise, t), t)
            for fold, head in heads.items():
                rows = torch.from_numpy(folds == fold)
                found[rows] += head(features[rows]).softmax(1) / DRAWS
        guesses = found.argmax(1)
        right[time] = float((guesses == given).float().mean())
        sure[time] = float(found[torch.arange(count), given].mean())
        if time == TIMES[0]:
            for row, guess in zip(given, guesses, strict=True):
                heard[row, guess] += 1
    heard /= heard.sum(1, keepdim=True).clamp(min=1)
    return HeldOut(right, sure, heard.tolist())
