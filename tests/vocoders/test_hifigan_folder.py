"""Folders with a HiFi-GAN: configs that cannot be used, and folders fetched from the hub."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from torch import Tensor

from scoresubnet.vocoders import load_vocoder
from scoresubnet.vocoders.hifigan import HifiGan, load_hifigan
from scoresubnet.weight_files.file_metadata import WeightsError

MakeFolder = Callable[..., Path]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('resblock_type: "1"', 'resblock_type: "2"', "only resblock_type '1'"),
        ("cond_channels: 0", "cond_channels: 64", "only cond_channels 0"),
        ("conv_post_bias: True", "conv_post_bias: False", "only conv_post_bias True"),
        ("[8, 8, 2, 2]", "many", "must be lists of one length"),
        ("[8, 8, 2, 2]", "[8, 32]", "must be lists of one length"),
        ("[8, 8, 2, 2]", "[8, 8, 4]", "upsample_rates and upsample_kernel_sizes must be"),
        ("[8, 8, 2, 2]", "[8, 8, 2, 2, 1]", "upsample_rates and upsample_kernel_sizes must be"),
        ("[16, 16, 4, 4]", "[16, 16, 4, 4, 4]", "must be lists of one length"),
        ("[[1, 3, 5], [1, 3, 5], [1, 3, 5]]", "[[1], [3]]", "resblock_dilation_sizes must be"),
        ("[[1, 3, 5], [1, 3, 5], [1, 3, 5]]", "[[1, 3, 5], [1], [1], [1]]", "of one length"),
        ("[[1, 3, 5], [1, 3, 5], [1, 3, 5]]", "3", "must be lists of one length"),
        ("[3, 7, 11]", "3", "must be lists of one length"),
        ("channel: 32", "channel: 30", "of another shape"),
        ("channel: 32", "channel: no", "its config makes no HiFi-GAN"),
        ("padding: 5", "padding: -5", "inference_padding -5"),
        ("upsample_factors:", "factors:", "does not state 'upsample_factors'"),
        ("in_channels: 80", "in_channels: [", "hyperparams|flow|while parsing"),
        ("in_channels: 80", "x: !!python/object/apply:os.getcwd []", "could not determine"),
    ],
)
def test_hyperparameters_that_cannot_be_used_are_refused(
    speechbrain_folder: MakeFolder, hyperparameters: str, old: str, new: str, message: str
) -> None:
    assert old in hyperparameters
    folder = speechbrain_folder(hyperparameters=hyperparameters.replace(old, new, 1))
    with pytest.raises(WeightsError, match=message):
        load_hifigan(str(folder))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("hyperparams.yaml", "- 1", "is not a mapping"),
        ("hyperparams.yaml", None, "No such file"),
        ("generator.ckpt", None, "no HiFi-GAN here; expected generator.ckpt and hyperparams.yaml"),
    ],
)
def test_an_incomplete_folder_is_refused(
    speechbrain_folder: MakeFolder, name: str, text: str | None, message: str
) -> None:
    folder = speechbrain_folder()
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(WeightsError, match=message):
        load_hifigan(str(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting"),
        ("[]", "is not an object"),
        ('{"model_type": "bert"}', "config.json is of .'bert'., not of a SpeechT5HifiGan"),
        ('{"model_type": "hifigan"}', "does not state 'model_in_dim'"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(
    transformers_folder: MakeFolder, text: str, message: str
) -> None:
    folder = transformers_folder()
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=message):
        load_hifigan(str(folder))


def test_a_config_alone_is_refused(transformers_folder: MakeFolder) -> None:
    folder = transformers_folder()
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"no model\.safetensors and no pytorch_model\.bin"):
        load_hifigan(str(folder))


# Where it comes from.


def test_a_hub_id_is_fetched_and_known_by_it(
    speechbrain_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, x: Tensor
) -> None:
    snapshot = speechbrain_folder("4d32c6f")  # named by its commit, as in the hub's cache
    asked = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.append(name)
        assert {"generator.ckpt", "hyperparams.yaml", "mel.json"} <= set(allow_patterns)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    vocoder = load_vocoder("hifigan:speechbrain/tts-hifigan-libritts-16kHz")
    assert asked == ["speechbrain/tts-hifigan-libritts-16kHz"]
    assert isinstance(vocoder, HifiGan)
    with pytest.raises(ValueError, match="sample_rate 22050 / 16000"):
        load_vocoder("hifigan:speechbrain/tts-hifigan-ljspeech")


def test_without_a_network_a_folder_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*arguments: Any, **options: Any) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    with pytest.raises(WeightsError, match=r"(?s)speechbrain/voc: .*no route.*a folder named voc,"):
        load_hifigan("speechbrain/voc")


@pytest.mark.parametrize("where", ["nowhere", "./a/b", "/a/b", "a/b/c", "~/nowhere/at-all"])
def test_a_path_that_leads_nowhere_is_not_looked_up(where: str) -> None:
    with pytest.raises(WeightsError, match=r"there is no such folder \(an id on the hub is"):
        load_hifigan(where)


def test_a_file_is_not_a_folder(speechbrain_folder: MakeFolder) -> None:
    with pytest.raises(WeightsError, match="is a file; give the folder"):
        load_hifigan(str(speechbrain_folder() / "generator.ckpt"))


def test_a_missing_package_is_named_with_the_remedy(
    speechbrain_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = speechbrain_folder()
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for where in (str(folder), "some/where"):
        with pytest.raises(ImportError, match=r'pip install "scoresubnet\[hifigan\]"') as caught:
            load_hifigan(where)
        assert not isinstance(caught.value, ModuleNotFoundError)  # which means train's packages
