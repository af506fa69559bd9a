"""How many voices there are."""

from __future__ import annotations

from scoresubnet.evaluation.judges.base import Embedder
from scoresubnet.evaluation.judges.speakers import Resemblyzer, speaker_spread
from scoresubnet.evaluation.results import (
    Finding,
    Metric,
    Section,
    absent,
    bootstrapped,
    plain,
)
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import Systems

RESAMPLES = 200


def by_resemblyzer(judging: Judging) -> Measured:
    """Resemblyzer.

    Raises:
        ImportError: a package is not installed.
    """
    return speaker_section("Voices, by Resemblyzer", Resemblyzer(), judging)


def speaker_section(title: str, judge: Embedder, judging: Judging) -> Measured:
    """The spread of the voices of as many clips of each row."""

    def measure(systems: Systems) -> Section:
        distances, voices = {}, {}
        for name, row in systems.rows.items():
            x = judging.rows(judge, row.clips[: systems.equal]).embedding
            if len(x) < 2:
                distances[name] = voices[name] = absent("needs two clips", len(x))
                continue
            # Clips that are drawn twice are at distance 0: resampling is biased, hence "centred".
            distances[name] = bootstrapped(_distance, x, method="centred", resamples=RESAMPLES)
            voices[name] = plain(speaker_spread(x).voices, len(x))
        key = judge.name
        findings = [
            Finding(Metric(f"{key}/distance", "mean distance of voices", "higher", 3), distances),
            Finding(Metric(f"{key}/voices", "effective number of voices", "higher", 1), voices),
        ]
        return Section(key, title, findings, dict(judge.settings))

    return measure


def _distance(embedding: Floats) -> float:
    return speaker_spread(embedding).distance
