"""Real processes: one at a time in a folder, and what signals and kills leave."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.process import ended_by_sigterm, locked

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
Compare = Callable[[Path, Path], None]
Rows = Callable[[Path], list[dict[str, Any]]]
PATIENCE = 60  # seconds, of a busy machine

HOLDER = """
import sys
from pathlib import Path
from scoresubnet.training.process import locked
with locked(Path(sys.argv[1])):
    print("inside", flush=True)
    sys.stdin.read()
"""

SLOW = """
import sys, time
from scoresubnet.cli import main
from scoresubnet.training.datamodule import SpeechData

def val_dataloader(self):
    rows = self.kept.subset("validation").tolist()
    return self._loader([rows] * 100_000, lambda rows: slow(self, rows))

def slow(self, rows):
    time.sleep(0.01)
    print("validating", flush=True)
    return self.batch(rows)

SpeechData.val_dataloader = val_dataloader
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def python(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def test_a_folder_is_for_one_process_until_that_is_killed(
    classifier_run: MakeClassifier, tmp_path: Path
) -> None:
    with python(HOLDER, str(tmp_path)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "inside\n"
        with pytest.raises(ValueError, match=f"^{tmp_path}: another process .* another --out$"):
            train_classifier(classifier_run(), tmp_path)
        assert not list(tmp_path.iterdir())
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(PATIENCE)
    with locked(tmp_path), pytest.raises(ValueError, match="another process"), locked(tmp_path):
        pass  # nor twice in one process
    with locked(tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_keeps_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path), locked(tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_training_has_its_folder_to_the_end(
    classifier_run: MakeClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it reads data, and while it trains."""
    refused = []

    def try_it(self: Any, *arguments: Any) -> Any:
        with pytest.raises(ValueError, match="another process") as error:
            train_classifier(classifier_run(), tmp_path)
        refused.append(error)
        return real[len(refused) - 1](self, *arguments)

    real: list[Any] = [SpeechData.keep, SpeechData.train_dataloader]
    monkeypatch.setattr(SpeechData, "keep", try_it)
    monkeypatch.setattr(SpeechData, "train_dataloader", try_it)
    train_classifier(classifier_run(steps=1), tmp_path)
    assert len(refused) == 2


def test_sigterm_ends_a_long_validation_and_the_run_goes_on(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    rows: Rows,
    tmp_path: Path,
) -> None:
    """A validation of a thousand seconds; half of it is not logged, all of it is made up for."""
    out, config = tmp_path / "out", tmp_path / "tiny.yaml"
    config.write_text(json.dumps(dataclasses.asdict(classifier_run())))
    with python(SLOW, "train", "classifier", "--config", str(config), "--out", str(out)) as process:
        assert process.stdout is not None
        while "validating" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM  # `&&` does not go on with half a training
    assert torch.load(out / "checkpoint.ckpt", weights_only=True)["global_step"] == 2
    assert (out / "model.safetensors").is_file()
    log = out / "log.jsonl"
    assert not log.exists() or "valid/" not in log.read_text()
    lines = [line for line in shown.splitlines() if line and not line.startswith("training: ")]
    assert lines == ["stopped at step 2 of 4: SIGTERM; the same command goes on from there"]
    train_classifier(classifier_run(), out)
    assert_same(out, classifier)
    validated = [
        [(row["step"], row["valid/loss_t0.5"]) for row in rows(folder) if "valid/loss_t0.5" in row]
        for folder in (out, classifier)
    ]
    assert validated[0] == validated[1]


@pytest.mark.parametrize("new", [True, False])
def test_sigterm_while_data_are_read_leaves_nothing_half_made(
    new: bool,
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = classifier_run(steps=1)
    cache, out = tmp_path / "cache", tmp_path / "out"
    if not new:
        train_classifier(config, out)
    before = sorted(out.rglob("*"))

    def read(*arguments: Any) -> None:
        assert len(list(cache.iterdir())) == 1  # what is half made
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("scoresubnet.data.cache.read_clip", read)
    data = dataclasses.replace(config.data, cache=str(cache))
    with pytest.raises(SystemExit) as ended:
        train_classifier(dataclasses.replace(config, data=data), out)
    assert ended.value.code == 143
    assert not list(cache.iterdir())
    assert sorted(out.rglob("*")) == before
    assert out.exists() != new
    if not new:
        assert yaml.safe_load((out / "config.yaml").read_text())["labels"] == ["hum", "hiss"]


def test_handlers_of_the_caller_stay() -> None:
    got = []
    before = signal.signal(signal.SIGTERM, lambda *_: got.append("caller"))
    try:
        with ended_by_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
        assert got == ["caller"]
    finally:
        signal.signal(signal.SIGTERM, before)
    with ended_by_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
