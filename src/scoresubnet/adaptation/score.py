"""The second stage: the Score Subnet goes on from the shipped one, for as long as that helps.

How long is found with a part of the recordings held out; then all are learned from, for longer.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scoresubnet.adaptation.words import ALL, HELD_OUT, KEPT, WITHOUT
from scoresubnet.data.sources import Source
from scoresubnet.model_about import FILE_NAME
from scoresubnet.training.callbacks import StopEarly
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
from scoresubnet.training.logs import JsonLinesLogger, median_pace
from scoresubnet.training.score import train_score
from scoresubnet.weights import ModelFile


@dataclass(frozen=True)
class ScoreRecipe:
    """How the Score Subnet is trained on.

    Attributes:
        most_steps: at most.
        least_steps: at least, if there is time.
        stretch: how many times as long as the loss of recordings that are held out falls all
            are learned from: words become clear long after (docs/log/2026-11-30-own-words.md).
        batch_size: clips in a step.
        learning_rate: of AdamW.
        ema_decay: of the weights that are validated and kept.
        validate_every: steps between validations.
        patience: see `RunConfig`.
        kept_share: of each batch, clips of the words that are kept, if words are.
        times: distribution of noise times.
        augment: changes to the recordings: strong, so that few are not learned by heart.
        schedule: of guidance, which the weights state. None at high noise, where it makes takes of
            a word alike.
        precision: as of `ClassifierTraining`.
    """

    most_steps: int = 1000
    least_steps: int = 200
    stretch: float = 4.0
    batch_size: int = 32
    learning_rate: float = 1e-3
    ema_decay: float = 0.98
    validate_every: int = 25
    patience: int = 3
    kept_share: float = 0.3
    times: TimesConfig = field(default_factory=lambda: TimesConfig("logit_normal", 0.3, 1.2))
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            shift=6, stretch=0.2, warp=0.15, gain=9, fill=0.9, colour=6
        )
    )
    schedule: str = "interval:low=0,high=0.7"
    precision: Precision = "32-true"

    def steps(self, best: int) -> int:
        """How long all recordings are learned from, if held-out ones were best after so many."""
        return min(max(int(self.stretch * best), self.least_steps), self.most_steps)


@dataclass(frozen=True)
class Search:
    """What is known of the number of steps.

    Attributes:
        best: steps after which the loss of what was held out was smallest so far.
        is_over: whether it would not have become smaller.
        seconds_a_step: validation included.
    """

    best: int
    is_over: bool
    seconds_a_step: float


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

    def search(self, out: Path, minutes: float) -> Search:
        """Train without the fold that is held out, until its loss falls no more.

        Args:
            out: folder of the run.
            minutes: at most so many; 0: as long as it takes.
        """
        patience = self.recipe.patience
        most = math.ceil(self.recipe.most_steps / self.recipe.stretch)
        begun = time.monotonic()
        self._train(self._config(HELD_OUT, most, minutes, patience), out, WITHOUT)
        spent, made = time.monotonic() - begun, steps_made(out)
        log = JsonLinesLogger(out)
        early = StopEarly(log, patience)
        best = 1 + early.best if early.losses else made
        pace = median_pace(log.path) or spent / made  # of few steps, with all that came before them
        return Search(best, early.is_over or made == most, pace)

    def learn(self, out: Path, steps: int) -> None:
        """Train on all recordings for so many steps."""
        with _without_validation():
            self._train(self._config(ALL, steps, 0.0, 0), out, FILE_NAME)

    def _train(self, config: ScoreTraining, out: Path, weights: str) -> None:
        start = self.folder / weights
        train_score(config, start, out, start)

    def _config(self, pack: str, steps: int, minutes: float, patience: int) -> ScoreTraining:
        recipe, subnet = self.recipe, self.source.subnet
        assert subnet is not None
        assert self.source.parametrisation is not None
        sources = [Source("folder", str(self.folder / pack))]
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
                decay_share=0.0 if patience else 0.3,
                ema_decay=recipe.ema_decay,
            ),
            run=RunConfig(
                steps=steps,
                minutes=minutes,
                seed=self.seed,
                validate_every=recipe.validate_every,
                patience=patience,
                save_every=0.5,
            ),
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
