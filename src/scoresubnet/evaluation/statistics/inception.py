"""Scores of the classes that a classifier sees in generated samples: IS, mIS, AM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.statistics.checks import Floats, probability_rows


def inception_score(probabilities: ArrayLike) -> float:
    """exp of the mean over samples of KL(p(y|x) || p(y)), p(y) the mean of p(y|x).

    Salimans et al. 2016, section 4, over the whole set (no splits). That mean is H(p(y)) less the
    mean of H(p(y|x)). 1 for a generator that always gives the same, at most C, the number of
    classes, for sure predictions spread evenly.

    Args:
        probabilities: p(y|x), (N, C), N >= 2.

    Returns:
        The score, in [1, C].

    Raises:
        ValueError: N < 2, or the probabilities are not (N, C), not finite, negative, or do not sum
            to 1.
    """
    p = probability_rows(probabilities, "probabilities", least=2)
    return _exp(float(_entropy(p.mean(0)) - _entropy(p).mean()))


def wrong_axis_inception_score(probabilities: ArrayLike) -> float:
    """The "Inception" of SaShiMi's SC09 script: to compare with published rows only.

    It is no Inception Score. The script (`sc09_classifier/test_speech_commands.py` of
    state-spaces/s4, and of gzhu06/Unconditional-Audio-Generation-Benchmark) shuffles the samples
    with seed 0, keeps the first half, n = N // 2, and calls scipy's `entropy` of it and of the mean
    of the other half, with the default axis 0, the samples. So each class's column is normalised
    over the samples, and the repeated mean becomes 1/n whatever it was. The result is

        exp of the mean over classes c of KL(p(c|x_i) / sum_j p(c|x_j) || 1/n)

    It asks whether each class is given to few samples, not whether each sample is sure and all
    classes occur. Sure predictions with class shares w_c give 1 / (geometric mean of w_c): C for
    even shares, and *more* the more uneven they are. A generator of one word alone scores up to
    n^((C - 1)/C), where the correct score is 1. It also depends on the order of the samples.

    Args:
        probabilities: p(y|x), (N, C), N >= 2, in the script's order (natural order of file names).

    Returns:
        The script's figure, up to its float32 rounding; NaN, as there, where a class has
        probability 0 throughout either half.

    Raises:
        ValueError: as `inception_score` does.
    """
    p = probability_rows(probabilities, "probabilities", least=2)
    shuffled = p[np.random.RandomState(0).permutation(len(p))]
    kept, others = np.split(shuffled, [len(p) // 2])
    if not (kept.any(0) & others.any(0)).all():
        return float("nan")
    over_samples = kept / kept.sum(0)
    return _exp(float((np.log(len(kept)) - _entropy(over_samples.T)).mean()))


def modified_inception_score(probabilities: ArrayLike) -> float:
    """exp of the mean over all N^2 ordered pairs (i, j) of KL(p(y|x_i) || p(y|x_j)).

    Gurumurthy et al. 2017 (DeLiGAN), who average it over classes; as in DiffWave and SaShiMi it is
    here over the whole set. Exact, in O(N C): sum_c p_i (log p_i - log p_j), averaged over i and j,
    is

        -(mean over i of H(p_i)) - sum_c (mean over i of p_i) (mean over j of log p_j)

    The SC09 script estimates this from 10,000 random pairs, i = j included as here.

    Args:
        probabilities: p(y|x), (N, C), N >= 2; in float64, for in float32 what is
            below 1e-45 becomes 0.

    Returns:
        The score, >= 1. Infinite where a class has probability 0 in one sample and not in another,
        for then so is the divergence.

    Raises:
        ValueError: as `inception_score` does.
    """
    p = probability_rows(probabilities, "probabilities", least=2)
    occurs = p.any(0)
    with np.errstate(divide="ignore"):
        mean_log = np.log(p[:, occurs]).mean(0)
    return _exp(float(-_entropy(p).mean() - p[:, occurs].mean(0) @ mean_log))


def am_score(probabilities: ArrayLike, training: ArrayLike) -> float:
    """KL(training class distribution || p(y)) + the mean of H(p(y|x)), in nats; lower is better.

    Zhou et al. 2018 (AM-GAN), AM Score. The SC09 script takes the mean prediction on the training
    clips for the training class distribution.

    Args:
        probabilities: p(y|x) of generated samples, (N, C), N >= 1.
        training: the training class distribution, (C,): the mean of predictions, or class shares.

    Returns:
        The score, >= 0; infinite where a class of the training data never occurs.

    Raises:
        ValueError: either is not finite, negative, of a wrong shape, or does not sum to 1.
    """
    p = probability_rows(probabilities, "probabilities")
    target = np.asarray(training, dtype=np.float64)
    if target.shape != p.shape[1:]:
        raise ValueError(f"training has the shape {target.shape}; expected ({p.shape[1]},)")
    target = probability_rows(target[None], "training class shares")[0]
    occurs = target > 0
    with np.errstate(divide="ignore"):
        cross_entropy = -(target[occurs] @ np.log(p.mean(0)[occurs]))
    divergence = max(0.0, float(cross_entropy - _entropy(target)))
    return divergence + float(_entropy(p).mean())


def _entropy(p: Floats) -> Floats:
    """H over the last axis in nats, with 0 log 0 = 0."""
    entropy: Floats = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
    return entropy


def _exp(divergence: float) -> float:
    """exp of what is >= 0 but for rounding; infinite where it is too large for a float."""
    with np.errstate(over="ignore"):
        return float(np.exp(max(0.0, divergence)))
