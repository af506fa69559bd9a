"""Training of the evaluator: words from clean, augmented log-Mels, and lessons of a teacher."""

from __future__ import annotations

import os

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.training import ranks
from scoresubnet.training.augment import augment
from scoresubnet.training.config import EvaluatorTraining
from scoresubnet.training.datamodule import Batch, SpeechData
from scoresubnet.training.dropout import shared
from scoresubnet.training.folder import claimed
from scoresubnet.training.launch import on_all_devices
from scoresubnet.training.lessons import LessonBatch, LessonData, Lessons, lessons_path
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded, step_generator, step_seed
from scoresubnet.word_evaluator.file import (
    FILE_NAME,
    FRONT_END,
    EvaluatorFile,
    evaluator_path,
    read_evaluator,
    save_evaluator,
)
from scoresubnet.word_evaluator.network import ResNeXt


class EvaluatorModule(StepTraining):
    """Cross-entropy with label smoothing; accuracy on the validation split."""

    def __init__(self, config: EvaluatorTraining, classes: int, mel: MelSettings) -> None:
        super().__init__(config.optimiser, config.run, mel)
        self.config = config
        self.network = ResNeXt(config.network, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.dropout = shared(self.network.dropout)

    def heard(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps and logits of this process's share of augmented x (B, 1, F, T).

        All draws are functions of the step.
        """
        generator = step_generator(self.seed, "noise", self.global_step, x.device)
        x = augment(x, self.config.augment, self.mel, generator)
        maps = self.network.maps(x[ranks.share(len(x))])
        with seeded(step_seed(self.seed, "dropout", self.global_step)):
            return maps, self.network.classify(maps).logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x, labels = batch
        loss = self.word_loss(self.heard(x)[1], labels)
        self.log("train/loss", ranks.mean(loss), prog_bar=True)
        return loss

    def word_loss(self, logits: Tensor, words: Tensor) -> Tensor:
        """Mean cross-entropy of this process's logits, of the words of the whole batch (B, ...)."""
        mine = words[ranks.share(len(words))]
        return F.cross_entropy(logits, mine, label_smoothing=self.config.label_smoothing)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x, labels = batch
        logits = ranks.divided(lambda x: self.network(x).logits, x)
        right = (logits.argmax(1) == labels).float().mean()
        self.log("valid/accuracy", right, batch_size=len(x), prog_bar=True)
        self.log("valid/loss", F.cross_entropy(logits, labels), batch_size=len(x))


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
        maps, logits = self.heard(x)
        word = self.word_loss(logits, words)
        distance = self.distance(maps, targets[ranks.share(len(targets))])
        self.log("train/word", ranks.mean(word), prog_bar=True)
        self.log("train/distance", ranks.mean(distance), prog_bar=True)
        return word + self.config.lesson_weight * distance

    def distance(self, maps: Tensor, targets: Tensor) -> Tensor:
        """Mean squared distance of what is read in maps (B, C, F', T') to targets (B, S, D)."""
        read = self.pupil(maps.mean(dim=2).transpose(1, 2))
        targets = (targets - self.mean) / self.deviation
        spans = F.adaptive_avg_pool1d(targets.transpose(1, 2), read.shape[1]).transpose(1, 2)
        return F.mse_loss(read, spans)


@on_all_devices
def train_evaluator(
    config: EvaluatorTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> EvaluatorFile:
    """Train an evaluator, or go on where the run in `out` stopped.

    The folder gets what that of `train_classifier` gets, the weights as `evaluator.safetensors`.

    Args:
        config: the run.
        out: its folder.
        start: name, folder or file of an evaluator to start from. The last layer starts anew if the
            words differ.

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has a
            network of another shape.
        WeightsError: the lessons or `start` cannot be loaded.
    """
    origin = content_of(start, evaluator_path)
    lessons = content_of(config.lessons, lessons_path)
    with claimed(out, config, start=origin, lessons_hash=lessons) as (check, complete):
        data: SpeechData
        module: EvaluatorModule
        with seeded(config.run.seed):
            if config.lessons is None:
                data = SpeechData(config.data, config.run.seed, FRONT_END, check)
                module = EvaluatorModule(config, len(data.words), data.mel)
            else:
                data = taught = LessonData(config, FRONT_END, check)
                module = TaughtEvaluatorModule(config, taught.lessons, data.mel)
        judge = EvaluatorFile(module.network, data.words, data.mel)
        if start is not None:
            source = read_evaluator(start)
            refuse_others({"features": source.mel}, {"features": judge.mel})
            copy_network(source.network, judge.network, source.labels == judge.labels)
        complete(data)
        fit(module, data, config, out, lambda folder: save_evaluator(judge, folder / FILE_NAME))
    return judge
