"""Figures of a word classifier: accuracy, distances, IS, mIS, AM, precision, recall."""

from __future__ import annotations

from collections.abc import Mapping

from scoresubnet.evaluation.judges.base import Embedded, Embedder
from scoresubnet.evaluation.judges.sc09_resnext import SC09ResNeXt
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.evaluation.measures import mean_of, statistic_of
from scoresubnet.evaluation.results import Finding, Metric, Section, absent, plain
from scoresubnet.evaluation.sections.audio_distances import distances
from scoresubnet.evaluation.sections.common import (
    Judged,
    Judging,
    Measured,
    Unavailable,
    confusion,
    right,
)
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.inception import (
    am_score,
    inception_score,
    modified_inception_score,
    wrong_axis_inception_score,
)
from scoresubnet.evaluation.statistics.manifold import manifold_scores
from scoresubnet.evaluation.systems import Systems
from scoresubnet.word_evaluator.file import shipped_for

NEIGHBOUR = 3  # the k of precision and recall


def by_evaluator(judging: Judging) -> Measured:
    """Our own classifier, a shipped one that knows the words unless another is given.

    Raises:
        Unavailable: a word is not among those that it knows.
        WeightsError: the file cannot be used.
    """
    judge = WordEvaluator.from_pretrained(judging.evaluator or shipped_for(judging.words))
    title = "By our word evaluator"
    if accuracy := judge.notes.get("accuracy"):
        title += f", itself right on {accuracy}"
    advice = ", or give one that does with --evaluator (`scoresubnet train evaluator`)"
    return classifier_section(title, judge, judging, advice)


def by_sc09_resnext(judging: Judging) -> Measured:
    """The classifier of published SC09 figures.

    Raises:
        Unavailable: no file is given, or a word is no digit.
        WeightsError: the file cannot be used.
    """
    if judging.sc09_resnext is None:
        raise Unavailable(
            "for figures as published for SC09 give --sc09-resnext FILE: resnext.pth of "
            "https://huggingface.co/krandiash/sashimi-release"
        )
    judge = SC09ResNeXt.from_file(judging.sc09_resnext)
    return classifier_section("By the published SC09 ResNeXt", judge, judging)


def classifier_section(title: str, judge: Embedder, judging: Judging, advice: str = "") -> Measured:
    """All that a classifier tells of sets of clips.

    The class shares of AM are the mean prediction on the training row, or, without one, on the real
    test clips. `advice` says what else to do about a word that is not known.

    Raises:
        Unavailable: a word is not among those that it knows.
    """
    known = tuple(judge.labels or ())
    if unknown := [word for word in judging.words if word not in known]:
        raise Unavailable(
            f"{judge.name} does not know {', '.join(unknown)}; choose with --labels from "
            f"{', '.join(known)}{advice}"
        )

    def hear(systems: Systems) -> tuple[Floats, dict[str, Embedded]]:
        reference = judging.rows(judge, systems.reference.clips).embedding
        return reference, judging.every(judge, systems)

    def tell(systems: Systems, judged: tuple[Floats, dict[str, Embedded]]) -> Section:
        reference, made = judged
        p = {name: _known(row.probabilities) for name, row in made.items()}
        x = {name: row.embedding for name, row in made.items()}
        source = "training" if "training" in p else "real"
        shares = p[source].mean(0)
        heard = {name: [known[k] for k in row.argmax(1)] for name, row in p.items()}
        answers = {name: right(row, heard[name]) for name, row in systems.rows.items()}
        equal = {name: row[: systems.equal] for name, row in x.items()}

        def am(row: Floats) -> float:
            return am_score(row, shares)

        every: dict[str, Floats | str] = dict(p)
        key = judge.name
        findings = [
            mean_of(Metric(f"{key}/accuracy", "accuracy", "higher", 3), share=True).finding(
                answers, systems
            ),
            *distances(key, "Fréchet distance", reference, x, systems),
            statistic_of(Metric(f"{key}/is", "IS", "higher", 2), inception_score, least=2).finding(
                every, systems
            ),
            _wrong_axis(key, p),
            statistic_of(
                Metric(f"{key}/mis", "mIS", "higher", 1), modified_inception_score, least=2
            ).finding(every, systems),
            statistic_of(Metric(f"{key}/am", "AM", "lower", 3), am).finding(every, systems),
            *_precision_and_recall(key, reference[: systems.equal], equal, systems),
        ]
        details = {"confusion": confusion(systems, heard, known), "am_shares": source}
        return Section(key, title, findings, dict(judge.settings), details)

    return Judged(hear, tell)


def _wrong_axis(key: str, p: Mapping[str, Floats]) -> Finding:
    """Without interval: it depends on the order of the clips."""
    text = "wrong-axis IS (as SC09 scripts print; no Inception Score)"
    found = {
        name: plain(wrong_axis_inception_score(row), len(row))
        if len(row) > 1
        else absent("needs 2 clips, not 1", 1)
        for name, row in p.items()
    }
    return Finding(Metric(f"{key}/wrong_axis_is", text, "higher", 2), found)


def _precision_and_recall(
    key: str, reference: Floats, rows: Mapping[str, Floats], systems: Systems
) -> list[Finding]:
    """As many clips of each row: more of them would cover more."""
    inside: dict[str, Floats | str] = {}
    covered: dict[str, Floats | str] = {}
    for name, row in rows.items():
        if min(len(reference), len(row)) <= NEIGHBOUR:
            inside[name] = covered[name] = f"needs {NEIGHBOUR + 1} clips"
            continue
        scores = manifold_scores(reference, row, NEIGHBOUR)
        inside[name] = scores.generated_inside.astype(float)
        covered[name] = scores.real_inside.astype(float)
    precision = mean_of(Metric(f"{key}/precision", "precision", "higher", 3), share=True)
    recall = mean_of(Metric(f"{key}/recall", "recall", "higher", 3), share=True)
    return [
        precision.finding(inside, systems),
        recall.finding(covered, systems, by_position=True),
    ]


def _known(probabilities: Floats | None) -> Floats:
    assert probabilities is not None, "a classifier has probabilities"
    return probabilities
