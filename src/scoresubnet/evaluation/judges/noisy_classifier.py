"""The frozen classifier as a judge: the words that it hears through more and more noise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

import torch

from scoresubnet.audio.io import Audio, fit_length
from scoresubnet.audio.mel import LogMel
from scoresubnet.evaluation.judges.base import Embedded, row_by_row
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.weight_files.foreign_weights import weights_hash
from scoresubnet.weights import ModelFile

TIMES = (1e-3, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


class NoisyClassifier:
    """Rows are indices of the words heard at X_t = alpha(t) X_0 + sigma(t) eps, for each of TIMES.

    A clip gets the same noise eps at every time, drawn from the content of its log-Mel, so that a
    row depends on its clip alone.

    Args:
        model: its classifier is frozen in place, and moves to the CPU.
    """

    name = "classifier"
    labels = None

    def __init__(self, model: ModelFile) -> None:
        self.words, self.sde = model.labels, model.sde
        self.classifier = model.backbone().cpu()
        self.front_end = LogMel(model.mel)

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        return {
            "weights": weights_hash(self.classifier.classifier),
            "mel": self.front_end.settings.hash,
            "sde": asdict(self.sde),
            "labels": list(self.words),
            "times": list(TIMES),
        }

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows (N, len(TIMES)) of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return Embedded(row_by_row(self._heard, clips, progress, self.name))

    @torch.no_grad()
    def _heard(self, clip: Audio) -> Floats:
        """(len(TIMES),); the times are one batch."""
        fitted = fit_length(clip, self.front_end.settings.clip_samples)
        x0 = self.front_end(torch.from_numpy(fitted)[None])
        t = torch.tensor(TIMES).clamp(min=self.sde.t_eps)
        x0 = x0.expand(len(t), -1, -1, -1)
        x = self.sde.perturb(x0, _noise(x0[0]), t)
        return self.classifier(x, t).argmax(1).double().numpy()


def _noise(x: torch.Tensor) -> torch.Tensor:
    """Standard normal, shaped like x (1, F, T)."""
    # To a hundredth, so that rounding of the front end draws no other noise.
    content = (100 * x).round().to(torch.int16).numpy().tobytes()
    seed = int.from_bytes(hashlib.sha256(content).digest()[:4])
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
