"""Takes: clips that half-trained weights make of the words; the good ones are learned from.

A judge that knows nothing of the weights must hear the word, and no take may be near a recording.
So the recordings are no longer all there is to learn by heart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.audio.mel import LogMel
from scoresubnet.data.clips import Clip
from scoresubnet.data.packs import write_pack
from scoresubnet.data.recordings import Recording
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.evaluation.judges.fad import SpeechEmbedding
from scoresubnet.expansion.judge import RecordingsJudge
from scoresubnet.expansion.nearest import copy_limits, log_mel_distances
from scoresubnet.expansion.variations import varied
from scoresubnet.files import new_folder, write_json
from scoresubnet.pipeline import SpeechGenerator

PACK, COUNTS = "pack", "takes.json"
"""In the folder: what is learned from, and word -> takes that are in it."""
COST = 0.25
"""What making and judging a take of ten steps costs, in training steps of 32 clips."""


@dataclass(frozen=True)
class TakesRecipe:
    """How takes are made and chosen.

    Attributes:
        count: that are made of each word; 0: none.
        sampling: a key of `sampling.SAMPLING_PRESETS`.
        accept: the least probability that the judge must give the word.
    """

    count: int = 100
    sampling: str = "fast"
    accept: float = 0.8


def require_judge() -> None:
    """Look for what the judge of takes needs, before anything is trained that would wait for it.

    Raises:
        ImportError: audiomentations or the embedding is not installed.
    """
    varied([], 0)
    SpeechEmbedding()


def make_takes(
    recordings: Sequence[Recording],
    weights: Path,
    folder: Path,
    recipe: TakesRecipe,
    seed: int,
    backend: str = "torch",
    progress: bool = True,
) -> None:
    """Write the takes of some words that are worth learning from, and how many there are.

    There is no pack where there are none.

    Args:
        recordings: of two words or more.
        weights: that know their words.
        folder: a new one; it appears complete or not at all.
        recipe: how many are made, and which are kept.
        seed: of the takes. No clip of `expand` begins with the noise of a take.
        backend: that of `SpeechGenerator.from_pretrained`, on a GPU if there is one.
        progress: whether a bar is shown.

    Raises:
        ImportError: what the judge needs is not installed.
        ValueError: the recordings are of one word.
    """
    words, sounds = [r.word for r in recordings], [r.audio for r in recordings]
    judge = RecordingsJudge(sounds, words)
    generator = SpeechGenerator.from_pretrained(weights, device=None, backend=backend)
    mel = generator.mel
    with torch.no_grad():
        log_mels = LogMel(mel)(torch.from_numpy(np.stack(sounds)))[:, 0].numpy()
    given = {word: log_mels[np.array(words) == word] for word in judge.words}
    limits = copy_limits(given)
    kept: dict[str, list[NDArray[np.float32]]] = {word: [] for word in judge.words}
    with tqdm(
        desc="takes", total=len(given) * recipe.count, unit="clip", disable=not progress
    ) as bar:
        for place, word in enumerate(judge.words):
            seeds = [clip_seed(seed, f"{word}/take", k) for k in range(recipe.count)]
            labels = [word] * recipe.count
            for part in generator.stream(labels, seeds, recipe.sampling, listen=False):
                is_heard = judge(list(part.audio))[:, place] >= recipe.accept
                distances = log_mel_distances(part.mels[:, 0], given[word]).min(1)
                kept[word] += list(part.mels[is_heard & (distances >= limits[word]), 0])
                bar.update(len(part.labels))
    chosen = [word for word, own in kept.items() for _ in own]
    clips = [Clip(Path("take.wav"), word, "training", "folder") for word in chosen]
    with new_folder(folder) as unfinished:
        if clips:
            mels = np.stack([take for own in kept.values() for take in own]).astype(np.float16)
            write_pack(clips, mels, mel.hash, unfinished / PACK)
        write_json(unfinished / COUNTS, {word: len(own) for word, own in kept.items()})


def takes_in(folder: Path) -> dict[str, int]:
    """Word -> the takes of it that are worth learning from.

    Args:
        folder: of `make_takes`.
    """
    found: dict[str, int] = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
    return found
