"""New, or copied: how near the nearest training clip is, against real test clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from scoresubnet.evaluation.cache import Cache
from scoresubnet.evaluation.clips import read_clips
from scoresubnet.evaluation.judges.base import Embedded, Embedder
from scoresubnet.evaluation.judges.fad import SpeechEmbedding
from scoresubnet.evaluation.measures import mean_of, statistic_of
from scoresubnet.evaluation.results import Metric, Section
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured, Unavailable
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.neighbours import Neighbours, nearest
from scoresubnet.evaluation.systems import System, Systems

NEAR = 0.05  # the share of the real test clips that counts as near
SUSPECTS = 20  # pairs of generated and training clips that are named, at most
BATCH = 256  # training clips that are read before they are embedded

Training = tuple[Floats, list[str], int]
"""Rows of the training clips, their names, and how many cannot be read."""


def in_speech_embedding(judging: Judging) -> Measured:
    """Distances in Google's speech embedding, which sees speech more than its carrier.

    Raises:
        ImportError: a package is not installed.
        Unavailable: no training clips are known.
    """
    return novelty_section("New, or copied?", SpeechEmbedding(), judging)


def novelty_section(title: str, judge: Embedder, judging: Judging) -> Measured:
    """Distances to all training clips of the labels; they have no better way.

    Raises:
        Unavailable: no training clips are known.
    """
    if not judging.training:
        raise Unavailable(
            "novelty needs the training clips: give their folder with --training, or a Speech "
            "Commands folder as --reference"
        )

    def hear(systems: Systems) -> tuple[Training, dict[str, Embedded]]:
        return _training_rows(judge, judging), judging.every(judge, systems)

    def tell(systems: Systems, heard: tuple[Training, dict[str, Embedded]]) -> Section:
        (trained, names, unusable), rows = heard
        found = {name: nearest(row.embedding, trained) for name, row in rows.items()}
        threshold = float(np.quantile(found["real"].distances, NEAR))
        gaps: dict[str, Floats | str] = {name: these.distances for name, these in found.items()}
        near: dict[str, Floats | str] = {
            name: (these.distances <= threshold).astype(float) for name, these in found.items()
        }
        copies: dict[str, Floats | str] = {
            name: (these.distances == 0).astype(float) for name, these in found.items()
        }
        nearer = f"nearer than {NEAR:.0%} of the real test clips are"
        findings = [
            statistic_of(Metric("novelty/median", "median distance", None, 2), _median).finding(
                gaps, systems
            ),
            mean_of(Metric("novelty/near", nearer, None, 3), share=True).finding(near, systems),
            mean_of(Metric("novelty/copies", "exact copies", None, 3), share=True).finding(
                copies, systems
            ),
        ]
        details = {
            "embedding": judge.name,
            "training_clips": len(names),
            "training_left_out": unusable,
            "suspects": {
                name: _suspects(systems.rows[name], found[name], names, threshold)
                for name in systems.evaluated
            },
        }
        return Section("novelty", title, findings, dict(judge.settings), details)

    return Judged(hear, tell)


def _training_rows(judge: Embedder, judging: Judging) -> Training:
    """The rows of all training clips, their names, and how many cannot be read."""
    rows, names, unusable = [], [], 0
    quiet = replace(judging, cache=Cache(judging.cache.folder, progress=False))
    with tqdm(
        total=len(judging.training),
        desc=f"{judge.name}, training clips",
        unit="clip",
        disable=not judging.cache.progress,
    ) as bar:
        for start in range(0, len(judging.training), BATCH):
            part = judging.training[start : start + BATCH]
            read = read_clips(part, judging.training_dir, progress=False)
            unusable += len(read.left_out)
            if read.clips:
                rows.append(quiet.rows(judge, read.clips).embedding)
            names += [file.name for file in read.files]
            bar.update(len(part))
    if not rows:
        raise ValueError(f"{judging.training_dir}: no training clip can be read")
    return np.concatenate(rows), names, unusable


def _suspects(
    row: System, found: Neighbours, names: Sequence[str], threshold: float
) -> list[dict[str, Any]]:
    """The clips that are at most so far from a training clip, nearest first."""
    order = found.distances.argsort(kind="stable")
    near = order[found.distances[order] <= threshold][:SUSPECTS].tolist()
    return [
        {
            "generated": row.names[k] if row.names else str(k),
            "training": names[found.indices[k]],
            "distance": float(found.distances[k]),
        }
        for k in near
    ]


def _median(values: Floats) -> float:
    return float(np.median(values))
