"""Training of the noise-conditioned classifier."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import Clip
from scoresubnet.data.words import as_aliases
from scoresubnet.losses import classifier_loss
from scoresubnet.model_about import FILE_NAME, find_weights
from scoresubnet.networks.classifier import Classifier
from scoresubnet.training import ranks
from scoresubnet.training.config import ClassifierTraining
from scoresubnet.training.datamodule import Batch, SpeechData
from scoresubnet.training.dropout import shared
from scoresubnet.training.folder import claimed
from scoresubnet.training.launch import on_all_devices
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import NoisyTraining, step_function
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded, step_generator, step_seed
from scoresubnet.weights import ModelFile, load_model, save_model

ACCURACY_TIMES = (1e-3, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Noise times at which the classifier's accuracy is logged."""


class ClassifierModule(NoisyTraining):
    """Cross-entropy on noisy inputs (paper, eq. 6)."""

    def __init__(self, config: ClassifierTraining, classes: int, mel: MelSettings) -> None:
        super().__init__(
            config.sde, config.times, config.augment, config.optimiser, config.run, mel
        )
        self.network = Classifier(config.network, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.dropout = shared(self.network.dropout)
        self.arithmetic = config.precision
        self.step_network = step_function(self.network, config.compile)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x0, labels, noise, t = self.noisy(batch)
        mine = ranks.share(len(x0))
        x = self.sde.perturb(x0[mine], noise[mine], t[mine])
        with seeded(step_seed(self.seed, "dropout", self.global_step)):
            losses = classifier_loss(self.step_network(x, t[mine]), labels[mine])
        self.log_quarters("train", ranks.gathered(losses), t)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x0, labels = batch
        generator = step_generator(self.seed, "validation", batch_idx)
        losses = []
        for time in ACCURACY_TIMES:
            noise = torch.randn(x0.shape, generator=generator).to(self.device)
            t = torch.full((len(x0),), time, device=self.device)
            logits = ranks.divided(self.network, self.sde.perturb(x0, noise, t), t)
            right = (logits.argmax(1) == labels).float().mean()
            self.log(f"valid/accuracy_t{time:g}", right, batch_size=len(x0), prog_bar=time < 0.01)
            loss = classifier_loss(logits, labels).mean()
            self.log(f"valid/loss_t{time:g}", loss, batch_size=len(x0))
            losses.append(loss)
        self.log("valid/loss", torch.stack(losses).mean(), batch_size=len(x0))


@on_all_devices
def train_classifier(
    config: ClassifierTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a classifier, or go on where the run in `out` stopped.

    The folder gets `config.yaml`, `log.jsonl`, TensorBoard files, `checkpoint.ckpt` and, when the
    command ends, `model.safetensors` with the averaged weights.

    Args:
        config: the run.
        out: its folder.
        start: name, folder or file of weights to start from (fine-tuning). The last layer starts
            anew if the words differ.

    Raises:
        ValueError: the data or an alias cannot be used, `out` holds a run of another config, or
            `start` has a network of another shape or was made for another noise process or other
            features.
        WeightsError: `start` cannot be loaded.
    """
    with claimed(out, config, start=content_of(start, find_weights)) as (check, complete):

        def checked(clips: list[Clip]) -> None:
            check(clips)
            as_aliases(config.aliases, {clip.label for clip in clips})

        data = SpeechData(config.data, config.run.seed, check=checked)
        with seeded(config.run.seed):
            module = ClassifierModule(config, len(data.words), data.mel)
        aliases = as_aliases(config.aliases, data.words)
        model = ModelFile(module.network, data.words, config.sde, data.mel, aliases=aliases)
        if start is not None:
            source = load_model(start)
            refuse_others(
                {"noise process": source.sde, "features": source.mel},
                {"noise process": model.sde, "features": model.mel},
            )
            theirs = source.backbone().classifier
            copy_network(theirs, module.network, source.labels == model.labels)
        complete(data)
        fit(module, data, config, out, lambda folder: save_model(model, folder / FILE_NAME))
    return model
