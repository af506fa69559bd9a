"""The families of figures by name: each makes a judge ready, and returns what measures with it.

What cannot be had (a package, weights) is refused while judges are made ready, before anything is
computed. A new family is one function in one file, and one entry of `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scoresubnet.evaluation.sections import (
    audio_distances,
    classifiers,
    intelligibility,
    noise,
    novelty,
    quality,
    speakers,
)
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.options.registries import find

SECTIONS: dict[str, Callable[[Judging], Measured]] = {
    "evaluator": classifiers.by_evaluator,
    "sc09_resnext": classifiers.by_sc09_resnext,
    "pocketsphinx": intelligibility.by_pocketsphinx,
    "whisper": intelligibility.by_whisper,
    "speech_embedding": audio_distances.in_speech_embedding,
    "vggish": audio_distances.in_vggish,
    "dnsmos": quality.by_dnsmos,
    "distillmos": quality.by_distillmos,
    "scoreq": quality.by_scoreq,
    "novelty": novelty.in_speech_embedding,
    "resemblyzer": speakers.by_resemblyzer,
    "classifier": noise.by_classifier,
}


def prepare(
    judging: Judging, only: Sequence[str] | None = None
) -> tuple[dict[str, Measured], dict[str, str]]:
    """Every judge that can be had, by name, and of the others why not, and what to do.

    Nothing is measured yet.

    Args:
        judging: what the judges are told.
        only: names of sections; all if None.

    Raises:
        ValueError: one of these is unknown.
    """
    ready, missing = {}, {}
    chosen = SECTIONS if only is None else {n: find("section", n, SECTIONS) for n in only}
    for name, make in chosen.items():
        try:
            ready[name] = make(judging)
        except (ImportError, OSError, ValueError) as error:
            missing[name] = " ".join(str(error).split())
    return ready, missing
