"""The first stage: the recordings are heard, and a classifier that knows their words is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from scoresubnet.adaptation.folds import folds_of
from scoresubnet.adaptation.head import HeadConfig, fit_head, noisy_copies, with_head
from scoresubnet.adaptation.held_out import cross_validated, heads_without
from scoresubnet.audio.mel import LogMel
from scoresubnet.backends.on_torch import on_torch
from scoresubnet.data.clips import Clip
from scoresubnet.data.packs import write_pack
from scoresubnet.data.recordings import Recording
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.files import new_folder, write_json
from scoresubnet.model_about import FILE_NAME
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.vocoders import load_vocoder
from scoresubnet.weights import ModelFile, save_model

ALL, KEPT, REPORT = "all", "kept", "heard.json"
KEPT_CLIPS = 8
"""Clips of each word of the weights that are made, where those words are to be kept."""


def hear(
    recordings: Sequence[Recording],
    source: ModelFile,
    folder: Path,
    keep_words: bool,
    seed: int,
    progress: bool,
) -> None:
    """Learn the words of some recordings, and write what the Score Subnet is trained from.

    The folder gets weights with the source's Score Subnet on its classifier with a new head; a pack
    of the recordings' log-Mels; one of clips of the words that are kept, if they are; and what
    heads make of recordings that they have not learned from.

    Args:
        recordings: checked.
        source: weights of a Score Subnet.
        folder: a new one; it appears complete or not at all.
        keep_words: whether the source's words stay beside the new ones.
        seed: of all that is drawn.
        progress: whether bars are shown.
    """
    new = list(dict.fromkeys(recording.word for recording in recordings))
    kept = [word for word in source.labels if word not in new] if keep_words else []
    words = kept + new
    sounds = torch.from_numpy(np.stack([recording.audio for recording in recordings]))
    with torch.no_grad():
        log_mels = LogMel(source.mel)(sounds)
    labels = [words.index(recording.word) for recording in recordings]
    folds = folds_of(recordings)
    made = _spoken(source, kept, seed, progress)
    every = torch.cat([log_mels, *([made] if kept else [])])
    given = labels + [k for k in range(len(kept)) for _ in range(KEPT_CLIPS)]
    backbone, config = source.backbone(), HeadConfig()
    old = _rows(source, kept)
    bank = noisy_copies(backbone, every, source.mel, source.sde, config, seed, progress)
    without = heads_without(bank, given, folds, config, seed, old, progress)
    held_out = cross_validated(backbone, log_mels, without, labels, folds, source.sde, seed)
    every_head = fit_head(bank, given, len(words), config, seed, old)
    model = replace(
        source,
        labels=tuple(words),
        aliases={a: w for a, w in source.aliases.items() if w in kept and a not in new},
        notes=source.notes | {"adapted": f"to {', '.join(new)}, from recordings of their own"},
    )
    with new_folder(folder) as unfinished:
        classifier = with_head(backbone.classifier, every_head)
        save_model(replace(model, classifier=classifier), unfinished / FILE_NAME)
        clips = [Clip(r.path, r.word, "training", "folder", speaker=r.speaker) for r in recordings]
        write_pack(clips, _halves(log_mels), source.mel.hash, unfinished / ALL)
        if kept:
            own = given[len(labels) :]
            clips = [Clip(Path("made.wav"), words[k], "training", "folder") for k in own]
            write_pack(clips, _halves(made), source.mel.hash, unfinished / KEPT)
        write_json(unfinished / REPORT, {"words": words, "new": new, "heard": asdict(held_out)})


def _spoken(source: ModelFile, words: Sequence[str], seed: int, progress: bool) -> Tensor:
    """`KEPT_CLIPS` log-Mels of each word, as the weights speak it now in few steps."""
    if not words:
        return torch.empty(0)
    generator = SpeechGenerator(on_torch(source), load_vocoder("pitch", source.mel))
    labels = [word for word in words for _ in range(KEPT_CLIPS)]
    seeds = [clip_seed(seed, word, k % KEPT_CLIPS) for k, word in enumerate(labels)]
    parts = generator.stream(labels, seeds, "fast")
    with tqdm(desc="speaking", total=len(labels), unit="clip", disable=not progress) as bar:
        found = []
        for part in parts:
            found.append(torch.from_numpy(part.mels))
            bar.update(len(part.labels))
    return torch.cat(found)


def _rows(source: ModelFile, words: Sequence[str]) -> torch.nn.Linear | None:
    """The source's last layer for some of its words."""
    if not words:
        return None
    head = source.backbone().classifier.head
    rows = [source.labels.index(word) for word in words]
    layer = torch.nn.Linear(head.in_features, len(rows)).requires_grad_(False)
    layer.weight.copy_(head.weight[rows])
    layer.bias.copy_(head.bias[rows])
    return layer


def _halves(log_mels: Tensor) -> NDArray[np.float16]:
    return log_mels[:, 0].numpy().astype(np.float16)


def read_heard(folder: Path) -> dict[str, Any]:
    """What `hear` found, by name."""
    found: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return found
