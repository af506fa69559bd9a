"""Bytes that are written, and metadata of other types than are meant, or that no memory holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.vocoders.file import VocoderFile, read_vocoder, save_vocoder
from scoresubnet.vocoders.paths import FORMAT
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.vocoders.pitch_network import PitchNetwork
from scoresubnet.weight_files.file_metadata import WeightsError, mel_metadata
from scoresubnet.weight_files.tensor_files import read_tensors, write_tensors
from scoresubnet.weights import ModelFile, load_model, save_model
from scoresubnet.word_evaluator.file import (
    FRONT_END,
    EvaluatorFile,
    read_evaluator,
    save_evaluator,
)
from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtConfig

DEEP = 100_000 * "[" + 100_000 * "]"
HUGE = json.dumps(asdict(PitchNetworkConfig()) | {"width": 10**12})
READ: dict[str, Callable[[Path], Any]] = {
    "model": load_model,
    "vocoder": read_vocoder,
    "evaluator": read_evaluator,
}


@pytest.fixture
def saved(tmp_path: Path, tiny: ClassifierConfig) -> Path:
    """A folder with a tiny file of each kind."""
    subnet = ScoreSubnet(SubnetConfig((8,) * 4, (1,) * 4, "addition", time_dim=16), tiny)
    model = ModelFile(Classifier(tiny, 2), ("hum", "hiss"), VPSDE(), MelSettings(), subnet, "v")
    save_model(model, tmp_path / "model.safetensors")
    network = PitchNetwork(PitchNetworkConfig(8, 1, 3), MelSettings().n_mels)
    save_vocoder(VocoderFile(network, MelSettings()), tmp_path / "vocoder.safetensors")
    judge = EvaluatorFile(ResNeXt(ResNeXtConfig((8,), (1,), 4), 2), ("hum", "hiss"), FRONT_END)
    save_evaluator(judge, tmp_path / "evaluator.safetensors")
    return tmp_path


def change(path: Path, where: str, value: Any) -> None:
    """Put `value` where a dotted name points in what the file says of itself."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    about = {"config": json.loads(metadata["config"]), "notes": json.loads(metadata["notes"])}
    node: Any = about
    *names, last = where.split(".")
    for name in names:
        node = node[name]
    node[int(last) if isinstance(node, list) else last] = value
    metadata |= {key: json.dumps(part) for key, part in about.items()}
    safetensors.torch.save_file(safetensors.torch.load_file(path), path, metadata)


@pytest.mark.parametrize("config", [DEEP, HUGE, "[]", "3"])
def test_a_config_beyond_reason_is_named(tmp_path: Path, config: str) -> None:
    metadata = {"format": FORMAT, "config": config} | mel_metadata(MelSettings())
    path = tmp_path / "vocoder.safetensors"
    safetensors.torch.save_file({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(WeightsError, match=r"vocoder\.safetensors: its metadata is damaged"):
        read_vocoder(path)


@pytest.mark.parametrize(
    ("kind", "where", "value", "message"),
    [
        *(("model", "notes", value, "notes are no mapping") for value in (2, False, "x", None)),
        ("vocoder", "notes", [], "notes are no mapping"),
        ("evaluator", "notes", 1.5, "notes are no mapping"),
        ("model", "config.subnet.gradient_taps", "é", r"gradient_taps is 'é', .* type bool"),
        ("model", "config.subnet.gradient_taps", 1, r"gradient_taps is 1, .* type bool"),
        ("model", "config.subnet.time_dim", True, r"time_dim is True, .* type int"),
        ("model", "config.subnet.time_dim", -16, "time_dim = -16 is out of range"),
        ("model", "config.subnet.time_dim", None, "time_dim is None"),
        ("model", "config.subnet.fusion", ["addition"], r"fusion is \['addition'\], .* type str"),
        ("model", "config.subnet.widths", 8, "widths is 8"),
        ("model", "config.subnet.widths.0", 8.0, r"widths is 8\.0, .* type int"),
        ("model", "config.subnet.widths.0", [8], r"widths is \[8\], .* type int"),
        ("model", "config.subnet.widths.0", 10**30, "widths = .* is out of range"),
        ("model", "config.subnet.blocks.3", 10**30, "blocks = .* is out of range"),
        ("model", "config.classifier.dropout", float("nan"), "dropout is nan"),
        ("model", "config.classifier.dropout", "0.1", "dropout is '0.1'"),
        ("model", "config.sde.beta_max", 1e300, "beta_max"),
        ("model", "config.sde.t_eps", 1e-300, "t_eps"),
        ("vocoder", "config.kernel", 1.5, r"kernel is 1\.5, .* type int"),
        ("vocoder", "config.bins_per_octave", float("nan"), "bins_per_octave is nan"),
        ("vocoder", "config.f_max", 10**400, "too large"),
        ("evaluator", "config.cardinality", "4", "cardinality is '4'"),
        ("evaluator", "config.blocks", {}, r"blocks is \{\}"),
    ],
)
def test_values_of_another_type_or_out_of_range_are_named(
    saved: Path, kind: str, where: str, value: object, message: str
) -> None:
    change(saved / f"{kind}.safetensors", where, value)
    with pytest.raises(WeightsError, match=rf"{kind}\.safetensors: .*{message}") as raised:
        READ[kind](saved)
    assert "\n" not in str(raised.value)


def test_a_whole_number_is_also_a_float(saved: Path) -> None:
    change(saved / "model.safetensors", "config.sde.beta_max", 15)
    beta_max = load_model(saved).sde.beta_max
    assert (beta_max, type(beta_max)) == (15.0, float)


@pytest.mark.parametrize(
    ("kind", "where", "value"),
    [
        ("model", "config.subnet.widths", [65_536] * 4),
        ("model", "config.classifier.widths.1", 65_536),
        ("vocoder", "config.width", 65_536),
        ("evaluator", "config.widths", [65_536]),
    ],
)
def test_a_config_is_held_against_the_tensors_before_it_takes_memory(
    saved: Path, kind: str, where: str, value: object
) -> None:
    """Each of these networks would take more than 16 GiB."""
    change(saved / f"{kind}.safetensors", where, value)
    with pytest.raises(WeightsError, match=rf"{kind}\.safetensors: does not fit its own config"):
        READ[kind](saved)


@pytest.mark.parametrize("kind", READ)
def test_loading_draws_no_random_numbers(saved: Path, kind: str) -> None:
    before = torch.random.get_rng_state()
    READ[kind](saved)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("kind", READ)
def test_what_is_loaded_is_a_copy_of_the_file(saved: Path, kind: str) -> None:
    """Also of one that is written over in place, as `cp` does."""
    path = saved / f"{kind}.safetensors"
    expected = safetensors.torch.load(path.read_bytes())
    loaded = READ[kind](path)
    parts = {p: m for p, m in vars(loaded).items() if isinstance(m, torch.nn.Module)}
    path.write_bytes(bytes(path.stat().st_size))
    found = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, expected[name].float()), name
    assert all(p.requires_grad for m in parts.values() for p in m.parameters())
    assert not any(b.is_meta for m in parts.values() for b in m.buffers())


def test_the_same_values_make_the_same_bytes(tmp_path: Path) -> None:
    tensors = {"b": torch.randn(3, 2), "a": torch.arange(5.0)}
    metadata = {"format": "x/1", **{f"key {k}": "é\n" * k for k in range(10)}}
    for k in range(5):  # two orders of eleven keys are alike once in 40 million
        backwards = dict(reversed(metadata.items())) if k % 2 else metadata
        write_tensors(tmp_path / f"{k}.safetensors", tensors, backwards)
    (data,) = {path.read_bytes() for path in tmp_path.iterdir()}
    assert int.from_bytes(data[:8], "little") % 8 == 0  # so that tensors lie where they may
    found, about = read_tensors(tmp_path / "0.safetensors", "x/1")
    assert about == metadata
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
