"""Bootstrap weights that are the same for every system held against one reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.statistics.checks import Floats, feature_rows, same_width


def reference_and_systems(
    reference: ArrayLike, systems: Sequence[ArrayLike], paired: bool, least: int = 2
) -> tuple[Floats, list[Floats]]:
    """The features (N, D) of a reference, and (M_s, D) of S systems, as float64.

    Raises:
        ValueError: they are not finite, fewer than `least` or of different widths, there is no
            system, or paired systems differ in M.
    """
    x = feature_rows(reference, "reference features", least)
    rows = [feature_rows(items, "generated features", least) for items in systems]
    for y in rows:
        same_width(x, y, "reference and generated features")
    if not rows or (paired and len({len(y) for y in rows}) > 1):
        sizes = ", ".join(str(len(y)) for y in rows) or "no"
        raise ValueError(f"systems have {sizes} items; give one or more, of one size if paired")
    return x, rows


def resampling_weights(
    reference: int, sizes: Sequence[int], paired: bool, resamples: int, seed: int
) -> tuple[Floats, list[Floats]]:
    """Counts of each item in each of R bootstrap samples, set by set.

    A set of N items is drawn N times with replacement. The weights of the reference depend on N and
    the seed alone, those of system s on M_s, the seed and, unless paired, on s.

    Args:
        reference: N.
        sizes: M_s.
        paired: all systems get the same weights, so that item k is drawn in all or in none.
        resamples: R.
        seed: at least 0.

    Returns:
        Of the reference (R, N), and of each system (R, M_s).
    """

    def drawn(size: int, number: int) -> Floats:
        generator = np.random.default_rng([seed, number])
        return generator.multinomial(size, np.full(size, 1 / size), resamples).astype(np.float64)

    weights = drawn(reference, 0)
    if paired:
        return weights, [drawn(sizes[0], 1)] * len(sizes)
    return weights, [drawn(size, 1 + s) for s, size in enumerate(sizes)]
