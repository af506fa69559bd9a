"""Words from a U-Net: guided by a classifier beside it, by itself, or not at all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.model import ScoreModel
from scoresubnet.networks.unet import UNet
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, save_model

Make = Callable[..., UNet]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """save(unet, labels) -> a file of it."""

    def save(unet: UNet, labels: tuple[str, ...] = ("yes", "no")) -> Path:
        path = tmp_path / f"unet-{'told' if unet.config.label_conditioned else 'plain'}.safetensors"
        mel, sde = MelSettings(), VPSDE()
        save_model(ModelFile(None, labels, sde, mel, parametrisation="v", unet=unet), path)
        return path

    return save


@pytest.fixture
def classifier(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    """A classifier of three words."""
    path = tmp_path / "classifier.safetensors"
    words, made = ("yes", "no", "stop"), make_score_model(classes=3)
    file = ModelFile(made.backbone.classifier, words, VPSDE(), MelSettings())
    file.aliases = {"halt": "stop"}
    save_model(file, path)
    return path


def test_alone_it_makes_no_words(make_unet: Make, save: Callable[..., Path]) -> None:
    generator = SpeechGenerator.from_pretrained(save(make_unet()))
    speech = generator.generate(["none", "none"], steps=2)
    assert speech.mels.shape == (2, 1, 80, 64)
    assert (speech.heard, len(speech.confidence)) == ((), 0)
    with pytest.raises(ValueError, match="--classifier"):
        generator.generate("yes", steps=2)
    with pytest.raises(ValueError, match="no classifier"):
        generator.classify(speech.mels)


def test_told_the_word_it_guides_itself(make_unet: Make, save: Callable[..., Path]) -> None:
    generator = SpeechGenerator.from_pretrained(save(make_unet(2, label_conditioned=True)))
    mels = [
        generator.generate(word, 0, steps=3, guidance=gamma).mels
        for word, gamma in (("yes", 0.0), ("yes", 3.0), ("no", 0.0), ("none", 3.0))
    ]
    for k, one in enumerate(mels):
        assert all(np.abs(one - other).max() > 1e-4 for other in mels[:k])
    with pytest.raises(ValueError, match="adaptive goes by what a classifier hears"):
        generator.generate("yes", steps=2, schedule="adaptive")


@pytest.mark.parametrize("told", [False, True])
def test_a_classifier_brings_its_words_and_hears_them(
    told: bool, make_unet: Make, save: Callable[..., Path], classifier: Path
) -> None:
    """Also one that the U-Net never saw; the words of a batch do not disturb each other."""
    unet = save(make_unet(2, label_conditioned=told))
    generator = SpeechGenerator.from_pretrained(unet, classifier=classifier)
    assert generator.labels == ("yes", "no", "stop")
    generate = partial(generator.generate, schedule="adaptive", steps=3, guidance=20.0)
    words = ["yes", "halt", "none"]
    speech = generate(words, [1, 1, 1])
    assert len(speech.heard) == 3
    assert set(speech.heard) <= set(generator.labels)
    for k, word in enumerate(words):
        alone = generate(word, 1)
        torch.testing.assert_close(alone.mels[0], speech.mels[k], rtol=1e-3, atol=1e-3)
        others = [speech.mels[j] for j in range(3) if j != k]
        assert all(np.abs(speech.mels[k] - other).max() > 1e-2 for other in others)


def test_commands_take_a_u_net_and_its_classifier(
    make_unet: Make,
    save: Callable[..., Path],
    classifier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unet = str(save(make_unet(2)))
    out = ["--steps", "2", "--out", str(tmp_path / "out")]
    assert main(["generate", "stop", "--weights", unet, "--classifier", str(classifier), *out]) == 0
    assert "the classifier hears" in capsys.readouterr().out
    assert main(["generate", "none", "--weights", unet, *out]) == 0
    assert "hears" not in capsys.readouterr().out
    assert main(["info", unet]) == 0
    printed = capsys.readouterr().out
    assert "told_labels: False" in printed
    assert printed.splitlines()[-1].endswith("-")  # no guidance alone
