"""The evaluator: its file, and what it makes of clips."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from scoresubnet.audio import mel
from scoresubnet.audio.io import fit_length, read_audio
from scoresubnet.audio.mel import LogMel
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.data.words import WORD_SETS
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.evaluation.statistics.inception import inception_score
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.word_evaluator import file as files
from scoresubnet.word_evaluator.file import (
    FILE_NAME,
    FRONT_END,
    EvaluatorFile,
    evaluator_path,
    read_evaluator,
    save_evaluator,
    shipped_evaluators,
    shipped_for,
)
from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtConfig


@pytest.fixture
def file() -> EvaluatorFile:
    torch.manual_seed(0)
    network = ResNeXt(ResNeXtConfig((8, 16), (1, 1), 4), 3)
    return EvaluatorFile(network, ("hum", "hiss", "hoot"), FRONT_END, {"accuracy": "low"})


def sounds(*lengths: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(0, 0.1, length).astype(np.float32) for length in lengths]


def test_a_second_is_101_frames_of_the_evaluator_s_own_front_end() -> None:
    assert LogMel(FRONT_END)(torch.zeros(1, 16_000)).shape == (1, 1, 64, 101)


def test_what_is_judged_is_the_network_s_output(file: EvaluatorFile) -> None:
    clip = sounds(16_000)
    judged = WordEvaluator(file)(clip)
    assert judged.probabilities is not None
    with torch.no_grad():
        expected = file.network(LogMel(FRONT_END)(torch.from_numpy(clip[0])))
    np.testing.assert_allclose(judged.embedding, expected.embedding, rtol=1e-6)
    np.testing.assert_allclose(judged.probabilities, expected.logits.softmax(1), rtol=1e-5)
    assert judged.embedding.dtype == judged.probabilities.dtype == np.float64
    assert judged.probabilities.sum() == pytest.approx(1, abs=1e-12)


def test_other_lengths_are_fitted_to_a_second(file: EvaluatorFile) -> None:
    clips = sounds(8_000, 22_000)
    together = WordEvaluator(file)(clips)
    for k, clip in enumerate(clips):
        alone = WordEvaluator(file)([fit_length(clip, 16_000)])
        np.testing.assert_array_equal(alone.embedding[0], together.embedding[k])


def test_settings_change_with_the_weights(file: EvaluatorFile) -> None:
    """They name the cache of embeddings."""
    before = WordEvaluator(file).settings
    with torch.no_grad():
        file.network.head.bias[0] += 1
    assert WordEvaluator(file).settings != before


def test_no_clips_are_refused(file: EvaluatorFile) -> None:
    with pytest.raises(ValueError, match="no clips"):
        WordEvaluator(file)([])


def test_a_file_comes_back_rounded_to_float16(file: EvaluatorFile, tmp_path: Path) -> None:
    save_evaluator(file, tmp_path / "evaluator.safetensors")
    for source in (tmp_path, tmp_path / "evaluator.safetensors"):
        back = read_evaluator(source)
        assert (back.labels, back.mel, back.notes) == (file.labels, file.mel, file.notes)
        assert not back.network.training
        for a, b in zip(file.network.parameters(), back.network.parameters(), strict=True):
            assert torch.equal(a.half().float(), b)


@pytest.mark.parametrize("label", ["../x", "none", " ", "hiss"])
def test_labels_are_words(label: str, file: EvaluatorFile, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    save_evaluator(file, path)
    with safetensors.safe_open(path, framework="pt") as opened:
        metadata = dict(opened.metadata())
    labels = [label, "hiss", "hoot"]
    safetensors.torch.save_file(
        safetensors.torch.load_file(path), path, metadata | {"labels": json.dumps(labels)}
    )
    with pytest.raises(WeightsError, match=f"{path}: .*word.*{label}"):
        read_evaluator(path)
    file.labels = tuple(labels)
    with pytest.raises(ValueError, match=label):
        save_evaluator(file, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_nothing_or_something_else_is_refused(file: EvaluatorFile, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no evaluator here"):
        read_evaluator(tmp_path)
    file.labels = ("hum", "hiss")
    save_evaluator(file, tmp_path / "evaluator.safetensors")
    with pytest.raises(WeightsError, match="of another shape"):
        read_evaluator(tmp_path)


def test_a_file_of_another_front_end_is_refused(
    file: EvaluatorFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_evaluator(file, tmp_path / "evaluator.safetensors")
    monkeypatch.setattr(mel, "RECIPE", "another recipe")
    with pytest.raises(WeightsError, match=f"made for features {'.' * 16}, but its settings hash"):
        read_evaluator(tmp_path)


@pytest.fixture
def shipped(file: EvaluatorFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tiny ones in place of those that ship; two know "la", two "happy"."""
    (tmp_path / "shipped").mkdir()
    for name, labels in (
        ("arabic16", ("sifr", "wahid", "la")),
        ("words18", ("seven", "happy", "la")),
        ("own", ("seven", "happy", "hum")),
    ):
        file.labels = labels
        save_evaluator(file, tmp_path / "shipped" / f"{name}.safetensors")
    monkeypatch.setattr(files, "FOLDER", tmp_path / "shipped")
    return tmp_path / "shipped"


def test_shipped_ones_go_by_their_names(shipped: Path, tmp_path: Path) -> None:
    assert list(shipped_evaluators()) == ["words18", "arabic16", "own"]
    assert evaluator_path("arabic16") == shipped / "arabic16.safetensors"
    assert WordEvaluator.from_pretrained("arabic16").labels == ("sifr", "wahid", "la")
    assert WordEvaluator.from_pretrained().labels == ("seven", "happy", "la")
    with pytest.raises(WeightsError, match=r"arabic: no .*, or a shipped one: words18, arabic16"):
        evaluator_path(tmp_path / "arabic")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["happy"], "words18"),  # the default before others
        (["la"], "words18"),
        (["la", "sifr"], "arabic16"),
        (["hum", "seven"], "own"),
        (["sifr", "seven"], "words18"),  # none knows both
        ([], "words18"),
    ],
)
def test_the_shipped_one_that_knows_the_words_is_chosen(
    words: list[str], name: str, shipped: Path
) -> None:
    assert shipped_for(words) == shipped / f"{name}.safetensors"


def test_a_shipped_one_that_is_missing_is_named(shipped: Path) -> None:
    (shipped / "words18.safetensors").unlink()
    with pytest.raises(WeightsError, match=f"{shipped}/words18.safetensors: no evaluator here"):
        WordEvaluator.from_pretrained(shipped_for(["yes"]))


def test_the_shipped_one_hears_words_and_tells_a_collapsed_set(
    recordings: Path,
) -> None:
    assert shipped_evaluators()["words18"].stat().st_size < 8_000_000
    judge = WordEvaluator.from_pretrained()
    assert judge.labels == tuple(WORD_SETS["WORDS18"])
    assert "Speech Commands testing list" in judge.notes["accuracy"]
    found = find_speech_commands(recordings / "speech_commands", judge.labels)
    testing = [clip for clip in found if clip.split == "testing"]
    clips = [c for w in judge.labels for c in [c for c in testing if c.label == w][:6]]
    sounds = [read_audio(clip.path, judge.mel.sample_rate) for clip in clips]
    judged = judge(sounds)
    assert judged.probabilities is not None
    heard = [judge.labels[k] for k in judged.probabilities.argmax(1)]
    right = np.mean([word == clip.label for word, clip in zip(heard, clips, strict=True)])
    assert right > 0.85
    # A generator that says one thing a little earlier, later, and softer. Many words are far above.
    takes = [(0.5 + k / 40) * np.roll(sounds[0], 40 * (k - 10)) for k in range(20)]
    same = judge([take.astype(np.float32) for take in takes]).probabilities
    assert same is not None
    assert inception_score(same) < 1.1
    assert inception_score(judged.probabilities) > 5
