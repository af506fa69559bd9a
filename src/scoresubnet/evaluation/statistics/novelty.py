"""Generated samples that are new, or copies of training clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoresubnet.evaluation.statistics.neighbours import Neighbours


@dataclass(frozen=True)
class Novelty:
    """Nearest training clips of generated samples, and of real clips that were not trained on.

    The embeddings should see speech and not its carrier: a vocoder moves all generated samples away
    from the recordings and so hides copies, unless the test and training clips went through it too.

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

    def suspects(self, quantile: float) -> NDArray[np.int64]:
        """Rows of the generated samples at most as far as `threshold(quantile)`, nearest first.

        An exact copy is among them whatever the quantile. A generator as new as the test clips has
        about that share of them; more speaks for copying. Below about 10 / T the quantile rests on
        a handful of test clips.

        Raises:
            ValueError: the quantile is outside [0, 1].
        """
        order = self.generated.distances.argsort(kind="stable")
        rows: NDArray[np.int64] = order[self.generated.distances[order] <= self.threshold(quantile)]
        return rows
