"""What a run leaves in its folder: weights, and a log."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.sampling import SAMPLING_PRESETS
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    DataConfig,
    RunConfig,
    ScoreTraining,
)
from scoresubnet.training.score import train_score
from scoresubnet.weights import load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
Tensors = Callable[[Path], dict[str, Tensor]]
Compare = Callable[[Path, Path], None]
Rows = Callable[[Path], list[dict[str, Any]]]


def test_a_score_run_leaves_the_classifier_as_it_was(
    classifier: Path, subnet: Path, tensors: Tensors
) -> None:
    before, after = tensors(classifier), tensors(subnet)
    assert {name for name in after if name.startswith("classifier.")} == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    x = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.1, 0.6])
    one, other = load_model(classifier), load_model(subnet)
    assert (one.labels, one.sde, one.mel) == (other.labels, other.sde, other.mel)
    with torch.no_grad():
        assert torch.equal(one.backbone()(x, t), other.backbone()(x, t))


def test_a_score_run_trains_every_part_of_the_subnet(
    classifier: Path, score_run: MakeScore, subnet: Path, tensors: Tensors, tmp_path: Path
) -> None:
    """From the same seed: one step against four."""
    train_score(score_run(steps=1), classifier, tmp_path)
    early, late = tensors(tmp_path), tensors(subnet)
    still = [n for n in late if n.startswith("subnet.") and torch.equal(early[n], late[n])]
    assert not still


def test_words_that_yaml_takes_for_something_else_are_trained(
    words_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a config file, which a resumed run reads again, into the labels of the weights."""
    words = ("yes", "no", "on", "off", "null", "1")
    monkeypatch.chdir(tmp_path)
    Path("words").mkdir()
    for word in words:
        Path("words", word).symlink_to(words_folder / "hum")
    listed = f"[{', '.join(words)}]"
    Path("base.yaml").write_text(
        f"data: {{sources: [{{kind: folder, root: words, words: {listed}}}], words: {listed}}}\n"
        "network: {widths: [8, 16], blocks: [1, 1], bottleneck_blocks: 1, patch: 4, time_dim: 16}"
    )
    Path("own.yaml").write_text("base: base.yaml\nrun: {steps: 1}\ndata: {batch_size: 4}")
    for steps in ("1", "2"):
        command = ["train", "classifier", "--config", "own.yaml", "--out", "run"]
        assert main([*command, "--run.steps", steps]) == 0
    assert load_model("run").labels == words


def test_the_returned_model_is_the_saved_one(
    score_run: MakeScore, classifier: Path, subnet: Path, assert_same: Compare, tmp_path: Path
) -> None:
    """Its score and class gradient are those of the file: nothing unsaved has changed either."""
    returned = train_score(score_run(), classifier, tmp_path).score_model()
    assert_same(tmp_path, subnet)
    saved = load_model(subnet).score_model()
    x, t = torch.randn(1, 1, 80, 64, generator=torch.Generator().manual_seed(0)), torch.ones(1)
    label = torch.tensor([0])
    with torch.no_grad():
        found, expected = (m.with_class_gradient(label)(x, t) for m in (returned, saved))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)  # memory formats may differ
    for (name, a), (_, b) in zip(returned.named_buffers(), saved.named_buffers(), strict=True):
        assert torch.equal(a, b), name


def test_the_seed_decides(
    classifier_run: MakeClassifier, classifier: Path, tensors: Tensors, tmp_path: Path
) -> None:
    config = classifier_run()
    train_classifier(
        dataclasses.replace(config, run=dataclasses.replace(config.run, seed=4)), tmp_path
    )
    a, b = tensors(tmp_path), tensors(classifier)
    assert not torch.equal(a["classifier.head.weight"], b["classifier.head.weight"])


def test_log_of_a_classifier_run(
    classifier_run: MakeClassifier, rows: Rows, tmp_path: Path
) -> None:
    """Every 20 steps the loss by quarter of the noise; at validation the accuracy by time."""
    config = classifier_run(run=RunConfig(steps=20, seed=3, validate_every=10))
    train_classifier(config, tmp_path)
    log = rows(tmp_path)
    assert all({"step", "time"} <= row.keys() for row in log)
    train = [row for row in log if "train/loss" in row]
    assert [row["step"] for row in train] == [19]
    assert train[0].keys() >= {f"train/loss_q{q}" for q in (1, 2, 3, 4)}
    valid = [row for row in log if "valid/accuracy_t0.001" in row]
    assert [row["step"] for row in valid] == [9, 19]
    for row in valid:
        for time in ("0.001", "0.1", "0.2", "0.3", "0.4", "0.5", "0.7"):
            assert row[f"valid/accuracy_t{time}"] in (0.0, 0.25, 0.5, 0.75, 1.0)
            assert row[f"valid/loss_t{time}"] >= 0
    assert not any("epoch" in row for row in log)
    assert {path.name for path in tmp_path.iterdir()} >= {
        "config.yaml",
        "log.jsonl",
        "checkpoint.ckpt",
        "model.safetensors",
    }
    assert not list(tmp_path.glob(".*"))  # no half-written files


def test_log_of_a_score_run(subnet: Path, rows: Rows) -> None:
    valid = [row for row in rows(subnet) if "valid/loss" in row]
    assert [row["step"] for row in valid] == [1, 3]
    for row in valid:
        quarters = [row[f"valid/loss_q{q}"] for q in (1, 2, 3, 4)]
        assert row["valid/loss"] == pytest.approx(sum(quarters) / 4, rel=1e-4)  # four clips


def test_training_lowers_the_loss(
    score_run: MakeScore, classifier: Path, rows: Rows, tmp_path: Path
) -> None:
    """A fresh subnet gives zeros: its loss is the power of the noise, 1."""
    run = RunConfig(steps=40, seed=3, validate_every=20)
    train_score(score_run(run=run), classifier, tmp_path)
    losses = [row["valid/loss"] for row in rows(tmp_path) if "valid/loss" in row]
    assert losses[-1] < losses[0]
    assert losses[-1] < 0.95


def test_augmentation_knows_the_classifier_s_front_end(
    score_run: MakeScore, classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decibels become units of x by the settings of the features, not by the default ones."""
    other = load_model(classifier)
    other.mel = MelSettings(log_max=3.0)
    save_model(other, tmp_path / "other" / "model.safetensors")
    seen: list[MelSettings] = []

    def augment(x: Tensor, config: AugmentConfig, mel: MelSettings, g: torch.Generator) -> Tensor:
        seen.append(mel)
        return x

    monkeypatch.setattr("scoresubnet.training.modules.augment", augment)
    train_score(score_run(steps=1), tmp_path / "other", tmp_path / "out")
    assert seen == [other.mel]


def test_a_new_subnet_has_not_the_sampling_of_the_one_beside_its_classifier(
    score_run: MakeScore, subnet: Path, tmp_path: Path
) -> None:
    other = load_model(subnet)
    other.sampling = SAMPLING_PRESETS["paper"]
    save_model(other, tmp_path / "other" / "model.safetensors")
    train_score(score_run(steps=1), tmp_path / "other", tmp_path / "out")
    assert load_model(tmp_path / "out").sampling is None


def test_no_validation_clips_are_no_reason_to_fail(
    classifier_run: MakeClassifier,
    words_folder: Path,
    data_config: Callable[..., DataConfig],
    tmp_path: Path,
) -> None:
    """Few own recordings may all fall into the training split; the log must stay valid JSON."""
    for word in ("hum", "hiss"):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in ("take0", "take2"):
            name = f"{word}/{take}.wav"
            (tmp_path / "words" / name).symlink_to(words_folder / name)
    data = data_config(sources=({"kind": "folder", "root": str(tmp_path / "words")},))
    train_classifier(classifier_run(steps=20, data=data), tmp_path / "out")
    assert torch.load(tmp_path / "out" / "checkpoint.ckpt", weights_only=True)["global_step"] == 20
    assert "NaN" not in (tmp_path / "out" / "log.jsonl").read_text()
