"""The judge: a word classifier on clean speech, of another family and front end than the model."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import torch

from scoresubnet.audio.io import Audio, fit_length
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.evaluation.embedding import Embedded, classified
from scoresubnet.foreign_weights import weights_hash
from scoresubnet.networks.resnext import ResNeXt, ResNeXtConfig, ResNeXtOutput
from scoresubnet.tensor_files import (
    file_in,
    from_plain,
    load_strictly,
    mel_metadata,
    metadata_errors,
    read_mel,
    read_tensors,
    write_tensors,
)

FORMAT = "scoresubnet-evaluator/1"
FILE_NAME = "evaluator.safetensors"
SHIPPED = Path(str(resources.files("scoresubnet"))) / "pretrained/evaluators/words18.safetensors"

FRONT_END = MelSettings(
    n_fft=512, win_length=400, hop_length=160, n_mels=64, floor=1e-4, frames=101
)
"""25 ms windows every 10 ms, 64 bands: one second is 101 frames. Not the model's front end."""


@dataclass
class EvaluatorFile:
    """What a file holds.

    Attributes:
        network: the classifier.
        labels: the word of each logit.
        mel: its front end.
        notes: free text by key: its accuracy, the recipe, licences of the data.
    """

    network: ResNeXt
    labels: tuple[str, ...]
    mel: MelSettings
    notes: dict[str, str] = field(default_factory=dict)


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
    def from_pretrained(cls, source: str | os.PathLike[str] = SHIPPED) -> WordEvaluator:
        """The shipped evaluator, or that of a run folder or file.

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


def save_evaluator(evaluator: EvaluatorFile, path: str | os.PathLike[str]) -> None:
    """Write the file, in float16."""
    metadata = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(evaluator.network.config)),
        "labels": json.dumps(evaluator.labels),
        "notes": json.dumps(evaluator.notes),
        **mel_metadata(evaluator.mel),
    }
    tensors = {f"network.{k}": v for k, v in evaluator.network.state_dict().items()}
    write_tensors(path, tensors, metadata, torch.float16)


def evaluator_path(source: str | os.PathLike[str]) -> Path:
    """The file itself, or the one in a folder.

    Raises:
        WeightsError: it is not there.
    """
    return file_in(source, FILE_NAME, "evaluator")


def read_evaluator(source: str | os.PathLike[str]) -> EvaluatorFile:
    """Read an evaluator, strictly.

    Args:
        source: a file, or a folder that holds `evaluator.safetensors`.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
    """
    path = evaluator_path(source)
    tensors, metadata = read_tensors(path, FORMAT)
    with metadata_errors(path):
        config = from_plain(ResNeXtConfig, json.loads(metadata["config"]))
        labels = tuple(json.loads(metadata["labels"]))
        mel = read_mel(path, metadata)
        notes = json.loads(metadata["notes"])
    network = ResNeXt(config, len(labels))
    load_strictly(path, {"network": network}, tensors)
    return EvaluatorFile(network.eval(), labels, mel, notes)
