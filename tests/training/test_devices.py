"""Runs that several processes train together, by gloo on the CPU; each starts new Pythons."""

import dataclasses
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import yaml
from torch import Tensor

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.training.classifier import ClassifierModule, train_classifier
from scoresubnet.training.config import AugmentConfig, ClassifierTraining, ScoreTraining
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.modules import NoisyTraining
from scoresubnet.training.score import train_score

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
Rows = Callable[[Path], list[dict[str, Any]]]
StepOf = Callable[[Path], int]
AtStep = Callable[[pytest.MonkeyPatch, type[NoisyTraining], int, Callable[[], None]], None]
AUGMENT = AugmentConfig(shift=3, stretch=0.1, fill=0.5, noise=0.5, mask=0.5)


@pytest.fixture
def assert_close(
    tensors: Callable[[Path], dict[str, Tensor]], rows: Rows
) -> Callable[[Path, Path], None]:
    """assert_close(one, other): the same weights and logs, to rounding."""

    def values(out: Path) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k != "time"} for row in rows(out)]

    def assert_close(one: Path, other: Path) -> None:
        a, b = tensors(one), tensors(other)
        assert a.keys() == b.keys()
        for name in a:
            torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-4, msg=name)
        for row, same in zip(values(one), values(other), strict=True):
            assert row == pytest.approx(same, rel=1e-3)

    return assert_close


def on_two(config: Any, **run: Any) -> Any:
    """The same run on two devices."""
    return dataclasses.replace(config, run=dataclasses.replace(config.run, devices=2, **run))


def others() -> list[BaseProcess]:
    """The processes that this one has started to train with; tests before may have left others."""
    return [one for one in multiprocessing.active_children() if one.name.startswith("rank ")]


def signal_other(number: signal.Signals) -> None:
    """To the process with rank 1; this one has rank 0."""
    (other,) = others()
    assert other.pid is not None
    os.kill(other.pid, number)


def test_two_processes_train_what_one_does_and_one_goes_on_where_they_stopped(
    score_run: MakeScore,
    classifier: Path,
    assert_close: Callable[[Path, Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
) -> None:
    """SIGTERM reaches the second process alone, before a validation, and both stop."""
    config = score_run(augment=AUGMENT, skip_silence=True)
    train_score(config, classifier, tmp_path / "one")
    with monkeypatch.context() as patch:
        at_step(patch, DenoisingModule, 2, lambda: signal_other(signal.SIGTERM))
        train_score(on_two(config), classifier, tmp_path / "two")
    assert step_of(tmp_path / "two") == 2
    assert (tmp_path / "two" / "model.safetensors").is_file()
    assert not (tmp_path / "two" / "log.jsonl").exists()  # the validation was broken off
    assert not dist.is_initialized()
    assert not others()
    train_score(config, classifier, tmp_path / "two")
    assert step_of(tmp_path / "two") == 4
    assert_close(tmp_path / "two", tmp_path / "one")


def test_two_processes_go_on_where_one_stopped(
    classifier_run: MakeClassifier,
    tiny: ClassifierConfig,
    assert_close: Callable[[Path, Path], None],
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    at_step: AtStep,
) -> None:
    """With dropout, and one of everything that is written or shown."""
    config = classifier_run(augment=AUGMENT, network=dataclasses.replace(tiny, dropout=0.3))
    train_classifier(config, tmp_path / "one")
    with monkeypatch.context() as patch:
        at_step(patch, ClassifierModule, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        train_classifier(config, tmp_path / "two")
    before = (tmp_path / "two" / "config.yaml").read_text()
    assert "devices" not in yaml.safe_load(before)["run"]
    capfd.readouterr()
    train_classifier(on_two(config), tmp_path / "two")
    shown = capfd.readouterr().err.replace("\r", "\n").splitlines()
    assert sum(" 2/4 " in line for line in shown) == 1  # one bar begins there
    assert (tmp_path / "two" / "config.yaml").read_text() == before
    assert_close(tmp_path / "two", tmp_path / "one")
    names = [path.name.split(".")[0] for path in (tmp_path / "two").iterdir()]
    assert sorted(names) == ["checkpoint", "clips", "config", "events", "log", "model"]


def test_a_process_that_is_killed_ends_the_others(
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_of: StepOf,
    at_step: AtStep,
) -> None:
    at_step(monkeypatch, ClassifierModule, 3, lambda: signal_other(signal.SIGKILL))
    with pytest.raises(ChildProcessError, match=r"^rank 1 was ended by SIGKILL; the same command"):
        train_classifier(on_two(classifier_run(), save_every=1e-9), tmp_path)
    assert step_of(tmp_path) == 2
    assert not (tmp_path / "model.safetensors").exists()
    assert not dist.is_initialized()


def test_slurm_starts_the_processes_and_a_budget_ends_them_together(
    classifier_run: MakeClassifier, tmp_path: Path, step_of: StepOf
) -> None:
    """What SLURM tells each process is in its environment; one of them says what is to be said."""
    out, config = tmp_path / "out", tmp_path / "tiny.yaml"
    run = on_two(classifier_run(), nodes=1, minutes=1e-6)
    config.write_text(json.dumps(dataclasses.asdict(run)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "scoresubnet", "train", "classifier", "--config", str(config)]
    processes = []
    for rank in range(2):
        told = {"NTASKS": 2, "NTASKS_PER_NODE": 2, "PROCID": rank, "LOCALID": rank, "NODEID": 0}
        environment = {f"SLURM_{name}": str(value) for name, value in told.items()}
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        processes.append(
            subprocess.Popen(
                [*command, "--out", str(out)],
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        said = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0]
    assert step_of(out) == 1
    assert said[0][0] == f"{out}/model.safetensors\n"
    assert "stopped at step 1 of 4: the budget of 1e-06 minutes is used up" in said[0][1]
    assert said[1] == ("", "")
