"""Weights of two words, and jobs with a judge of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoresubnet.expansion import Expansion
from scoresubnet.expansion import run as module
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import save_model
from tests.tiny import tiny_model

WORDS = ("hiss", "hum")
FEW: dict[str, Any] = {"sampler": "ddim", "steps": 1}
Job = Callable[..., Expansion]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny_model(WORDS, aliases={"buzz": "hum"})
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def job(weights: Path, words_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """job(**settings); its judge is sure of all 'hiss', and of every third seed of 'hum'."""

    def judge(generator: SpeechGenerator, recordings: Any) -> Any:
        def judged(made: GeneratedSpeech) -> Any:
            asked = zip(made.labels, made.seeds, strict=True)
            sure = [0.5 + 0.4 * (word == "hiss" or seed % 3 == 0) for word, seed in asked]
            own = np.array([WORDS.index(word) for word in made.labels])
            rows = np.stack([1 - np.array(sure), np.array(sure)], axis=1)
            return WORDS, np.where(own[:, None] == 1, rows, rows[:, ::-1])

        return judged

    monkeypatch.setitem(module.JUDGES, "recordings", judge)

    def make(**settings: Any) -> Expansion:
        given: dict[str, Any] = {
            "per_word": 5,
            "overrides": FEW,
            "out": tmp_path / "out",
        } | settings
        return Expansion(words_folder, weights, **given)

    return make
