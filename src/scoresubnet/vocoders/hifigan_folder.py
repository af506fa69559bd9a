"""What a folder with a HiFi-GAN says: the shape of its network, and perhaps its log-Mels.

Two forms are read: speechbrain's (`generator.ckpt`, `hyperparams.yaml`) and transformers'
(`config.json`, `model.safetensors` or `pytorch_model.bin`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.tensor_files import WeightsError
from scoresubnet.vocoders import hifigan_recipes as recipes
from scoresubnet.vocoders.hifigan_configs import read_json, read_yaml
from scoresubnet.vocoders.hifigan_network import INSTALL, Shape, natural

SPEECHBRAIN = ("generator.ckpt", "hyperparams.yaml")
TRANSFORMERS = ("config.json", "model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class HifiGanFolder:
    """What the configs of a folder say.

    Attributes:
        weights: the file with the tensors.
        shape: of the network.
        recipe: the log-Mels it was trained on, with the keys of `recipes.RECIPE`, or None.
        facts: those that the network itself tells: bands, samples a frame, perhaps the sample rate.
        wrapped: the tensors are named as by speechbrain, where each layer wraps a `conv`; its
            convolutions pad by reflection.
        context: frames by which speechbrain extends the log-Mel at both ends.
    """

    weights: Path
    shape: Shape
    recipe: dict[str, Any] | None
    facts: dict[str, Any]
    wrapped: bool = False
    context: int = 0


def find_folder(where: str) -> Path:
    """The local folder, or a download of the one on the Hugging Face hub.

    Raises:
        WeightsError: there is no such folder, and it cannot be fetched.
        ImportError: `huggingface_hub`, which comes with `transformers`, is not installed.
    """
    folder = Path(where).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise WeightsError(f"{where} is a file; give the folder that holds it and its config")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", where):
        raise WeightsError(f"{where}: there is no such folder (an id on the hub is owner/name)")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(f"fetching {where} needs huggingface_hub; {INSTALL}") from error
    wanted = [*SPEECHBRAIN, *TRANSFORMERS, recipes.PREPROCESSOR, recipes.RECIPE_FILE]
    try:
        return Path(snapshot_download(where, allow_patterns=wanted))
    except Exception as error:  # of many kinds, from several packages
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise WeightsError(
            f"{where}: there is no such folder, and fetching it from the Hugging Face hub failed "
            f"({reason}); with no network, copy its files here from another "
            f"machine, into a folder named {where.rpartition('/')[2]}, and give that"
        ) from error


def read_folder(folder: Path, where: str) -> HifiGanFolder:
    """Read the configs; the weights are not opened.

    Args:
        folder: what `find_folder` found.
        where: what the user asked for: a path or a hub id.

    Raises:
        WeightsError: a file is missing or damaged, or the network is not a HiFi-GAN of the kind
            that `transformers.SpeechT5HifiGan` runs.
    """
    try:
        if (folder / SPEECHBRAIN[0]).is_file():
            found = _speechbrain(folder)
        elif (folder / TRANSFORMERS[0]).is_file():
            found = _transformers(folder)
        else:
            raise ValueError(
                f"no HiFi-GAN here; expected {' and '.join(SPEECHBRAIN)} (speechbrain), or "
                f"{TRANSFORMERS[0]} and {' or '.join(TRANSFORMERS[1:])} (transformers)"
            )
        recipe = recipes.stated(folder) or found.recipe or recipes.published(folder, where)
    except KeyError as error:
        raise WeightsError(f"{folder}: its config does not state {error}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise WeightsError(f"{folder}: {error}") from error
    hop_length = math.prod(found.shape.upsample_rates)
    facts = {"n_mels": found.shape.model_in_dim, "hop_length": hop_length, **found.facts}
    return replace(found, recipe=recipe, facts=facts)


def _speechbrain(folder: Path) -> HifiGanFolder:
    """speechbrain.lobes.models.HifiGAN.HifiganGenerator."""
    values = read_yaml(folder / SPEECHBRAIN[1])
    only = {"out_channels": 1, "resblock_type": "1", "cond_channels": 0, "conv_post_bias": True}
    for key, value in only.items():
        if str(values.get(key, value)) != str(value):
            raise ValueError(f"{SPEECHBRAIN[1]}: only {key} {value!r} is supported")
    shape = Shape(
        model_in_dim=values["in_channels"],
        upsample_initial_channel=values["upsample_initial_channel"],
        upsample_rates=values["upsample_factors"],
        upsample_kernel_sizes=values["upsample_kernel_sizes"],
        resblock_kernel_sizes=values["resblock_kernel_sizes"],
        resblock_dilation_sizes=values["resblock_dilation_sizes"],
    )
    context = values.get("inference_padding", 5)
    if not natural(context):
        raise ValueError(f"{SPEECHBRAIN[1]}: inference_padding {context!r} is no number of frames")
    recipe = recipes.audio_section(values)
    return HifiGanFolder(folder / SPEECHBRAIN[0], shape, recipe, {}, wrapped=True, context=context)


def _transformers(folder: Path) -> HifiGanFolder:
    """transformers.SpeechT5HifiGan."""
    values = read_json(folder / TRANSFORMERS[0])
    kinds = [values.get("model_type"), *(values.get("architectures") or [])]
    if not {"hifigan", "speecht5_hifigan", "SpeechT5HifiGan"} & set(kinds):
        raise ValueError(f"{TRANSFORMERS[0]} is of {kinds}, not of a SpeechT5HifiGan")
    weights = [folder / name for name in TRANSFORMERS[1:] if (folder / name).is_file()]
    if not weights:
        raise ValueError(f"there is no {' and no '.join(TRANSFORMERS[1:])}")
    shape = Shape(**{name: values[name] for name in Shape.__dataclass_fields__})
    recipe = recipes.preprocessor(folder / recipes.PREPROCESSOR)
    facts = {"sample_rate": values["sampling_rate"]}
    return HifiGanFolder(weights[0], shape, recipe, facts)
