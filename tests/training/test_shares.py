"""What two processes make of a step is, on average, what one makes of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import UNetModel
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.training import ranks
from scoresubnet.training.classifier import ClassifierModule
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    DataConfig,
    EvaluatorTraining,
    UNetTraining,
    VocoderTraining,
)
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.evaluator import EvaluatorModule, TaughtEvaluatorModule
from scoresubnet.training.lessons import LessonBatch, Lessons
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.steps import seeded
from scoresubnet.training.vocoder import VocoderModule
from scoresubnet.training.waveform_data import VoiceBatch
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.word_evaluator.network import ResNeXtConfig

MEL = MelSettings()
DATA = DataConfig(batch_size=4)
AUGMENT = AugmentConfig(shift=3, fill=0.5, noise=0.5)  # `fill` looks at other clips
JUDGE = EvaluatorTraining(DATA, ResNeXtConfig((4, 8), (1, 1), 2, dropout=0.5), augment=AUGMENT)
Fill = Callable[..., Any]


def _speech() -> tuple[Tensor, Tensor]:
    x = torch.rand(4, 1, 80, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x[1, :, 50:] = -1  # digital silence, which `skip_silence` leaves out
    return x, torch.tensor([0, 1, 1, 0])


def _classifier(tiny: ClassifierConfig) -> StepTraining:
    network = dataclasses.replace(tiny, dropout=0.5)
    return ClassifierModule(ClassifierTraining(DATA, network, augment=AUGMENT), 2, MEL)


def _unet(tiny: ClassifierConfig) -> StepTraining:
    shape = UNetConfig((8, 16), (1, 1), (1, 1), 1, patch=4, time_dim=16, label_conditioned=True)
    config = UNetTraining(DATA, unet=shape, label_dropout=0.5, skip_silence=True, augment=AUGMENT)
    return DenoisingModule(config, UNetModel(UNet(shape, 2), VPSDE(), "v"), MEL, [1, 0])


def _evaluator(tiny: ClassifierConfig) -> StepTraining:
    return EvaluatorModule(JUDGE, 2, MEL)


def _taught(tiny: ClassifierConfig) -> StepTraining:
    nothing = torch.zeros(4, dtype=torch.long)
    x, targets = torch.zeros(4, 80, 64), torch.randn(4, 13, 3, generator=torch.Generator())
    lessons = Lessons(x, targets, torch.zeros(4, 2), nothing, nothing > 0, ("a", "b"), MEL)
    return TaughtEvaluatorModule(JUDGE, lessons, MEL)


def _vocoder(tiny: ClassifierConfig) -> StepTraining:
    return VocoderModule(VocoderTraining(DATA, PitchNetworkConfig(8, 1, 3), segment=4096), MEL)


def _lesson() -> LessonBatch:
    generator = torch.Generator().manual_seed(2)
    words = torch.rand(4, 2, generator=generator).softmax(1)
    return LessonBatch(_speech()[0], words, torch.randn(4, 13, 3, generator=generator))


def _voice() -> VoiceBatch:
    """The first process has nearly all the voice."""
    audio = 0.1 * torch.randn(4, 16_000, generator=torch.Generator().manual_seed(1))
    f0 = torch.zeros(4, 63)
    f0[0], f0[1], f0[3, 30:33] = 200, 120, 150
    return VoiceBatch(audio, f0)


TRAININGS: dict[str, tuple[Callable[[ClassifierConfig], StepTraining], Callable[[], Any]]] = {
    "classifier": (_classifier, _speech),
    "unet": (_unet, _speech),
    "evaluator": (_evaluator, _speech),
    "taught evaluator": (_taught, _lesson),
    "vocoder": (_vocoder, _voice),
}


@pytest.mark.parametrize("training", TRAININGS)
def test_shares_of_a_step_make_the_whole(
    training: str, tiny: ClassifierConfig, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses and gradients, as DDP averages them."""
    make, batch = TRAININGS[training]
    monkeypatch.setattr(StepTraining, "global_step", 5)
    monkeypatch.setattr(StepTraining, "log", lambda *args, **kwargs: None)

    def step() -> tuple[float, list[Tensor]]:
        with seeded(0):  # biases
            module = fill(make(tiny))
        loss = module.train().training_step(batch(), 0)
        loss.backward()
        return loss.item(), [p.grad for p in module.parameters() if p.grad is not None]

    whole, gradients = step()
    monkeypatch.setattr(ranks, "gathered", lambda x: torch.cat([x.detach()] * 2))
    monkeypatch.setattr(ranks, "mean", lambda x: x.detach())
    parts = []
    for number in range(2):
        rank = ranks.Rank(number, 2, number, 0, "", 0)
        monkeypatch.setattr(ranks, "here", lambda rank=rank: rank)
        parts.append(step())
    assert whole == pytest.approx(sum(loss for loss, _ in parts) / 2, rel=1e-5)
    assert parts[0][0] != pytest.approx(parts[1][0], rel=1e-3)
    for mine, other, both in zip(parts[0][1], parts[1][1], gradients, strict=True):
        torch.testing.assert_close((mine + other) / 2, both, rtol=1e-3, atol=1e-5)
