"""Clips of different labels and numbers have noise of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.words import WORD_SETS
from scoresubnet.evaluation import generated
from scoresubnet.evaluation.generated import GeneratedClips, clip_seed
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.model import ScoreModel
from scoresubnet.networks.unet import UNet
from scoresubnet.noise import seeded_noise
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, save_model


def test_every_label_and_number_has_a_seed_of_its_own() -> None:
    words = WORD_SETS["WORDS18"]
    seeds = {clip_seed(0, word, k) for word in words for k in range(100)}
    assert len(seeds) == 1800
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert clip_seed(0, "up", 3) == clip_seed(0, "up", 3) != clip_seed(1, "up", 3)
    assert clip_seed(0, "up", 3) == int(hashlib.sha256(b'[0, "up", 3]').hexdigest()[:8], 16)


def test_clips_of_the_same_number_share_no_noise() -> None:
    seeds = [clip_seed(0, word, 0) for word in WORD_SETS["WORDS18"]]
    noise = seeded_noise(seeds, (1, 80, 64))().reshape(len(seeds), -1)
    correlation = np.corrcoef(noise) - np.eye(len(noise))
    assert np.abs(correlation).max() < 5 / 5120**0.5


@pytest.mark.parametrize("lost", [range(9, 12), (2,), (1, 6, 11)])
def test_clips_after_a_break_are_those_of_a_run_without_one(
    lost: Iterable[int],
    make_score_model: Callable[..., ScoreModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the bit: in a batch of another size they would be rounded otherwise."""
    monkeypatch.setattr(generated, "BATCH", 5)
    model, labels = make_score_model("v", classes=2), ("hum", "hiss")
    file = ModelFile(model.backbone.classifier, labels, model.sde, MelSettings(), model.subnet, "v")
    weights = str(tmp_path / "model.safetensors")
    save_model(file, weights)
    generator = SpeechGenerator.from_pretrained(weights, "griffin-lim")
    spec = SystemSpec(weights=weights, overrides={"steps": 3})
    clips = GeneratedClips(generator, spec, labels, 6, 0, tmp_path / "clips")
    files = [item.path for item in clips.files(progress=False)]
    whole = [path.read_bytes() for path in files]
    kept = {path: path.stat().st_mtime_ns for path in files}
    for k in lost:
        files[k].unlink()
        del kept[files[k]]
    clips.files(progress=False)
    assert [path.read_bytes() for path in files] == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_clips_of_a_u_net_are_known_by_its_classifier(
    make_unet: Callable[..., UNet], make_score_model: Callable[..., ScoreModel], tmp_path: Path
) -> None:
    """With another one beside it they would be other clips."""
    mel, sde, words = MelSettings(), VPSDE(), ("hum", "hiss")
    unet = ModelFile(None, words, sde, mel, parametrisation="v", unet=make_unet(2))
    save_model(unet, tmp_path / "unet.safetensors")
    for k in range(2):
        classifier = make_score_model(classes=2).backbone.classifier  # biases are drawn anew
        save_model(ModelFile(classifier, words, sde, mel), tmp_path / f"{k}.safetensors")

    def clips(k: int) -> GeneratedClips:
        weights, guide = str(tmp_path / "unet.safetensors"), str(tmp_path / f"{k}.safetensors")
        generator = generated.load_generator(weights, "griffin-lim", guide)
        spec = SystemSpec(weights=weights, classifier=guide, overrides={"steps": 1})
        return GeneratedClips(generator, spec, None, 1, 0, tmp_path / "clips")

    made = clips(0)
    made.files(progress=False)
    assert made.labels == words
    assert clips(0).settings == made.settings
    cost = made.cost()
    assert cost["guided_gmacs"] is not None
    assert cost["unconditional_gmacs"] is not None
    assert cost["guided_gmacs"] > cost["unconditional_gmacs"]
    with pytest.raises(ValueError, match=r"clips of other settings .*classifier_sha256"):
        clips(1)


def test_clips_of_another_arithmetic_are_other_clips(
    make_score_model: Callable[..., ScoreModel], tmp_path: Path
) -> None:
    model = make_score_model(classes=2)
    words, sde = ("hum", "hiss"), VPSDE()
    file = ModelFile(model.backbone.classifier, words, sde, MelSettings(), model.subnet, "v")
    save_model(file, tmp_path / "model.safetensors")

    def clips(backend: str) -> GeneratedClips:
        weights = str(tmp_path / "model.safetensors")
        generator = generated.load_generator(weights, "griffin-lim", backend=backend)
        spec = SystemSpec(weights=weights, backend=backend, overrides={"steps": 1})
        return GeneratedClips(generator, spec, None, 1, 0, tmp_path / "clips")

    made = clips("torch")
    made.files(progress=False)
    with pytest.raises(ValueError, match=r"other settings .*backend torch / torch-bf16"):
        clips("torch-bf16")
    assert clips("torch").cost() == made.cost()
