"""Stopped, crashed and finished runs, and the same command again."""

import dataclasses
import errno
import json
import logging
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
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
from scoresubnet.training.modules import NoisyTraining
from scoresubnet.training.score import ScoreModule, train_score
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


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """Also where the tests run in a shell's background, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def step_of(out: Path) -> int:
    return int(torch.load(out / "checkpoint.ckpt", weights_only=True)["global_step"])


def at_step(
    monkeypatch: pytest.MonkeyPatch,
    module: type[NoisyTraining],
    step: int,
    act: Callable[[], None],
) -> None:
    """Do something inside training step `step`, counted from 1."""
    real = module.training_step

    def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
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
    tensors: Tensors,
    assert_same: Compare,
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
    assert_same: Compare,
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
    assert_same: Compare,
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
    assert_same: Compare,
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


def test_a_full_disk_is_named_and_the_run_goes_on_from_its_last_checkpoint(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full_disk: Callable[[int], AbstractContextManager[None]],
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


def test_checkpoints_need_no_room_in_the_temporary_folder(
    classifier_run: MakeClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything left there by a kill: they are written beside their place."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    train_classifier(classifier_run(steps=2), tmp_path / "out")
    assert step_of(tmp_path / "out") == 2


def test_the_same_command_after_the_end_changes_nothing(
    classifier_run: MakeClassifier, classifier: Path, assert_same: Compare, tmp_path: Path
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
    assert_same: Compare,
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


def test_fine_tuning_can_be_resumed_but_not_from_another_start(
    classifier_run: MakeClassifier,
    classifier: Path,
    subnet: Path,
    assert_same: Compare,
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


def test_a_resumed_run_keeps_the_rhythm_of_validation(
    classifier_run: MakeClassifier, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    classifier_run: MakeClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an interrupt, of which Lightning makes an exit with status 1."""

    def interrupt_twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    at_step(monkeypatch, ClassifierModule, 3, interrupt_twice)
    with pytest.raises(KeyboardInterrupt):
        train_classifier(classifier_run(), tmp_path)
    assert step_of(tmp_path) == 2


def test_nothing_warns_of_what_is_as_it_should_be(
    score_run: MakeScore, classifier: Path, tmp_path: Path
) -> None:
    """Lightning doubts resumed runs, frozen classifiers and short runs; ours are tested."""
    with warnings.catch_warnings():
        for category in (UserWarning, FutureWarning):
            warnings.simplefilter("error", category)
        train_score(score_run(minutes=1e-9), classifier, tmp_path)
        train_score(score_run(), classifier, tmp_path)
    assert step_of(tmp_path) == 4


class Touch:
    """A pickle of it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def spoil(path: Path, how: str, mark: Path) -> None:
    whole = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "foreign":
        torch.save({"weights": torch.ones(3)}, path)
    elif how == "of another network":
        state = torch.load(path, weights_only=True)
        state["state_dict"] = {"x": torch.ones(3)}
        torch.save(state, path)
    elif how == "with code":
        state = torch.load(path, weights_only=True)
        torch.save(state | {"hyper_parameters": {"x": Touch(mark)}}, path)
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    "how", ["empty", "truncated", "foreign", "of another network", "with code", "a folder"]
)
def test_a_checkpoint_that_is_none_of_this_run_is_named(
    how: str, classifier_run: MakeClassifier, classifier: Path, tmp_path: Path
) -> None:
    out, mark = tmp_path / "out", tmp_path / "mark"
    shutil.copytree(classifier, out)
    spoil(out / "checkpoint.ckpt", how, mark)
    with pytest.raises(ValueError, match=r"not a checkpoint of this run \(.+\); del") as error:
        train_classifier(classifier_run(steps=5), out)
    assert str(error.value).startswith(f"{out / 'checkpoint.ckpt'}: ")
    assert str(error.value).isprintable()
    assert "still be loaded" not in str(error.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EIO, "Input/output error"),
        ImportError("libcudart.so"),
        RuntimeError("CUDA error: busy"),
    ],
    ids=repr,
)
def test_a_checkpoint_is_not_blamed_for_the_machine(
    error: Exception,
    classifier_run: MakeClassifier,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(classifier, tmp_path / "out")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ClassifierModule, "on_load_checkpoint", fail)
    with pytest.raises(type(error)) as raised:
        train_classifier(classifier_run(steps=5), tmp_path / "out")
    assert raised.value is error


def test_a_checkpoint_is_not_blamed_for_too_little_memory(
    classifier_run: MakeClassifier,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(classifier, tmp_path / "out")

    def allocate(*_: object, **__: object) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(ClassifierModule, "on_load_checkpoint", allocate)
    with pytest.raises(RuntimeError, match="memory"):
        train_classifier(classifier_run(steps=5), tmp_path / "out")


def test_a_class_that_a_checkpoint_names_is_not_made(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GHSA-qqmf-gpg7-g8gw: strings, which pass `weights_only`, named what Lightning then called."""
    out, mark = tmp_path / "out", tmp_path / "mark"
    code = f"from pathlib import Path\nPath({str(mark)!r}).touch()\nmake = print\n"
    (tmp_path / "evil.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copytree(classifier, out)
    state = torch.load(out / "checkpoint.ckpt", weights_only=True)
    state["hyper_parameters"] = {"_instantiator": "evil.make", "_class_path": "evil.make"}
    torch.save(state, out / "checkpoint.ckpt")
    train_classifier(classifier_run(), out)
    assert not mark.exists()
    assert_same(out, classifier)
    with pytest.raises(ValueError, match="blocked to prevent arbitrary code execution"):
        ClassifierModule.load_from_checkpoint(out / "checkpoint.ckpt", weights_only=True)
    assert not mark.exists()
