"""Denoising score matching of any model that gives a score: Score Subnet or U-Net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import Network, audible, dsm_loss
from scoresubnet.model import DiffusionModel
from scoresubnet.training import ranks
from scoresubnet.training.config import DenoisingTraining
from scoresubnet.training.datamodule import Batch
from scoresubnet.training.modules import NoisyTraining, step_function
from scoresubnet.training.steps import step_generator


class DenoisingModule(NoisyTraining):
    """Denoising score matching (paper, eq. 4); what is frozen of the model stays as it is."""

    def __init__(
        self,
        config: DenoisingTraining,
        model: DiffusionModel,
        mel: MelSettings,
        indices: Sequence[int],
    ) -> None:
        """`indices` are the model's of the words of the data, in their order."""
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
        mine = ranks.share(len(x0))
        network = self.step_model
        if self.model.is_label_conditioned:
            generator = step_generator(self.seed, "labels", self.global_step)
            dropped = torch.rand(len(x0), generator=generator) < self.label_dropout
            labels = self.indices[words.cpu()].masked_fill(dropped, -1).to(self.device)
            network = partial(network, labels=labels[mine])
        losses = self.loss(network, x0[mine], noise[mine], t[mine])
        self.log_quarters("train", ranks.gathered(losses), t)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x0, words = batch
        labels = self.indices[words.cpu()].to(self.device)
        generator = step_generator(self.seed, "validation", batch_idx)
        noise = torch.randn(x0.shape, generator=generator).to(self.device)
        order = torch.randperm(len(x0), generator=generator)  # the rows are sorted by word
        t = torch.linspace(self.sde.t_eps, 1, len(x0))[order].to(self.device)

        def loss(x0: Tensor, noise: Tensor, t: Tensor, labels: Tensor) -> Tensor:
            return self.loss(partial(self.model, labels=labels), x0, noise, t)

        self.log_quarters("valid", ranks.divided(loss, x0, noise, t, labels), t)
