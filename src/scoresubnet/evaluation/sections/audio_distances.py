"""FAD: the Frechet distance in an embedding of sounds, and distances without its bias."""

from __future__ import annotations

from collections.abc import Mapping

from scoresubnet.evaluation.judges.base import Embedder
from scoresubnet.evaluation.judges.fad import VGGISH_URL, SpeechEmbedding, VGGish
from scoresubnet.evaluation.measures import (
    frechet_from,
    frechet_infinite_from,
    kernel_distance_from,
)
from scoresubnet.evaluation.results import Finding, Metric, Section
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured, Unavailable
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.frechet import FEWEST
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
    """Distances in any embedding: as published, unbiased by a kernel, and at infinitely many."""

    def hear(systems: Systems) -> tuple[Floats, dict[str, Floats]]:
        reference = judging.rows(judge, systems.reference.clips).embedding
        return reference, {n: row.embedding for n, row in judging.every(judge, systems).items()}

    def tell(systems: Systems, heard: tuple[Floats, dict[str, Floats]]) -> Section:
        reference, rows = heard
        findings = distances(judge.name, "FAD", reference, rows, systems)
        return Section(judge.name, title, findings, dict(judge.settings))

    return Judged(hear, tell)


def distances(
    key: str, name: str, reference: Floats, rows: Mapping[str, Floats], systems: Systems
) -> list[Finding]:
    """The three distances of every row from the reference (N, D).

    Args:
        key: of the section.
        name: what the Frechet distance is called there.
        reference: real test clips.
        rows: system -> (M, D).
        systems: tell which clips are the same.
    """
    equal = systems.equal
    few: dict[str, Floats | str] = {name: row[:equal] for name, row in rows.items()}
    every: dict[str, Floats | str] = dict(rows)
    low = name.lower().split()[0].replace("é", "e")
    metric = Metric(f"{key}/{low}", f"{name}, {equal} clips", "lower", 2)
    infinite = Metric(f"{key}/{low}_infinite", f"{name}, infinitely many clips", "lower", 2)
    kernel = Metric(f"{key}/kernel", "kernel distance x 1000", "lower", 2)
    enough = every
    if len(reference) < FEWEST:
        enough = dict.fromkeys(rows, f"needs {FEWEST} real test clips to compare with")
    return [
        frechet_from(reference[:equal], metric).finding(few, systems),
        frechet_infinite_from(reference, infinite).finding(enough, systems),
        kernel_distance_from(reference, kernel).finding(every, systems),
    ]
