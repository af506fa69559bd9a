"""FAD: the Frechet distance in an embedding of sounds."""

from __future__ import annotations

from scoresubnet.evaluation.judges.base import Embedder
from scoresubnet.evaluation.judges.fad import VGGISH_URL, SpeechEmbedding, VGGish
from scoresubnet.evaluation.results import Finding, Metric, Section
from scoresubnet.evaluation.sections.common import Judging, Measured, Unavailable, distances
from scoresubnet.evaluation.systems import Systems


def in_speech_embedding(judging: Judging) -> Measured:
    """Google's speech embedding.

    Raises:
        ImportError: a package is not installed.
    """
    return distance_section("In Google's speech embedding", SpeechEmbedding(), judging)


def in_vggish(judging: Judging) -> Measured:
    """VGGish, as published.

    Raises:
        Unavailable: no file is given.
        WeightsError: the file cannot be used.
        ImportError: a package is not installed.
    """
    if judging.vggish is None:
        raise Unavailable(f"for FAD as published give --vggish FILE, from {VGGISH_URL}")
    return distance_section("In VGGish", VGGish.from_pretrained(judging.vggish), judging)


def distance_section(title: str, judge: Embedder, judging: Judging) -> Measured:
    """FAD in any embedding."""

    def measure(systems: Systems) -> Section:
        count = systems.equal
        x = judging.rows(judge, systems.reference[:count]).embedding
        rows = {
            name: judging.rows(judge, row.clips[:count]).embedding
            for name, row in systems.rows.items()
        }
        found = distances(judge.name, x, rows, judging)
        finding = Finding(Metric(f"{judge.name}/fad", "FAD", "lower", 3), found)
        return Section(judge.name, title, [finding], dict(judge.settings))

    return measure
