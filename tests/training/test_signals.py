"""Runs that are asked to end, at any moment."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.training.classifier import ClassifierModule, train_classifier
from scoresubnet.training.config import (
    ClassifierTraining,
)
from scoresubnet.training.modules import NoisyTraining
from scoresubnet.training.process import ended_trainings
from scoresubnet.weights import load_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
Compare = Callable[[Path, Path], None]
Rows = Callable[[Path], list[dict[str, Any]]]
StepOf = Callable[[Path], int]
AtStep = Callable[[pytest.MonkeyPatch, type[NoisyTraining], int, Callable[[], None]], None]


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """Also where the tests run in a shell's background, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    raise RuntimeError("the machine is gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step_in_hand(
    number: signal.Signals,
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step_of: StepOf,
    at_step: AtStep,
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
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: AtStep,
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


@pytest.mark.parametrize(
    ("number", "minutes", "heard"),
    [(signal.SIGTERM, 0.0, [15]), (signal.SIGINT, 0.0, [2]), (None, 1e-9, []), (None, 0.0, [])],
)
def test_a_command_can_tell_what_ended_its_training(
    number: int | None,
    minutes: float,
    heard: list[int],
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: AtStep,
) -> None:
    if number is not None:
        at_step(monkeypatch, ClassifierModule, 2, lambda: os.kill(os.getpid(), number))
    with ended_trainings() as signals:
        train_classifier(classifier_run(minutes=minutes), tmp_path)
    assert signals == heard
    with ended_trainings() as signals:
        pass
    assert signals == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("steps", [2, 4])
def test_a_validation_that_a_signal_cut_short_is_made_up_for(
    steps: int,
    number: signal.Signals,
    classifier_run: MakeClassifier,
    assert_same: Compare,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
) -> None:
    """Of a step in the middle of the run, and of the last one."""
    monkeypatch.setattr("scoresubnet.training.clip_data._VALIDATION_BATCH", 2)  # of four clips
    train_classifier(classifier_run(steps=steps), tmp_path / "straight")
    with monkeypatch.context() as patch:
        real, seen = ClassifierModule.validation_step, []

        def validation_step(self: Any, batch: Any, batch_idx: int) -> None:
            seen.append(batch_idx)
            os.kill(os.getpid(), number)
            real(self, batch, batch_idx)

        patch.setattr(ClassifierModule, "validation_step", validation_step)
        train_classifier(classifier_run(steps=steps), tmp_path / "stopped")
    assert seen == [0]
    assert step_of(tmp_path / "stopped") == 2
    for _ in range(2):  # the second one finds nothing to do
        train_classifier(classifier_run(steps=steps), tmp_path / "stopped")
    assert_same(tmp_path / "stopped", tmp_path / "straight")

    def validations(out: Path) -> list[tuple[int, float]]:
        return [(r["step"], r["valid/loss_t0.5"]) for r in rows(out) if "valid/loss_t0.5" in r]

    assert validations(tmp_path / "stopped") == validations(tmp_path / "straight")


def test_a_crash_in_a_validation_costs_no_step_and_no_validation(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
) -> None:
    """Nor does a signal while that is made up for."""
    monkeypatch.setattr("scoresubnet.training.clip_data._VALIDATION_BATCH", 2)
    for act in (crash, terminate):
        with monkeypatch.context() as patch:
            patch.setattr(ClassifierModule, "validation_step", lambda *_, act=act: act())
            with pytest.raises(RuntimeError) if act is crash else nullcontext():
                train_classifier(classifier_run(), tmp_path)
        assert step_of(tmp_path) == 2
        assert not (tmp_path / "log.jsonl").exists()  # too few steps for other rows
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    assert [row["step"] for row in rows(tmp_path) if "valid/loss_t0.5" in row] == [1, 3]


@pytest.mark.parametrize(
    ("number", "ended"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_while_weights_are_saved_leaves_none_or_all(
    number: signal.Signals,
    ended: type[BaseException],
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        real = Path.write_bytes

        def write_bytes(path: Path, content: bytes) -> int:
            if bytes(content[8:9]) == b"{":  # safetensors: its header after its length
                real(path, content[: len(content) // 2])
                os.kill(os.getpid(), number)
            return real(path, content)

        patch.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(ended):
            train_classifier(classifier_run(), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    assert not list(tmp_path.glob(".*"))
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)


def test_a_second_interrupt_ends_the_run_at_once(
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
) -> None:
    """As an interrupt, of which Lightning makes an exit with status 1."""

    def interrupt_twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    at_step(monkeypatch, ClassifierModule, 3, interrupt_twice)
    with pytest.raises(KeyboardInterrupt):
        train_classifier(classifier_run(), tmp_path)
    assert step_of(tmp_path) == 2
