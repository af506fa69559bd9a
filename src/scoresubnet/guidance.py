"""Classifier guidance: a wrapper around the score. Samplers never know about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from scoresubnet.score import ScoreFunction
from scoresubnet.sde import norm_of_each, over_batch


class Guide(NamedTuple):
    """The parts of guidance, for one batch.

    Attributes:
        score: s(x, t), shaped like x (B, 1, F, T).
        gradient: grad_X log p(y | x, t), shaped like x.
        probability: p(y | x, t) of each item's label (B,); None where no classifier tells it.
    """

    score: Tensor
    gradient: Tensor
    probability: Tensor | None


ScoreAndClassGradient = Callable[[Tensor, Tensor], Guide]
"""(x (B, 1, F, T), t (B,)) -> score, class gradient and probability of the labels."""


class GuidanceSchedule(Protocol):
    """gamma(t, p): times (B,) and p(y | x_t, t) (B,) -> guidance strengths (B,).

    Called without p, before anything is computed, it gives the most that it can be at t: where
    that is 0, so is gamma(t, p) for every p.
    """

    def __call__(self, t: Tensor, p: Tensor | None = None) -> Tensor: ...


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


def guided(
    both: ScoreAndClassGradient,
    gamma: GuidanceSchedule,
    alone: ScoreFunction | None = None,
    clamp: float | None = None,
    renormalise: bool = False,
) -> ScoreFunction:
    """Guided score s(x, t) + gamma(t) grad_X log p(y | x, t) (paper, eq. 5).

    Args:
        both: gives the score and the class gradient of one batch; a model that shares a forward
            pass has a method for it, two separate models pass `separately(...)`.
        gamma: guidance strength as a function of time, and of the probability of the label.
        alone: gives the same score without a class gradient, so without its backward pass; it is
            asked instead of `both` at times when gamma is 0 for all items.
        clamp: see `clamped`.
        renormalise: see `renormalised`; after the clamp, if there are both.
    """

    def score_fn(x: Tensor, t: Tensor) -> Tensor:
        if alone is not None and not gamma(t).any():
            return alone(x, t)
        score, gradient, p = both(x, t)
        term = over_batch(gamma(t, p), x) * gradient
        if clamp is not None:
            term = clamped(term, score, clamp)
        return renormalised(score + term, score) if renormalise else score + term

    return score_fn


def clamped(term: Tensor, score: Tensor, most: float) -> Tensor:
    """The guidance term, shortened where its norm exceeds `most` times that of the score.

    Args:
        term: gamma grad_X log p(y | x, t) (B, ...).
        score: the unguided score, same shape; each item has its own norms.
        most: positive.
    """
    return term * (most * norm_of_each(score) / norm_of_each(term)).clamp(max=1)


def renormalised(guided_score: Tensor, score: Tensor) -> Tensor:
    """The guided score, turned but no longer: with the norm of the unguided one, per item.

    Args:
        guided_score: score and guidance term together (B, ...).
        score: the unguided score, same shape.
    """
    return guided_score * (norm_of_each(score) / norm_of_each(guided_score))


def separately(
    score_fn: ScoreFunction, classifier: Callable[[Tensor, Tensor], Tensor], labels: Tensor
) -> ScoreAndClassGradient:
    """The score of one model beside the class gradient of another: classical guidance."""

    def both(x: Tensor, t: Tensor) -> Guide:
        return Guide(score_fn(x, t), *_class_gradient_and_probability(classifier, x, t, labels))

    return both
