"""A folder with a HiFi-GAN: the shape of its network, and the log-Mels it was trained on.

Two forms are read: transformers' (`config.json`, `model.safetensors` or `pytorch_model.bin`) and
speechbrain's (`generator.ckpt`, `hyperparams.yaml`). On other log-Mels than its own a HiFi-GAN
gives noise, so one of these must state them, the first that is there: `mel.json`, an object with
the keys of `RECIPE`; the audio section of `hyperparams.yaml`; the name, if it is the hub id of a
model in `PUBLISHED`, or a folder that is called as its last part.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scoresubnet.process.missing import install
from scoresubnet.weight_files.file_metadata import WeightsError

SPEECHBRAIN = ("generator.ckpt", "hyperparams.yaml")
TRANSFORMERS = ("config.json", "model.safetensors", "pytorch_model.bin")
RECIPE_FILE = "mel.json"
INSTALL = install("hifigan")

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
# The numbers of the network (Kong et al., section 2.2) as transformers calls them: as speechbrain.
SHAPE = {
    **{"model_in_dim": "in_channels", "upsample_rates": "upsample_factors"},
    **{k: k for k in ("upsample_initial_channel", "upsample_kernel_sizes", "leaky_relu_slope")},
    **{k: k for k in ("resblock_kernel_sizes", "resblock_dilation_sizes", "normalize_before")},
}
_PAIRED = (
    ("upsample_rates", "upsample_kernel_sizes"),
    ("resblock_kernel_sizes", "resblock_dilation_sizes"),
)
_UNSTATED = {"leaky_relu_slope": 0.1, "normalize_before": False}  # by speechbrain
_SUPPORTED = {"out_channels": 1, "resblock_type": "1", "cond_channels": 0, "conv_post_bias": True}
_AUDIO = {
    **{key: key for key in ("sample_rate", "n_fft", "win_length", "hop_length", "power")},
    **{"n_mels": "n_mel_channels", "f_min": "mel_fmin", "f_max": "mel_fmax"},
    **{"mel_scale": "mel_scale", "norm": "norm", "log": "dynamic_range_compression"},
}


class HifiGanFolder(NamedTuple):
    """The content of a folder.

    Attributes:
        weights: the file with the tensors.
        shape: of the network, with the keys of `SHAPE`.
        recipe: the log-Mels that it was trained on, with the keys of `RECIPE`; None if none are
            stated. What the network itself tells counts for more.
        context: frames by which the log-Mel is extended at both ends.
        padding: of the convolutions: "zeros" or "reflect".
    """

    weights: Path
    shape: dict[str, Any]
    recipe: dict[str, Any] | None
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
        wanted = [*SPEECHBRAIN, *TRANSFORMERS, RECIPE_FILE]
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
        found, facts = form(folder)
        for one, other in _PAIRED:  # transformers pairs them up and leaves out what is over
            pair = found.shape[one], found.shape[other]
            if not all(isinstance(n, list) for n in pair) or len(pair[0]) != len(pair[1]):
                raise ValueError(f"{one} and {other} must be lists of one length")
        hop_length = math.prod(found.shape["upsample_rates"])
        facts |= {"n_mels": found.shape["model_in_dim"], "hop_length": hop_length}
        recipe = _stated(folder) or found.recipe or _published(folder, where)
        return found._replace(recipe=recipe and recipe | facts)
    except KeyError as error:
        raise WeightsError(f"{folder}: its config does not state {error}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise WeightsError(f"{folder}: {error}") from error


def _speechbrain(folder: Path) -> tuple[HifiGanFolder, dict[str, Any]]:
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
    return HifiGanFolder(folder / SPEECHBRAIN[0], shape, recipe, context, "reflect"), {}


def _transformers(folder: Path) -> tuple[HifiGanFolder, dict[str, Any]]:
    """transformers.SpeechT5HifiGan."""
    values = _read_json(folder / TRANSFORMERS[0])
    kinds = [values.get("model_type"), *(values.get("architectures") or [])]
    if not {"hifigan", "speecht5_hifigan", "SpeechT5HifiGan"} & set(kinds):
        raise ValueError(f"{TRANSFORMERS[0]} is of {kinds}, not of a SpeechT5HifiGan")
    weights = [folder / name for name in TRANSFORMERS[1:] if (folder / name).is_file()]
    if not weights:
        raise ValueError(f"there is no {' and no '.join(TRANSFORMERS[1:])}")
    shape = {name: values[name] for name in SHAPE}
    return HifiGanFolder(weights[0], shape, None), {"sample_rate": values["sampling_rate"]}


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
    return node.value


_PlainLoader.add_multi_constructor("!", _untagged)
