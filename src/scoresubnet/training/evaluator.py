"""Training of the evaluator: words from clean, augmented log-Mels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.training.augment import augment
from scoresubnet.training.config import EvaluatorTraining
from scoresubnet.training.datamodule import Batch
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.steps import step_generator, step_seed
from scoresubnet.word_evaluator.network import ResNeXt


class EvaluatorModule(StepTraining):
    """Cross-entropy with label smoothing; accuracy on the validation split."""

    def __init__(self, config: EvaluatorTraining, classes: int, mel: MelSettings) -> None:
        super().__init__(config.optimiser, config.run, mel)
        self.config = config
        self.network = ResNeXt(config.network, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x, labels = batch
        generator = step_generator(self.seed, "noise", self.global_step, x.device)
        x = augment(x, self.config.augment, self.mel, generator)
        with torch.random.fork_rng():  # dropout, too, is a function of the step
            torch.manual_seed(step_seed(self.seed, "dropout", self.global_step))
            logits = self.network(x).logits
        loss = F.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x, labels = batch
        logits = self.network(x).logits
        right = (logits.argmax(1) == labels).float().mean()
        self.log("valid/accuracy", right, batch_size=len(x), prog_bar=True)
        self.log("valid/loss", F.cross_entropy(logits, labels), batch_size=len(x))
