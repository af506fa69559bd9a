"""What a word classifier makes of sets of clips: FID, IS, mIS, AM, precision, recall, accuracy."""

from __future__ import annotations

from collections.abc import Callable

from scoresubnet.evaluation.judges.base import Embedder
from scoresubnet.evaluation.judges.sc09_resnext import SC09ResNeXt
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.evaluation.results import (
    Better,
    Estimate,
    Finding,
    Metric,
    Section,
    absent,
    bootstrapped,
    from_share,
    plain,
)
from scoresubnet.evaluation.sections.common import (
    Judging,
    Measured,
    Unavailable,
    accuracies,
    confusion,
    distances,
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
from scoresubnet.word_evaluator.file import SHIPPED

NEIGHBOUR = 3  # the k of precision and recall


def by_evaluator(judging: Judging) -> Measured:
    """Our own classifier, the shipped one unless another is given.

    Raises:
        Unavailable: a word is not among those that it knows.
        WeightsError: the file cannot be used.
    """
    judge = WordEvaluator.from_pretrained(judging.evaluator or SHIPPED)
    title = "By our word evaluator"
    if accuracy := judge.notes.get("accuracy"):
        title += f", itself right on {accuracy}"
    return classifier_section(title, judge, judging)


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


def classifier_section(title: str, judge: Embedder, judging: Judging) -> Measured:
    """All that a classifier tells of sets of clips.

    The class shares of AM are the mean prediction on the training row, or, without one, on the real
    test clips.

    Raises:
        Unavailable: a word is not among those that it knows.
    """
    known = tuple(judge.labels or ())
    if unknown := [word for word in judging.words if word not in known]:
        raise Unavailable(
            f"{judge.name} does not know {', '.join(unknown)}; choose with --labels from "
            f"{', '.join(known)}"
        )

    def measure(systems: Systems) -> Section:
        rows = {name: judging.rows(judge, row.clips) for name, row in systems.rows.items()}
        p = {name: made.probabilities for name, made in rows.items()}
        x = judging.rows(judge, systems.reference).embedding[: systems.equal]
        equal = {name: made.embedding[: systems.equal] for name, made in rows.items()}
        source = "training" if "training" in p else "real"
        shares = _known(p[source]).mean(0)
        heard = {name: [known[k] for k in _known(row).argmax(1)] for name, row in p.items()}
        precision, recall = _precision_and_recall(x, equal)

        def am(row: Floats) -> float:
            return am_score(row, shares)

        def each(function: Callable[[Floats], Estimate]) -> dict[str, Estimate]:
            return {name: function(_known(row)) for name, row in p.items()}

        estimates = {
            "accuracy": accuracies(systems, heard),
            "frechet": distances(judge.name, x, equal, judging),
            "is": each(lambda row: bootstrapped(inception_score, row)),
            # No interval: it depends on the order of the clips.
            "wrong_axis_is": each(lambda row: plain(wrong_axis_inception_score(row), len(row))),
            "mis": each(lambda row: bootstrapped(modified_inception_score, row)),
            "am": each(lambda row: bootstrapped(am, row)),
            "precision": precision,
            "recall": recall,
        }
        findings = [
            Finding(Metric(f"{judge.name}/{name}", text, better, digits), estimates[name])
            for name, text, better, digits in _METRICS
        ]
        details = {"confusion": confusion(systems, heard, known), "am_shares": source}
        return Section(judge.name, title, findings, dict(judge.settings), details)

    return measure


_METRICS: tuple[tuple[str, str, Better, int], ...] = (
    ("accuracy", "accuracy", "higher", 3),
    ("frechet", "Fréchet distance", "lower", 2),
    ("is", "IS", "higher", 2),
    (
        "wrong_axis_is",
        "wrong-axis IS (as SC09 scripts print; no Inception Score)",
        "higher",
        2,
    ),
    ("mis", "mIS", "higher", 1),
    ("am", "AM", "lower", 3),
    ("precision", "precision", "higher", 3),
    ("recall", "recall", "higher", 3),
)


def _known(probabilities: Floats | None) -> Floats:
    assert probabilities is not None, "a classifier has probabilities"
    return probabilities


def _precision_and_recall(
    reference: Floats, rows: dict[str, Floats]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    precision, recall = {}, {}
    for name, row in rows.items():
        if min(len(reference), len(row)) <= NEIGHBOUR:
            precision[name] = recall[name] = absent(f"needs {NEIGHBOUR + 1} clips", len(row))
            continue
        scores = manifold_scores(reference, row, NEIGHBOUR)
        precision[name] = from_share(int(scores.generated_inside.sum()), len(row))
        recall[name] = from_share(int(scores.real_inside.sum()), len(reference))
    return precision, recall
