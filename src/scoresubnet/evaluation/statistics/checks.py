"""Checks of input: finite features, and probabilities that are probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_SUM_TOLERANCE = 1e-4  # a float32 softmax stays within 1e-6; percentages and logits do not


def feature_rows(features: ArrayLike, name: str, least: int = 1) -> Floats:
    """Features (N, D) as float64.

    Args:
        features: N rows of D >= 1 finite numbers.
        name: what an error calls them.
        least: the smallest N.

    Raises:
        ValueError: they are not (N, D), not finite, or fewer than `least`.
    """
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or not rows.shape[1]:
        raise ValueError(f"{name} have the shape {rows.shape}; expected (N, D) with D >= 1")
    if len(rows) < least:
        raise ValueError(f"{name} are too few: {len(rows)}; need at least {least}")
    if bad := int((~np.isfinite(rows)).any(1).sum()):
        raise ValueError(f"{name} are NaN or infinite in {bad} of {len(rows)} rows")
    return rows


def probability_rows(probabilities: ArrayLike, name: str, least: int = 1) -> Floats:
    """Probabilities (N, C) as float64, each row divided by its sum, which must be 1 within 1e-4.

    Args:
        probabilities: N distributions over C >= 2 classes.
        name: what an error calls them.
        least: the smallest N.

    Raises:
        ValueError: they are not (N, C), not finite, negative, do not sum to 1, or are fewer than
            `least`.
    """
    rows = feature_rows(probabilities, name, least)
    if rows.shape[1] < 2:
        raise ValueError(f"{name} are of one class; need at least two")
    if (rows < 0).any():
        raise ValueError(f"{name} are negative, down to {rows.min():g}; are they logits?")
    sums = rows.sum(1, keepdims=True)
    worst = float(sums.flat[np.abs(sums - 1).argmax()])
    if abs(worst - 1) > _SUM_TOLERANCE:
        raise ValueError(f"{name} do not sum to 1: one row sums to {worst:g}")
    scaled: Floats = rows / sums
    return scaled


def same_width(first: Floats, second: Floats, names: str) -> None:
    """Refuse two sets of rows of different widths.

    Raises:
        ValueError: the widths differ.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{names} have {first.shape[1]} and {second.shape[1]} columns; they must be the same"
        )
