"""HiFi-GAN against a second implementation, and as a vocoder among others."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.cli import main
from scoresubnet.vocoders import load_vocoder
from scoresubnet.vocoders.hifigan import HifiGan, load_hifigan

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
MakeFolder = Callable[..., Path]
MakeState = Callable[..., dict[str, Tensor]]
Tensors = Mapping[str, tuple[Tensor, Tensor, Tensor]]


def reference(
    tensors: Tensors,
    x: Floats,
    padding: str,
    context: int,
    mean: Array | float = 0.0,
    scale: Array | float = 1.0,
) -> Array:
    """Kong et al., section 2.2, in numpy: scaled log-Mel (1, 1, 80, T) -> audio (256 T,).

    Weight norms resolved by hand; 'same' convolutions padded by `padding`.
    """

    def weight(layer: str) -> tuple[Array, Array]:
        magnitude, direction, bias = (t.double().numpy() for t in tensors[layer])
        norm = np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True))
        return magnitude * direction / norm, bias

    def leaky(h: Array, slope: float = 0.1) -> Array:
        return np.where(h > 0, h, slope * h)

    def convolved(h: Array, layer: str, dilation: int = 1) -> Array:
        w, bias = weight(layer)
        side = dilation * (w.shape[2] - 1) // 2
        padded = np.pad(h, ((0, 0), (side, side)), mode=padding)  # type: ignore[call-overload]
        taps = (padded[:, k * dilation :][:, : h.shape[1]] for k in range(w.shape[2]))
        return bias[:, None] + sum(w[:, :, k] @ tap for k, tap in enumerate(taps))

    def upsampled(h: Array, layer: str, factor: int) -> Array:
        w, bias = weight(layer)
        whole = np.zeros((w.shape[1], (h.shape[1] - 1) * factor + w.shape[2]))
        for k in range(w.shape[2]):
            whole[:, k : k + (h.shape[1] - 1) * factor + 1 : factor] += w[:, :, k].T @ h
        side = (w.shape[2] - factor) // 2
        return whole[:, side : whole.shape[1] - side] + bias[:, None]

    log_mel = (x[0, 0].astype(np.float64) + 1) / 2 * (2 - math.log(1e-5)) + math.log(1e-5)
    log_mel = np.pad(log_mel, ((0, 0), (context, context)), mode="edge")
    h = convolved(((log_mel.T - mean) / scale).T, "conv_pre")
    for i, factor in enumerate((8, 8, 2, 2)):
        h = upsampled(leaky(h), f"ups.{i}", factor)
        branches = []
        for j in range(3):
            branch = h
            for k, dilation in enumerate((1, 3, 5)):
                block = f"resblocks.{3 * i + j}"
                inner = convolved(leaky(branch), f"{block}.convs1.{k}", dilation)
                branch = branch + convolved(leaky(inner), f"{block}.convs2.{k}")
            branches.append(branch)
        h = np.mean(branches, axis=0)
    audio = np.tanh(convolved(leaky(h, 0.01), "conv_post"))[0]
    return audio[256 * context : audio.size - 256 * context]


@pytest.mark.parametrize("spelling", ["weight_g", "parametrizations", "weight"])
def test_speechbrains_folder_gives_the_waveform_of_the_paper(
    speechbrain_folder: MakeFolder,
    speechbrain_state: MakeState,
    tensors_of_layers: Tensors,
    x: Floats,
    spelling: str,
) -> None:
    vocoder = load_hifigan(str(speechbrain_folder(state=speechbrain_state(spelling))))
    audio = vocoder(x[:1])[0]
    expected = reference(tensors_of_layers, x[:1], "reflect", context=5)[: 11 * 256 - 128]
    assert 0.2 < np.abs(expected).max() < 1
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_transformers_folder_gives_the_waveform_of_the_paper(
    transformers_folder: MakeFolder,
    transformers_state: MakeState,
    tensors_of_layers: Tensors,
    x: Floats,
    file: str,
) -> None:
    state = transformers_state()
    vocoder = load_hifigan(str(transformers_folder(state, file)))
    mean, scale = (state[name].double().numpy() for name in ("mean", "scale"))
    expected = reference(tensors_of_layers, x[:1], "constant", 0, mean, scale)[: 11 * 256 - 128]
    np.testing.assert_allclose(vocoder(x[:1])[0], expected, rtol=0, atol=1e-5)


def test_a_folder_without_normalisation_needs_no_mean(
    transformers_folder: MakeFolder,
    transformers_state: MakeState,
    tensors_of_layers: Tensors,
    x: Floats,
) -> None:
    state = {k: v for k, v in transformers_state("weight_g").items() if k not in ("mean", "scale")}
    folder = transformers_folder(state, config={"normalize_before": False})
    expected = reference(tensors_of_layers, x[:1], "constant", 0)[: 11 * 256 - 128]
    audio = load_hifigan(str(folder))(x[:1])[0]
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-5)


def test_what_transformers_saves_is_read_back(
    transformers_config: dict[str, Any], recipe: dict[str, Any], tmp_path: Path, x: Floats
) -> None:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    shape = {k: v for k, v in transformers_config.items() if "sample" in k or "resblock" in k}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SpeechT5HifiGan(SpeechT5HifiGanConfig(**shape, initializer_range=0.1)).eval()
    network.save_pretrained(tmp_path)
    (tmp_path / "mel.json").write_text(json.dumps(recipe))
    log_mel = torch.from_numpy(LogMel().unscale(x)).mT
    with torch.no_grad():
        expected = network(log_mel)[:, : 11 * 256 - 128]
    np.testing.assert_allclose(load_hifigan(str(tmp_path))(x), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frames", [4, 64, 65])
def test_lengths_and_range_are_those_of_griffin_lim(
    speechbrain_folder: MakeFolder, x: Floats, frames: int
) -> None:
    vocoder = load_vocoder(f"hifigan:{speechbrain_folder()}")
    x = np.tile(x, 6)[..., :frames]
    audio = vocoder(x)
    assert audio.shape == load_vocoder("griffin-lim")(x).shape == (3, (frames - 1) * 256 - 128)
    assert audio.dtype == np.float32
    assert np.abs(audio).max() <= 1


def test_an_item_does_not_depend_on_its_batch(speechbrain_folder: MakeFolder, x: Floats) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    alone = np.concatenate([vocoder(item[None]) for item in x])
    np.testing.assert_array_equal(vocoder(x), alone)


def test_values_beyond_the_range_are_clamped(speechbrain_folder: MakeFolder, x: Floats) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    np.testing.assert_array_equal(vocoder(1.5 * x), vocoder((1.5 * x).clip(-1, 1)))


@pytest.mark.parametrize("shape", [(1, 80, 64), (1, 1, 64, 80), (0, 1, 80, 64), (1, 1, 80, 3)])
def test_other_shapes_are_refused(speechbrain_folder: MakeFolder, shape: tuple[int, ...]) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    with pytest.raises(ValueError, match=r"HiFi-GAN needs \(B >= 1, 1, 80, T >= 4\)"):
        vocoder(np.zeros(shape, np.float32))


def test_loading_leaves_the_random_state_alone(speechbrain_folder: MakeFolder) -> None:
    folder = str(speechbrain_folder())
    state = torch.get_rng_state()
    vocoder = load_hifigan(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.requires_grad or p.is_meta for p in vocoder.network.parameters())
    assert not vocoder.network.training


def test_it_vocodes_on_the_command_line(
    speechbrain_folder: MakeFolder, x: Floats, tmp_path: Path
) -> None:
    folder = speechbrain_folder()
    np.save(tmp_path / "mel.npy", x[0, 0])
    arguments = [str(tmp_path / "mel.npy"), str(tmp_path / "a.wav")]
    assert main(["vocode", *arguments, "--vocoder", f"hifigan:{folder}"]) == 0
    written, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 16_000
    expected = load_hifigan(str(folder))(x[:1])[0]
    np.testing.assert_allclose(written, expected, rtol=0, atol=1 / 32_000)


def test_whatever_changes_the_sound_is_in_the_settings(
    transformers_folder: MakeFolder, transformers_state: MakeState, x: Floats, tmp_path: Path
) -> None:
    folder = transformers_folder()
    network = load_hifigan(str(folder)).network
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"leaky_relu_slope": 0.2}))
    sloped = load_hifigan(str(folder)).network
    state = transformers_state()
    state["mean"] += 0.1
    safetensors.torch.save_file(state, folder / "model.safetensors")
    shifted = load_hifigan(str(folder)).network
    made = [
        HifiGan(network, MelSettings()),
        HifiGan(network, MelSettings(), context=2),
        HifiGan(sloped, MelSettings()),
        HifiGan(shifted, MelSettings()),
        HifiGan(network, MelSettings(log_max=3.0)),
        HifiGan(copy.deepcopy(network), MelSettings(), padding="reflect"),
    ]
    keys = [json.dumps(vocoder.settings) for vocoder in made]
    assert len(set(keys)) == len(made)
    sounds = [vocoder(x) for vocoder in made]
    assert all(np.abs(sound - sounds[0]).max() > 1e-4 for sound in sounds[1:])
