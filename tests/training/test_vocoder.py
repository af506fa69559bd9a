"""Training of the pitch vocoder: crops, losses, and whole runs of a few steps."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.training.config import (
    DataConfig,
    OptimiserConfig,
    RunConfig,
    VocoderTraining,
)
from scoresubnet.training.vocoder import VocoderModule, train_vocoder
from scoresubnet.training.waveform_data import VoiceBatch
from scoresubnet.vocoders.file import read_vocoder
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.vocoders.pitch_network import pitch_losses
from scoresubnet.weight_files.file_metadata import WeightsError

pytestmark = pytest.mark.filterwarnings("ignore")
MakeVocoder = Callable[..., VocoderTraining]


@pytest.fixture(scope="module")
def vocoder_run(data_config: Callable[..., DataConfig]) -> MakeVocoder:
    """vocoder_run(steps=4, minutes=0, **config fields) -> a tiny run."""

    def make(steps: int = 4, minutes: float = 0.0, **fields: Any) -> VocoderTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "network": PitchNetworkConfig(8, 1, 3),
            "segment": 4096,
            "optimiser": OptimiserConfig(learning_rate=3e-3, warmup=2, ema_decay=0.7),
            "run": RunConfig(steps=steps, minutes=minutes, seed=3, validate_every=2),
        }
        return VocoderTraining(**(values | fields))

    return make


@pytest.fixture(scope="module")
def vocoder(vocoder_run: MakeVocoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of four steps without a stop."""
    out = tmp_path_factory.mktemp("vocoder")
    train_vocoder(vocoder_run(), out)
    return out


def checkpoint(out: Path) -> dict[str, Any]:
    return torch.load(out / "checkpoint.ckpt", weights_only=True)


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def at_step(module: VocoderModule, step: int, monkeypatch: pytest.MonkeyPatch) -> VocoderModule:
    """The module as it is in that step of a training, its log in the void."""
    monkeypatch.setattr(VocoderModule, "global_step", step)
    monkeypatch.setattr(VocoderModule, "log", lambda *args, **kwargs: None)
    return module


def test_a_run_stopped_after_every_step_is_the_same_run(
    vocoder_run: MakeVocoder, vocoder: Path, tmp_path: Path
) -> None:
    """Bit for bit, the state of the training included."""
    for step in (1, 2, 3, 4):
        train_vocoder(vocoder_run(minutes=1e-9), tmp_path)
        assert checkpoint(tmp_path)["global_step"] == step
    one, other = (load_file(out / "vocoder.safetensors") for out in (tmp_path, vocoder))
    assert not [name for name in one if not torch.equal(one[name], other[name])]
    a, b = checkpoint(tmp_path)["state_dict"], checkpoint(vocoder)["state_dict"]
    assert a.keys() == b.keys()
    assert not [name for name in a if not torch.equal(a[name], b[name])]


def test_training_lowers_the_losses_and_logs_them(vocoder_run: MakeVocoder, tmp_path: Path) -> None:
    train_vocoder(vocoder_run(run=RunConfig(steps=40, seed=3, validate_every=20)), tmp_path)
    first, last = (row for row in rows(tmp_path) if "train/pitch_bins" in row)
    assert last["train/pitch_bins"] < first["train/pitch_bins"]
    names = {"pitch_bins", "pitch_voiced"}
    assert first.keys() >= {f"train/{name}" for name in names}
    assert any(row.keys() >= {f"valid/{name}" for name in names} for row in rows(tmp_path))
    assert read_vocoder(tmp_path).network.config == PitchNetworkConfig(8, 1, 3)
    assert not list(tmp_path.glob(".*"))


def test_crops_are_drawn_by_the_step(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip that counts its samples, and whose pitch does so too, shows where each crop begins."""
    module = VocoderModule(vocoder_run(), MelSettings())
    clips = VoiceBatch(torch.arange(16_000.0).repeat(64, 1), 256 * torch.arange(63.0).repeat(64, 1))
    crops = at_step(module, 5, monkeypatch).segments(clips)
    assert (crops.audio.shape, crops.f0.shape) == ((64, 4096), (64, 17))
    assert (crops.audio.diff(dim=1) == 1).all()
    assert torch.equal(crops.f0[:, :16], crops.audio[:, ::256])
    assert torch.equal(crops.f0[:, 16], crops.audio[:, -1] + 1)
    assert crops.audio[:, 0].min() < 2000
    assert crops.audio[:, 0].max() > 9500
    assert torch.equal(crops.audio, module.segments(clips).audio)
    assert not torch.equal(crops.audio, at_step(module, 6, monkeypatch).segments(clips).audio)
    whole = VoiceBatch(clips.audio[:, :4096], clips.f0[:, :17])
    assert all(map(torch.equal, module.segments(whole), whole))


def test_the_loss_is_that_of_the_crops(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = at_step(VocoderModule(vocoder_run(), MelSettings()), 2, monkeypatch)
    generator = torch.Generator().manual_seed(0)
    f0 = 100 + 300 * torch.rand(2, 63, generator=generator)
    batch = VoiceBatch(0.1 * torch.randn(2, 16_000, generator=generator), f0)
    crop = module.segments(batch)
    x = LogMel().scale(LogMel().log_mel(crop.audio))
    expected = pitch_losses(module.network(x), crop.f0, module.config.network)
    torch.testing.assert_close(module.training_step(batch, 0), expected.bins + expected.voiced)


def test_validation_cuts_clips_to_whole_hops(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[VoiceBatch] = []
    module = at_step(VocoderModule(vocoder_run(), MelSettings()), 0, monkeypatch)
    monkeypatch.setattr(module, "losses", seen.append)
    monkeypatch.setattr(module, "log_losses", lambda *given: None)
    module.validation_step(VoiceBatch(torch.randn(2, 16_000), torch.zeros(2, 63)), 0)
    (batch,) = seen
    assert (batch.audio.shape, batch.f0.shape) == ((2, 15_872), (2, 63))


def test_a_vocoder_starts_from_another(
    vocoder_run: MakeVocoder, vocoder: Path, tmp_path: Path
) -> None:
    config = vocoder_run(steps=1, optimiser=OptimiserConfig(learning_rate=0.0))
    train_vocoder(config, tmp_path / "same", start=vocoder)
    before, after = (read_vocoder(out).network for out in (vocoder, tmp_path / "same"))
    for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True):
        assert torch.equal(a, b), name
    with pytest.raises(ValueError, match="another start "):
        train_vocoder(config, tmp_path / "same")
    other = dataclasses.replace(config, network=PitchNetworkConfig(16, 1, 3))
    with pytest.raises(ValueError, match="weights of another shape"):
        train_vocoder(other, tmp_path / "other", start=vocoder)
    with pytest.raises(WeightsError, match="no vocoder here"):
        train_vocoder(config, tmp_path / "other", start=tmp_path / "absent")
    assert not (tmp_path / "other").exists()


def test_another_config_is_refused_and_named(vocoder_run: MakeVocoder, vocoder: Path) -> None:
    with pytest.raises(ValueError, match=r"holds a run with another segment \(see "):
        train_vocoder(vocoder_run(segment=8192), vocoder)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"segment": 4097}, "hop of 256"),
        ({"segment": 512}, "2048"),
    ],
)
def test_impossible_settings_are_refused(
    wrong: dict[str, Any], named: str, vocoder_run: MakeVocoder
) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(wrong))}.*{named}"):
        VocoderModule(vocoder_run(**wrong), MelSettings())
