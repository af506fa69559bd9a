"""The ground of the Lightning modules: optimiser and schedule, noise and times of a step."""

from __future__ import annotations

import lightning
import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import Network
from scoresubnet.sde import VPSDE
from scoresubnet.training.augment import augment
from scoresubnet.training.config import (
    AugmentConfig,
    OptimiserConfig,
    Precision,
    RunConfig,
    TimesConfig,
)
from scoresubnet.training.datamodule import Batch
from scoresubnet.training.steps import step_generator
from scoresubnet.training.times import TIME_DISTRIBUTIONS


def rate_at(step: int, config: OptimiserConfig, steps: int) -> float:
    """Learning rate of a step relative to the plateau: linear warm-up, 1, linear decay to zero."""
    decay_steps = max(1.0, config.decay_share * steps)
    return max(0.0, min(1.0, (step + 1) / max(1, config.warmup), (steps - step) / decay_steps))


class StepTraining(lightning.LightningModule):
    """The ground of all trainings: AdamW, its schedule, and randomness by the step."""

    betas = (0.9, 0.99)
    arithmetic: Precision = "32-true"

    def __init__(self, optimiser: OptimiserConfig, run: RunConfig, mel: MelSettings) -> None:
        super().__init__()
        self.optimiser_config, self.steps, self.seed = optimiser, run.steps, run.seed
        self.mel = mel

    def configure_optimizers(self) -> dict[str, object]:  # type: ignore[override]
        config = self.optimiser_config
        trainable = [p for p in self.parameters() if p.requires_grad]
        decayed = [p for p in trainable if p.dim() > 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": [p for p in trainable if p.dim() <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=self.betas)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate_at(step, config, self.steps)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class NoisyTraining(StepTraining):
    """The ground of classifier and Score Subnet: noise and times of a step, loss by quarter."""

    def __init__(
        self,
        sde: VPSDE,
        times: TimesConfig,
        augmentation: AugmentConfig,
        optimiser: OptimiserConfig,
        run: RunConfig,
        mel: MelSettings,
    ) -> None:
        super().__init__(optimiser, run, mel)
        self.sde, self.times, self.augmentation = sde, times, augmentation

    def noisy(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(x0, labels, noise, t) of this training step, of which each process has a share."""
        x0, labels = batch
        generator = step_generator(self.seed, "noise", self.global_step, x0.device)
        x0 = augment(x0, self.augmentation, self.mel, generator)
        noise = torch.randn(x0.shape, generator=generator, device=generator.device)
        draw = TIME_DISTRIBUTIONS[self.times.distribution]
        t = draw(len(x0), self.sde.t_eps, generator, **self.times.arguments)
        return x0, labels, noise.to(self.device), t.to(self.device)

    def log_quarters(self, stage: str, losses: Tensor, t: Tensor) -> None:
        """Log the mean loss, and its mean in each quarter of the range of t.

        In training that is NaN where a batch has none; a validation is the mean of its batches.
        """
        self.log(f"{stage}/loss", losses.mean(), prog_bar=True, batch_size=len(t))
        for quarter in range(4):
            inside = losses.detach()[(t * 4).long().clamp(max=3) == quarter]
            if len(inside) or stage == "train":
                self.log(f"{stage}/loss_q{quarter + 1}", inside.mean(), batch_size=len(inside))


def step_function(network: nn.Module, compiled: bool) -> Network:
    """The network as training steps call it; validation calls it as it is."""
    return torch.compile(network.forward) if compiled else network.forward
