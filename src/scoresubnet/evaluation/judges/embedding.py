"""Embeddings of clips, one row each, and a cache in which every clip is embedded once.

Distances between sets of clips (FID, FAD, precision and recall) are computed on such rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.waveforms import as_clip
from scoresubnet.evaluation.measures import content_hash
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.files import replacing, write_json
from scoresubnet.word_evaluator.network import ResNeXtOutput

PART = 32  # clips that are embedded before their rows are kept


@dataclass(frozen=True)
class Embedded:
    """N clips as an embedder has them, float64.

    Attributes:
        embedding: (N, D), what distances are computed on.
        probabilities: (N, C), rows sum to 1; None if the embedder is no classifier.
    """

    embedding: Floats
    probabilities: Floats | None = None


class Embedder(Protocol):
    """Clips (samples,) float32 at 16 kHz, full scale 1 -> a row each.

    A row depends on its clip alone, not on the others.
    """

    @property
    def name(self) -> str:
        """Short, fit for the name of a folder."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        ...

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The word of each probability; None if the embedder is no classifier."""
        ...

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows of the clips.

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        ...


def row_by_row(
    row: Callable[[Audio], Floats], clips: Sequence[Audio], progress: bool, description: str
) -> Floats:
    """The rows (N, D) of clips, each computed alone, with a progress bar.

    In a batch of another size convolutions may round otherwise, and a row would not be its clip's.

    Raises:
        ValueError: there are no clips, or one is not (samples,), empty or not finite.
    """
    made = [row(clip) for clip in _one_by_one(clips, progress, description)]
    return np.stack(made).astype(np.float64, copy=False)


def classified(
    classify: Callable[[Audio], ResNeXtOutput],
    clips: Sequence[Audio],
    progress: bool,
    description: str,
) -> Embedded:
    """The embeddings and probabilities of a classifier, as `row_by_row` makes its rows.

    Args:
        classify: clip (samples,) -> logits (1, C) and embedding (1, D).
        clips: N clips.
        progress: show the bar.
        description: what stands before it.

    Raises:
        ValueError: there are no clips, or one is not (samples,), empty or not finite.
    """
    embeddings: list[Tensor] = []
    probabilities: list[Tensor] = []
    with torch.no_grad():
        for clip in _one_by_one(clips, progress, description):
            output = classify(clip)
            embeddings.append(output.embedding.double())
            probabilities.append(output.logits.double().softmax(1))
    return Embedded(torch.cat(embeddings).numpy(), torch.cat(probabilities).numpy())


def _one_by_one(clips: Sequence[Audio], progress: bool, description: str) -> Iterator[Audio]:
    if not len(clips):
        raise ValueError("no clips to embed")
    for clip in tqdm(clips, desc=description, unit="clip", disable=not progress):
        yield as_clip(clip)


def embedded(
    embedder: Embedder, clips: Sequence[Audio], cache_dir: Path, progress: bool = True
) -> Embedded:
    """What the embedder makes of the clips, with a progress bar over those it has not seen yet.

    A row is kept by the samples of its clip, in a folder named by the embedder and its settings:
    `<cache_dir>/<name>-<hash>/<hash of the samples>.npy`, beside the settings as JSON. So no clip
    is embedded twice, whatever set it is in, and an interrupted run goes on where it stopped.

    Args:
        embedder: makes the rows.
        clips: N clips (samples,), N >= 1.
        cache_dir: gets a few kilobytes a clip.
        progress: show the bar.

    Raises:
        ValueError: there are no clips, a clip cannot be used, or a file of the cache is damaged
            (it is named).
    """
    if not len(clips):
        raise ValueError("no clips to embed")
    settings = {"embedder": embedder.name, **embedder.settings}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_dir / f"{embedder.name}-{key}"
    paths = [folder / f"{content_hash([clip])}.npy" for clip in clips]
    missing = {p: clip for p, clip in zip(paths, clips, strict=True) if not p.is_file()}
    if missing:
        write_json(folder / "settings.json", settings)
    with tqdm(total=len(missing), desc=embedder.name, unit="clip", disable=not progress) as bar:
        for part in _parts(list(missing)):
            made = embedder([missing[path] for path in part])
            rows = made.embedding
            if made.probabilities is not None:
                rows = np.hstack([rows, made.probabilities])
            for path, row in zip(part, rows, strict=True):
                _write_row(path, row)
            bar.update(len(part))
    rows = np.stack([_read_row(path) for path in paths])
    classes = len(embedder.labels or ())
    if not classes:
        return Embedded(rows)
    return Embedded(rows[:, :-classes], rows[:, -classes:])


def _parts(paths: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(paths), PART):
        yield paths[start : start + PART]


def _write_row(path: Path, row: Floats) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, row)


def _read_row(path: Path) -> Floats:
    try:
        row: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: damaged; delete it, and it is made again ({error})") from error
    return row
