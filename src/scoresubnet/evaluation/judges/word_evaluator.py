"""The judge: a word classifier on clean speech, of another family and front end than the model."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from scoresubnet.audio.io import Audio, fit_length
from scoresubnet.audio.mel import LogMel
from scoresubnet.evaluation.judges.base import Embedded, classified
from scoresubnet.weight_files.foreign_weights import weights_hash
from scoresubnet.word_evaluator.file import DEFAULT, EvaluatorFile, read_evaluator
from scoresubnet.word_evaluator.network import ResNeXtOutput


class WordEvaluator:
    """An `Embedder` of one-second clips; shorter ones get silence around them, longer are cropped.

    Args:
        file: the network and its front end.

    Attributes:
        labels: the word of each probability.
        mel: the front end.
        notes: those of the file; of the shipped one `accuracy`, what it is right on.
    """

    name = "evaluator"

    def __init__(self, file: EvaluatorFile) -> None:
        self.labels, self.mel, self.notes = file.labels, file.mel, file.notes
        self.network = file.network.eval()
        self.front_end = LogMel(file.mel)

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        return {
            "weights": weights_hash(self.network),
            "labels": list(self.labels),
            "mel": self.mel.hash,
        }

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str] = DEFAULT) -> WordEvaluator:
        """A shipped evaluator by its name, or that of a run folder or file.

        Raises:
            WeightsError: nothing is there, or it is damaged or foreign.
        """
        return cls(read_evaluator(source))

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """Embeddings and probabilities of clips, each (samples,) float32 at 16 kHz, full scale 1.

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return classified(self._classify, clips, progress, self.name)

    def _classify(self, clip: Audio) -> ResNeXtOutput:
        fitted = fit_length(clip, self.mel.clip_samples)
        return self.network(self.front_end(torch.from_numpy(fitted)))
