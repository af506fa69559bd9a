"""Guessed opinion scores: DNSMOS, DistillMOS and SCOREQ."""

from __future__ import annotations

from scoresubnet.evaluation.judges.quality import DNSMOS, DistillMOS, QualityPredictor
from scoresubnet.evaluation.judges.scoreq import SCOREQ, SCOREQ_URL
from scoresubnet.evaluation.judges.scorers import quality_scorer
from scoresubnet.evaluation.measures import mean_of
from scoresubnet.evaluation.results import Metric, Section
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured, Unavailable
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import Systems

SCORES = {
    "dnsmos_ovrl": "DNSMOS OVRL",
    "dnsmos_sig": "DNSMOS SIG",
    "dnsmos_bak": "DNSMOS BAK",
    "dnsmos_p808": "DNSMOS P.808",
    "distillmos": "DistillMOS",
    "scoreq": "SCOREQ",
}
REFERENCE = 100
"""Clips of each reference row that are heard: these networks are slow, and a mean of a hundred has
a narrow interval already."""


def by_dnsmos(judging: Judging) -> Measured:
    """DNSMOS.

    Raises:
        ImportError: a package is not installed.
    """
    predictor = DNSMOS(threads=1)  # each clip on a core, see `process.threads.each_on_a_thread`
    return quality_section("dnsmos", "Quality, guessed by DNSMOS", predictor, judging)


def by_distillmos(judging: Judging) -> Measured:
    """DistillMOS.

    Raises:
        ImportError: a package is not installed.
    """
    return quality_section("distillmos", "Quality, guessed by DistillMOS", DistillMOS(), judging)


def by_scoreq(judging: Judging) -> Measured:
    """SCOREQ, the paper's opinion score.

    Raises:
        Unavailable: no file is given.
        ImportError: a package is not installed.
        OSError: the file is missing.
        ValueError: it cannot be used.
    """
    if judging.scoreq is None:
        raise Unavailable(
            f"for the paper's opinion score give --scoreq FILE: an ONNX file of {SCOREQ_URL}, "
            "adapt_nr_synthetic.onnx or adapt_nr_telephone.onnx"
        )
    predictor = SCOREQ(judging.scoreq, threads=1)
    return quality_section("scoreq", "Quality, guessed by SCOREQ", predictor, judging)


def quality_section(
    name: str, title: str, predictor: QualityPredictor, judging: Judging
) -> Measured:
    """The means of a predictor's scores; of reference rows those of the first `REFERENCE` clips."""
    scorer = quality_scorer(name, predictor)

    def hear(systems: Systems) -> dict[str, Floats]:
        few = max(1, systems.part.share(REFERENCE))
        clips = {
            r: row.clips if r in systems.evaluated else row.clips[:few]
            for r, row in systems.rows.items()
        }
        return {r: judging.rows(scorer, these).embedding for r, these in clips.items()}

    def tell(systems: Systems, rows: dict[str, Floats]) -> Section:
        findings = [
            mean_of(Metric(f"{name}/{score}", SCORES[score], "higher", 2)).finding(
                {r: scores[:, k] for r, scores in rows.items()}, systems
            )
            for k, score in enumerate(predictor.scores)
        ]
        most = max(len(scores) for r, scores in rows.items() if r not in systems.evaluated)
        whole = f"{title} (reference rows: {most} clips each at most)"
        return Section(name, whole, findings, dict(predictor.settings))

    return Judged(hear, tell)
