"""HiFi-GAN against a second implementation, and what it refuses.

The folders hold a small network of seeded weights, with the files and names of published ones.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from scoresubnet.audio.hifigan import HifiGan, load_hifigan, recipe_of
from scoresubnet.audio.hifigan_folder import PUBLISHED
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.audio.vocoder import load_vocoder
from scoresubnet.cli import main
from scoresubnet.tensor_files import WeightsError

Array = NDArray[np.float64]
MakeFolder = Callable[..., Path]

KERNELS, DILATIONS = [3, 7, 11], [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
FACTORS, UP_KERNELS, CHANNELS = [8, 8, 2, 2], [16, 16, 4, 4], 32

# As in speechbrain/tts-hifigan-libritts-16kHz, but for the channels.
HYPERPARAMETERS = f"""\
in_channels: 80
out_channels: 1
resblock_type: "1"
resblock_dilation_sizes: {DILATIONS}
resblock_kernel_sizes: {KERNELS}
upsample_kernel_sizes: {UP_KERNELS}
upsample_initial_channel: {CHANNELS}
upsample_factors: {FACTORS}

inference_padding: 5
cond_channels: 0
conv_post_bias: True

generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
  in_channels: !ref <in_channels>
  out_channels: !ref <out_channels>
  resblock_type: !ref <resblock_type>
  resblock_dilation_sizes: !ref <resblock_dilation_sizes>
  resblock_kernel_sizes: !ref <resblock_kernel_sizes>
  upsample_kernel_sizes: !ref <upsample_kernel_sizes>
  upsample_initial_channel: !ref <upsample_initial_channel>
  upsample_factors: !ref <upsample_factors>
  inference_padding: !ref <inference_padding>
  cond_channels: !ref <cond_channels>
  conv_post_bias: !ref <conv_post_bias>

modules:
  generator: !ref <generator>

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
    generator: !ref <generator>
"""

# As in microsoft/speecht5_hifigan, but for the channels and the upsampling.
CONFIG = {
    "architectures": ["SpeechT5HifiGan"],
    "initializer_range": 0.01,
    "leaky_relu_slope": 0.1,
    "model_in_dim": 80,
    "model_type": "hifigan",
    "normalize_before": True,
    "resblock_dilation_sizes": DILATIONS,
    "resblock_kernel_sizes": KERNELS,
    "sampling_rate": 16000,
    "torch_dtype": "float32",
    "transformers_version": "4.27.0.dev0",
    "upsample_initial_channel": CHANNELS,
    "upsample_kernel_sizes": UP_KERNELS,
    "upsample_rates": FACTORS,
}

# Our recipe, as a user would state it.
RECIPE = {
    "sample_rate": 16000,
    "n_fft": 1024,
    "win_length": 1024,
    "hop_length": 256,
    "n_mels": 80,
    "f_min": 0,
    "f_max": 8000,
    "power": 1,
    "floor": 1e-5,
    "mel_scale": "slaney",
    "norm": "slaney",
    "log": "ln",
}


def layers() -> Iterator[tuple[str, tuple[int, int, int], int]]:
    """(speechbrain's name, shape of the weight, size of the bias) of every layer."""
    yield "conv_pre", (CHANNELS, 80, 7), CHANNELS
    for i, kernel in enumerate(UP_KERNELS):
        width = CHANNELS // 2 ** (i + 1)
        yield f"ups.{i}", (2 * width, width, kernel), width
        for j, size in enumerate(KERNELS):
            for convs in ("convs1", "convs2"):
                for k in range(3):
                    yield f"resblocks.{3 * i + j}.{convs}.{k}", (width, width, size), width
    yield "conv_post", (1, CHANNELS // 2 ** len(FACTORS), 7), 1


def weight_norms(seed: int = 0) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Layer -> (magnitude g, direction v, bias)."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape, bias in layers():
        magnitude = 0.5 + torch.rand(shape[0], 1, 1, generator=generator)
        if name == "conv_post":
            magnitude *= 0.3  # tanh stays in its steep part
        direction = torch.randn(shape, generator=generator)
        found[name] = (magnitude, direction, 0.1 * torch.randn(bias, generator=generator))
    return found


def spelt(spelling: str, layer: str, magnitude: Tensor, direction: Tensor) -> dict[str, Tensor]:
    """A weight under the names that torch gives it: with a weight norm, old or new, or without."""
    if spelling == "weight_g":
        return {f"{layer}.weight_g": magnitude, f"{layer}.weight_v": direction}
    if spelling == "parametrizations":
        names = [f"{layer}.parametrizations.weight.original{k}" for k in (0, 1)]
        return dict(zip(names, (magnitude, direction), strict=True))
    norm = direction.square().sum(dim=(1, 2), keepdim=True).sqrt()
    return {f"{layer}.weight": magnitude * direction / norm}


def speechbrain_state(spelling: str = "weight_g") -> OrderedDict[str, Tensor]:
    state: OrderedDict[str, Tensor] = OrderedDict()
    for name, (magnitude, direction, bias) in weight_norms().items():
        state[f"{name}.conv.bias"] = bias
        state |= spelt(spelling, f"{name}.conv", magnitude, direction)
    return state


def transformers_state(spelling: str = "weight") -> dict[str, Tensor]:
    """With a mean and a scale of the log-Mels, which the network takes off first."""
    state = {"mean": torch.linspace(-9, -4, 80), "scale": torch.linspace(1, 3, 80)}
    for name, (magnitude, direction, bias) in weight_norms().items():
        layer = name.replace("ups.", "upsampler.")
        state[f"{layer}.bias"] = bias
        state |= spelt(spelling, layer, magnitude, direction)
    return state


@pytest.fixture
def speechbrain_folder(tmp_path: Path) -> Callable[..., Path]:
    """speechbrain_folder(name, state, hyperparameters, mel.json) -> a folder; parts can be left."""

    def make(
        name: str = "tts-hifigan-libritts-16kHz",
        state: Any = None,
        hyperparameters: str = HYPERPARAMETERS,
        recipe: dict[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        torch.save(speechbrain_state() if state is None else state, folder / "generator.ckpt")
        (folder / "hyperparams.yaml").write_text(hyperparameters)
        if recipe is not None:
            (folder / "mel.json").write_text(json.dumps(recipe))
        return folder

    return make


@pytest.fixture
def transformers_folder(tmp_path: Path) -> Callable[..., Path]:
    """transformers_folder(state, file, config fields, mel.json) -> a folder."""

    def make(
        state: dict[str, Tensor] | None = None,
        file: str = "model.safetensors",
        config: dict[str, Any] | None = None,
        recipe: dict[str, Any] | None = RECIPE,
    ) -> Path:
        folder = tmp_path / "my-hifigan"
        folder.mkdir()
        state = transformers_state() if state is None else state
        if file == "model.safetensors":
            safetensors.torch.save_file(state, folder / file)
        else:
            torch.save(state, folder / file)
        (folder / "config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
        if recipe is not None:
            (folder / "mel.json").write_text(json.dumps(recipe))
        return folder

    return make


def reference(
    x: Tensor,
    padding: str,
    context: int,
    mean: Array | float = 0.0,
    scale: Array | float = 1.0,
) -> Array:
    """Kong et al., section 2.2, in numpy: scaled log-Mel (1, 1, 80, T) -> audio (256 T,).

    Weight norms resolved by hand; 'same' convolutions padded by `padding`.
    """

    def weight(layer: str) -> tuple[Array, Array]:
        magnitude, direction, bias = (t.double().numpy() for t in weight_norms()[layer])
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

    log_mel = (x[0, 0].double().numpy() + 1) / 2 * (2 - math.log(1e-5)) + math.log(1e-5)
    log_mel = np.pad(log_mel, ((0, 0), (context, context)), mode="edge")
    h = convolved(((log_mel.T - mean) / scale).T, "conv_pre")
    for i, factor in enumerate(FACTORS):
        h = upsampled(leaky(h), f"ups.{i}", factor)
        branches = []
        for j in range(3):
            branch = h
            for k, dilation in enumerate((1, 3, 5)):
                block = f"resblocks.{3 * i + j}"
                inner = convolved(leaky(branch), f"{block}.convs1.{k}", dilation)
                branch = branch + convolved(leaky(inner), f"{block}.convs2.{k}")
            branches.append(branch)
        h = sum(branches) / 3
    audio = np.tanh(convolved(leaky(h, 0.01), "conv_post"))[0]
    return audio[256 * context : audio.size - 256 * context]


@pytest.fixture(scope="module")
def x() -> Tensor:
    return 2 * torch.rand(3, 1, 80, 12, generator=torch.Generator().manual_seed(1)) - 1


@pytest.mark.parametrize("spelling", ["weight_g", "parametrizations", "weight"])
def test_speechbrains_folder_gives_the_waveform_of_the_paper(
    speechbrain_folder: MakeFolder, x: Tensor, spelling: str
) -> None:
    vocoder = load_hifigan(str(speechbrain_folder(state=speechbrain_state(spelling))))
    audio = vocoder(x[:1])[0].numpy()
    expected = reference(x[:1], "reflect", context=5)[: 11 * 256 - 128]
    assert 0.2 < np.abs(expected).max() < 1
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_transformers_folder_gives_the_waveform_of_the_paper(
    transformers_folder: MakeFolder, x: Tensor, file: str
) -> None:
    state = transformers_state()
    vocoder = load_hifigan(str(transformers_folder(state, file)))
    mean, scale = (state[name].double().numpy() for name in ("mean", "scale"))
    expected = reference(x[:1], "constant", 0, mean, scale)[: 11 * 256 - 128]
    np.testing.assert_allclose(vocoder(x[:1])[0].numpy(), expected, rtol=0, atol=1e-5)


def test_a_folder_without_normalisation_needs_no_mean(
    transformers_folder: MakeFolder, x: Tensor
) -> None:
    state = {k: v for k, v in transformers_state("weight_g").items() if k not in ("mean", "scale")}
    folder = transformers_folder(state, config={"normalize_before": False})
    expected = reference(x[:1], "constant", 0)[: 11 * 256 - 128]
    audio = load_hifigan(str(folder))(x[:1])[0].numpy()
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-5)


def test_what_transformers_saves_is_read_back(tmp_path: Path, x: Tensor) -> None:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    shape = {key: value for key, value in CONFIG.items() if "sample" in key or "resblock" in key}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SpeechT5HifiGan(SpeechT5HifiGanConfig(**shape, initializer_range=0.1)).eval()
    network.save_pretrained(tmp_path)
    (tmp_path / "mel.json").write_text(json.dumps(RECIPE))
    log_mel = LogMel().unscale(x).transpose(1, 2)
    with torch.no_grad():
        expected = network(log_mel)[:, : 11 * 256 - 128]
    torch.testing.assert_close(load_hifigan(str(tmp_path))(x), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frames", [4, 64, 65])
def test_lengths_and_range_are_those_of_griffin_lim(
    speechbrain_folder: MakeFolder, x: Tensor, frames: int
) -> None:
    vocoder = load_vocoder(f"hifigan:{speechbrain_folder()}")
    x = x.repeat(1, 1, 1, 6)[..., :frames]
    audio = vocoder(x)
    assert audio.shape == load_vocoder("griffin-lim")(x).shape == (3, (frames - 1) * 256 - 128)
    assert audio.dtype == torch.float32
    assert audio.abs().max() <= 1
    assert not audio.requires_grad


def test_an_item_does_not_depend_on_its_batch(speechbrain_folder: MakeFolder, x: Tensor) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    assert torch.equal(vocoder(x), torch.cat([vocoder(item) for item in x.split(1)]))


def test_values_beyond_the_range_are_clamped(speechbrain_folder: MakeFolder, x: Tensor) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    assert torch.equal(vocoder(1.5 * x), vocoder((1.5 * x).clamp(-1, 1)))


@pytest.mark.parametrize("shape", [(1, 80, 64), (1, 1, 64, 80), (0, 1, 80, 64), (1, 1, 80, 3)])
def test_other_shapes_are_refused(speechbrain_folder: MakeFolder, shape: tuple[int, ...]) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    with pytest.raises(ValueError, match=r"HiFi-GAN expects .*\(B >= 1, 1, 80, T >= 4\)"):
        vocoder(torch.zeros(shape))


def test_loading_leaves_the_random_state_alone(speechbrain_folder: MakeFolder) -> None:
    folder = str(speechbrain_folder())
    state = torch.get_rng_state()
    vocoder = load_hifigan(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.requires_grad or p.is_meta for p in vocoder.parameters())
    assert not vocoder.training


def test_it_vocodes_on_the_command_line(
    speechbrain_folder: MakeFolder, x: Tensor, tmp_path: Path
) -> None:
    folder = speechbrain_folder()
    np.save(tmp_path / "mel.npy", x[0, 0].numpy())
    arguments = [str(tmp_path / "mel.npy"), str(tmp_path / "a.wav")]
    assert main(["vocode", *arguments, "--vocoder", f"hifigan:{folder}"]) == 0
    written, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 16_000
    expected = load_hifigan(str(folder))(x[:1])[0]
    np.testing.assert_allclose(written, expected, rtol=0, atol=1 / 32_000)


# On which log-Mels it was trained.


def test_our_recipe_is_that_of_the_published_model() -> None:
    assert recipe_of(MelSettings()) == PUBLISHED["speechbrain/tts-hifigan-libritts-16kHz"] == RECIPE


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


def test_what_a_folder_states_counts_for_more_than_its_name(speechbrain_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"features: f_min 55 / 0.0\)"):
        load_hifigan(str(speechbrain_folder(recipe={**RECIPE, "f_min": 55})))


@pytest.mark.parametrize("recipe", [{**RECIPE, "colour": 1}, {"n_mels": 80}, ["ln"]])
def test_a_damaged_statement_is_refused(speechbrain_folder: MakeFolder, recipe: Any) -> None:
    with pytest.raises(WeightsError, match=r"mel\.json"):
        load_hifigan(str(speechbrain_folder(recipe=recipe)))


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
    speechbrain_folder: MakeFolder, old: str, new: str, differing: str | None
) -> None:
    text = AUDIO_SECTION.replace(old, new) + HYPERPARAMETERS
    folder = speechbrain_folder("my-vocoder", hyperparameters=text)
    if differing is None:
        load_hifigan(str(folder))
        return
    with pytest.raises(ValueError, match=differing):
        load_hifigan(str(folder))


# As in microsoft/speecht5_tts; the folder of its vocoder has none.
PREPROCESSOR = {
    "feature_extractor_type": "SpeechT5FeatureExtractor",
    "fmax": 7600,
    "fmin": 80,
    "hop_length": 16,
    "mel_floor": 1e-10,
    "num_mel_bins": 80,
    "sampling_rate": 16000,
    "win_length": 64,
}


def test_the_preprocessor_of_speecht5_makes_other_log_mels(transformers_folder: MakeFolder) -> None:
    folder = transformers_folder(recipe=None)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    with pytest.raises(ValueError, match=r"features: f_min 80 / 0.0, .*, log log10 / ln\)"):
        load_hifigan(str(folder))
    other = {**PREPROCESSOR, "feature_extractor_type": "WhisperFeatureExtractor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(other))
    with pytest.raises(WeightsError, match="preprocessor_config"):
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


# Damage.


def changed(state: dict[str, Tensor], change: str) -> dict[str, Tensor]:
    name = "ups.1.conv.weight_v"
    if change == "missing":
        del state[name]
    elif change == "unexpected":
        state["cond_layer.conv.weight"] = torch.zeros(1)
    elif change == "foreign names":
        state = {key.replace(".conv.", "."): value for key, value in state.items()}
    elif change == "shape":
        state[name] = state[name][:, :, 1:]
    elif change == "bias":
        state["conv_pre.conv.bias"] = torch.zeros(3)
    elif change == "nan":
        state["conv_post.conv.bias"] = torch.tensor([math.nan])
    elif change == "no direction":
        state[name] = torch.zeros_like(state[name])
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"1 missing \(ups.1.conv.weight\); 1 unexpected \(ups.1.conv.weight_g\)"),
        ("unexpected", r"1 unexpected \(cond_layer.conv.weight\)"),
        ("foreign names", r"156 missing \(conv_pre.conv.weight, .*; 234 unexpected \(conv_post.b"),
        ("shape", r"1 of another shape or not finite \(ups.1.conv.weight_v\)"),
        ("bias", r"1 of another shape or not finite \(conv_pre.conv.bias\)"),
        ("nan", r"1 of another shape or not finite \(conv_post.conv.bias\)"),
        ("no direction", r"1 of another shape or not finite \(ups.1.conv.weight_v\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    speechbrain_folder: MakeFolder, change: str, message: str
) -> None:
    folder = speechbrain_folder(state=changed(speechbrain_state(), change))
    with pytest.raises(WeightsError, match=r"generator\.ckpt: does not fit its config: " + message):
        load_hifigan(str(folder))


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("evil").resolve(),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", ["object", "pickle", "nested", "list", "truncated", "empty"])
def test_a_file_of_more_or_less_than_tensors_is_refused(
    speechbrain_folder: MakeFolder, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = {"object": Evil(), "nested": {"generator": speechbrain_state()}, "list": [1]}
    folder = speechbrain_folder(state=state.get(content))
    path = folder / "generator.ckpt"
    if content == "pickle":
        path.write_bytes(pickle.dumps(Evil(), protocol=2))
    elif content == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif content == "empty":
        path.write_bytes(b"")
    with pytest.raises(WeightsError, match=r"generator\.ckpt: not a (readable|state)"):
        load_hifigan(str(folder))
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('resblock_type: "1"', 'resblock_type: "2"', "only resblock_type '1'"),
        ("cond_channels: 0", "cond_channels: 64", "only cond_channels 0"),
        ("conv_post_bias: True", "conv_post_bias: False", "only conv_post_bias True"),
        ("[8, 8, 2, 2]", "[8, 8, 4]", "not as many upsampling kernels"),
        ("[8, 8, 2, 2]", "[8, 8, 2, 0]", "positive whole numbers"),
        ("[8, 8, 2, 2]", "many", "'many' stands where"),
        ("[[1, 3, 5], [1, 3, 5], [1, 3, 5]]", "3", "3 stands where"),
        ("[[1, 3, 5], [1, 3, 5], [1, 3, 5]]", "[[1], [3]]", "not as many lists of dilations"),
        (f"channel: {32}", "channel: 30", "30 channels cannot be halved"),
        ("padding: 5", "padding: -5", "inference_padding -5"),
        ("upsample_factors:", "factors:", "positive whole numbers"),
        ("in_channels: 80", "in_channels: [", "hyperparams|flow|while parsing"),
        ("in_channels: 80", "x: !!python/object/apply:os.getcwd []", "could not determine"),
    ],
)
def test_hyperparameters_that_cannot_be_used_are_refused(
    speechbrain_folder: MakeFolder, old: str, new: str, message: str
) -> None:
    assert old in HYPERPARAMETERS
    folder = speechbrain_folder(hyperparameters=HYPERPARAMETERS.replace(old, new, 1))
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
        with pytest.raises(ImportError, match=r"pip install 'transformers>=") as caught:
            load_hifigan(where)
        assert not isinstance(caught.value, ModuleNotFoundError)  # which means train's packages
