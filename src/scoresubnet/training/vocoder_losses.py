"""The verdict of discriminators, as losses of both sides."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from scoresubnet.vocoders.discriminators import Discriminators, Judgement

_LOUDNESS = 0.1  # root mean square at which the discriminators hear a clip
_MOST_GAIN = 100.0


class AdversarialLosses(NamedTuple):
    """Scalars; each is the mean over the discriminators.

    Attributes:
        discriminators: least squares, real to 1 and made to 0; for their parameters.
        generator: least squares, made to 1.
        feature_matching: mean absolute difference of the layers' outputs, relative to the real.
    """

    discriminators: Tensor
    generator: Tensor
    feature_matching: Tensor


def adversarial_losses(real: list[Judgement], made: list[Judgement]) -> AdversarialLosses:
    """Least-squares losses and feature matching (HiFi-GAN, Kong et al. 2020, eqs. 1, 2 and 4).

    The features are divided by the mean absolute feature of the real audio (ours), so that every
    layer counts alike, whatever the scale of its outputs.
    """
    pairs = list(zip(real, made, strict=True))
    discriminators = [(1 - r.scores).square().mean() + m.scores.square().mean() for r, m in pairs]
    generator = [(1 - m.scores).square().mean() for _, m in pairs]
    matching = [
        (theirs.detach() - ours).abs().mean() / theirs.detach().abs().mean().clamp(min=1e-6)
        for r, m in pairs
        for theirs, ours in zip(r.features, m.features, strict=True)
    ]
    means = (torch.stack(losses).mean() for losses in (discriminators, generator, matching))
    return AdversarialLosses(*means)


def loudness_gain(real: Tensor) -> Tensor:
    """(B, N) -> (B, 1): the gain at which every clip is equally loud to the discriminators."""
    level = real.square().mean(dim=1, keepdim=True).sqrt()
    return (_LOUDNESS / level.clamp(min=1e-8)).clamp(max=_MOST_GAIN)


def one_backward(
    discriminators: Discriminators,
    made: Tensor,
    real: Tensor,
    adversarial: float,
    feature_matching: float,
) -> tuple[Tensor, AdversarialLosses]:
    """A scalar whose gradient trains both sides at once, each on its own loss.

    The discriminators hear each clip once. Their parameters get the gradient of their loss alone;
    `made` (B, N) gets that of the two generator losses alone, by the weights given. The value of
    the scalar means nothing; the losses are given beside it, detached.
    """
    gain = loudness_gain(real)
    heard = (made * gain).detach().requires_grad_()
    losses = adversarial_losses(discriminators(real * gain), discriminators(heard))
    wanted = adversarial * losses.generator + feature_matching * losses.feature_matching
    (gradient,) = torch.autograd.grad(wanted, heard, retain_graph=True)
    total = losses.discriminators + (made * gain * gradient).sum()
    return total, AdversarialLosses(*(loss.detach() for loss in losses))
