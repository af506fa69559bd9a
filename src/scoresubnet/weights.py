"""One safetensors file is one whole model: weights, config, labels and the hash of its features."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.data.words import as_aliases, as_labels
from scoresubnet.model import DiffusionModel, ScoreModel, UNetModel
from scoresubnet.model_about import (
    CLASSIFIER_ALONE,
    FORMAT,
    NO_CLASSIFIER,
    ModelAbout,
    about_of,
    find_weights,
    refuse_unlike,
)
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.process.caller import undisturbed
from scoresubnet.sampling import Sampling
from scoresubnet.sde import VPSDE
from scoresubnet.weight_files.file_metadata import WeightsError, from_plain, metadata_errors
from scoresubnet.weight_files.tensor_files import (
    load_strictly,
    part_tensors,
    read_described,
    write_described,
)

_LATER = {"label_taps": False, "forward_taps": True, "every_block": False}
"""Keys of a `SubnetConfig` that older files lack."""


@dataclass
class ModelFile:
    """The content of a file: a classifier, a Score Subnet on its classifier, or a U-Net.

    Attributes:
        classifier: the noise-conditioned classifier; None in a file of a U-Net.
        labels: the word of each logit, or, of a U-Net, those that it was trained on, in NFC.
        sde: the forward process of the training.
        mel: the front end of the training.
        subnet: the Score Subnet, if there is one.
        parametrisation: what the Score Subnet or the U-Net predicts.
        notes: free text by key: licences of the data, the recipe, figures.
        sampling: how these weights want to be sampled, the default of `generate`; None: not said.
        aliases: other spellings of the labels, alias -> label, in NFC.
        unet: the U-Net, if there is one.
        guiding: weights whose classifier guides the U-Net; never in the file, see `guided_by`.
    """

    classifier: Classifier | None
    labels: tuple[str, ...]
    sde: VPSDE
    mel: MelSettings
    subnet: ScoreSubnet | None = None
    parametrisation: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    sampling: Sampling | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    unet: UNet | None = None
    guiding: ModelFile | None = None

    def about(self) -> ModelAbout:
        """What its file says, or would."""
        parts = _parts(self.classifier, self.subnet, self.unet)
        config: dict[str, Any] = {
            name: dataclasses.asdict(part.config)  # type: ignore[call-overload]
            for name, part in parts.items()
        }
        config["sde"] = dataclasses.asdict(self.sde)
        if self.subnet is not None or self.unet is not None:
            config["parametrisation"] = self.parametrisation
        return ModelAbout(
            *(self.labels, self.sde, self.mel, config, self.parametrisation),
            *(self.notes, self.sampling, self.aliases),
        )

    def backbone(self) -> FrozenClassifier:
        """The classifier, frozen in place.

        Raises:
            WeightsError: the file has none.
        """
        if self.classifier is None:
            raise WeightsError(NO_CLASSIFIER)
        return FrozenClassifier(self.classifier)

    def guided_by(self, guide: ModelFile) -> ModelFile:
        """This U-Net with the classifier of other weights beside it, whose labels can be asked for.

        Raises:
            ValueError: this is no U-Net, or the two have other features or noise processes.
            WeightsError: the other weights have no classifier.
        """
        refuse_unlike(self.about(), guide.about())
        return dataclasses.replace(self, guiding=guide)

    def score_model(self) -> DiffusionModel:
        """The model, ready to sample.

        Raises:
            WeightsError: the file has neither a Score Subnet nor a U-Net.
        """
        if self.parametrisation is None or (self.subnet is None and self.unet is None):
            raise WeightsError(CLASSIFIER_ALONE)
        process = (self.sde, self.parametrisation)
        if self.subnet is not None:
            return ScoreModel(self.backbone(), self.subnet, *process).eval()
        assert self.unet is not None
        if self.guiding is None:
            return UNetModel(self.unet, *process).eval()
        known = [self.labels.index(w) if w in self.labels else -1 for w in self.guiding.labels]
        return UNetModel(self.unet, *process, self.guiding.backbone(), known).eval()


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
    parts = _parts(model.classifier, model.subnet, model.unet)
    config = model.about().config
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
        source: name of shipped weights, a folder that holds `model.safetensors`, a file, or
            `hf:ORG/NAME[@REVISION]` on the Hugging Face hub.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
        ImportError: it lies on the Hub, and `huggingface_hub` is not installed.
    """
    path = find_weights(source)
    tensors, said, mel = read_described(path, FORMAT)
    about = about_of(path, said, mel)
    with metadata_errors(path), torch.device("meta"):
        classifier, subnet, unet = _networks(about.config, about.labels)
        size = (mel.n_mels, mel.frames)
        if classifier is not None:
            expected = (classifier.config.mel_bins, classifier.config.frames)
            if size != expected:
                raise ValueError(f"features of {size} for a classifier of {expected}")
        if unet is not None:
            unet.config.refuse_size(*size)
    load_strictly(path, _parts(classifier, subnet, unet), tensors)
    return ModelFile(
        classifier,
        about.labels,
        about.sde,
        about.mel,
        subnet,
        about.parametrisation,
        about.notes,
        about.sampling,
        about.aliases,
        unet,
    )


def _networks(
    config: Mapping[str, Any], labels: tuple[str, ...]
) -> tuple[Classifier | None, ScoreSubnet | None, UNet | None]:
    """The networks of a file, from its config."""
    if "unet" in config:
        return None, None, UNet(from_plain(UNetConfig, config["unet"]), len(labels))
    classifier = Classifier(from_plain(ClassifierConfig, config["classifier"]), len(labels))
    if "subnet" not in config:
        return classifier, None, None
    shape = from_plain(SubnetConfig, _LATER | config["subnet"])
    return classifier, ScoreSubnet(shape, classifier.config), None


def _parts(*networks: Classifier | ScoreSubnet | UNet | None) -> dict[str, nn.Module]:
    """Those that there are, by their names in a file."""
    names = ("classifier", "subnet", "unet")
    return {name: each for name, each in zip(names, networks, strict=True) if each is not None}
