"""Voices: how far apart they are, and how many."""

from __future__ import annotations

from scoresubnet.evaluation.judges.base import Embedder
from scoresubnet.evaluation.judges.speakers import Resemblyzer, speaker_spread
from scoresubnet.evaluation.measures import statistic_of
from scoresubnet.evaluation.results import Metric, Section
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured
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

    def hear(systems: Systems) -> dict[str, Floats | str]:
        return {
            name: judging.rows(judge, row.clips[: systems.equal]).embedding
            for name, row in systems.rows.items()
        }

    def tell(systems: Systems, rows: dict[str, Floats | str]) -> Section:
        key = judge.name
        distance = Metric(f"{key}/distance", "mean distance of voices", "higher", 3)
        voices = Metric(f"{key}/voices", "effective number of voices", "higher", 1)
        findings = [  # clips that are drawn twice are at distance 0: resampling is biased
            statistic_of(metric, statistic, "centred", RESAMPLES, least=2).finding(rows, systems)
            for metric, statistic in ((distance, _distance), (voices, _voices))
        ]
        return Section(key, title, findings, dict(judge.settings))

    return Judged(hear, tell)


def _distance(embedding: Floats) -> float:
    return speaker_spread(embedding).distance


def _voices(embedding: Floats) -> float:
    return speaker_spread(embedding).voices
