"""Classifier guidance: a wrapper around the score. Samplers never know about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.score import ScoreFunction
from scoresubnet.sde import over_batch

ScoreAndClassGradient = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x (B, 1, F, T), t (B,)) -> (score, class gradient), both shaped like x."""

GuidanceSchedule = Callable[[Tensor], Tensor]
"""gamma(t): times (B,) -> guidance strengths (B,)."""


def class_gradient(
    classifier: Callable[[Tensor, Tensor], Tensor], x: Tensor, t: Tensor, labels: Tensor
) -> Tensor:
    """grad_X log p(y | X, t), same shape as x (B, 1, F, T).

    Args:
        classifier: (x, t (B,)) -> logits (B, C); each item's logits must depend on that item alone.
        x: noisy log-Mels (B, 1, F, T).
        t: times (B,).
        labels: class indices (B,).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        log_p = classifier(x, t).log_softmax(1).gather(1, labels[:, None])
        (gradient,) = torch.autograd.grad(log_p.sum(), x)
    return gradient


def guided(both: ScoreAndClassGradient, gamma: GuidanceSchedule) -> ScoreFunction:
    """Guided score s(x, t) + gamma(t) grad_X log p(y | x, t) (paper, eq. 5).

    Args:
        both: gives the score and the class gradient of one batch; a model that shares a forward
            pass has a method for it, two separate models pass `separately(...)`.
        gamma: guidance strength as a function of time.
    """

    def score_fn(x: Tensor, t: Tensor) -> Tensor:
        score, gradient = both(x, t)
        return score + over_batch(gamma(t), x) * gradient

    return score_fn


def separately(
    score_fn: ScoreFunction, classifier: Callable[[Tensor, Tensor], Tensor], labels: Tensor
) -> ScoreAndClassGradient:
    """The score of one model beside the class gradient of another: classical guidance."""

    def both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return score_fn(x, t), class_gradient(classifier, x, t, labels)

    return both
