"""Losses of the vocoder: closed forms, and that each side gets its own gradient alone."""

import pytest
import torch
from torch import Tensor

from scoresubnet.training.vocoder_losses import (
    adversarial_losses,
    loudness_gain,
    one_backward,
)
from scoresubnet.vocoders.discriminators import DiscriminatorConfig, Discriminators, Judgement

SMALL = DiscriminatorConfig(
    periods=(2,), period_channels=(4, 8), resolutions=(256,), resolution_channels=4
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def judgement(scores: float, *features: float) -> Judgement:
    return Judgement(torch.full((2, 3), scores), [torch.full((2, 1, 2, 2), f) for f in features])


def test_adversarial_losses_by_hand() -> None:
    real = [judgement(0.9, 2.0, -4.0), judgement(0.5, 1.0)]
    made = [judgement(0.2, 1.0, -3.0), judgement(0.6, 1.5)]
    losses = adversarial_losses(real, made)
    assert losses.discriminators.item() == pytest.approx(((0.01 + 0.04) + (0.25 + 0.36)) / 2)
    assert losses.generator.item() == pytest.approx((0.64 + 0.16) / 2)
    assert losses.feature_matching.item() == pytest.approx((1 / 2 + 1 / 4 + 0.5) / 3)


def test_every_clip_is_equally_loud() -> None:
    real = noise(2, 4000) * torch.tensor([[0.01], [0.5]])
    level = (real * loudness_gain(real)).square().mean(dim=1).sqrt()
    assert level.tolist() == pytest.approx([0.1, 0.1])
    assert torch.isfinite(loudness_gain(torch.zeros(1, 100))).all()


def test_one_backward_gives_each_side_the_gradient_of_its_own_loss() -> None:
    """Against two passes: discriminators on detached audio, generator on frozen ones."""
    torch.manual_seed(0)
    discriminators = Discriminators(SMALL)
    real, weight = 0.1 * noise(2, 2048), torch.tensor(0.7, requires_grad=True)
    other = 0.3 * noise(2, 2048, seed=1)
    gain = loudness_gain(real)

    losses = adversarial_losses(
        discriminators(real * gain), discriminators((weight * other * gain).detach())
    )
    names, parameters = zip(*discriminators.named_parameters(), strict=True)
    expected = torch.autograd.grad(losses.discriminators, parameters)
    losses = adversarial_losses(discriminators(real * gain), discriminators(weight * other * gain))
    wanted = 0.5 * losses.generator + 3.0 * losses.feature_matching
    (expected_weight,) = torch.autograd.grad(wanted, weight)

    total, found = one_backward(discriminators, weight * other, real, 0.5, 3.0)
    total.backward()
    torch.testing.assert_close(weight.grad, expected_weight)
    for name, parameter, gradient in zip(names, parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, msg=name)
    torch.testing.assert_close(found.generator, losses.generator.detach())
    assert not any(loss.requires_grad for loss in found)
