"""The Frechet distance between two sets of features, each seen as a Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.statistics.bootstrap import (
    Interval,
    bootstrap_replicates,
    interval_from,
)
from scoresubnet.evaluation.statistics.checks import Floats, feature_rows, same_width


def frechet_distance(reference: ArrayLike, generated: ArrayLike) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two feature sets.

    Dowson & Landau 1982, eq. 4; Heusel et al. 2017, eq. 6 (FID); Kilgour et al. 2019 (FAD). The
    covariances divide by N - 1. It is a squared distance, in squared units of the features.

    No matrix square root is taken: with centred features S = R^T R, and tr (S1 S2)^(1/2) is the
    sum of the singular values of R1 R2^T. So it is exact for singular covariances (N <= D) too. On
    average it is too large, the more so the fewer the samples (Chong & Forsyth 2020): compare only
    values of the same N and M.

    Args:
        reference: (N, D) features, N >= 2.
        generated: (M, D) features, M >= 2.

    Returns:
        The distance, >= 0.

    Raises:
        ValueError: the features are not finite, too few, or of different widths.
    """
    first = feature_rows(reference, "reference features", least=2)
    second = feature_rows(generated, "generated features", least=2)
    same_width(first, second, "reference and generated features")
    return _distance(*_gaussian(first), *_gaussian(second))


def frechet_distance_of_moments(
    mean1: ArrayLike, covariance1: ArrayLike, mean2: ArrayLike, covariance2: ArrayLike
) -> float:
    """The same from moments, such as stored statistics of a reference set.

    Where the covariances are singular, right to about 1e-6 of their traces; features give more.

    Args:
        mean1, mean2: (D,).
        covariance1, covariance2: (D, D), symmetric and positive semi-definite up to rounding.

    Returns:
        The distance, >= 0.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or a covariance is not symmetric or
            has a negative eigenvalue.
    """
    first = _moments(mean1, covariance1, "1")
    second = _moments(mean2, covariance2, "2")
    same_width(first[1], second[1], "covariances 1 and 2")
    return _distance(*first, *second)


def frechet_interval(
    reference: ArrayLike,
    generated: ArrayLike,
    resamples: int = 200,
    seed: int = 0,
    level: float = 0.95,
    resample_reference: bool = True,
    done: Sequence[float] = (),
) -> Interval:
    """The Frechet distance with a bootstrap interval for its expectation at this N and M.

    Resampling repeats items, so replicates carry the upward bias of the distance twice: their
    plain quantiles can miss the measured value altogether. Here they are therefore shifted so that
    their mean is the measured value ("centred"), and cut off at 0. The interval speaks of sets of
    the same N and M; it leaves the distance's own bias in, as every published value does. In
    simulations with Gaussians, D from 0.04 N to 1.6 N, it covered that expectation in 93 to 100 %
    of trials (plain quantiles: 0 to 87 %), being too wide, by a factor of three at most, where D
    comes near M.
    `Interval.bias`, the mean of the replicates minus the value, estimates the distance's own bias
    where N and M are far greater than D.

    Args:
        reference: (N, D) features, N >= 2.
        generated: (M, D) features, M >= 2.
        resamples: replicates, >= 2; each costs about one distance.
        seed: of the resampling; replicate r depends on (seed, r) alone.
        level: of the interval, in (0, 1).
        resample_reference: False takes the reference set as given, which is quicker where it is
            large, and right where all models are held against that very set.
        done: replicates 0, 1, ... that `frechet_replicates` gave before, of the same arguments.

    Raises:
        ValueError: the features are not finite, too few, or of different widths, or the settings of
            the bootstrap are out of range.
    """
    value = frechet_distance(reference, generated)
    more = frechet_replicates(
        reference, generated, len(done), resamples, seed, resample_reference=resample_reference
    )
    replicates = [*done, *more][:resamples]
    interval = interval_from(value, replicates, seed=seed, level=level, method="centred")
    return replace(interval, low=max(0.0, interval.low))


def frechet_replicates(
    reference: ArrayLike,
    generated: ArrayLike,
    start: int = 0,
    stop: int = 200,
    seed: int = 0,
    resample_reference: bool = True,
) -> Floats:
    """Replicates start, ..., stop - 1 for `frechet_interval`, so that a break loses none.

    Raises:
        ValueError: as `frechet_interval` does.
    """
    first = feature_rows(reference, "reference features", least=2)
    second = feature_rows(generated, "generated features", least=2)
    same_width(first, second, "reference and generated features")
    if resample_reference:

        def of_both(x: Floats, y: Floats) -> float:
            return _distance(*_gaussian(x), *_gaussian(y))

        return bootstrap_replicates(of_both, first, second, start=start, stop=stop, seed=seed)
    fixed = _gaussian(first)

    def of_generated(y: Floats) -> float:
        return _distance(*fixed, *_gaussian(y))

    return bootstrap_replicates(of_generated, second, start=start, stop=stop, seed=seed)


def _gaussian(features: Floats) -> tuple[Floats, Floats]:
    """Mean (D,), and R (min(N, D), D) with R^T R = the covariance."""
    mean = features.mean(0)
    centred = (features - mean) / np.sqrt(len(features) - 1)
    if len(centred) > centred.shape[1]:
        centred = np.linalg.qr(centred, mode="r")
    return mean, centred


def _moments(mean: ArrayLike, covariance: ArrayLike, number: str) -> tuple[Floats, Floats]:
    """The same from a covariance, by its eigenvalues; those that are rounding count as 0."""
    matrix = feature_rows(covariance, f"values of covariance {number}")
    size = len(matrix)
    if matrix.shape != (size, size):
        raise ValueError(f"covariance {number} has the shape {matrix.shape}; expected (D, D)")
    centre = np.asarray(mean, dtype=np.float64)
    if centre.shape != (size,) or not np.isfinite(centre).all():
        raise ValueError(
            f"mean {number} has the shape {centre.shape} or is not finite; expected ({size},)"
        )
    largest = float(np.abs(matrix).max())
    if np.abs(matrix - matrix.T).max() > 1e-6 * largest:
        raise ValueError(f"covariance {number} is not symmetric")
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] < -1e-6 * max(values[-1], 0.0):
        raise ValueError(
            f"covariance {number} is not positive semi-definite: an eigenvalue is {values[0]:g}"
        )
    rounding = size * np.finfo(np.float64).eps * values[-1]
    kept = values > max(rounding, 0.0)
    root: Floats = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
    return centre, root


def _distance(mean1: Floats, root1: Floats, mean2: Floats, root2: Floats) -> float:
    cross = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum() if len(root1) * len(root2) else 0
    squared = ((mean1 - mean2) ** 2).sum() + (root1**2).sum() + (root2**2).sum() - 2 * cross
    return max(0.0, float(squared))
