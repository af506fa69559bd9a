"""Whole runs of a few steps: resumed runs, stopped runs, refused runs, and what they leave."""

import dataclasses
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.tensor_files import WeightsError
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    DataConfig,
    OptimiserConfig,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.modules import ClassifierModule, NoisyTraining, ScoreModule
from scoresubnet.training.run import train_classifier, train_score
from scoresubnet.weights import load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
AUGMENT = AugmentConfig(shift=3, stretch=0.1, warp=0.1, gain=6, lowpass=0.5, noise=0.5, mask=0.5)


@pytest.fixture(scope="module")
def classifier(
    classifier_run: MakeClassifier, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of a classifier trained for four steps without a stop."""
    out = tmp_path_factory.mktemp("classifier")
    train_classifier(classifier_run(), out)
    return out


@pytest.fixture(scope="module")
def subnet(
    score_run: MakeScore, classifier: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a Score Subnet trained on it for four steps without a stop."""
    out = tmp_path_factory.mktemp("subnet")
    train_score(score_run(), classifier, out)
    return out


def tensors(out: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(out / "model.safetensors")


HEAD = "classifier.head.weight"


def assert_same(one: Path, other: Path) -> None:
    """The same weights, bit for bit."""
    a, b = tensors(one), tensors(other)
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different


def step_of(out: Path) -> int:
    return int(torch.load(out / "checkpoint.ckpt", weights_only=True)["global_step"])


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def at_step(
    monkeypatch: pytest.MonkeyPatch,
    module: type[NoisyTraining],
    step: int,
    act: Callable[[], None],
) -> None:
    """Do something inside training step `step`, counted from 1."""
    real = module.training_step

    def training_step(self: Any, batch: Any, batch_idx: int) -> Tensor:
        if self.global_step == step - 1:
            act()
        return real(self, batch, batch_idx)

    monkeypatch.setattr(module, "training_step", training_step)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    raise RuntimeError("the machine is gone")


def test_a_stopped_and_resumed_classifier_run_is_the_same_run(
    classifier_run: MakeClassifier,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four steps = two steps, SIGTERM, the same command again: bit for bit."""
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 2, terminate)
        train_classifier(classifier_run(), tmp_path)
    assert step_of(tmp_path) == 2
    halfway = tensors(tmp_path)[HEAD]
    train_classifier(classifier_run(), tmp_path)
    assert step_of(tmp_path) == 4
    assert_same(tmp_path, classifier)
    assert not torch.equal(halfway, tensors(classifier)[HEAD])


@pytest.mark.parametrize("parametrisation", ["epsilon", "v"])
def test_a_stopped_and_resumed_score_run_is_the_same_run(
    parametrisation: str,
    score_run: MakeScore,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same with everything switched on that draws random numbers."""
    config = score_run(
        parametrisation=parametrisation,
        augment=AUGMENT,
        times=TimesConfig("logit_normal"),
    )
    train_score(config, classifier, tmp_path / "straight")
    with monkeypatch.context() as patch:
        at_step(patch, ScoreModule, 2, terminate)
        train_score(config, classifier, tmp_path / "stopped")
    assert step_of(tmp_path / "stopped") == 2
    train_score(config, classifier, tmp_path / "stopped")
    assert step_of(tmp_path / "stopped") == 4
    assert_same(tmp_path / "stopped", tmp_path / "straight")


def test_dropout_survives_a_stop(
    classifier_run: MakeClassifier,
    tiny: ClassifierConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dropout draws from torch's global generator, which is no part of a checkpoint."""
    config = classifier_run(network=dataclasses.replace(tiny, dropout=0.3))
    train_classifier(config, tmp_path / "straight")
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 2, terminate)
        train_classifier(config, tmp_path / "stopped")
    train_classifier(config, tmp_path / "stopped")
    assert_same(tmp_path / "stopped", tmp_path / "straight")


def test_a_crashed_run_goes_on_from_its_last_checkpoint(
    classifier_run: MakeClassifier,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = classifier_run()
    often = dataclasses.replace(config, run=dataclasses.replace(config.run, save_every=1e-9))
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 4, crash)
        with pytest.raises(RuntimeError, match="the machine is gone"):
            train_classifier(often, tmp_path)
    assert step_of(tmp_path) == 3
    assert not (tmp_path / "model.safetensors").exists()
    train_classifier(config, tmp_path)
    assert_same(tmp_path, classifier)


def test_the_same_command_after_the_end_changes_nothing(
    classifier_run: MakeClassifier, classifier: Path, tmp_path: Path
) -> None:
    """The averaged weights again, and not those of the last step."""
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    assert step_of(tmp_path) == 4


def test_a_finished_run_may_be_made_longer(
    classifier_run: MakeClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar goes on where it was."""
    train_classifier(classifier_run(steps=2), tmp_path)
    before = tensors(tmp_path)[HEAD]
    capsys.readouterr()
    train_classifier(classifier_run(steps=5), tmp_path)
    assert step_of(tmp_path) == 5
    shown = capsys.readouterr().err
    assert all(f" {step}/5 " in shown for step in (2, 5))
    assert " 0/5 " not in shown
    assert not torch.equal(before, tensors(tmp_path)[HEAD])
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["run"]["steps"] == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step_in_hand(
    number: signal.Signals,
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_step(monkeypatch, ClassifierModule, 3, lambda: os.kill(os.getpid(), number))
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with caplog.at_level(logging.WARNING, "scoresubnet"):
        train_classifier(classifier_run(), tmp_path)
    assert step_of(tmp_path) == 3
    assert load_model(tmp_path).labels == ("hum", "hiss")
    assert f"stopped at step 3 of 4: {number.name}" in caplog.text
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_handlers_of_signals_come_back_after_a_crash(
    classifier_run: MakeClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or Ctrl-C would be dead for the rest of a notebook."""
    at_step(monkeypatch, ClassifierModule, 1, crash)
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    try:
        with pytest.raises(RuntimeError, match="the machine is gone"):
            train_classifier(classifier_run(), tmp_path)
        assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers
    finally:
        signal.signal(signal.SIGTERM, handlers[0])
        signal.signal(signal.SIGINT, handlers[1])


def test_the_time_budget_ends_the_run_and_the_next_command_goes_on(
    score_run: MakeScore,
    classifier: Path,
    subnet: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "scoresubnet"):
        train_score(score_run(minutes=1e-9), classifier, tmp_path)
    assert step_of(tmp_path) == 1
    assert "stopped at step 1 of 4: the budget of 1e-09 minutes is used up" in caplog.text
    load_model(tmp_path).score_model()
    train_score(score_run(), classifier, tmp_path)
    assert_same(tmp_path, subnet)


def test_a_score_run_leaves_the_classifier_as_it_was(classifier: Path, subnet: Path) -> None:
    before, after = tensors(classifier), tensors(subnet)
    assert {name for name in after if name.startswith("classifier.")} == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    x = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.1, 0.6])
    one, other = load_model(classifier), load_model(subnet)
    assert (one.labels, one.sde, one.mel) == (other.labels, other.sde, other.mel)
    with torch.no_grad():
        assert torch.equal(one.classifier.eval()(x, t), other.score_model().backbone(x, t))


def test_a_score_run_trains_every_part_of_the_subnet(
    classifier: Path, score_run: MakeScore, subnet: Path, tmp_path: Path
) -> None:
    """From the same seed: one step against four."""
    train_score(score_run(steps=1), classifier, tmp_path)
    early, late = tensors(tmp_path), tensors(subnet)
    still = [n for n in late if n.startswith("subnet.") and torch.equal(early[n], late[n])]
    assert not still


def test_the_returned_model_is_the_saved_one(
    score_run: MakeScore, classifier: Path, subnet: Path, tmp_path: Path
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


def test_the_seed_decides(classifier_run: MakeClassifier, classifier: Path, tmp_path: Path) -> None:
    config = classifier_run()
    train_classifier(
        dataclasses.replace(config, run=dataclasses.replace(config.run, seed=4)), tmp_path
    )
    a, b = tensors(tmp_path), tensors(classifier)
    assert not torch.equal(a[HEAD], b[HEAD])


def other_configs(config: ClassifierTraining) -> dict[str, ClassifierTraining]:
    replace = dataclasses.replace
    return {
        "network": replace(config, network=replace(config.network, time_dim=8)),
        "data": replace(config, data=replace(config.data, batch_size=2)),
        "sde": replace(config, sde=replace(config.sde, beta_max=10.0)),
        "times": replace(config, times=TimesConfig("logit_normal")),
        "augment": replace(config, augment=AugmentConfig(gain=6)),
        "optimiser": replace(config, optimiser=replace(config.optimiser, learning_rate=1e-4)),
        "run.seed": replace(config, run=replace(config.run, seed=9)),
    }


@pytest.mark.parametrize(
    "changed", ["network", "data", "sde", "times", "augment", "optimiser", "run.seed"]
)
def test_another_config_is_refused_and_named(
    changed: str, classifier_run: MakeClassifier, classifier: Path
) -> None:
    before = {path: path.read_bytes() for path in classifier.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=rf"holds a run with another {changed} \(see "):
        train_classifier(other_configs(classifier_run())[changed], classifier)
    assert {path: path.read_bytes() for path in classifier.iterdir() if path.is_file()} == before


def test_another_score_config_or_classifier_is_refused_and_named(
    score_run: MakeScore, classifier: Path, subnet: Path
) -> None:
    config = score_run(
        parametrisation="v",
        subnet=SubnetConfig((8, 8, 8, 8), (1, 1, 1, 1), "addition", time_dim=16),
    )
    with pytest.raises(ValueError, match="another subnet, parametrisation "):
        train_score(config, classifier, subnet)
    with pytest.raises(ValueError, match="another classifier "):
        train_score(score_run(), subnet, subnet)


@pytest.mark.parametrize("words", [("hum", "hiss"), ("hiss", "hum"), ("hiss",)])
def test_fine_tuning_starts_from_other_weights(
    words: tuple[str, ...],
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    tiny: ClassifierConfig,
    classifier: Path,
    tmp_path: Path,
) -> None:
    """At a learning rate of zero they stay; the last layer is kept only if it means the same."""
    config = classifier_run(
        steps=1,
        data=data_config(words=words),
        network=dataclasses.replace(tiny, dropout=0.2),
        optimiser=OptimiserConfig(learning_rate=0.0),
    )
    train_classifier(config, tmp_path, start=classifier)
    before, after = tensors(classifier), tensors(tmp_path)
    assert load_model(tmp_path).labels == words
    for name, tensor in after.items():
        if words == ("hum", "hiss") or ".head." not in name:
            assert torch.equal(tensor, before[name]), name
        else:
            assert len(tensor) == len(words)
            assert not torch.equal(tensor, before[name][: len(words)]), name


def test_fine_tuning_needs_the_same_network(
    classifier_run: MakeClassifier, tiny: ClassifierConfig, classifier: Path, tmp_path: Path
) -> None:
    config = classifier_run(network=dataclasses.replace(tiny, time_dim=8))
    with pytest.raises(ValueError, match="cannot start from a network of another shape"):
        train_classifier(config, tmp_path, start=classifier)


def test_fine_tuning_a_subnet_starts_from_it(
    score_run: MakeScore, classifier: Path, subnet: Path, tmp_path: Path
) -> None:
    config = score_run(steps=1, optimiser=OptimiserConfig(learning_rate=0.0))
    train_score(config, classifier, tmp_path, start=subnet)
    before, after = tensors(subnet), tensors(tmp_path)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_subnet_starts_only_from_its_own_kind(
    classifier_run: MakeClassifier,
    score_run: MakeScore,
    classifier: Path,
    subnet: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="cannot start from a classifier alone"):
        train_score(score_run(), classifier, tmp_path / "a", start=classifier)
    with pytest.raises(ValueError, match="cannot start from another kind of subnet"):
        train_score(score_run(parametrisation="v"), classifier, tmp_path / "b", start=subnet)
    train_classifier(classifier_run(steps=1), tmp_path / "other")
    with pytest.raises(ValueError, match="trained on another classifier"):
        train_score(score_run(), tmp_path / "other", tmp_path / "c", start=subnet)


def test_fine_tuning_can_be_resumed_but_not_from_another_start(
    classifier_run: MakeClassifier,
    classifier: Path,
    subnet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_classifier(classifier_run(), tmp_path / "straight", classifier)
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 2, terminate)
        train_classifier(classifier_run(), tmp_path / "stopped", classifier)
    for start in (subnet, None):
        with pytest.raises(ValueError, match="another start "):
            train_classifier(classifier_run(), tmp_path / "stopped", start)
    train_classifier(classifier_run(), tmp_path / "stopped", classifier)
    assert_same(tmp_path / "stopped", tmp_path / "straight")


def test_a_command_that_cannot_start_leaves_the_folder_free(
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    classifier: Path,
    tmp_path: Path,
) -> None:
    """Else the corrected command would be refused as another run."""
    with pytest.raises(WeightsError, match="no such file or folder"):
        train_classifier(classifier_run(), tmp_path, start=tmp_path / "absent")
    with pytest.raises(ValueError, match="no training clips of hoot"):
        train_classifier(classifier_run(data=data_config(words=("hum", "hoot"))), tmp_path)
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)


def test_words_that_the_classifier_does_not_know_are_refused(
    score_run: MakeScore,
    classifier: Path,
    words_folder: Path,
    data_config: Callable[..., DataConfig],
    tmp_path: Path,
) -> None:
    for word, source in (("hum", "hum"), ("hoot", "hiss")):
        (tmp_path / "words").mkdir(exist_ok=True)
        (tmp_path / "words" / word).symlink_to(words_folder / source)
    data = data_config(
        sources=({"kind": "folder", "root": str(tmp_path / "words")},), words=("hum", "hoot")
    )
    with pytest.raises(ValueError, match="does not know hoot; its labels are hum, hiss"):
        train_score(score_run(data=data), classifier, tmp_path / "out")


def test_one_word_of_the_classifier_is_enough_for_the_subnet(
    score_run: MakeScore,
    classifier: Path,
    data_config: Callable[..., DataConfig],
    tmp_path: Path,
) -> None:
    """Zero-shot guidance: the subnet sees fewer words, the labels stay the classifier's."""
    model = train_score(score_run(steps=1, data=data_config(words=("hiss",))), classifier, tmp_path)
    assert model.labels == load_model(tmp_path).labels == ("hum", "hiss")


def test_a_subnet_needs_a_classifier(score_run: MakeScore, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file or folder"):
        train_score(score_run(), tmp_path / "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_log_of_a_classifier_run(classifier_run: MakeClassifier, tmp_path: Path) -> None:
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


def test_a_resumed_run_keeps_the_rhythm_of_validation(
    classifier_run: MakeClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation every two steps of the whole run, and at the stop; and with the same results."""
    train_classifier(classifier_run(steps=6), tmp_path / "straight")
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 3, terminate)
        train_classifier(classifier_run(steps=6), tmp_path / "stopped")
    train_classifier(classifier_run(steps=6), tmp_path / "stopped")

    def validations(out: Path) -> dict[int, float]:
        return {
            row["step"]: row["valid/loss_t0.5"] for row in rows(out) if "valid/loss_t0.5" in row
        }

    straight, stopped = validations(tmp_path / "straight"), validations(tmp_path / "stopped")
    assert list(straight) == [1, 3, 5]
    assert list(stopped) == [1, 2, 3, 5]
    assert all(stopped[step] == straight[step] for step in straight)


def test_log_of_a_score_run(subnet: Path) -> None:
    valid = [row for row in rows(subnet) if "valid/loss" in row]
    assert [row["step"] for row in valid] == [1, 3]
    for row in valid:
        quarters = [row[f"valid/loss_q{q}"] for q in (1, 2, 3, 4)]
        assert row["valid/loss"] == pytest.approx(sum(quarters) / 4, rel=1e-4)  # four clips


def test_training_lowers_the_loss(score_run: MakeScore, classifier: Path, tmp_path: Path) -> None:
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
    assert step_of(tmp_path / "out") == 20
    assert "NaN" not in (tmp_path / "out" / "log.jsonl").read_text()
