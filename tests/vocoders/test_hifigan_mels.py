"""On which log-Mels a HiFi-GAN was trained, and that it runs on no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders import load_vocoder
from scoresubnet.vocoders.hifigan import load_hifigan, recipe_of
from scoresubnet.vocoders.hifigan_folder import PUBLISHED
from scoresubnet.weight_files.file_metadata import WeightsError

MakeFolder = Callable[..., Path]


def test_our_recipe_is_that_of_the_published_model(recipe: dict[str, Any]) -> None:
    assert recipe_of(MelSettings()) == PUBLISHED["speechbrain/tts-hifigan-libritts-16kHz"] == recipe


def test_the_features_scale_is_not_the_vocoders_business(speechbrain_folder: MakeFolder) -> None:
    settings = MelSettings(log_max=2.5, frames=100)
    vocoder = load_vocoder(f"hifigan:{speechbrain_folder()}", settings)
    assert (vocoder.name, vocoder.mel) == ("hifigan", settings)


def test_other_features_are_refused(speechbrain_folder: MakeFolder) -> None:
    settings = replace(MelSettings(), f_max=7600.0, floor=1e-4)
    with pytest.raises(ValueError, match=r"f_max 8000.0 / 7600.0, floor 1e-05 / 0.0001\)"):
        load_hifigan(str(speechbrain_folder()), settings)


@pytest.mark.parametrize(
    ("name", "differing"),
    [
        ("tts-hifigan-libritts-22050Hz", "sample_rate 22050 / 16000"),
        ("tts-hifigan-ljspeech", "sample_rate 22050 / 16000"),
        (
            "speecht5_hifigan",
            "f_min 80.0 / 0.0, f_max 7600.0 / 8000.0, floor 1e-10 / 1e-05, log log10 / ln",
        ),
    ],
)
def test_published_models_of_other_log_mels_are_refused(
    speechbrain_folder: MakeFolder, name: str, differing: str
) -> None:
    with pytest.raises(ValueError, match=r"vocoder / features: (.*)\)") as caught:
        load_hifigan(str(speechbrain_folder(name)))
    assert differing in str(caught.value)


def test_a_folder_that_states_nothing_is_refused_until_it_does(
    speechbrain_folder: MakeFolder,
) -> None:
    folder = speechbrain_folder("my-vocoder")
    with pytest.raises(ValueError, match=r"does not say .*mel\.json: (\{.*\})") as caught:
        load_hifigan(str(folder))
    (folder / "mel.json").write_text(str(caught.value).partition("mel.json: ")[2])
    load_hifigan(str(folder))


def test_what_a_folder_states_counts_for_more_than_its_name(
    speechbrain_folder: MakeFolder, recipe: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"features: f_min 55 / 0.0\)"):
        load_hifigan(str(speechbrain_folder(recipe={**recipe, "f_min": 55})))


@pytest.mark.parametrize("kind", ["unknown key", "missing keys", "a list"])
def test_a_damaged_statement_is_refused(
    speechbrain_folder: MakeFolder, recipe: dict[str, Any], kind: str
) -> None:
    damaged: dict[str, Any] = {
        "unknown key": {**recipe, "colour": 1},
        "missing keys": {"n_mels": 80},
        "a list": ["ln"],
    }
    with pytest.raises(WeightsError, match=r"mel\.json"):
        load_hifigan(str(speechbrain_folder(recipe=damaged[kind])))


AUDIO_SECTION = """\
sample_rate: 16000
hop_length: 256
win_length: 1024
n_mel_channels: 80
n_fft: 1024
mel_fmin: 0.0
mel_fmax: !ref <highest>
highest: 8000
mel_normalized: null
power: 1
norm: "slaney"
mel_scale: "slaney"
dynamic_range_compression: True
"""


@pytest.mark.parametrize(
    ("old", "new", "differing"),
    [
        ("", "", None),
        ("sample_rate: 16000", "sample_rate: 22050", "sample_rate 22050 / 16000"),
        ("highest: 8000", "highest: 7600", "f_max 7600 / 8000.0"),
        ("compression: True", "compression: False", "log none / ln"),
        ("normalized: null", "normalized: True", "norm slaney, and of the STFT / slaney"),
        ("mel_fmin: 0.0\n", "", "does not state 'mel_fmin'"),
    ],
)
def test_the_audio_section_of_hyperparameters(
    speechbrain_folder: MakeFolder,
    hyperparameters: str,
    old: str,
    new: str,
    differing: str | None,
) -> None:
    text = AUDIO_SECTION.replace(old, new) + hyperparameters
    folder = speechbrain_folder("my-vocoder", hyperparameters=text)
    if differing is None:
        load_hifigan(str(folder))
        return
    with pytest.raises(ValueError, match=differing):
        load_hifigan(str(folder))


@pytest.mark.parametrize(
    ("config", "differing"),
    [
        ({"sampling_rate": 24000}, "sample_rate 24000 / 16000"),
        ({"upsample_rates": [5, 4, 4, 4]}, "hop_length 320 / 256"),
        ({"model_in_dim": 64}, "n_mels 64 / 80"),
    ],
)
def test_a_network_that_cannot_be_what_its_folder_states_is_refused(
    transformers_folder: MakeFolder, config: dict[str, Any], differing: str
) -> None:
    with pytest.raises(ValueError, match=differing):
        load_hifigan(str(transformers_folder(config=config)))
