"""On which log-Mels a HiFi-GAN was trained: on others it gives noise.

Its folder does not have to state them, so one of these must, the first that is there:

1. `mel.json`: a JSON object with the keys of `RECIPE`;
2. the audio section of `hyperparams.yaml`, or transformers' `preprocessor_config.json`;
3. the name: the hub id of a model in `PUBLISHED`, or a folder that is called as its last part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoresubnet.vocoders.hifigan_configs import read_json

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


def audio_section(values: Mapping[str, Any]) -> dict[str, Any] | None:
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


def preprocessor(path: Path) -> dict[str, Any] | None:
    """The log-Mels of a transformers.SpeechT5FeatureExtractor; its lengths are milliseconds."""
    if not path.is_file():
        return None
    values = read_json(path)
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


def stated(folder: Path) -> dict[str, Any] | None:
    """The log-Mels in `mel.json`, if it is there."""
    path = folder / RECIPE_FILE
    if not path.is_file():
        return None
    recipe = read_json(path)
    if recipe.keys() != RECIPE.keys():
        raise ValueError(
            f"{RECIPE_FILE} must have the keys {', '.join(RECIPE)}, and has {', '.join(recipe)}"
        )
    return recipe


def published(folder: Path, where: str) -> dict[str, Any] | None:
    """The log-Mels of the published model of that id, or with that last part of its id."""
    by_name = {name.rpartition("/")[2]: recipe for name, recipe in PUBLISHED.items()}
    return PUBLISHED.get(where) or by_name.get(folder.resolve().name)
