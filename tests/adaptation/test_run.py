"""From recordings to weights on a tiny model: what changes, what stays, stops and refusals."""

import json
import math
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from scoresubnet.adaptation import run as module
from scoresubnet.adaptation.head import HeadConfig
from scoresubnet.adaptation.plan import FEWEST_STEPS
from scoresubnet.adaptation.run import Adapted, adapt
from scoresubnet.adaptation.score import Lesson, ScoreRecipe, Stopped
from scoresubnet.adaptation.takes import TakesRecipe
from scoresubnet.adaptation.words import KEPT_CLIPS
from scoresubnet.cli import main
from scoresubnet.data.sources import find_clips
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.training.callbacks import RunCheckpoint, StopCleanly
from scoresubnet.training.config import ScoreTraining
from scoresubnet.training.score import train_score
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.tensor_files import state_hash
from scoresubnet.weights import ModelFile, load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
RECIPE = ScoreRecipe(
    looks=2,
    most_steps=6,
    least_steps=1,
    again_steps=3,
    batch_size=4,
    takes=TakesRecipe(count=2, accept=0.0),
)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer copies and steps for the head than a user's run has."""
    few = partial(HeadConfig, most_copies=6, steps=60, batch_size=32)
    monkeypatch.setattr("scoresubnet.adaptation.words.HeadConfig", few)


def _adapted(recordings: Path, weights: Path, out: Path, **given: Any) -> Adapted:
    given = dict[str, Any](graphs=False, recipe=RECIPE) | given
    return adapt(recordings, weights, out, progress=False, **given)


def _state(path: Path) -> str:
    model = load_model(path)
    assert model.subnet is not None
    return state_hash(model.backbone().state_dict()) + state_hash(model.subnet.state_dict())


def test_words_are_learned_on_a_frozen_body(
    words_folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, content = load_model(weights), weights.read_bytes()
    made = _adapted(words_folder, weights, tmp_path / "mine")
    model = load_model(made.weights)
    assert made.labels == model.labels == ("hiss", "hum")
    assert made.recordings == {"hiss": 7, "hum": 7}
    assert model.aliases == {}
    assert model.sampling == RECIPE.sampling != before.sampling
    assert weights.read_bytes() == content
    assert model.notes["licence"] == "none"
    assert model.notes["adapted"].startswith("to hiss, hum,")

    old, new = (m.backbone().classifier.state_dict() for m in (before, model))
    assert all(torch.equal(old[k], new[k]) for k in old if not k.startswith("head."))
    assert before.subnet is not None
    assert model.subnet is not None
    first, last = before.subnet.state_dict(), model.subnet.state_dict()
    assert any(not torch.equal(first[k], last[k]) for k in first)
    assert made.steps == made.wanted == 6 + 3
    assert set(made.takes) == {"hiss", "hum"}
    assert made.held_out.right[1e-3] > 0.9  # tones and noise, even for an untrained body
    report = json.loads((tmp_path / "mine/report.json").read_text())
    assert report == json.loads(json.dumps(made.to_dict()))

    command = ["generate", "hiss", "hum", "--weights", str(tmp_path / "mine")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*.wav"))) == 2


def test_all_recordings_are_learned_from(words_folder: Path, weights: Path, tmp_path: Path) -> None:
    _adapted(words_folder, weights, tmp_path / "mine")
    clips = find_clips([{"kind": "folder", "root": str(tmp_path / "mine/words/all")}])
    assert {clip.split for clip in clips} == {"training"}
    every = sorted(str(path.relative_to(words_folder)) for path in words_folder.glob("*/*.wav"))
    assert sorted(f"{clip.label}/{clip.path.name}" for clip in clips) == every


def test_the_trainings_are_in_the_arithmetic_asked_for(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = replace(RECIPE, precision="bf16-mixed")

    def with_few_steps(recipe: ScoreRecipe, **given: Any) -> Adapted:
        assert recipe == ScoreRecipe(precision="bf16-mixed")
        return adapt(recipe=low, **given)

    monkeypatch.setattr("scoresubnet.commands.adapt.adapt", with_few_steps)
    out = tmp_path / "mine"
    command = ["adapt", str(words_folder), "--weights", str(weights), "--out", str(out)]
    assert main([*command, "--precision", "bf16-mixed", "--no-graphs", "--json"]) == 0
    assert not list(out.glob("*.onnx"))
    for run in ("pace", "first", "again"):
        config = yaml.safe_load((out / run / "config.yaml").read_text())
        assert config["precision"] == "bf16-mixed"
    with pytest.raises(ValueError, match="was adapted with other recipe"):
        _adapted(words_folder, weights, out)


def test_graphs_are_written_once(
    words_folder: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And where they do not compute the same, there are weights without them."""
    made = _adapted(words_folder, weights, tmp_path / "mine", graphs=True)
    (graph,) = (tmp_path / "mine").glob("*.onnx")
    generator = SpeechGenerator.from_pretrained(tmp_path / "mine", "griffin-lim")
    assert generator.backend == "onnx"
    assert generator.generate(["hum"], [1]).labels == ("hum",)
    written = made.weights.read_bytes()

    reasons = iter([GraphError("the graph differs"), OSError("no space left")])

    def fails(path: Path) -> None:
        raise next(reasons)

    monkeypatch.setattr(module, "export", fails)
    capsys.readouterr()
    _adapted(words_folder, weights, tmp_path / "mine", graphs=True)
    assert "graph" not in capsys.readouterr().err
    assert made.weights.read_bytes() == written  # or else `expand` would refuse to go on
    graph.unlink()
    for reason in ("the graph differs", "no space left"):
        assert _adapted(words_folder, weights, tmp_path / "mine", graphs=True) == made
        assert f"no graphs: {reason}; the weights run on torch" in capsys.readouterr().err


def test_words_are_kept(words_folder: Path, weights: Path, tmp_path: Path) -> None:
    """All but the one that is recorded now; their rows of the head stay, and they are rehearsed."""
    made = _adapted(words_folder, weights, tmp_path / "mine", keep_words=True)
    before, model = load_model(weights), load_model(made.weights)
    assert model.labels == ("seven", "nine", "hiss", "hum")
    assert model.aliases == {"7": "seven"}
    old, new = (m.backbone().classifier.head for m in (before, model))
    assert torch.equal(new.weight[:2], old.weight[[0, 2]])
    assert torch.equal(new.bias[:2], old.bias[[0, 2]])
    kept = find_clips([{"kind": "folder", "root": str(tmp_path / "mine/words/kept")}])
    assert [clip.label for clip in kept] == ["seven"] * KEPT_CLIPS + ["nine"] * KEPT_CLIPS
    assert made.recordings == {"hiss": 7, "hum": 7}


@pytest.mark.parametrize("stage", ["hear", "make_takes", "save_model"])
def test_what_was_killed_goes_on(
    stage: str, words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _adapted(words_folder, weights, tmp_path / "whole")

    def killed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            _adapted(words_folder, weights, tmp_path / "mine")
    assert not (tmp_path / "mine/model.safetensors").exists()
    made = _adapted(words_folder, weights, tmp_path / "mine")
    assert _state(made.weights) == _state(whole.weights)
    assert made.to_dict() | {"weights": ""} == whole.to_dict() | {"weights": ""}


@pytest.mark.parametrize("run", ["pace", "first", "again"])
def test_a_training_that_was_stopped_goes_on(
    run: str, words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each after two steps, of which the checkpoint is there."""
    whole = _adapted(words_folder, weights, tmp_path / "whole")
    look, out = StopCleanly.on_train_batch_end, tmp_path / "mine"

    def stopping(self: StopCleanly, trainer: Any, *given: Any) -> None:
        (checkpoint,) = (c for c in trainer.callbacks if isinstance(c, RunCheckpoint))
        if checkpoint.path.parent.name == run and trainer.global_step == 2:
            signal.raise_signal(signal.SIGTERM)
        look(self, trainer, *given)

    with monkeypatch.context() as patch:
        patch.setattr(StopCleanly, "on_train_batch_end", stopping)
        with pytest.raises(Stopped):
            _adapted(words_folder, weights, out)
    assert not (out / "model.safetensors").exists()
    assert (out / "plan.json").exists() == (run != "pace")
    made = _adapted(words_folder, weights, out)
    assert _state(made.weights) == _state(whole.weights)
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
            _adapted(tmp_path / "words", weights, tmp_path / "mine")
    next((tmp_path / "words/hum").iterdir()).unlink()
    made = _adapted(tmp_path / "words", weights, tmp_path / "mine")
    assert made.recordings == {"hiss": 7, "hum": 6}


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
    made = _adapted(words_folder, weights, out, minutes=60.0)
    assert made.steps == 9
    rows = (out / "pace/log.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows if "train/" in row] == [19, 39]


def test_the_steps_fit_the_time(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 s a step: no more than the fewest fit into nine minutes. Without a limit none is tried."""
    learned: list[int] = []

    def learn(lesson: Lesson, out: Path, steps: int) -> None:
        learned.append(steps)
        raise Stopped

    monkeypatch.setattr(Lesson, "learn", learn)
    recipe = replace(RECIPE, looks=20, most_steps=90, again_steps=30)
    for pace, minutes in ((60.0, 9.0), (0.01, 9.0), (None, 0.0)):
        monkeypatch.setattr(Lesson, "pace", lambda *a, pace=pace: pace)
        out = tmp_path / f"{pace}-{minutes}"
        with pytest.raises(Stopped):
            _adapted(words_folder, weights, out, minutes=minutes, recipe=recipe)
    assert learned == [FEWEST_STEPS, 70, 70]
    recipe = replace(recipe, again_steps=0)
    minutes = 60 + module.GRAPH_MINUTES  # in which graphs are written
    monkeypatch.setattr(Lesson, "pace", lambda *a: 60.0)
    out = tmp_path / "graphs"
    with pytest.raises(Stopped):
        _adapted(words_folder, weights, out, minutes=minutes, graphs=True, recipe=recipe)
    assert learned.pop() in (58, 59)


def test_what_does_not_fit_is_refused(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ({"minutes": -1.0}, {"minutes": math.inf}, {"seed": -1}):
        with pytest.raises(ValueError, match="is out of range"):
            _adapted(words_folder, weights, tmp_path / "mine", **wrong)
    model = load_model(weights)
    model.subnet = model.parametrisation = model.sampling = None
    save_model(model, tmp_path / "classifier.safetensors")
    with pytest.raises(WeightsError, match="classifier alone"):
        _adapted(words_folder, tmp_path / "classifier.safetensors", tmp_path / "mine")
    shape = UNetConfig(widths=(8, 16), blocks=(1, 1), up_blocks=(1, 1), patch=4)
    unet = ModelFile(
        None, model.labels, model.sde, model.mel, parametrisation="v", unet=UNet(shape, 3)
    )
    save_model(unet, tmp_path / "unet.safetensors")
    with pytest.raises(ValueError, match="is a U-Net; adapt a Score Subnet"):
        _adapted(words_folder, tmp_path / "unet.safetensors", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()

    monkeypatch.setattr(module, "hear", lambda *a: pytest.fail("not refused"))
    (tmp_path / "mine").mkdir()
    shutil.copy(weights, tmp_path / "mine/model.safetensors")
    with pytest.raises(ValueError, match="holds other weights; choose another --out"):
        _adapted(words_folder, weights, tmp_path / "mine")


def test_a_folder_is_of_one_set_of_recordings(
    words_folder: Path, weights: Path, tmp_path: Path
) -> None:
    """Also when one is added; what was made stays."""
    shutil.copytree(words_folder, tmp_path / "words")
    made = _adapted(tmp_path / "words", weights, tmp_path / "mine")
    content = made.weights.read_bytes()
    noise = 0.1 * np.random.default_rng(9).standard_normal(48_000).astype(np.float32)
    soundfile.write(tmp_path / "words/hiss/another.wav", noise, 16_000)
    with pytest.raises(ValueError, match="was adapted with other recordings; choose another"):
        _adapted(tmp_path / "words", weights, tmp_path / "mine")
    assert made.weights.read_bytes() == content
    again = _adapted(tmp_path / "words", weights, tmp_path / "others")
    assert again.told == [
        "1 of 15 recordings are longer than a second: the second of most energy is the word, in "
        "another.wav for instance"
    ]
