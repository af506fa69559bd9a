"""Accuracy against noise: what the frozen classifier behind a generator hears in real clips."""

from __future__ import annotations

import numpy as np

from scoresubnet.evaluation.judges.noisy_classifier import TIMES, NoisyClassifier
from scoresubnet.evaluation.measures import mean_of
from scoresubnet.evaluation.results import Metric, Section
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured, Unavailable
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import Systems


def by_classifier(judging: Judging) -> Measured:
    """The classifier of each system that is sampled from weights, on all real test clips.

    Raises:
        Unavailable: no system is, or there are no labels.
    """
    if not judging.models:
        raise Unavailable("accuracy against noise needs --weights")
    if not judging.words:
        raise Unavailable("accuracy against noise needs labels; no clip has one")

    judges = {name: NoisyClassifier(model) for name, model in judging.models.items()}

    def hear(systems: Systems) -> dict[str, Floats]:
        real = [systems.rows["real"], systems.reference]
        real = [row for row in real if row.labels is not None]
        clips = [clip for row in real for clip in row.clips]
        labels = [label for row in real for label in row.labels or ()]
        heard: dict[str, Floats] = {}
        for name, judge in judges.items() if clips else ():
            rows = judging.rows(judge, clips).embedding.astype(int)
            truth = np.array([judge.words.index(w) if w in judge.words else -1 for w in labels])
            heard[name] = (rows == truth[:, None]).astype(float)
        return heard

    def tell(systems: Systems, heard: dict[str, Floats]) -> Section:
        findings = [
            mean_of(Metric(f"classifier/t{t:g}", f"t = {t:g}", "higher", 3), share=True).finding(
                {name: rows[:, k] for name, rows in heard.items()}, systems, by_position=True
            )
            for k, t in enumerate(TIMES)
        ]
        title = "The frozen classifier on real test clips, against noise"
        details = {"times": list(TIMES), "words": list(judging.words)}
        settings = {name: judge.settings for name, judge in judges.items()}
        return Section("classifier", title, findings, settings, details)

    return Judged(hear, tell)
