"""Classifier guidance: a wrapper around the score. Samplers never know about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from scoresubnet.arrays import Array, array_namespace, device
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import norm_of_each, over_batch


class Guide(NamedTuple):
    """The parts of guidance, for one batch.

    Attributes:
        score: s(x, t), shaped like x (B, 1, F, T).
        gradient: grad_X log p(y | x, t), shaped like x.
        probability: p(y | x, t) of each item's label (B,); None where no classifier tells it.
    """

    score: Array
    gradient: Array
    probability: Array | None


LabelledScore = Callable[[Array, Array, Array], Array]
"""(x (B, 1, F, T), t (B,), labels (B,)) -> score of each item's label; -1 is none."""

ScoreAndClassGradient = Callable[[Array, Array], Guide]
"""(x (B, 1, F, T), t (B,)) -> score, class gradient and probability of the labels."""


class GuidanceSchedule(Protocol):
    """gamma(t, p): times (B,) and p(y | x_t, t) (B,) -> guidance strengths (B,).

    Called without p, before anything is computed, it gives the most that it can be at t: where
    that is 0, so is gamma(t, p) for every p.
    """

    def __call__(self, t: Array, p: Array | None = None) -> Array: ...


def probability(logits: Array, labels: Array) -> Array:
    """p(y | x, t) (B,) of logits (B, C) and labels (B,); 0 for the label -1."""
    xp = array_namespace(logits)
    odds = xp.exp(logits - xp.max(logits, axis=1, keepdims=True))
    asked = labels[:, None] == xp.arange(logits.shape[1], device=device(labels))
    return xp.sum(odds * asked, axis=1) / xp.sum(odds, axis=1)


def from_labels(score_fn: LabelledScore, labels: Array) -> ScoreAndClassGradient:
    """Classifier-free guidance (Ho & Salimans 2022), of a model that is told the label.

    The class gradient is the score with the label less the score without, so that the guided score
    is (1 + gamma) s(x, t, y) - gamma s(x, t). Both are made in one call, of twice the batch.

    Args:
        score_fn: (x (B, ...), t (B,), labels (B,)) -> score; -1 is no label.
        labels: class indices (B,) of one batch.
    """
    xp = array_namespace(labels)
    each = xp.concat([labels, xp.full_like(labels, -1)])

    def both(x: Array, t: Array) -> Guide:
        scores = score_fn(xp.concat([x, x]), xp.concat([t, t]), each)
        told, free = scores[: x.shape[0]], scores[x.shape[0] :]
        return Guide(told, told - free, None)

    return both


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
            pass has a method for it.
        gamma: guidance strength as a function of time, and of the probability of the label.
        alone: gives the same score without a class gradient, so without its backward pass; it is
            asked instead of `both` at times when gamma is 0 for all items.
        clamp: see `clamped`.
        renormalise: see `renormalised`; after the clamp, if there are both.
    """

    def score_fn(x: Array, t: Array) -> Array:
        if alone is not None and not array_namespace(t).any(gamma(t) != 0):
            return alone(x, t)
        score, gradient, p = both(x, t)
        term = over_batch(gamma(t, p), x) * gradient
        if clamp is not None:
            term = clamped(term, score, clamp)
        return renormalised(score + term, score) if renormalise else score + term

    return score_fn


def clamped(term: Array, score: Array, most: float) -> Array:
    """The guidance term, shortened where its norm exceeds `most` times that of the score.

    Args:
        term: gamma grad_X log p(y | x, t) (B, ...).
        score: the unguided score, same shape; each item has its own norms.
        most: positive.
    """
    shorter = most * norm_of_each(score) / norm_of_each(term)
    return term * array_namespace(term).clip(shorter, max=1)


def renormalised(guided_score: Array, score: Array) -> Array:
    """The guided score, turned but no longer: with the norm of the unguided one, per item.

    Args:
        guided_score: score and guidance term together (B, ...).
        score: the unguided score, same shape.
    """
    return guided_score * (norm_of_each(score) / norm_of_each(guided_score))
