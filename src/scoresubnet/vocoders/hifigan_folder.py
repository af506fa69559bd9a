"""A folder with a HiFi-GAN: the shape of its network, and the log-Mels it was trained on.

Two forms are read: transformers' (`config.json`, `model.safetensors` or `pytorch_model.bin`) and
speechbrain's (`generator.ckpt`, `hyperparams.yaml`). On other log-Mels than its own a HiFi-GAN
gives noise, so one of these must state them, the first that is there: `mel.json`, an object with
the keys of `RECIPE`; the audio section of `hyperparams.yaml`, or `preprocessor_config.json`; the
name, if it is the hub id of a model in `PUBLISHED`, or a folder that is called as its last part.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.tensor_files import WeightsError

SPEECHBRAIN = ("generator.ckpt", "hyperparams.yaml")
TRANSFORMERS = ("config.json", "model.safetensors", "pytorch_model.bin")
PREPROCESSOR, RECIPE_FILE = "preprocessor_config.json", "mel.json"
INSTALL = "pip install 'transformers>=4.50'"

# The log-Mels of speechbrain's recipes/LibriTTS/vocoder/hifigan (hparams/train.yaml). `floor` is
# what Mel magnitudes are clamped to before the logarithm `log`.
RECIPE: dict[str, Any] = {
    **{"sample_rate": 16_000, "n_fft": 1024, "win_length": 1024, "hop_length": 256, "n_mels": 80},
    **{"f_min": 0.0, "f_max": 8000.0, "power": 1.0, "floor": 1e-5},
    **{"mel_scale": "slaney", "norm": "slaney", "log": "ln"},
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "speechbrain/tts-hifigan-libritts-16kHz": RECIPE,
    "speechbrain/tts-hifigan-libritts-22050Hz": RECIPE | {"sample_rate": 22_050},
    "speechbrain/tts-hifigan-ljspeech": RECIPE | {"sample_rate": 22_050},
    "microsoft/speecht5_hifigan": RECIPE
    | {"f_min": 80.0, "f_max": 7600.0, "floor": 1e-10, "log": "log10"},
}
# transformers' name of each number of the network (Kong et al., section 2.2), and speechbrain's.
SHAPE = {
    **{"model_in_dim": "in_channels", "upsample_rates": "upsample_factors"},
    **{k: k for k in ("upsample_initial_channel", "upsample_kernel_sizes")},
    **{k: k for k in ("resblock_kernel_sizes", "resblock_dilation_sizes")},
    **{k: k for k in ("leaky_relu_slope", "normalize_before")},
}
_AUDIO = {
    **{key: key for key in ("sample_rate", "n_fft", "win_length", "hop_length", "power")},
    **{"n_mels": "n_mel_channels", "f_min": "mel_fmin", "f_max": "mel_fmax"},
    **{"mel_scale": "mel_scale", "norm": "norm", "log": "dynamic_range_compression"},
}
_UNSTATED = {"leaky_relu_slope": 0.1, "normalize_before": False}  # by speechbrain
_SUPPORTED = {"out_channels": 1, "resblock_type": "1", "cond_channels": 0, "conv_post_bias": True}


@dataclass(frozen=True)
class HifiGanFolder:
    """What the configs of a folder say.

    Attributes:
        weights: the file with the tensors.
        shape: of the network, with the keys of `SHAPE`.
        recipe: the log-Mels it was trained on, with the keys of `RECIPE`, or None.
        facts: those that the network itself tells.
        context: frames by which the log-Mel is extended at both ends.
        padding: of the convolutions: "zeros" or "reflect".
    """

    weights: Path
    shape: dict[str, Any]
    recipe: dict[str, Any] | None
    facts: dict[str, Any]
    context: int = 0
    padding: str = "zeros"


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
    try:
        wanted = [*SPEECHBRAIN, *TRANSFORMERS, PREPROCESSOR, RECIPE_FILE]
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
    forms = {SPEECHBRAIN[0]: _speechbrain, TRANSFORMERS[0]: _transformers}
    form = next((read for name, read in forms.items() if (folder / name).is_file()), None)
    try:
        if form is None:
            raise ValueError(
                f"no HiFi-GAN here; expected {' and '.join(SPEECHBRAIN)} (speechbrain), or "
                f"{TRANSFORMERS[0]} and {' or '.join(TRANSFORMERS[1:])} (transformers)"
            )
        found = form(folder)
        recipe = _stated(folder) or found.recipe or _published(folder, where)
    except KeyError as error:
        raise WeightsError(f"{folder}: its config does not state {error}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise WeightsError(f"{folder}: {error}") from error
    return replace(found, recipe=recipe)


def _speechbrain(folder: Path) -> HifiGanFolder:
    """speechbrain.lobes.models.HifiGAN.HifiganGenerator."""
    values = _read_yaml(folder / SPEECHBRAIN[1])
    for key, value in _SUPPORTED.items():
        if str(values.get(key, value)) != str(value):
            raise ValueError(f"{SPEECHBRAIN[1]}: only {key} {value!r} is supported")
    shape = {ours: (values | _UNSTATED)[theirs] for ours, theirs in SHAPE.items()}
    context = values.get("inference_padding", 5)
    if type(context) is not int or context < 0:
        raise ValueError(f"{SPEECHBRAIN[1]}: inference_padding {context!r} is no number of frames")
    recipe = None
    if any(name in values for name in _AUDIO.values()):
        recipe = {key: values[name] for key, name in _AUDIO.items()}
        recipe["log"] = "ln" if recipe["log"] is True else "none"
        recipe["floor"] = 1e-5  # the clip_val of its dynamic_range_compression
        if values.get("mel_normalized"):
            recipe["norm"] = f"{recipe['norm']}, and of the STFT"
    return HifiGanFolder(
        folder / SPEECHBRAIN[0], shape, recipe, _facts(shape), context, padding="reflect"
    )


def _transformers(folder: Path) -> HifiGanFolder:
    """transformers.SpeechT5HifiGan, and the log-Mels of a SpeechT5FeatureExtractor."""
    values = _read_json(folder / TRANSFORMERS[0])
    kinds = [values.get("model_type"), *(values.get("architectures") or [])]
    if not {"hifigan", "speecht5_hifigan", "SpeechT5HifiGan"} & set(kinds):
        raise ValueError(f"{TRANSFORMERS[0]} is of {kinds}, not of a SpeechT5HifiGan")
    weights = [folder / name for name in TRANSFORMERS[1:] if (folder / name).is_file()]
    if not weights:
        raise ValueError(f"there is no {' and no '.join(TRANSFORMERS[1:])}")
    shape = {name: values[name] for name in SHAPE}
    recipe = None
    if (folder / PREPROCESSOR).is_file():
        made = _read_json(folder / PREPROCESSOR)
        if made.get("feature_extractor_type") != "SpeechT5FeatureExtractor":
            raise ValueError(f"{PREPROCESSOR} is not of a SpeechT5FeatureExtractor")
        limits = {"f_min": made["fmin"], "f_max": made["fmax"], "floor": made["mel_floor"]}
        recipe = RECIPE | limits | {"log": "log10"}
    facts = _facts(shape) | {"sample_rate": values["sampling_rate"]}
    return HifiGanFolder(weights[0], shape, recipe, facts)


def _facts(shape: dict[str, Any]) -> dict[str, Any]:
    return {"n_mels": shape["model_in_dim"], "hop_length": math.prod(shape["upsample_rates"])}


def _stated(folder: Path) -> dict[str, Any] | None:
    if not (folder / RECIPE_FILE).is_file():
        return None
    recipe = _read_json(folder / RECIPE_FILE)
    if recipe.keys() != RECIPE.keys():
        raise ValueError(
            f"{RECIPE_FILE} must have the keys {', '.join(RECIPE)}, and has {', '.join(recipe)}"
        )
    return recipe


def _published(folder: Path, where: str) -> dict[str, Any] | None:
    by_name = {name.rpartition("/")[2]: recipe for name, recipe in PUBLISHED.items()}
    return PUBLISHED.get(where) or by_name.get(folder.resolve().name)


def _read_json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is not an object")
    return values


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

    found = {key: followed(value) for key, value in (values | own).items()}
    return {key: value for key, value in found.items() if value is not None}


class _PlainLoader(yaml.SafeLoader):
    """YAML whose local tags (`!new:`, `!ref`, ...) are ignored: nothing is instantiated."""


def _untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_PlainLoader.add_multi_constructor("!", _untagged)
