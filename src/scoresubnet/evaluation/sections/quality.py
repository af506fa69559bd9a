"""Guessed opinion scores: DNSMOS and DistillMOS."""

from __future__ import annotations

import numpy as np

from scoresubnet.evaluation.judges.quality import DNSMOS, DistillMOS, QualityPredictor
from scoresubnet.evaluation.judges.scorers import quality_scorer
from scoresubnet.evaluation.measures import HEADINGS
from scoresubnet.evaluation.results import (
    Estimate,
    Finding,
    Metric,
    Section,
    absent,
    bootstrapped,
)
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import Systems

REFERENCE = 100
"""Clips of each reference row that are heard: these networks are slow, and a mean of a hundred has
a narrow interval already."""


def by_dnsmos(judging: Judging) -> Measured:
    """DNSMOS.

    Raises:
        ImportError: a package is not installed.
    """
    predictor = DNSMOS(threads=1)  # each clip on a core, see `threads.each_on_a_thread`
    return quality_section("dnsmos", "Quality, guessed by DNSMOS", predictor, judging)


def by_distillmos(judging: Judging) -> Measured:
    """DistillMOS.

    Raises:
        ImportError: a package is not installed.
    """
    return quality_section("distillmos", "Quality, guessed by DistillMOS", DistillMOS(), judging)


def quality_section(
    name: str, title: str, predictor: QualityPredictor, judging: Judging
) -> Measured:
    """The means of a predictor's scores; of reference rows those of the first `REFERENCE` clips."""
    scorer = quality_scorer(name, predictor)

    def measure(systems: Systems) -> Section:
        heard = {
            r: row.clips if r == "generated" else row.clips[:REFERENCE]
            for r, row in systems.rows.items()
        }
        rows = {r: judging.rows(scorer, clips).embedding for r, clips in heard.items()}
        findings = [
            Finding(
                Metric(f"{name}/{score}", HEADINGS[score].text, "higher", HEADINGS[score].digits),
                {r: mean_score(scores[:, k]) for r, scores in rows.items()},
            )
            for k, score in enumerate(predictor.scores)
        ]
        most = max(len(clips) for r, clips in heard.items() if r != "generated")
        whole = f"{title} (reference rows: {most} clips each at most)"
        return Section(name, whole, findings, dict(predictor.settings))

    return measure


def mean_score(scores: Floats) -> Estimate:
    """The mean of scores (N,), without those that are NaN or infinite, which are counted."""
    kept = scores[np.isfinite(scores)]
    if not len(kept):
        return absent(f"none of {len(scores)} clips has a value")
    found = bootstrapped(np.mean, kept)
    if len(kept) == len(scores):
        return found
    missing = f"{len(scores) - len(kept)} of {len(scores)} clips have no value"
    return Estimate(found.value, found.count, found.low, found.high, found.method, missing)
