"""What a folder with a HiFi-GAN says: the shape of its network, and the log-Mels it was trained on.

Two forms are read: speechbrain's (`generator.ckpt`, `hyperparams.yaml`) and transformers'
(`config.json`, `model.safetensors` or `pytorch_model.bin`). Neither has to state its log-Mels, and
on others a HiFi-GAN gives noise; so one of these must state them, the first that is there:

1. `mel.json`: a JSON object with the keys of `RECIPE`;
2. the audio section of `hyperparams.yaml`, or transformers' `preprocessor_config.json`;
3. the name: the hub id of a model in `PUBLISHED`, or a folder that is called as its last part.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.tensor_files import WeightsError

INSTALL = "pip install 'transformers>=4.50'"

SPEECHBRAIN = ("generator.ckpt", "hyperparams.yaml")
TRANSFORMERS = ("config.json", "model.safetensors", "pytorch_model.bin")
PREPROCESSOR = "preprocessor_config.json"
RECIPE_FILE = "mel.json"

# The log-Mels of speechbrain's recipes/LibriTTS/vocoder/hifigan (hparams/train.yaml). `floor` is
# what Mel magnitudes are clamped to before the logarithm `log`.
RECIPE: dict[str, Any] = {
    "sample_rate": 16_000,
    "n_fft": 1024,
    "win_length": 1024,
    "hop_length": 256,
    "n_mels": 80,
    "f_min": 0.0,
    "f_max": 8000.0,
    "power": 1.0,
    "floor": 1e-5,
    "mel_scale": "slaney",
    "norm": "slaney",
    "log": "ln",
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "speechbrain/tts-hifigan-libritts-16kHz": RECIPE,
    "speechbrain/tts-hifigan-libritts-22050Hz": RECIPE | {"sample_rate": 22_050},
    "speechbrain/tts-hifigan-ljspeech": RECIPE | {"sample_rate": 22_050},
    # Trained on the log-Mels of transformers.SpeechT5FeatureExtractor.
    "microsoft/speecht5_hifigan": RECIPE
    | {"f_min": 80.0, "f_max": 7600.0, "floor": 1e-10, "log": "log10"},
}


@dataclass(frozen=True)
class Shape:
    """Shape of the generator (Kong et al., section 2.2 and table 5), in transformers' words.

    Raises:
        ValueError: a value is not of its kind, or the lists do not fit one another.
    """

    model_in_dim: int
    upsample_initial_channel: int
    upsample_rates: list[int]
    upsample_kernel_sizes: list[int]
    resblock_kernel_sizes: list[int]
    resblock_dilation_sizes: list[list[int]]
    leaky_relu_slope: float = 0.1
    normalize_before: bool = False

    def __post_init__(self) -> None:
        dilations = self.resblock_dilation_sizes
        lists: list[Any] = [self.upsample_rates, self.upsample_kernel_sizes]
        lists += [self.resblock_kernel_sizes, [self.model_in_dim, self.upsample_initial_channel]]
        lists += dilations if isinstance(dilations, list) else [dilations]
        for sizes in lists:
            if not (isinstance(sizes, list) and sizes and all(_natural(n) and n for n in sizes)):
                raise ValueError(f"{sizes!r} stands where positive whole numbers should")
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes):
            raise ValueError("there are not as many upsampling kernels as upsampling factors")
        if len(self.resblock_kernel_sizes) != len(dilations):
            raise ValueError("there are not as many lists of dilations as kernels of residuals")
        if self.upsample_initial_channel % 2 ** len(self.upsample_rates):
            raise ValueError(f"{self.upsample_initial_channel} channels cannot be halved so often")


@dataclass(frozen=True)
class HifiGanFolder:
    """What the configs of a folder say.

    Attributes:
        weights: the file with the tensors.
        shape: of the network.
        recipe: the log-Mels it was trained on, with the keys of `RECIPE`; None if not stated.
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
    wanted = [*SPEECHBRAIN, *TRANSFORMERS, PREPROCESSOR, RECIPE_FILE]
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
        recipe = _stated(folder) or found.recipe or _published(folder, where)
    except KeyError as error:
        raise WeightsError(f"{folder}: its config does not state {error}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise WeightsError(f"{folder}: {error}") from error
    hop_length = math.prod(found.shape.upsample_rates)
    facts = {"n_mels": found.shape.model_in_dim, "hop_length": hop_length, **found.facts}
    return replace(found, recipe=recipe, facts=facts)


def _speechbrain(folder: Path) -> HifiGanFolder:
    """speechbrain.lobes.models.HifiGAN.HifiganGenerator."""
    values = _read_yaml(folder / SPEECHBRAIN[1])
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
    if not _natural(context):
        raise ValueError(f"{SPEECHBRAIN[1]}: inference_padding {context!r} is no number of frames")
    recipe = _audio_section(values)
    return HifiGanFolder(folder / SPEECHBRAIN[0], shape, recipe, {}, wrapped=True, context=context)


def _audio_section(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The log-Mels in the hyperparameters of a speechbrain recipe, where they are."""
    names = {
        **{key: key for key in ("sample_rate", "n_fft", "win_length", "hop_length", "power")},
        **{"n_mels": "n_mel_channels", "f_min": "mel_fmin", "f_max": "mel_fmax"},
        **{"mel_scale": "mel_scale", "norm": "norm", "log": "dynamic_range_compression"},
    }
    if not any(name in values for name in names.values()):
        return None
    recipe = {key: values[name] for key, name in names.items()}
    recipe["log"] = "ln" if recipe["log"] is True else "none"
    if values.get("mel_normalized"):
        recipe["norm"] = f"{recipe['norm']}, and of the STFT"
    return recipe | {"floor": 1e-5}  # the clip_val of its dynamic_range_compression


def _transformers(folder: Path) -> HifiGanFolder:
    """transformers.SpeechT5HifiGan."""
    values = _read_json(folder / TRANSFORMERS[0])
    kinds = [values.get("model_type"), *(values.get("architectures") or [])]
    if not {"hifigan", "speecht5_hifigan", "SpeechT5HifiGan"} & set(kinds):
        raise ValueError(f"{TRANSFORMERS[0]} is of {kinds}, not of a SpeechT5HifiGan")
    weights = [folder / name for name in TRANSFORMERS[1:] if (folder / name).is_file()]
    if not weights:
        raise ValueError(f"there is no {' and no '.join(TRANSFORMERS[1:])}")
    shape = Shape(**{name: values[name] for name in Shape.__dataclass_fields__})
    recipe = _preprocessor(folder / PREPROCESSOR)
    facts = {"sample_rate": values["sampling_rate"]}
    return HifiGanFolder(weights[0], shape, recipe, facts)


def _preprocessor(path: Path) -> dict[str, Any] | None:
    """The log-Mels of a transformers.SpeechT5FeatureExtractor; its lengths are milliseconds."""
    if not path.is_file():
        return None
    values = _read_json(path)
    if values.get("feature_extractor_type") != "SpeechT5FeatureExtractor":
        raise ValueError(f"{path.name} is not of a SpeechT5FeatureExtractor")
    rate = values["sampling_rate"]
    window = values["win_length"] * rate // 1000
    return {
        "sample_rate": rate,
        "n_fft": 2 ** math.ceil(math.log2(window)),
        "win_length": window,
        "hop_length": values["hop_length"] * rate // 1000,
        "n_mels": values["num_mel_bins"],
        "f_min": values["fmin"],
        "f_max": values["fmax"],
        "power": 1.0,
        "floor": values["mel_floor"],
        "mel_scale": "slaney",
        "norm": "slaney",
        "log": "log10",
    }


def _stated(folder: Path) -> dict[str, Any] | None:
    """The log-Mels in `mel.json`, if it is there."""
    path = folder / RECIPE_FILE
    if not path.is_file():
        return None
    recipe = _read_json(path)
    if recipe.keys() != RECIPE.keys():
        raise ValueError(
            f"{RECIPE_FILE} must have the keys {', '.join(RECIPE)}, and has {', '.join(recipe)}"
        )
    return recipe


def _published(folder: Path, where: str) -> dict[str, Any] | None:
    """The log-Mels of the published model of that id, or with that last part of its id."""
    by_name = {name.rpartition("/")[2]: recipe for name, recipe in PUBLISHED.items()}
    return PUBLISHED.get(where) or by_name.get(folder.resolve().name)


class _PlainLoader(yaml.SafeLoader):
    """YAML whose local tags (`!new:`, `!ref`, ...) are ignored: nothing is instantiated."""


def _untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_PlainLoader.add_multi_constructor("!", _untagged)


def _read_yaml(path: Path) -> dict[str, Any]:
    """The generator's hyperparameters, else those of the top; `<name>` is followed once."""
    values = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is not a mapping")
    generator = values.get("generator")
    own = generator if isinstance(generator, dict) else {}

    def followed(value: Any) -> Any:
        reference = re.fullmatch(r"<(\w+)>", value) if isinstance(value, str) else None
        return values.get(reference[1]) if reference else value

    return {key: followed(value) for key, value in {**values, **own}.items()}


def _read_json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is not an object")
    return values


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
