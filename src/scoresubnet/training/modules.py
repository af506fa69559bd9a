"""One LightningModule per model: the classifier, and the Score Subnet on a frozen classifier."""

from __future__ import annotations

import lightning
import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import Network, classifier_loss, dsm_loss
from scoresubnet.model import ScoreModel
from scoresubnet.networks.classifier import Classifier
from scoresubnet.schedules import TIME_DISTRIBUTIONS
from scoresubnet.sde import VPSDE
from scoresubnet.training.augment import augment
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    OptimiserConfig,
    Precision,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.datamodule import Batch
from scoresubnet.training.steps import step_generator, step_seed

ACCURACY_TIMES = (1e-3, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Noise times at which the classifier's accuracy is logged."""


def rate_at(step: int, config: OptimiserConfig, steps: int) -> float:
    """Learning rate of a step relative to the plateau: linear warm-up, 1, linear decay to zero."""
    decay_steps = max(1.0, config.decay_share * steps)
    return max(0.0, min(1.0, (step + 1) / max(1, config.warmup), (steps - step) / decay_steps))


class StepTraining(lightning.LightningModule):
    """What all trainings share: AdamW, its schedule, and randomness by the step."""

    betas = (0.9, 0.99)
    arithmetic: Precision = "32-true"

    def __init__(self, optimiser: OptimiserConfig, run: RunConfig, mel: MelSettings) -> None:
        super().__init__()
        self.optimiser_config, self.steps, self.seed = optimiser, run.steps, run.seed
        self.mel = mel

    def relative_rates(self) -> list[tuple[nn.Module, float]]:
        """What is trained, each part with its share of the learning rate."""
        return [(self, 1.0)]

    def configure_optimizers(self) -> dict[str, object]:  # type: ignore[override]
        config = self.optimiser_config
        groups = []
        for part, share in self.relative_rates():
            trainable = [p for p in part.parameters() if p.requires_grad]
            common = {"lr": share * config.learning_rate}
            decayed = {"params": [p for p in trainable if p.dim() > 1]}
            plain = {"params": [p for p in trainable if p.dim() <= 1]}
            groups.append(decayed | common | {"weight_decay": config.weight_decay})
            groups.append(plain | common | {"weight_decay": 0.0})
        optimiser = torch.optim.AdamW(groups, betas=self.betas)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate_at(step, config, self.steps)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class NoisyTraining(StepTraining):
    """What classifier and Score Subnet share: noise and times of a step, loss per quarter of t."""

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
        """(x0, labels, noise, t) of this training step."""
        x0, labels = batch
        generator = step_generator(self.seed, "noise", self.global_step, x0.device)
        x0 = augment(x0, self.augmentation, self.mel, generator)
        noise = torch.randn(x0.shape, generator=generator, device=generator.device)
        draw = TIME_DISTRIBUTIONS[self.times.distribution]
        t = draw(len(x0), self.sde.t_eps, generator, **self.times.arguments)
        return x0, labels, noise.to(self.device), t.to(self.device)

    def log_quarters(self, stage: str, losses: Tensor, t: Tensor) -> None:
        """Log the mean loss, and its mean in each quarter of the range of t."""
        self.log(f"{stage}/loss", losses.mean(), prog_bar=True, batch_size=len(t))
        for quarter in range(4):
            inside = losses.detach()[(t * 4).long().clamp(max=3) == quarter]
            if len(inside):
                self.log(f"{stage}/loss_q{quarter + 1}", inside.mean(), batch_size=len(inside))


def step_function(network: nn.Module, compiled: bool) -> Network:
    """The network as training steps call it; validation calls it as it is."""
    return torch.compile(network.forward) if compiled else network.forward


class ClassifierModule(NoisyTraining):
    """Cross-entropy on noisy inputs (paper, eq. 6)."""

    def __init__(self, config: ClassifierTraining, classes: int, mel: MelSettings) -> None:
        super().__init__(
            config.sde,
            config.times,
            config.augment,
            config.optimiser,
            config.run,
            mel,
        )
        self.network = Classifier(config.network, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.arithmetic = config.precision
        self.step_network = step_function(self.network, config.compile)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x0, labels, noise, t = self.noisy(batch)
        with torch.random.fork_rng():  # dropout, too, is a function of the step
            torch.manual_seed(step_seed(self.seed, "dropout", self.global_step))
            losses = classifier_loss(self.step_network(self.sde.perturb(x0, noise, t), t), labels)
        self.log_quarters("train", losses, t)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x0, labels = batch
        generator = step_generator(self.seed, "validation", batch_idx)
        for time in ACCURACY_TIMES:
            noise = torch.randn(x0.shape, generator=generator).to(self.device)
            t = torch.full((len(x0),), time, device=self.device)
            logits = self.network(self.sde.perturb(x0, noise, t), t)
            right = (logits.argmax(1) == labels).float().mean()
            self.log(f"valid/accuracy_t{time:g}", right, batch_size=len(x0), prog_bar=time < 0.01)
            loss = classifier_loss(logits, labels).mean()
            self.log(f"valid/loss_t{time:g}", loss, batch_size=len(x0))


class ScoreModule(NoisyTraining):
    """Denoising score matching of the subnet (paper, eq. 4); the backbone stays as it is."""

    def __init__(self, config: ScoreTraining, model: ScoreModel, mel: MelSettings) -> None:
        super().__init__(
            model.sde,
            config.times,
            config.augment,
            config.optimiser,
            config.run,
            mel,
        )
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.arithmetic = config.precision
        self.step_model = step_function(self.model, config.compile)

    def loss(self, network: Network, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """DSM per item (B,)."""
        return dsm_loss(network, x0, noise, t, self.sde, self.model.parametrisation)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x0, _, noise, t = self.noisy(batch)
        losses = self.loss(self.step_model, x0, noise, t)
        self.log_quarters("train", losses, t)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x0, _ = batch
        generator = step_generator(self.seed, "validation", batch_idx)
        noise = torch.randn(x0.shape, generator=generator).to(self.device)
        order = torch.randperm(len(x0), generator=generator)  # the rows are sorted by word
        t = torch.linspace(self.sde.t_eps, 1, len(x0))[order].to(self.device)
        self.log_quarters("valid", self.loss(self.model, x0, noise, t), t)
