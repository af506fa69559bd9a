"""Which takes are learned from: those that the judge hears, and that are no copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.adaptation import takes as module
from scoresubnet.adaptation.takes import PACK, TakesRecipe, make_takes, takes_in
from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.packs import packed_log_mels
from scoresubnet.data.recordings import Recording, read_recordings
from scoresubnet.data.sources import find_clips
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.weights import load_model, save_model


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

    mel = MelSettings()
    takes: np.ndarray

    @classmethod
    def from_pretrained(cls, weights: Path, device: None, backend: str) -> Generator:
        assert backend == "torch-bf16"
        return cls()

    def stream(
        self, labels: Sequence[str], seeds: Sequence[int], sampling: str, listen: bool
    ) -> Iterator[GeneratedSpeech]:
        (word,) = set(labels)
        assert len(set(seeds)) == len(labels) == 3
        assert not {clip_seed(0, word, k) for k in range(100)} & set(seeds)  # those of `expand`
        first = {"hiss": [0.0] * 3, "hum": [0.9, 0.9, 0.2]}[word]
        sounds = np.array(first, "f4")[:, None].repeat(16_000, 1)
        about = (16_000, tuple(labels), tuple(seeds), (), np.empty(0, "f4"))
        yield GeneratedSpeech(self.takes, sounds, *about)


@pytest.fixture
def recordings(words_folder: Path) -> list[Recording]:
    return read_recordings(words_folder, MelSettings())


def test_takes_are_heard_and_new(
    recordings: list[Recording], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hum = np.stack([r.audio for r in recordings if r.word == "hum"])
    copied = LogMel(MelSettings())(torch.from_numpy(hum))[2, 0].numpy()
    others = np.random.default_rng(0).uniform(-1, 1, (2, 80, 64))
    Generator.takes = np.stack([copied, *others]).astype("f4")[:, None]
    monkeypatch.setattr(module, "RecordingsJudge", Judge)
    monkeypatch.setattr(module, "SpeechGenerator", Generator)
    given = (TakesRecipe(3, accept=0.8), 0, "torch-bf16", False)
    make_takes(recordings, weights, tmp_path / "takes", *given)
    assert takes_in(tmp_path / "takes") == {"hiss": 0, "hum": 1}
    (clip,) = find_clips([{"kind": "folder", "root": str(tmp_path / "takes" / PACK)}])
    assert (clip.label, clip.split) == ("hum", "training")
    written = packed_log_mels([clip], MelSettings().hash)
    assert written is not None
    assert np.array_equal(written, Generator.takes[1].astype("f2"))


def test_the_same_seed_makes_the_same_takes(
    recordings: list[Recording], weights: Path, tmp_path: Path
) -> None:
    """With the real judge; a threshold of 0 keeps all but copies, one above 1 none."""
    model = load_model(weights)
    model.labels, model.aliases = ("hiss", "hum", "nine"), {}
    save_model(model, tmp_path / "two.safetensors")
    recipe = TakesRecipe(count=2, accept=0.0)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        about = (recipe, seed, "torch", False)
        make_takes(recordings, tmp_path / "two.safetensors", tmp_path / name, *about)
    first, second, other = (
        next((tmp_path / name / PACK).glob("*.npy")).read_bytes() for name in "abc"
    )
    assert first == second != other
    about = (TakesRecipe(2, accept=1.1), 3, "torch", False)
    make_takes(recordings, tmp_path / "two.safetensors", tmp_path / "d", *about)
    assert takes_in(tmp_path / "d") == {"hiss": 0, "hum": 0}
    assert not (tmp_path / "d" / PACK).exists()
