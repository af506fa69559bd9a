"""Checkpoints that are none, or more than one, and where they are written."""

import errno
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scoresubnet.training.classifier import ClassifierModule, train_classifier
from scoresubnet.training.config import (
    ClassifierTraining,
)

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
Compare = Callable[[Path, Path], None]
StepOf = Callable[[Path], int]


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


def resumed(
    fail: Callable[[], object],
    config: ClassifierTraining,
    begun: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Go on with a copy of a run, where loading its checkpoint does this."""
    shutil.copytree(begun, out)
    monkeypatch.setattr(ClassifierModule, "on_load_checkpoint", lambda *_: fail())
    train_classifier(config, out)


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
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        resumed(fail, classifier_run(steps=5), classifier, tmp_path / "out", monkeypatch)
    assert raised.value is error


def test_a_checkpoint_is_not_blamed_for_too_little_memory(
    classifier_run: MakeClassifier,
    classifier: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def allocate() -> object:
        return torch.empty(1 << 60)

    with pytest.raises(RuntimeError, match="memory"):
        resumed(allocate, classifier_run(steps=5), classifier, tmp_path / "out", monkeypatch)


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


def test_checkpoints_need_no_room_in_the_temporary_folder(
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
) -> None:
    """Nor is anything left there by a kill: they are written beside their place."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    train_classifier(classifier_run(steps=2), tmp_path / "out")
    assert step_of(tmp_path / "out") == 2
