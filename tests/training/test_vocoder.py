"""Training of the vocoder: crops, the two sides, and whole runs of a few steps."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.tensor_files import WeightsError
from scoresubnet.training.config import (
    DataConfig,
    OptimiserConfig,
    RunConfig,
    VocoderLossConfig,
    VocoderTraining,
)
from scoresubnet.training.vocoder import VocoderModule, train_vocoder
from scoresubnet.training.waveform_data import VoiceBatch
from scoresubnet.vocoders.discriminators import DiscriminatorConfig
from scoresubnet.vocoders.network import VocosConfig
from scoresubnet.vocoders.vocos import read_vocoder

pytestmark = pytest.mark.filterwarnings("ignore")
MakeVocoder = Callable[..., VocoderTraining]


@pytest.fixture(scope="module")
def vocoder_run(data_config: Callable[..., DataConfig]) -> MakeVocoder:
    """vocoder_run(steps=4, minutes=0, **config fields) -> a tiny run, adversarial from step 2."""

    def make(steps: int = 4, minutes: float = 0.0, **fields: Any) -> VocoderTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "network": VocosConfig(16, 16, 1, 3, pitch_width=8, pitch_blocks=1),
            "discriminators": DiscriminatorConfig((2, 3), (4, 4), (256,), 4),
            "losses": VocoderLossConfig(adversarial_from=2),
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
    """Bit for bit, the discriminators and both sides' optimiser included."""
    for step in (1, 2, 3, 4):
        train_vocoder(vocoder_run(minutes=1e-9), tmp_path)
        assert checkpoint(tmp_path)["global_step"] == step
    one, other = (load_file(out / "vocoder.safetensors") for out in (tmp_path, vocoder))
    assert not [name for name in one if not torch.equal(one[name], other[name])]
    a, b = checkpoint(tmp_path)["state_dict"], checkpoint(vocoder)["state_dict"]
    assert a.keys() == b.keys()
    assert any(name.startswith("discriminators.") for name in a)
    assert not [name for name in a if not torch.equal(a[name], b[name])]


def test_training_lowers_the_distances(vocoder_run: MakeVocoder, tmp_path: Path) -> None:
    config = vocoder_run(
        losses=VocoderLossConfig(adversarial_from=20),
        run=RunConfig(steps=40, seed=3, validate_every=20),
    )
    train_vocoder(config, tmp_path)
    first, last = (row for row in rows(tmp_path) if "valid/log_mel" in row)
    assert last["valid/log_mel"] < 0.95 * first["valid/log_mel"]
    assert last["valid/log_magnitude"] < first["valid/log_magnitude"]


def test_without_filters_the_pitch_alone_is_trained(
    vocoder_run: MakeVocoder, tmp_path: Path
) -> None:
    network = VocosConfig(16, 16, 0, 3, pitch_width=8, pitch_blocks=1)
    run = RunConfig(steps=40, seed=3, validate_every=20)
    train_vocoder(vocoder_run(network=network, run=run), tmp_path)
    first, last = (row for row in rows(tmp_path) if "train/pitch_bins" in row)
    assert last["train/pitch_bins"] < first["train/pitch_bins"]
    assert [row for row in rows(tmp_path) if "valid/pitch_bins" in row]
    assert not any("train/log_mel" in row for row in rows(tmp_path))
    assert read_vocoder(tmp_path).network.config == network


def test_the_log_names_every_loss(vocoder_run: MakeVocoder, tmp_path: Path) -> None:
    train_vocoder(vocoder_run(steps=20), tmp_path)
    train = next(row for row in rows(tmp_path) if "train/log_mel" in row)
    names = {"log_mel", "convergence", "log_magnitude"}
    names |= {"discriminators", "generator", "feature_matching", "pitch_bins", "pitch_voiced"}
    assert train.keys() >= {f"train/{name}" for name in names}
    assert not list(tmp_path.glob(".*"))


def test_discriminators_rest_until_they_are_wanted(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = VoiceBatch(0.1 * torch.randn(2, 16_000), torch.full((2, 63), 200.0))
    module = VocoderModule(vocoder_run(), MelSettings())
    at_step(module, 1, monkeypatch).training_step(batch, 0).backward()
    assert all(p.grad is None for p in module.discriminators.parameters())
    at_step(module, 2, monkeypatch).training_step(batch, 0).backward()
    assert all(p.grad is not None for p in module.discriminators.parameters())


def test_discriminators_have_their_own_rate_and_clipping(vocoder_run: MakeVocoder) -> None:
    module = VocoderModule(vocoder_run(discriminator_rate=0.25), MelSettings())
    optimiser: Any = module.configure_optimizers()["optimizer"]
    rates = {
        id(p): group["initial_lr"] for group in optimiser.param_groups for p in group["params"]
    }
    sides = (module.network, module.discriminators)
    for side, rate in zip(sides, (3e-3, 0.25 * 3e-3), strict=True):
        assert {rates[id(p)] for p in side.parameters()} == {rate}
    for side, size in zip(sides, (100.0, 0.001), strict=True):
        for parameter in side.parameters():
            parameter.grad = torch.full_like(parameter, size)
    module.configure_gradient_clipping(optimiser, 2.0)
    assert torch.nn.utils.get_total_norm([p.grad for p in sides[0].parameters()]) <= 2.001  # type: ignore[misc]
    assert all((p.grad == 0.001).all() for p in sides[1].parameters() if p.grad is not None)


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


def test_only_the_tracks_teach_the_pitch(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the weight of the pitch its network gets no gradient; with it, from the f0 given."""
    batch = VoiceBatch(0.1 * torch.randn(2, 16_000), torch.full((2, 63), 200.0))
    deaf = VocoderModule(vocoder_run(losses=VocoderLossConfig(pitch=0.0)), MelSettings())
    at_step(deaf, 2, monkeypatch).training_step(batch, 0).backward()
    assert not any(p.grad.any() for p in deaf.network.pitch.parameters() if p.grad is not None)
    module = VocoderModule(vocoder_run(), MelSettings())
    gradients = []
    for f0 in (200.0, 300.0):
        module.zero_grad()
        module.training_step(VoiceBatch(batch.audio, torch.full((2, 63), f0)), 0).backward()
        gradients.append([p.grad for p in module.network.pitch.parameters()])
    assert all(g is not None and g.any() for g in gradients[0])
    assert not torch.equal(*[parts[-1] for parts in gradients])


def test_a_resynthesis_is_as_long_as_its_original(vocoder_run: MakeVocoder) -> None:
    module = VocoderModule(vocoder_run(), MelSettings())
    real = torch.randn(2, 62 * 256)
    made, logits = module(real, torch.randn_like(real))
    assert made.shape == real.shape
    assert logits.voiced.shape == (2, 63)


def test_validation_cuts_clips_to_whole_hops(
    vocoder_run: MakeVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    module = VocoderModule(vocoder_run(), MelSettings())
    monkeypatch.setattr(module, "spectral_losses", lambda *args: seen.extend(args[1:]))
    at_step(module, 0, monkeypatch)
    module.validation_step(VoiceBatch(torch.randn(2, 16_000), torch.zeros(2, 63)), 0)
    assert [x.shape for x in seen] == [(2, 15_872), (2, 15_872)]


def test_a_vocoder_starts_from_another(
    vocoder_run: MakeVocoder, vocoder: Path, tmp_path: Path
) -> None:
    config = vocoder_run(
        steps=1, optimiser=OptimiserConfig(learning_rate=0.0), losses=VocoderLossConfig()
    )
    train_vocoder(config, tmp_path / "same", start=vocoder)
    before, after = (read_vocoder(out).network for out in (vocoder, tmp_path / "same"))
    for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True):
        assert torch.equal(a, b), name
    with pytest.raises(ValueError, match="another start "):
        train_vocoder(config, tmp_path / "same")
    other = dataclasses.replace(config, network=VocosConfig(16, 8, 1, 3, 8, 1))
    with pytest.raises(ValueError, match="weights of another shape"):
        train_vocoder(other, tmp_path / "other", start=vocoder)
    with pytest.raises(WeightsError, match="no vocoder here"):
        train_vocoder(config, tmp_path / "other", start=tmp_path / "absent")
    assert not (tmp_path / "other").exists()


def test_another_config_is_refused_and_named(vocoder_run: MakeVocoder, vocoder: Path) -> None:
    with pytest.raises(ValueError, match=r"holds a run with another losses \(see "):
        train_vocoder(vocoder_run(losses=VocoderLossConfig()), vocoder)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"segment": 4097}, "hop of 256"),
        ({"segment": 512}, "2048"),
        ({"discriminator_rate": 0}, ""),
    ],
)
def test_impossible_settings_are_refused(
    wrong: dict[str, Any], named: str, vocoder_run: MakeVocoder
) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(wrong))}.*{named}"):
        VocoderModule(vocoder_run(**wrong), MelSettings())


@pytest.mark.parametrize("wrong", [{"log_mel": -1.0}, {"adversarial_from": -1}])
def test_negative_weights_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        VocoderLossConfig(**wrong)
