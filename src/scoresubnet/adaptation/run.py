"""From a few recordings to weights that speak their words; the same call again goes on."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scoresubnet.adaptation.checks import checked
from scoresubnet.adaptation.held_out import HeldOut
from scoresubnet.adaptation.plan import Plan, kept_plan
from scoresubnet.adaptation.score import Lesson, ScoreRecipe
from scoresubnet.adaptation.takes import COST, make_takes, require_judge, takes_in
from scoresubnet.adaptation.words import hear, read_heard
from scoresubnet.data.recordings import Recording, content_of, read_recordings
from scoresubnet.export.run import export
from scoresubnet.export.steps import steps_of
from scoresubnet.files import differing, file_hash, refuse_unwritable, write_json
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.model_about import DEFAULT_WEIGHTS, FILE_NAME, find_weights
from scoresubnet.training.config import RunConfig
from scoresubnet.training.process import locked
from scoresubnet.weights import ModelFile, load_model, save_model

SETTINGS, PLAN, REPORT = "adapt.json", "plan.json", "report.json"
WORDS, PACE, FIRST, TAKES, AGAIN = "words", "pace", "first", "takes", "again"
DEFAULT_MINUTES = 10.0
GRAPH_MINUTES = 0.75
"""What writing and checking the graph of a model of the size `small` may take."""


@dataclass(frozen=True)
class Adapted:
    """Weights that know the words of some recordings.

    Attributes:
        weights: their file.
        labels: all that they know.
        recordings: word -> how many were learned from.
        speakers: how many, as far as the names of the files tell; None: they do not.
        told: what should be known of the recordings.
        held_out: how sure a head is of recordings that it has not learned from.
        steps: of the Score Subnet.
        wanted: those that `ScoreRecipe.plan` asks for; more than `steps` where the time did not
            suffice.
        takes: word -> clips of its own that it learned from beside the recordings; empty where
            there was no time for any, or there is one word.
    """

    weights: Path
    labels: tuple[str, ...]
    recordings: dict[str, int]
    speakers: int | None
    told: list[str]
    held_out: HeldOut
    steps: int
    wanted: int
    takes: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"weights": str(self.weights)}


def adapt(
    recordings: str | os.PathLike[str],
    weights: str | os.PathLike[str] = DEFAULT_WEIGHTS,
    out: str | os.PathLike[str] = "runs/mine",
    minutes: float = DEFAULT_MINUTES,
    keep_words: bool = False,
    seed: int = 0,
    recipe: ScoreRecipe | None = None,
    progress: bool = True,
    graphs: bool = True,
) -> Adapted:
    """Teach weights the words of some recordings.

    The body of the classifier stays frozen; a new head learns the words from noisy copies of the
    recordings, and the Score Subnet goes on from that of the weights: first with the recordings,
    then also with its own takes, as far as a judge hears the word in them and they are no copies.

    Args:
        recordings: a folder with one folder a word, of five wav or flac files or more each.
        weights: shipped name, folder, file or `hf:ORG/NAME`, with a Score Subnet; they stay as
            they are.
        out: gets `model.safetensors`, which every command takes, `report.json`, and what it takes
            to go on after a stop.
        minutes: about as long as this may take; 0: as long as `recipe` asks for.
        keep_words: whether the weights' words stay beside the new ones.
        seed: of all that is drawn.
        recipe: how the Score Subnet is trained; `ScoreRecipe()` if None.
        progress: whether bars are shown of what comes before the trainings.
        graphs: whether `export.run.export` puts graphs beside the weights. On a CPU clips are made
            faster with them.

    Raises:
        ValueError: the recordings or weights cannot be used, or `out` belongs to others.
        OSError: `out` cannot be written.
        ImportError: what learning, or the judge of takes, needs is not installed.
        Stopped: it was asked to stop; the same call goes on.
    """
    RunConfig(minutes=minutes, seed=seed)  # refuses what no training takes
    begun, out, recipe = time.monotonic(), Path(out), recipe or ScoreRecipe()
    source = load_model(weights)
    if source.subnet is None:
        source.score_model()  # refuses a classifier alone
        raise ValueError(f"{weights}: is a U-Net; adapt a Score Subnet")
    found, told = checked(read_recordings(recordings, source.mel))
    for text in told:
        _say(text)
    wanted = recipe.plan(len(found), len({recording.word for recording in found}))
    if wanted.again and not (out / TAKES).exists():
        require_judge()
    refuse_unwritable(out)
    with locked(out):
        _claim(out, _about(found, weights, keep_words, seed, recipe))
        if not (out / WORDS).exists():
            hear(found, source, out / WORDS, keep_words, seed, progress)
        heard = read_heard(out / WORDS)
        kept = [word for word in heard["words"] if word not in heard["new"]]
        lesson = Lesson(out / WORDS, source, heard["new"], kept, recipe, seed)

        def left() -> float:
            return minutes - GRAPH_MINUTES * graphs - (time.monotonic() - begun) / 60

        def fitting() -> Plan:
            if not minutes:
                return wanted
            if (rest := left()) <= 0:
                return wanted.fitting(0.0, 1.0, 0.0)
            _say("measuring how long a step takes")
            pace, takes = lesson.pace(out / PACE, rest), recipe.takes.count * len(heard["new"])
            return wanted.fitting(60 * left(), pace, COST * takes)

        plan = kept_plan(out / PLAN, fitting)
        _say(f"learning from the recordings, {plan.first} steps")
        lesson.learn(learned := out / FIRST, plan.first)
        takes: dict[str, int] = {}
        if plan.again:
            if not (out / TAKES).exists():
                _say("making takes, to learn from the good ones as well")
                backend = "torch-bf16" if recipe.precision == "bf16-mixed" else "torch"
                given = (recipe.takes, seed, backend, progress)
                make_takes(found, learned, out / TAKES, *given)
            takes = takes_in(out / TAKES)
            if not any(takes.values()):  # however much time there is
                plan, wanted = replace(plan, again=0), replace(wanted, again=0)
        if plan.again:
            _say(f"learning from both, {plan.again} steps")
            lesson.learn_again(out / AGAIN, plan.again, learned, out / TAKES)
            learned = out / AGAIN
        model = load_model(learned)
        model.sampling = recipe.sampling
        save_model(model, out / FILE_NAME)
        speakers = {recording.speaker for recording in found}
        adapted = Adapted(
            out / FILE_NAME,
            model.labels,
            dict(Counter(recording.word for recording in found)),
            None if None in speakers else len(speakers),
            told,
            HeldOut.read(heard["heard"]),
            plan.steps,
            wanted.steps,
            takes,
        )
        write_json(out / REPORT, adapted.to_dict())
        if graphs:
            _export(out / FILE_NAME, model)
    return adapted


def _export(weights: Path, model: ModelFile) -> None:
    """Write the graphs, unless the same call has written them before."""
    if all(graph_path(weights, role).is_file() for role in steps_of(model)):
        return
    _say("writing and checking graphs, which run faster on a CPU")
    try:
        export(weights)
    except (GraphError, ImportError, OSError) as error:
        _say(f"no graphs: {error}; the weights run on torch")


def _about(
    recordings: Sequence[Recording],
    weights: str | os.PathLike[str],
    keep_words: bool,
    seed: int,
    recipe: ScoreRecipe,
) -> dict[str, Any]:
    """All that the result depends on, but for the time there is."""
    return {
        "recordings": content_of(recordings),
        "weights": file_hash(find_weights(weights))[:16],
        "keep_words": keep_words,
        "seed": seed,
        "recipe": asdict(recipe),
    }


def _claim(out: Path, about: dict[str, Any]) -> None:
    """Note what the result in a folder depends on.

    Raises:
        ValueError: it has another.
    """
    path = out / SETTINGS
    if not path.exists() and (out / FILE_NAME).exists():
        raise ValueError(f"{out}: holds other weights; choose another --out")
    if not path.exists() or not any((out / name).exists() for name in (WORDS, FIRST, TAKES, AGAIN)):
        write_json(path, about)
        return
    if others := differing(path, about):
        raise ValueError(f"{out}: was adapted with other {', '.join(others)}; choose another --out")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
