"""Intelligibility: recognisers hear the word that a clip should be, or do not."""

from __future__ import annotations

from scoresubnet.evaluation.judges.intelligibility import WordRecogniser
from scoresubnet.evaluation.judges.scorers import Recogniser, recognition_scorer
from scoresubnet.evaluation.judges.whisper import ForcedChoice, Whisper
from scoresubnet.evaluation.measures import mean_of
from scoresubnet.evaluation.results import Metric, Section
from scoresubnet.evaluation.sections.common import (
    Judged,
    Judging,
    Measured,
    Unavailable,
    confusion,
    right,
)
from scoresubnet.evaluation.systems import Systems
from scoresubnet.process.missing import install

NOTHING = "(nothing)"  # what is heard in a clip that is no word

_NO_LABELS = "intelligibility needs labels; no clip has one"


def by_pocketsphinx(judging: Judging) -> Measured:
    """pocketsphinx, with a grammar of the labels.

    Raises:
        ImportError: it is not installed.
        Unavailable: there are no labels.
        ValueError: a label is not in its dictionary.
    """
    if not judging.words:
        raise Unavailable(_NO_LABELS)
    recogniser = WordRecogniser(judging.words)
    return recognition_section("pocketsphinx", "Heard by pocketsphinx", recogniser, judging)


def by_whisper(judging: Judging) -> Measured:
    """A Whisper model, by forced choice between the labels.

    Raises:
        ImportError: a package is not installed.
        Unavailable: no folder is given, or there are no labels.
        ValueError: the folder cannot be used, or two labels begin alike.
    """
    if judging.whisper is None:
        raise Unavailable(
            "for Whisper give --whisper FOLDER, a model in the form of CTranslate2 such as a copy "
            f"of Systran/faster-whisper-base.en; needs {install('whisper')}"
        )
    if not judging.words:
        raise Unavailable(_NO_LABELS)
    recogniser = ForcedChoice(judging.words, Whisper(judging.whisper))
    return recognition_section("whisper", "Heard by Whisper", recogniser, judging)


def recognition_section(
    name: str, title: str, recogniser: Recogniser, judging: Judging
) -> Measured:
    """The share of clips that a recogniser hears as their labels."""
    scorer = recognition_scorer(name, recogniser)
    words = tuple(recogniser.words)

    def hear(systems: Systems) -> dict[str, list[str]]:
        indices = {
            r: rows.embedding[:, 0].astype(int)
            for r, rows in judging.every(scorer, systems).items()
        }
        return {r: [words[k] if k >= 0 else NOTHING for k in found] for r, found in indices.items()}

    def tell(systems: Systems, heard: dict[str, list[str]]) -> Section:
        answers = {r: right(row, heard[r]) for r, row in systems.rows.items()}
        metric = Metric(f"{name}/accuracy", "heard as its label", "higher", 3)
        finding = mean_of(metric, share=True).finding(answers, systems)
        details = {"confusion": confusion(systems, heard, (*words, NOTHING))}
        return Section(name, title, [finding], dict(recogniser.settings), details)

    return Judged(hear, tell)
