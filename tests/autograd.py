"""Classical guidance by automatic differentiation, to compare the package's own way back with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.guidance import Guide, ScoreAndClassGradient
from scoresubnet.score import ScoreFunction


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
    gradient, _ = _class_gradient_and_probability(classifier, x, t, labels)
    return gradient


def _class_gradient_and_probability(
    classifier: Callable[[Tensor, Tensor], Tensor], x: Tensor, t: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        log_p = classifier(x, t).log_softmax(1).gather(1, labels[:, None])
        (gradient,) = torch.autograd.grad(log_p.sum(), x)
    return gradient, log_p.detach().exp()[:, 0]


def separately(
    score_fn: ScoreFunction, classifier: Callable[[Tensor, Tensor], Tensor], labels: Tensor
) -> ScoreAndClassGradient:
    """The score of one model beside the class gradient of another: classical guidance."""

    def both(x: Tensor, t: Tensor) -> Guide:
        return Guide(score_fn(x, t), *_class_gradient_and_probability(classifier, x, t, labels))

    return both
