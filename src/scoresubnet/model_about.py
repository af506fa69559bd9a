"""Where the weights of a model lie, and what their file says of them; reading it needs no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.words import as_aliases, as_labels
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.sampling import Sampling
from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE
from scoresubnet.weight_files.file_metadata import (
    WeightsError,
    described,
    from_plain,
    metadata_errors,
    read_metadata,
)
from scoresubnet.weight_files.hub import is_on_hub
from scoresubnet.weight_files.places import file_in

FORMAT = "scoresubnet/1"
FILE_NAME = "model.safetensors"
DEFAULT_WEIGHTS = "words18-small"

CLASSIFIER_ALONE = (
    "these weights are a classifier alone; train a Score Subnet on it with "
    "`scoresubnet train score --classifier ...`"
)
NO_CLASSIFIER = "these weights are a U-Net, without a classifier; name a classifier"
_CALLED = {"mel": "front end", "sde": "noise process"}


@dataclass(frozen=True)
class ModelAbout:
    """What a file of weights says of them.

    Attributes:
        labels: the word of each logit, or, of a U-Net, those that it was trained on, in NFC.
        sde: the forward process of the training.
        mel: the front end of the training.
        config: the shapes of the networks, by their names in the file.
        parametrisation: what the Score Subnet or the U-Net predicts; None in a classifier's file.
        notes: free text by key: licences of the data, the recipe, figures.
        sampling: how these weights want to be sampled; None: not said.
        aliases: other spellings of the labels, alias -> label, in NFC.
    """

    labels: tuple[str, ...]
    sde: VPSDE
    mel: MelSettings
    config: Mapping[str, Any]
    parametrisation: str | None
    notes: dict[str, str]
    sampling: Sampling | None
    aliases: dict[str, str]

    @property
    def is_unet(self) -> bool:
        return "unet" in self.config

    @property
    def role(self) -> str:
        """Of the graph without which a Score Subnet, or a U-Net, cannot be run: `export.steps`."""
        return "score" if self.is_unet else "guided"


def read_about(path: Path) -> ModelAbout:
    """What the file says.

    Raises:
        WeightsError: it is missing, truncated, foreign, or its metadata is damaged.
    """
    return about_of(path, *described(path, read_metadata(path, FORMAT)))


def about_of(path: Path, about: Mapping[str, Any], mel: MelSettings) -> ModelAbout:
    """The same, of what `weight_files.file_metadata.described` gives.

    Raises:
        WeightsError: a value is missing, or cannot be.
    """
    with metadata_errors(path):
        config, labels = about["config"], as_labels(about["labels"])
        parametrisation = None
        if "subnet" in config or "unet" in config:
            parametrisation = str(config["parametrisation"])
            refuse_unknown("parametrisation", parametrisation, PARAMETRISATIONS)
        return ModelAbout(
            labels,
            from_plain(VPSDE, config["sde"]),
            mel,
            config,
            parametrisation,
            about["notes"],
            Sampling.from_dict(about["sampling"]) if "sampling" in about else None,
            as_aliases(about.get("aliases", {}), labels),
        )


def refuse_unlike(own: ModelAbout, guide: ModelAbout) -> None:
    """Refuse a classifier that cannot guide a U-Net.

    Raises:
        ValueError: the first is no U-Net, or the two have other features or noise processes.
        WeightsError: the second has no classifier.
    """
    if not own.is_unet:
        raise ValueError("a classifier is for guiding a U-Net; these weights have their own")
    if "classifier" not in guide.config:
        raise WeightsError(NO_CLASSIFIER)
    for what, called in _CALLED.items():
        if getattr(own, what) != getattr(guide, what):
            raise ValueError(
                f"the classifier has another {called} than the U-Net: "
                f"{getattr(guide, what)}, not {getattr(own, what)}"
            )


def find_weights(source: str | os.PathLike[str]) -> Path:
    """The file behind a name of shipped weights, a folder, a file, or `hf:ORG/NAME[@REVISION]`.

    Raises:
        WeightsError: there is nothing of that name, or it cannot be fetched from the Hub.
        ImportError: it lies on the Hub, and `huggingface_hub` is not installed.
    """
    shipped = shipped_weights()
    if str(source) in shipped:
        return shipped[str(source)]
    if not is_on_hub(source) and not Path(source).exists():
        raise WeightsError(
            f"{source}: no such file or folder, and no shipped weights of that name "
            f"(shipped: {', '.join(shipped) or 'none'})"
        )
    return file_in(source, FILE_NAME, "model")


def shipped_weights() -> dict[str, Path]:
    """Name -> file of the weights inside the package."""
    folder = Path(str(resources.files("scoresubnet"))) / "pretrained"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
