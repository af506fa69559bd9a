"""Whether generated samples are new, or copies of training clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoresubnet.evaluation.statistics.checks import feature_rows
from scoresubnet.evaluation.statistics.neighbours import Neighbours, nearest
from scoresubnet.evaluation.statistics.shares import Share

QUANTILES = (0.01, 0.05)


@dataclass(frozen=True)
class Novelty:
    """Nearest training clips of generated samples, and of real clips that were not trained on.

    Attributes:
        generated: of M generated samples.
        test: of T real test clips: the yardstick.
    """

    generated: Neighbours
    test: Neighbours

    def threshold(self, quantile: float) -> float:
        """The distance that this share of the test clips does not exceed, in feature units.

        Raises:
            ValueError: the quantile is outside [0, 1].
        """
        return float(np.quantile(self.test.distances, quantile))

    def suspects(self, quantile: float = QUANTILES[0]) -> NDArray[np.int64]:
        """Rows of the generated samples at most as far as `threshold(quantile)`, nearest first.

        An exact copy is among them whatever the quantile.

        Raises:
            ValueError: the quantile is outside [0, 1].
        """
        order = self.generated.distances.argsort(kind="stable")
        rows: NDArray[np.int64] = order[self.generated.distances[order] <= self.threshold(quantile)]
        return rows

    def summary(self, quantiles: Sequence[float] = QUANTILES) -> dict[str, Any]:
        """Medians, the number of exact copies, and the share of suspects at each quantile.

        A generator as new as the test clips has shares of about the quantiles; more speaks for
        copying.

        Args:
            quantiles: in [0, 1]. Below about 10 / T they rest on a handful of test clips.

        Returns:
            Plain values, ready for JSON; `closer` has one entry per quantile.

        Raises:
            ValueError: a quantile is outside [0, 1].
        """
        generated, test = self.generated.distances, self.test.distances
        return {
            "generated": len(generated),
            "test": len(test),
            "median_generated": float(np.median(generated)),
            "median_test": float(np.median(test)),
            "exact_copies": int((generated == 0).sum()),
            "closer": [
                {
                    "quantile": quantile,
                    "threshold": self.threshold(quantile),
                    **Share(len(self.suspects(quantile)), len(generated)).to_dict(),
                }
                for quantile in quantiles
            ],
        }


def novelty(generated: ArrayLike, test: ArrayLike, training: ArrayLike) -> Novelty:
    """Distances of generated samples to the training set, beside those of test clips.

    The embeddings should see speech and not its carrier: a vocoder moves all generated samples away
    from the recordings and so hides copies, unless the test and training clips went through it too.

    Args:
        generated: (M, D) embeddings.
        test: (T, D) of real clips that were not trained on.
        training: (N, D) of the training clips.

    Raises:
        ValueError: a set is empty, not finite, or the widths differ.
    """
    trained = feature_rows(training, "training embeddings")
    return Novelty(
        nearest(feature_rows(generated, "generated embeddings"), trained),
        nearest(feature_rows(test, "test embeddings"), trained),
    )
