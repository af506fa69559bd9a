"""A table that is stopped: by a signal, or when its minutes are over."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.cli import main
from scoresubnet.experiments import clock
from scoresubnet.experiments.clock import Clock, OutOfTime
from scoresubnet.experiments.costs import training_seconds
from scoresubnet.experiments.results import collect
from scoresubnet.experiments.run import Experiment
from scoresubnet.experiments.table import read_table
from scoresubnet.training.process import ended_by

pytestmark = pytest.mark.filterwarnings("ignore")
Write = Callable[..., Path]
Content = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (None, 0)])
def test_a_signal_is_told_by_the_status(
    write: Write,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int | None,
    status: int,
) -> None:
    def stopped(self: Experiment, *_: Any) -> None:
        if number:
            ended_by(number)
        raise OutOfTime("stopped at step 2 of 4")

    monkeypatch.setattr(Experiment, "run", stopped)
    command = ["experiment", "run", str(write()), "--data", str(data), "--out", str(tmp_path / "a")]
    if status:
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == status
    else:
        assert main(command) == 0


def test_when_the_minutes_are_over_it_stops(
    content: Content,
    write: Write,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within a training, which is kept."""
    changed = content()["classifier"] | {"run": {"steps": 100_000}}
    experiment = Experiment(read_table(str(write(classifier=changed))), data, tmp_path / "runs")
    monkeypatch.setattr(clock, "LEAST_MINUTES", 0.0)
    with pytest.raises(OutOfTime, match=r"stopped at step [1-9]"):
        experiment.run(minutes=0.05)
    assert (experiment.classifier / "checkpoint.ckpt").is_file()
    assert not list(experiment.out.glob("cells/*/*/report.json"))
    with pytest.raises(ValueError, match="nothing has been measured"):
        collect(experiment)


def _work(seconds: float) -> None:
    """In short pieces."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("ignored", [False, True])
def test_what_takes_too_long_is_broken_off(ignored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where SIGINT is ignored, as in a script's background; then it is ignored again."""
    monkeypatch.setattr(clock, "LEAST_MINUTES", 0.0)
    before = signal.getsignal(signal.SIGINT)
    handler = signal.SIG_IGN if ignored else before
    signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(OutOfTime, match="minutes are over"), Clock(1 / 600).alarm():
            _work(seconds=60)
        assert signal.getsignal(signal.SIGINT) == handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_stops_and_steps_that_were_done_again_are_no_training(tmp_path: Path) -> None:
    """Six rows 20 steps apart, 10 s each; a stop of an hour; a step back; a validation."""
    times = {19: 0, 39: 10, 59: 20, 79: 3620, 99: 3630, 119: 3640}
    lines = [{"step": k, "time": float(t), "train/loss": 1.0} for k, t in times.items()]
    lines.insert(3, {"step": 39, "time": 3600.0, "train/loss": 1.0})
    lines.append({"step": 119, "time": 3700.0, "valid/loss": 1.0})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert training_seconds(tmp_path / "log.jsonl") == pytest.approx(120 * 0.5)
