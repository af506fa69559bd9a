"""A word evaluator in one safetensors file; the shipped ones are inside the package."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.words import as_labels
from scoresubnet.process.caller import undisturbed
from scoresubnet.weight_files.file_metadata import WeightsError, from_plain, metadata_errors
from scoresubnet.weight_files.places import file_in
from scoresubnet.weight_files.tensor_files import (
    load_strictly,
    part_tensors,
    read_described,
    write_described,
)
from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtConfig

FORMAT = "scoresubnet-evaluator/1"
FILE_NAME = "evaluator.safetensors"
FOLDER = Path(str(resources.files("scoresubnet"))) / "pretrained/evaluators"
DEFAULT = "words18"

FRONT_END = MelSettings(
    n_fft=512, win_length=400, hop_length=160, n_mels=64, floor=1e-4, frames=101
)
"""25 ms windows every 10 ms, 64 bands: one second is 101 frames. Not the model's front end."""


@dataclass
class EvaluatorFile:
    """The content of a file.

    Attributes:
        network: the classifier.
        labels: the word of each logit, in NFC.
        mel: its front end.
        notes: free text by key: its accuracy, the recipe, licences of the data.
    """

    network: ResNeXt
    labels: tuple[str, ...]
    mel: MelSettings
    notes: dict[str, str] = field(default_factory=dict)


def save_evaluator(evaluator: EvaluatorFile, path: str | os.PathLike[str]) -> None:
    """Write the file, in float16.

    Raises:
        ValueError: a label cannot be one (`words.as_labels`).
    """
    about = {
        "config": dataclasses.asdict(evaluator.network.config),
        "labels": as_labels(evaluator.labels),
        "notes": evaluator.notes,
    }
    tensors = part_tensors({"network": evaluator.network})
    write_described(path, FORMAT, tensors, evaluator.mel, about, torch.float16)


def shipped_evaluators() -> dict[str, Path]:
    """Name -> file of the evaluators inside the package, the default one first."""
    paths = sorted(FOLDER.glob("*.safetensors"), key=lambda path: (path.stem != DEFAULT, path))
    return {path.stem: path for path in paths}


def shipped_for(words: Collection[str]) -> Path:
    """The first of the shipped evaluators that knows all these words; the default if none does.

    Raises:
        WeightsError: a file is damaged.
    """
    paths = shipped_evaluators().values()
    knows = (path for path in paths if {*words} <= {*read_evaluator(path).labels})
    return next(knows, FOLDER / f"{DEFAULT}.safetensors")


def evaluator_path(source: str | os.PathLike[str]) -> Path:
    """The file behind a name of a shipped evaluator, a folder, a file, or `hf:ORG/NAME`.

    Raises:
        WeightsError: there is none.
        ImportError: it lies on the Hub, and `huggingface_hub` is not installed.
    """
    shipped = shipped_evaluators()
    if str(source) in shipped:
        return shipped[str(source)]
    try:
        return file_in(source, FILE_NAME, "evaluator")
    except WeightsError as error:
        raise WeightsError(f"{error}, or a shipped one: {', '.join(shipped)}") from error


@undisturbed()
def read_evaluator(source: str | os.PathLike[str]) -> EvaluatorFile:
    """Read an evaluator, strictly.

    Args:
        source: name of a shipped evaluator, a folder that holds `evaluator.safetensors`, or a file.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
    """
    path = evaluator_path(source)
    tensors, about, mel = read_described(path, FORMAT)
    with metadata_errors(path), torch.device("meta"):
        config = from_plain(ResNeXtConfig, about["config"])
        labels = as_labels(about["labels"])
        network = ResNeXt(config, len(labels))
    load_strictly(path, {"network": network}, tensors)
    return EvaluatorFile(network.eval(), labels, mel, about["notes"])
