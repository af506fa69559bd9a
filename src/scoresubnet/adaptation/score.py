"""The second stage: the Score Subnet goes on from the shipped one, with the recordings.

First with them alone, then with the best of its own takes beside them. For how long goes by their
number. The loss of recordings that are held out does not tell: it is smallest long before words are
clear (docs/log/2026-11-30-own-words.md).
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from scoresubnet.adaptation.plan import Plan
from scoresubnet.adaptation.takes import PACK, TakesRecipe
from scoresubnet.adaptation.words import ALL, KEPT
from scoresubnet.data.sources import Source
from scoresubnet.model_about import FILE_NAME
from scoresubnet.sampling import Sampling, resolve_sampling
from scoresubnet.training.config import (
    AugmentConfig,
    DataConfig,
    OptimiserConfig,
    Precision,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.folder import steps_made
from scoresubnet.training.logs import LOG, median_pace
from scoresubnet.training.process import ended_trainings
from scoresubnet.training.score import train_score
from scoresubnet.weights import ModelFile

TRIED_STEPS, TRIED_SHARE = 40, 0.1
"""By which a pace is measured, at most: what the log needs for it, and a share of the time."""


class Stopped(Exception):
    """It was asked to stop; everything that was made is kept."""


@dataclass(frozen=True)
class ScoreRecipe:
    """How the Score Subnet is trained on.

    Attributes:
        looks: how often each recording is looked at in the first training, each time varied: more
            is clearer, and nearer to the recordings.
        most_steps: of the first training, at most.
        least_steps: of the first training, at least.
        again_steps: of the second training, which draws takes and recordings alike.
        batch_size: clips in a step.
        learning_rate: of AdamW, in the first training.
        again_rate: in the second one.
        takes: how they are made.
        ema_decay: of the weights that are kept.
        kept_share: of each batch, clips of the words that are kept, if words are.
        times: distribution of noise times.
        augment: changes to the recordings: strong, so that few are not learned by heart.
        sampling: that the weights state. Even steps are clearer than many late ones.
        precision: as of `ClassifierTraining`.
    """

    looks: int = 512
    most_steps: int = 800
    least_steps: int = 200
    again_steps: int = 400
    batch_size: int = 32
    learning_rate: float = 1e-3
    again_rate: float = 5e-4
    takes: TakesRecipe = field(default_factory=TakesRecipe)
    ema_decay: float = 0.98
    kept_share: float = 0.3
    times: TimesConfig = field(default_factory=lambda: TimesConfig("logit_normal", 0.3, 1.2))
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            shift=6, stretch=0.2, warp=0.15, gain=9, fill=0.9, colour=6
        )
    )
    sampling: Sampling = field(default_factory=lambda: resolve_sampling("fast", steps=16))
    precision: Precision = "32-true"

    def plan(self, recordings: int, words: int) -> Plan:
        """For so many recordings, if there is time. Of a single word nobody can judge takes."""
        enough = self.looks * recordings // self.batch_size
        first = min(max(enough, self.least_steps), self.most_steps)
        return Plan(first, self.again_steps if self.takes.count and words > 1 else 0)


@dataclass(frozen=True)
class Lesson:
    """What a Score Subnet is trained on.

    Attributes:
        folder: that `words.hear` wrote.
        source: the weights that it starts from.
        new: the words of the recordings.
        kept: those of the weights that stay.
        recipe: how it is trained.
        seed: of the runs.
    """

    folder: Path
    source: ModelFile
    new: Sequence[str]
    kept: Sequence[str]
    recipe: ScoreRecipe
    seed: int

    def pace(self, out: Path, minutes: float) -> float:
        """Seconds that a step takes, by a short training whose weights are thrown away.

        Args:
            out: its folder.
            minutes: that are left for all of the work, of which it may take a tenth.

        Raises:
            Stopped: it was asked to stop.
        """
        shutil.rmtree(out, ignore_errors=True)  # a stop in its midst would count as slowness
        config, begun = self._config(TRIED_STEPS), time.monotonic()
        brief = replace(config, run=replace(config.run, minutes=TRIED_SHARE * minutes))
        with ended_trainings() as signals:
            self._run(brief, out, self.folder / FILE_NAME)
        if signals:
            raise Stopped(f"{out.parent}: stopped while it measured how long a step takes")
        spent = time.monotonic() - begun
        return median_pace(out / LOG) or spent / steps_made(out)

    def learn(self, out: Path, steps: int) -> None:
        """Train on the recordings for so many steps.

        Raises:
            Stopped: it was asked to stop; the same call goes on.
        """
        self._finish(self._config(steps), out, self.folder / FILE_NAME)

    def learn_again(self, out: Path, steps: int, start: Path, takes: Path) -> None:
        """Go on from a run, with takes and recordings alike.

        Args:
            out: folder of the run.
            steps: of it.
            start: the run before.
            takes: folder of `make_takes`.

        Raises:
            Stopped: it was asked to stop; the same call goes on.
        """
        config = self._config(steps)
        sources = (*config.data.sources, Source("folder", str(takes / PACK)))
        data = replace(config.data, sources=sources)
        optimiser = replace(config.optimiser, learning_rate=self.recipe.again_rate)
        self._finish(replace(config, data=data, optimiser=optimiser), out, start)

    def _finish(self, config: ScoreTraining, out: Path, start: Path) -> None:
        self._run(config, out, start)
        steps = config.run.steps
        if (made := steps_made(out)) < steps:
            raise Stopped(f"{out.parent}: stopped at step {made} of {steps}")

    def _run(self, config: ScoreTraining, out: Path, start: Path) -> None:
        with _without_validation():
            train_score(config, self.folder / FILE_NAME, out, start)

    def _config(self, steps: int) -> ScoreTraining:
        recipe, subnet = self.recipe, self.source.subnet
        assert subnet is not None
        assert self.source.parametrisation is not None
        sources = [Source("folder", str(self.folder / ALL))]
        if self.kept:
            odds = recipe.kept_share / (1 - recipe.kept_share)
            weight = odds * len(self.new) / len(self.kept)
            sources.append(Source("folder", str(self.folder / KEPT), weight=weight))
        return ScoreTraining(
            data=DataConfig(
                sources=tuple(sources),
                words=(*self.kept, *self.new),
                cache=str(self.folder / "features"),
                batch_size=recipe.batch_size,
                balance=1.0,
            ),
            subnet=subnet.config,
            parametrisation=self.source.parametrisation,
            skip_silence=True,
            times=recipe.times,
            augment=recipe.augment,
            optimiser=OptimiserConfig(
                learning_rate=recipe.learning_rate,
                warmup=min(20, steps),
                decay_share=0.3,
                ema_decay=recipe.ema_decay,
            ),
            run=RunConfig(steps=steps, seed=self.seed, save_every=0.5),
            precision=recipe.precision,
        )


@contextmanager
def _without_validation() -> Iterator[None]:
    """Say nothing of missing validation clips: all recordings are to be learned from."""
    log = logging.getLogger("scoresubnet.training.clip_data")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
