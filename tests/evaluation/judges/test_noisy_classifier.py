"""Accuracy against noise, of a classifier whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.evaluation.judges.noisy_classifier import TIMES, NoisyClassifier
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile


class Brighter(Classifier):
    """Says 1 where the mean of the noisy log-Mel is above a threshold that shrinks with alpha."""

    threshold = 0.0

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        mean = x.mean((1, 2, 3)) - VPSDE().alpha(t) * self.threshold
        return torch.stack([-mean, mean], 1)


@pytest.fixture
def model() -> ModelFile:
    config = ClassifierConfig(widths=(8,), blocks=(1,), bottleneck_blocks=1, patch=4, time_dim=8)
    return ModelFile(Brighter(config, 2), ("dark", "bright"), VPSDE(), MelSettings())


@pytest.fixture
def clips() -> list[Audio]:
    """Noise at two levels, nearly alike."""
    random = np.random.default_rng(0)
    level = [0.1, 0.12]
    return [(level[k % 2] * random.standard_normal(16_000)).astype(np.float32) for k in range(60)]


def test_accuracy_falls_with_noise_as_theory_says(model: ModelFile, clips: list[Audio]) -> None:
    x = LogMel()(torch.from_numpy(np.stack(clips))).mean((1, 2, 3))
    dark, bright = x[::2].mean().item(), x[1::2].mean().item()
    Brighter.threshold = (dark + bright) / 2
    heard = NoisyClassifier(model)(clips).embedding
    right = (heard == np.arange(60)[:, None] % 2).mean(0)
    assert right[0] == 1
    # The mean of 80 x 64 pixels has a deviation of sigma / sqrt(5120).
    t = torch.tensor(TIMES)
    z = VPSDE().alpha(t) * (bright - dark) / 2 / (VPSDE().sigma(t) / 5120**0.5)
    expected = torch.distributions.Normal(0.0, 1.0).cdf(z).numpy()
    assert expected[-1] < 0.9
    deviation = np.sqrt(expected * (1 - expected) / 60)
    assert (np.abs(right - expected) <= 3.5 * deviation + 0.02).all()


def test_a_row_depends_on_its_clip_alone(model: ModelFile, clips: list[Audio]) -> None:
    judge = NoisyClassifier(model)
    whole = judge(clips).embedding
    np.testing.assert_array_equal(judge(clips[7:9]).embedding, whole[7:9])
    assert whole.shape == (60, len(TIMES))


class LastBit(Classifier):
    """Says what the last bit of a logit is."""

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        bits = super().forward(x, t).clone()[:, 0].view(torch.int32)
        return torch.nn.functional.one_hot(bits.long() & 1, 2).float()


def test_nor_is_a_row_rounded_otherwise_among_others(
    tiny: ClassifierConfig, fill: Callable[..., Any], clips: list[Audio]
) -> None:
    judge = NoisyClassifier(
        ModelFile(fill(LastBit(tiny, 2)), ("even", "odd"), VPSDE(), MelSettings())
    )
    whole = judge(clips).embedding
    np.testing.assert_array_equal(judge(clips[7:9]).embedding, whole[7:9])
    assert 0 < whole.mean() < 1


def test_settings_change_with_the_weights_and_the_noise(model: ModelFile) -> None:
    before = NoisyClassifier(model).settings
    model.sde = VPSDE(beta_max=5.0)  # other noise: other words are heard
    assert NoisyClassifier(model).settings != before
    model.sde = VPSDE()
    assert NoisyClassifier(model).settings == before
    with torch.no_grad():
        next(model.backbone().parameters()).add_(1)
    assert NoisyClassifier(model).settings != before
