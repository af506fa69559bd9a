"""Stopped, crashed and finished runs, and the same command again."""

import dataclasses
import json
import logging
import os
import signal
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.training.callbacks import RunCheckpoint
from scoresubnet.training.classifier import ClassifierModule, train_classifier
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.modules import NoisyTraining
from scoresubnet.training.score import train_score
from scoresubnet.weights import load_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
Tensors = Callable[[Path], dict[str, Tensor]]
Compare = Callable[[Path, Path], None]
Rows = Callable[[Path], list[dict[str, Any]]]
AUGMENT = AugmentConfig(shift=3, stretch=0.1, warp=0.1, gain=6, lowpass=0.5, noise=0.5, mask=0.5)
HEAD = "classifier.head.weight"
KILLS = ((ClassifierModule, "training_step"), (RunCheckpoint, "on_train_batch_end"))
StepOf = Callable[[Path], int]
AtStep = Callable[[pytest.MonkeyPatch, type[NoisyTraining], int, Callable[[], None]], None]


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    raise RuntimeError("the machine is gone")


def test_a_stopped_and_resumed_classifier_run_is_the_same_run(
    classifier_run: MakeClassifier,
    classifier: Path,
    tensors: Tensors,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
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
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
) -> None:
    """The same with everything switched on that draws random numbers."""
    config = score_run(
        parametrisation=parametrisation,
        augment=AUGMENT,
        times=TimesConfig("logit_normal"),
    )
    train_score(config, classifier, tmp_path / "straight")
    with monkeypatch.context() as patch:
        at_step(patch, DenoisingModule, 2, terminate)
        train_score(config, classifier, tmp_path / "stopped")
    assert step_of(tmp_path / "stopped") == 2
    train_score(config, classifier, tmp_path / "stopped")
    assert step_of(tmp_path / "stopped") == 4
    assert_same(tmp_path / "stopped", tmp_path / "straight")


def test_dropout_survives_a_stop(
    classifier_run: MakeClassifier,
    tiny: ClassifierConfig,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: AtStep,
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
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
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


def test_a_full_disk_is_named_and_the_run_goes_on_from_its_last_checkpoint(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full_disk: Callable[[int], AbstractContextManager[None]],
    step_of: StepOf,
    at_step: AtStep,
) -> None:
    config = classifier_run()
    often = dataclasses.replace(config, run=dataclasses.replace(config.run, save_every=1e-9))
    checkpoint = tmp_path / "checkpoint.ckpt"
    with ExitStack() as disk, monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 3, lambda: disk.enter_context(full_disk(100_000)))
        with pytest.raises(OSError, match=f"{checkpoint}: cannot be written: File too large"):
            train_classifier(often, tmp_path)
    assert step_of(tmp_path) == 2
    assert not list(tmp_path.glob(".*"))
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 2, "ti')  # as an older version left it
    train_classifier(config, tmp_path)
    assert_same(tmp_path, classifier)
    assert rows(tmp_path)[-1]["step"] == 3
    names = {path.name.split(".")[0] for path in tmp_path.iterdir()}
    assert names == {"checkpoint", "clips", "config", "events", "log", "model"}


@pytest.mark.parametrize(("class_", "hook"), KILLS, ids=["in a step", "after a checkpoint"])
def test_a_kill_loses_no_row_of_the_log(
    class_: type,
    hook: str,
    classifier_run: MakeClassifier,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the twentieth step, which is logged and validated; the values are the same as well."""
    run = RunConfig(steps=21, seed=3, validate_every=20, save_every=1e-9)
    config = classifier_run(run=run)
    train_classifier(config, tmp_path / "straight")
    with monkeypatch.context() as patch:
        real = getattr(class_, hook)

        def killed(self: Any, *arguments: Any) -> Any:
            done = real(self, *arguments)
            step = arguments[0].global_step if class_ is RunCheckpoint else self.global_step + 1
            return crash() if step == 20 else done

        patch.setattr(class_, hook, killed)
        with pytest.raises(RuntimeError, match="the machine is gone"):
            train_classifier(config, tmp_path / "killed")
    train_classifier(config, tmp_path / "killed")

    def values(out: Path) -> list[dict[str, Any]]:
        told = [{k: v for k, v in row.items() if k != "time"} for row in rows(out)]
        return sorted({json.dumps(row): row for row in told}.values(), key=str)

    straight = values(tmp_path / "straight")
    assert [row["step"] for row in straight] == [19, 19]
    (trained,) = [row for row in straight if "train/loss" in row]
    assert all(f"train/loss_q{quarter}" in trained for quarter in (1, 2, 3, 4))
    assert values(tmp_path / "killed") == straight


def test_the_same_command_after_the_end_changes_nothing(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
    step_of: StepOf,
) -> None:
    """The averaged weights again, and not those of the last step."""
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    assert step_of(tmp_path) == 4


def test_a_finished_run_may_be_made_longer(
    classifier_run: MakeClassifier,
    tensors: Tensors,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    step_of: StepOf,
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


def test_the_time_budget_ends_the_run_and_the_next_command_goes_on(
    score_run: MakeScore,
    classifier: Path,
    subnet: Path,
    assert_same: Compare,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    step_of: StepOf,
) -> None:
    with caplog.at_level(logging.WARNING, "scoresubnet"):
        train_score(score_run(minutes=1e-9), classifier, tmp_path)
    assert step_of(tmp_path) == 1
    assert "stopped at step 1 of 4: the budget of 1e-09 minutes is used up" in caplog.text
    load_model(tmp_path).score_model()
    train_score(score_run(), classifier, tmp_path)
    assert_same(tmp_path, subnet)


def test_fine_tuning_can_be_resumed_but_not_from_another_start(
    classifier_run: MakeClassifier,
    classifier: Path,
    subnet: Path,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: AtStep,
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


def test_a_resumed_run_keeps_the_rhythm_of_validation(
    classifier_run: MakeClassifier,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: AtStep,
) -> None:
    """Validation every two steps of the whole run, with the same results."""
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
    assert stopped == straight


def test_nothing_warns_of_what_is_as_it_should_be(
    score_run: MakeScore,
    classifier: Path,
    tmp_path: Path,
    step_of: StepOf,
) -> None:
    """Lightning doubts resumed runs, frozen classifiers and short runs; ours are tested."""
    with warnings.catch_warnings():
        for category in (UserWarning, FutureWarning):
            warnings.simplefilter("error", category)
        train_score(score_run(minutes=1e-9), classifier, tmp_path)
        train_score(score_run(), classifier, tmp_path)
    assert step_of(tmp_path) == 4
