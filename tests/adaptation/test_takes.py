"""Which takes are learned from: those that the judge hears, and that are no copies."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.adaptation import takes as module
from scoresubnet.adaptation.takes import PACK, TakesRecipe, make_takes, takes_in
from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel
from scoresubnet.data.packs import packed_log_mels
from scoresubnet.data.recordings import Recording, read_recordings
from scoresubnet.data.sources import find_clips
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.weights import ModelFile, load_model


class Judge:
    """Is sure of the word in what begins with a positive sample: of "hum" in louder ones."""

    words = ("hiss", "hum")

    def __init__(self, clips: Sequence[Audio], words: Sequence[str]) -> None:
        assert set(words) == set(self.words)

    def __call__(self, clips: Sequence[Audio]) -> Floats:
        first = np.array([clip[0] for clip in clips])
        hum = np.where(first > 0.5, 0.9, 0.4)
        return np.stack([np.where(first == 0.0, 0.1, 0.3), hum], 1)


class Generator:
    """Gives takes of "hum": a recording, one that is heard, and one that is not; of "hiss" none."""

    takes: np.ndarray

    def __init__(self, *given: Any) -> None:
        pass

    def stream(
        self, labels: Sequence[str], seeds: Sequence[int], sampling: str, listen: bool
    ) -> Iterator[GeneratedSpeech]:
        assert labels == ["hiss"] * 3 + ["hum"] * 3
        assert len(set(seeds)) == 6
        for word, audio in (("hiss", [0.0] * 3), ("hum", [0.9, 0.9, 0.2])):
            sounds = np.array(audio, "f4")[:, None].repeat(16_000, 1)
            heard: tuple[str, ...] = ()
            about = (16_000, (word,) * 3, (0, 1, 2), heard, np.empty(0, "f4"))
            yield GeneratedSpeech(self.takes, sounds, *about)


@pytest.fixture
def recordings(words_folder: Path, model: ModelFile) -> list[Recording]:
    return read_recordings(words_folder, model.mel)


@pytest.fixture
def model(weights: Path) -> ModelFile:
    return load_model(weights)


def test_takes_are_heard_and_new(
    recordings: list[Recording], model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a word with none, its recordings are drawn in their place."""
    own = {word: np.stack([r.audio for r in recordings if r.word == word]) for word in Judge.words}
    hum, hiss = (LogMel(model.mel)(torch.from_numpy(own[w]))[:, 0].numpy() for w in ("hum", "hiss"))
    others = np.random.default_rng(0).uniform(-1, 1, (2, 80, 64))
    Generator.takes = np.stack([hum[2], *others]).astype("f4")[:, None]
    monkeypatch.setattr(module, "RecordingsJudge", Judge)
    monkeypatch.setattr(module, "SpeechGenerator", Generator)
    make_takes(recordings, model, tmp_path / "takes", TakesRecipe(3, accept=0.8), 0, False)
    assert takes_in(tmp_path / "takes") == {"hiss": 0, "hum": 1}
    clips = find_clips([{"kind": "folder", "root": str(tmp_path / "takes" / PACK)}])
    written = packed_log_mels(clips, model.mel.hash)
    assert written is not None
    rows = {w: [k for k, clip in enumerate(clips) if clip.label == w] for w in Judge.words}
    assert np.array_equal(written[rows["hum"]], Generator.takes[1].astype("f2"))
    assert np.array_equal(written[rows["hiss"]], hiss.astype("f2"))
    assert {clip.split for clip in clips} == {"training"}


def test_the_same_seed_makes_the_same_takes(
    recordings: list[Recording], model: ModelFile, tmp_path: Path
) -> None:
    """With the real judge; a threshold of 0 keeps all but copies, one above 1 none."""
    model.labels = ("hiss", "hum", "nine")
    recipe = TakesRecipe(count=2, accept=0.0)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_takes(recordings, model, tmp_path / name, recipe, seed, False)
    first, second, other = (
        next((tmp_path / name / PACK).glob("*.npy")).read_bytes() for name in "abc"
    )
    assert first == second != other
    make_takes(recordings, model, tmp_path / "d", TakesRecipe(2, accept=1.1), 3, False)
    assert takes_in(tmp_path / "d") == {"hiss": 0, "hum": 0}
