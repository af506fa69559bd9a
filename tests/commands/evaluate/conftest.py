"""Real and generated words, and weights, for tests of `scoresubnet evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation import sections
from scoresubnet.evaluation.report import files
from scoresubnet.model import ScoreModel
from scoresubnet.vocoders import GriffinLim
from scoresubnet.weights import ModelFile, save_model
from tests.commands.evaluate.quick import (
    PITCH,
    absent,
    ear,
    save,
    tone,
)


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim of two iterations; the ear alone, and a judge that is not installed.

    No pictures, half of the time, but in tests that ask for `drawn`.
    """

    def factory(settings: MelSettings, where: str | None) -> GriffinLim:
        return GriffinLim(settings, iterations=2)

    monkeypatch.setitem(vocoder.VOCODERS, "griffin-lim", factory)
    monkeypatch.setattr(sections, "SECTIONS", {"evaluator": ear, "pocketsphinx": absent})
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(files, "pictures", lambda report, systems: {})


@pytest.fixture
def drawn() -> None:
    """Asks `quick` for pictures."""


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Twelve takes of each word, one folder a word."""
    for word in PITCH:
        for take in range(12):
            save(tmp_path / "real" / word / f"{take}.wav", tone(word, take))
    return tmp_path / "real"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Four of each word; half of the `two` sound as `three`."""
    for word in PITCH:
        for take in range(4):
            said = "three" if word == "two" and take < 2 else word
            save(tmp_path / "made" / word / f"{take}.wav", tone(said, 100 + take))
    return tmp_path / "made"


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    """A tiny model of random weights, as a file."""
    model = make_score_model("v", classes=2)
    path = tmp_path / "tiny.safetensors"
    file = ModelFile(
        model.backbone.classifier, ("one", "two"), model.sde, MelSettings(), model.subnet, "v"
    )
    save_model(file, path)
    return path
