"""Training of the Score Subnet on a frozen classifier."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import Network, audible, dsm_loss
from scoresubnet.model import ScoreModel
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.tensor_files import state_hash
from scoresubnet.training.config import ScoreTraining
from scoresubnet.training.datamodule import Batch, SpeechData
from scoresubnet.training.folder import claimed
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import NoisyTraining, step_function
from scoresubnet.training.start import content_of, copy_network, refuse_others, shape_of
from scoresubnet.training.steps import seeded, step_generator
from scoresubnet.weights import FILE_NAME, ModelFile, find_weights, load_model, save_model

_log = logging.getLogger(__name__)


class ScoreModule(NoisyTraining):
    """Denoising score matching of the subnet (paper, eq. 4); the backbone stays as it is."""

    def __init__(
        self, config: ScoreTraining, model: ScoreModel, mel: MelSettings, indices: Sequence[int]
    ) -> None:
        """`indices` are the classifier's of the words of the data, in their order."""
        super().__init__(model.sde, config.times, config.augment, config.optimiser, config.run, mel)
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.arithmetic = config.precision
        self.step_model: Callable[..., Tensor] = step_function(self.model, config.compile)
        self.skip_silence, self.label_dropout = config.skip_silence, config.label_dropout
        self.indices = torch.tensor(indices)

    def loss(self, network: Network, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """DSM per item (B,)."""
        counts = audible(x0) if self.skip_silence else None
        return dsm_loss(network, x0, noise, t, self.sde, self.model.parametrisation, counts)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x0, words, noise, t = self.noisy(batch)
        network = self.step_model
        if self.model.subnet.config.label_taps:
            generator = step_generator(self.seed, "labels", self.global_step)
            dropped = torch.rand(len(x0), generator=generator) < self.label_dropout
            labels = self.indices[words.cpu()].masked_fill(dropped, -1).to(self.device)
            network = partial(network, labels=labels)
        losses = self.loss(network, x0, noise, t)
        self.log_quarters("train", losses, t)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x0, words = batch
        network = partial(self.model, labels=self.indices[words.cpu()].to(self.device))
        generator = step_generator(self.seed, "validation", batch_idx)
        noise = torch.randn(x0.shape, generator=generator).to(self.device)
        order = torch.randperm(len(x0), generator=generator)  # the rows are sorted by word
        t = torch.linspace(self.sde.t_eps, 1, len(x0))[order].to(self.device)
        self.log_quarters("valid", self.loss(network, x0, noise, t), t)


def train_score(
    config: ScoreTraining,
    classifier: str | os.PathLike[str],
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a Score Subnet on a frozen classifier, or go on where the run in `out` stopped.

    Args:
        config: the run.
        classifier: folder or file of the trained classifier.
        out: folder of the run, with the same contents as for `train_classifier`.
        start: name, folder or file of weights whose Score Subnet to start from (fine-tuning);
            that it was trained on another classifier is said in a warning.

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, the words differ
            from the classifier's, or `start` has another kind of subnet, noise
            process, features or shape of classifier.
        WeightsError: the classifier or `start` cannot be loaded.
    """
    model = load_model(classifier)
    origin = [content_of(source, find_weights) for source in (classifier, start)]
    with claimed(out, config, classifier=origin[0], start=origin[1]) as (check, complete):
        with seeded(config.run.seed):
            model.subnet = ScoreSubnet(config.subnet, model.classifier.config)
        model.parametrisation = config.parametrisation
        model.sampling = None  # of whatever subnet was there before
        if start is not None:
            _start(load_model(start), model)
        data = SpeechData(config.data, config.run.seed, model.mel, check)
        if unknown := set(data.words) - set(model.labels):
            raise ValueError(
                f"the classifier does not know {', '.join(sorted(unknown))}; its labels are "
                f"{', '.join(model.labels)}"
            )
        indices = [model.labels.index(word) for word in data.words]
        module = ScoreModule(config, model.score_model(), data.mel, indices)
        complete(data)
        fit(module, data, config, out, lambda folder: save_model(model, folder / FILE_NAME))
    return model


def _start(source: ModelFile, model: ModelFile) -> None:
    """Start the Score Subnet of `model` from that of `source`.

    Raises:
        ValueError: the two do not fit each other.
    """
    if source.subnet is None or model.subnet is None:
        raise ValueError("cannot start from a classifier alone; name weights with a Score Subnet")
    refuse_others(*map(_ground, (source, model)))
    copy_network(source.subnet, model.subnet, deeper=True)
    states = [state_hash(m.classifier.state_dict()) for m in (source, model)]
    if states[0] != states[1]:
        _log.warning(
            "the Score Subnet to start from was trained on another classifier: its loss begins "
            "high, and falls fast where this classifier was made from that one"
        )


def _ground(model: ModelFile) -> dict[str, object]:
    """What a Score Subnet stands on, by what messages call it."""
    return {
        "parametrisation": model.parametrisation,
        "noise process": model.sde,
        "features": model.mel,
        "classifier's shape": shape_of(model.classifier.config),
    }
