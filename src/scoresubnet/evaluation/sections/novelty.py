"""New, or copied: how near the nearest training clip is, against real test clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from scoresubnet.evaluation.clips import read_clips
from scoresubnet.evaluation.judges.base import Embedder, embedded
from scoresubnet.evaluation.judges.fad import SpeechEmbedding
from scoresubnet.evaluation.results import (
    Finding,
    Metric,
    Section,
    bootstrapped,
    from_share,
)
from scoresubnet.evaluation.sections.common import Judging, Measured, Unavailable
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.neighbours import nearest
from scoresubnet.evaluation.statistics.novelty import Novelty
from scoresubnet.evaluation.systems import System, Systems, file_name

NEAR = 0.05  # the share of the real test clips that counts as near
SUSPECTS = 20  # pairs of generated and training clips that are named, at most
PART = 256  # training clips that are read before they are embedded


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

    def measure(systems: Systems) -> Section:
        trained, names, unusable = _training_rows(judge, judging)
        found = {
            name: nearest(judging.rows(judge, row.clips).embedding, trained)
            for name, row in systems.rows.items()
        }
        compared = {name: Novelty(these, found["real"]) for name, these in found.items()}
        medians, near, copies = {}, {}, {}
        for name, these in found.items():
            count = len(these.distances)
            medians[name] = bootstrapped(_median, these.distances)
            near[name] = from_share(len(compared[name].suspects(NEAR)), count)
            copies[name] = from_share(int((these.distances == 0).sum()), count)
        nearer = f"nearer than {NEAR:.0%} of the real test clips are"
        findings = [
            Finding(Metric("novelty/median", "median distance", None, 2), medians),
            Finding(Metric("novelty/near", nearer, None, 3), near),
            Finding(Metric("novelty/copies", "exact copies", None, 3), copies),
        ]
        details = {
            "embedding": judge.name,
            "training_clips": len(names),
            "training_left_out": unusable,
            "suspects": _suspects(systems.rows["generated"], compared["generated"], names),
        }
        return Section("novelty", title, findings, dict(judge.settings), details)

    return measure


def _training_rows(judge: Embedder, judging: Judging) -> tuple[Floats, list[str], int]:
    """The rows of all training clips, their names, and how many cannot be read."""
    rows, names, unusable = [], [], 0
    with tqdm(
        total=len(judging.training),
        desc=f"{judge.name}, training clips",
        unit="clip",
        disable=not judging.progress,
    ) as bar:
        for start in range(0, len(judging.training), PART):
            part = judging.training[start : start + PART]
            read = read_clips(part, judging.training_dir, progress=False)
            unusable += len(read.left_out)
            if read.clips:
                rows.append(embedded(judge, read.clips, judging.cache_dir, False).embedding)
            names += [file_name(file) for file in read.files]
            bar.update(len(part))
    if not rows:
        raise ValueError(f"{judging.training_dir}: no training clip can be read")
    return np.concatenate(rows), names, unusable


def _suspects(generated: System, compared: Novelty, names: Sequence[str]) -> list[dict[str, Any]]:
    found = compared.generated
    return [
        {
            "generated": generated.names[k] if generated.names else str(k),
            "training": names[found.indices[k]],
            "distance": float(found.distances[k]),
        }
        for k in compared.suspects(NEAR)[:SUSPECTS].tolist()
    ]


def _median(values: Floats) -> float:
    return float(np.median(values))
