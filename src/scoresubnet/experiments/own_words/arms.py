"""What spotters are trained on, and what each hears of other speakers' clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.experiments.own_words.spotter import (
    Clips,
    SpotterConfig,
    guesses,
    share_right,
    train_spotter,
)
from scoresubnet.experiments.own_words.words import log_mels

RECORDINGS = "recordings"
"""The arm that the others are compared with."""
GENERATED, ACCEPTED, SPOKEN = "and generated", "and accepted", "and espeak"
BOTH = "and generated and espeak"
PLAIN, PLAIN_GENERATED = "recordings, not augmented", "and generated, not augmented"
"""Recordings as they are, and with generated clips added."""


@dataclass(frozen=True)
class Found:
    """What a spotter of one arm hears.

    Attributes:
        rate: of learning, the one that was best on validation clips.
        validation: share of those that it hears right, words weighing alike.
        right: of testing clips, likewise.
        of_rate: rate -> both shares, as text, of all that were tried.
        guessed: the word that it hears in each testing clip, a digit each.
    """

    rate: float
    validation: float
    right: float
    of_rate: dict[str, list[float]]
    guessed: str

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def arms(
    recorded: Clips, generated: Clips, accepted: Clips, spoken: Clips
) -> dict[str, Sequence[Clips]]:
    """What is compared: name -> the sets that batches are drawn from, as much from each.

    Where nothing else is said, clips are augmented. A word of which no clip was accepted is drawn
    from the recordings.
    """
    plain = Clips(recorded.x, recorded.labels, varied=False)
    return {
        RECORDINGS: [recorded],
        "and plain copies": [recorded, plain],
        GENERATED: [recorded, generated],
        ACCEPTED: [recorded, accepted.with_words_of(recorded)],
        SPOKEN: [recorded, spoken],
        BOTH: [recorded, generated, spoken],
        "generated alone": [generated],
        "espeak alone": [spoken],
        PLAIN: [plain],
        PLAIN_GENERATED: [plain, Clips(generated.x, generated.labels, varied=False)],
    }


def compare(
    sets: Sequence[Clips],
    words: Sequence[str],
    config: SpotterConfig,
    seed: int,
    validation: tuple[Tensor, Tensor],
    testing: tuple[Tensor, Tensor],
) -> Found:
    """A spotter for each rate, of which the best on validation clips is taken.

    Args:
        sets: what it is trained on.
        words: its classes, ten at most.
        config: how.
        seed: of its training.
        validation: log-Mels and labels.
        testing: likewise, by other speakers.
    """
    tried, heard = {}, {}
    for rate in config.rates:
        network = train_spotter(sets, len(words), rate, config, seed)
        heard[rate] = guesses(network, testing[0])
        own = share_right(guesses(network, validation[0]), validation[1])
        tried[rate] = [own, share_right(heard[rate], testing[1])]
    best = max(tried, key=lambda rate: tried[rate][0])
    of_rate = {f"{rate:g}": shares for rate, shares in tried.items()}
    digits = "".join(str(int(word)) for word in heard[best])
    own, other = tried[best]
    return Found(best, own, other, of_rate, digits)


def read(paths: Sequence[Path], words: Sequence[str]) -> Clips:
    """Clips whose word is the name of their folder."""
    if not paths:
        return Clips(torch.empty(0, 1, 80, 64), torch.empty(0, dtype=torch.long))
    labels = torch.tensor([words.index(path.parent.name) for path in paths])
    return Clips(log_mels(paths, MelSettings()), labels)


def first_of_each(paths: Mapping[str, Sequence[Path]], count: int) -> list[Path]:
    """So many of each word, at most."""
    return [path for own in paths.values() for path in own[:count]]
