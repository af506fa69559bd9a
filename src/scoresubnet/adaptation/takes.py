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
from scoresubnet.backends.on_torch import on_torch
from scoresubnet.data.clips import Clip
from scoresubnet.data.packs import write_pack
from scoresubnet.data.recordings import Recording
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.expansion.judge import RecordingsJudge
from scoresubnet.expansion.nearest import copy_limits, log_mel_distances
from scoresubnet.files import new_folder, write_json
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.vocoders import load_vocoder
from scoresubnet.weights import ModelFile

PACK, COUNTS = "pack", "takes.json"
"""In the folder: what is learned from, and word -> takes that were kept."""
COST = 0.25
"""Of a take in ten steps, judged, in training steps of 32 clips."""


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


def make_takes(
    recordings: Sequence[Recording],
    model: ModelFile,
    folder: Path,
    recipe: TakesRecipe,
    seed: int,
    progress: bool = True,
) -> None:
    """Write the takes of some words that are worth learning from, and how many there are.

    Of a word with none its recordings are written, so that it is drawn as often as the others.

    Args:
        recordings: of two words or more.
        model: weights that know their words.
        folder: a new one; it appears complete or not at all.
        recipe: how many are made, and which are kept.
        seed: of the takes.
        progress: whether a bar is shown.
    """
    words, sounds = [r.word for r in recordings], [r.audio for r in recordings]
    judge = RecordingsJudge(sounds, words)
    with torch.no_grad():
        log_mels = LogMel(model.mel)(torch.from_numpy(np.stack(sounds)))[:, 0].numpy()
    rows = {word: [k for k, other in enumerate(words) if other == word] for word in judge.words}
    limits = copy_limits({word: log_mels[own] for word, own in rows.items()})
    generator = SpeechGenerator(on_torch(model), load_vocoder("pitch", model.mel))
    labels = [word for word in judge.words for _ in range(recipe.count)]
    seeds = [clip_seed(seed, word, k % recipe.count) for k, word in enumerate(labels)]
    kept: dict[str, list[NDArray[np.float32]]] = {word: [] for word in judge.words}
    with tqdm(desc="takes", total=len(labels), unit="clip", disable=not progress) as bar:
        for part in generator.stream(labels, seeds, recipe.sampling, listen=False):
            sure = judge(list(part.audio))
            for k, word in enumerate(part.labels):
                mel = part.mels[k]
                is_near = log_mel_distances(mel, log_mels[rows[word]]).min() < limits[word]
                if sure[k, judge.words.index(word)] >= recipe.accept and not is_near:
                    kept[word].append(mel[0])
            bar.update(len(part.labels))
    given = {word: own or list(log_mels[rows[word]]) for word, own in kept.items()}
    chosen = [word for word, own in given.items() for _ in own]
    clips = [Clip(Path("take.wav"), word, "training", "folder") for word in chosen]
    mels = np.stack([mel for own in given.values() for mel in own]).astype(np.float16)
    with new_folder(folder) as unfinished:
        write_pack(clips, mels, model.mel.hash, unfinished / PACK)
        write_json(unfinished / COUNTS, {word: len(own) for word, own in kept.items()})


def takes_in(folder: Path) -> dict[str, int]:
    """Word -> the takes of it that are learned from."""
    found: dict[str, int] = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
    return found
