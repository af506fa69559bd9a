"""Training of the evaluator by a teacher: words, and what the teacher says of each moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from scoresubnet.audio.mel import MelSettings
from scoresubnet.training.augment import augment
from scoresubnet.training.config import EvaluatorTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.evaluator import EvaluatorModule
from scoresubnet.training.lessons import Lessons, read_lessons
from scoresubnet.training.steps import StepBatches, balanced_weights, step_generator, step_seed


class LessonBatch(NamedTuple):
    """x (B, 1, F, T) in [-1, 1], words (B, C), probabilities, and targets (B, SEGMENTS, D)."""

    x: Tensor
    words: Tensor
    targets: Tensor


class LessonData(SpeechData):
    """Lessons to train on, and the validation clips of the config.

    Args:
        config: the run, with `lessons`.
        mel: the front end of the evaluator.

    Raises:
        ValueError: the data cannot be used, or the lessons are of other words or features.
        WeightsError: the lessons cannot be read.
    """

    def __init__(self, config: EvaluatorTraining, mel: MelSettings) -> None:
        super().__init__(config.data, config.run.seed, mel)
        assert config.lessons is not None
        self.lessons: Lessons = read_lessons(config.lessons)
        if self.lessons.words != self.words or self.lessons.mel != mel:
            raise ValueError(
                f"{config.lessons}: lessons in the words {', '.join(self.lessons.words)} "
                f"(features {self.lessons.mel.hash}), but this run is of the words "
                f"{', '.join(self.words)} (features {mel.hash}); make lessons for it"
            )

    def train_dataloader(self) -> DataLoader[LessonBatch]:  # type: ignore[override]
        """Starts at the trainer's step, so that a resumed run sees the batches it has not seen."""
        labels = self.lessons.labels.numpy()
        return self._loader(
            StepBatches(
                np.arange(len(labels)),
                balanced_weights(labels, self.config.balance),
                self.config.batch_size,
                self.seed,
                first_step=self.trainer.global_step if self.trainer else 0,
            ),
            self.lesson_batch,
        )

    def lesson_batch(self, rows: list[int]) -> LessonBatch:
        """The lessons of these rows."""
        lessons = self.lessons
        return LessonBatch(
            lessons.x[rows].float()[:, None], lessons.heard(rows), lessons.targets[rows].float()
        )


class TaughtEvaluatorModule(EvaluatorModule):
    """Cross-entropy on words, and the mean squared distance to the teacher's features.

    A linear layer, which is not kept, reads these features in the network's last maps. They are
    standardised, each over all lessons, so that a distance of 1 is that of knowing nothing.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: EvaluatorTraining, lessons: Lessons, mel: MelSettings) -> None:
        super().__init__(config, len(lessons.words), mel)
        targets = lessons.targets.float()
        self.pupil = nn.Linear(config.network.widths[-1], targets.shape[-1])
        self.register_buffer("mean", targets.mean(dim=(0, 1)))
        self.register_buffer("deviation", targets.std(dim=(0, 1)).clamp(min=1e-3))

    def training_step(self, batch: LessonBatch, batch_idx: int) -> Tensor:  # type: ignore[override]
        x, words, targets = batch
        generator = step_generator(self.seed, "noise", self.global_step, x.device)
        x = augment(x, self.config.augment, self.mel, generator)
        maps = self.network.maps(x)
        with torch.random.fork_rng():  # dropout, too, is a function of the step
            torch.manual_seed(step_seed(self.seed, "dropout", self.global_step))
            logits = self.network.classify(maps).logits
        word = F.cross_entropy(logits, words, label_smoothing=self.config.label_smoothing)
        distance = self.distance(maps, targets)
        self.log("train/word", word, prog_bar=True)
        self.log("train/distance", distance, prog_bar=True)
        return word + self.config.lesson_weight * distance

    def distance(self, maps: Tensor, targets: Tensor) -> Tensor:
        """Mean squared distance of what is read in maps (B, C, F', T') to targets (B, S, D)."""
        read = self.pupil(maps.mean(dim=2).transpose(1, 2))
        targets = (targets - self.mean) / self.deviation
        spans = F.adaptive_avg_pool1d(targets.transpose(1, 2), read.shape[1]).transpose(1, 2)
        return F.mse_loss(read, spans)
