"""One safetensors file is one whole model: weights, config, labels and the hash of its features."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.caller import undisturbed
from scoresubnet.data.words import as_aliases, as_labels
from scoresubnet.model import ScoreModel
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.registries import refuse_unknown
from scoresubnet.sampling import Sampling
from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE
from scoresubnet.tensor_files import (
    WeightsError,
    file_in,
    from_plain,
    load_strictly,
    metadata_errors,
    part_tensors,
    read_described,
    write_described,
)

FORMAT = "scoresubnet/1"
FILE_NAME = "model.safetensors"
DEFAULT_WEIGHTS = "words18-small"
_LATER = {"label_taps": False}
"""Keys of a `SubnetConfig` that older files lack."""


@dataclass
class ModelFile:
    """The content of a file.

    Attributes:
        classifier: the noise-conditioned classifier.
        labels: the word of each logit, in NFC.
        sde: the forward process of the training.
        mel: the front end of the training.
        subnet: the Score Subnet, or None in a file of a classifier alone.
        parametrisation: what the subnet predicts.
        notes: free text by key: licences of the data, the recipe, figures.
        sampling: how these weights want to be sampled, the default of `generate`; None: not said.
        aliases: other spellings of the labels, alias -> label, in NFC.
    """

    classifier: Classifier
    labels: tuple[str, ...]
    sde: VPSDE
    mel: MelSettings
    subnet: ScoreSubnet | None = None
    parametrisation: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    sampling: Sampling | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    def score_model(self) -> ScoreModel:
        """Backbone and subnet, ready to sample.

        Raises:
            WeightsError: the file has no subnet.
        """
        if self.subnet is None or self.parametrisation is None:
            raise WeightsError(
                "these weights are a classifier alone; train a Score Subnet on it with "
                "`scoresubnet train score --classifier ...`"
            )
        backbone = FrozenClassifier(self.classifier)
        return ScoreModel(backbone, self.subnet, self.sde, self.parametrisation).eval()


def save_model(
    model: ModelFile, path: str | os.PathLike[str], dtype: torch.dtype = torch.float32
) -> None:
    """Write the file; it appears complete or not at all.

    Args:
        model: what to write.
        path: the file.
        dtype: of the tensors in it; `load_model` gives float32 in any case.

    Raises:
        ValueError: a label or an alias cannot be one (`words.as_labels`, `words.as_aliases`), or
            its sampling has a schedule that is a function, or cannot be used.
    """
    parts: dict[str, nn.Module] = {"classifier": model.classifier}
    config: dict[str, Any] = {
        "classifier": dataclasses.asdict(model.classifier.config),
        "sde": dataclasses.asdict(model.sde),
    }
    if model.subnet is not None:
        parts["subnet"] = model.subnet
        config["subnet"] = dataclasses.asdict(model.subnet.config)
        config["parametrisation"] = model.parametrisation
    labels = as_labels(model.labels)
    about = {"config": config, "labels": labels, "notes": model.notes}
    if model.aliases:
        about["aliases"] = as_aliases(model.aliases, labels)
    if model.sampling is not None:
        about["sampling"] = model.sampling.to_dict()
    write_described(path, FORMAT, part_tensors(parts), model.mel, about, dtype)


@undisturbed()
def load_model(source: str | os.PathLike[str]) -> ModelFile:
    """Read a model, strictly: every tensor must be there, and nothing else.

    Args:
        source: name of shipped weights, a folder that holds `model.safetensors`, or a file.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
    """
    path = find_weights(source)
    tensors, about, mel = read_described(path, FORMAT)
    with metadata_errors(path), torch.device("meta"):
        config, labels = about["config"], as_labels(about["labels"])
        aliases = as_aliases(about.get("aliases", {}), labels)
        classifier = Classifier(from_plain(ClassifierConfig, config["classifier"]), len(labels))
        sde = from_plain(VPSDE, config["sde"])
        subnet = None
        if "subnet" in config:
            shape = from_plain(SubnetConfig, _LATER | config["subnet"])
            subnet = ScoreSubnet(shape, classifier.config)
        sampling = Sampling.from_dict(about["sampling"]) if "sampling" in about else None
        parametrisation = str(config["parametrisation"]) if subnet else None
        _refuse_contradictions(classifier, mel, parametrisation)
    parts: dict[str, nn.Module] = {"classifier": classifier}
    if subnet is not None:
        parts["subnet"] = subnet
    load_strictly(path, parts, tensors)
    return ModelFile(
        classifier, labels, sde, mel, subnet, parametrisation, about["notes"], sampling, aliases
    )


def find_weights(source: str | os.PathLike[str]) -> Path:
    """The file behind a name of shipped weights, a folder, or a file.

    Raises:
        WeightsError: there is nothing of that name.
    """
    shipped = shipped_weights()
    if str(source) in shipped:
        return shipped[str(source)]
    if not Path(source).exists():
        raise WeightsError(
            f"{source}: no such file or folder, and no shipped weights of that name "
            f"(shipped: {', '.join(shipped) or 'none'})"
        )
    return file_in(source, FILE_NAME, "model")


def shipped_weights() -> dict[str, Path]:
    """Name -> file of the weights inside the package."""
    folder = Path(str(resources.files("scoresubnet"))) / "pretrained"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def _refuse_contradictions(
    classifier: Classifier, mel: MelSettings, parametrisation: str | None
) -> None:
    size = (classifier.config.mel_bins, classifier.config.frames)
    if (mel.n_mels, mel.frames) != size:
        raise ValueError(f"features of {mel.n_mels} x {mel.frames} for a classifier of {size}")
    if parametrisation is not None:
        refuse_unknown("parametrisation", parametrisation, PARAMETRISATIONS)
