"""From recordings to weights on a tiny model: what changes, what stays, and refusals."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from scoresubnet.adaptation import run as module
from scoresubnet.adaptation.run import Adapted, adapt
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.adaptation.takes import TakesRecipe
from scoresubnet.adaptation.words import KEPT_CLIPS
from scoresubnet.cli import main
from scoresubnet.data.sources import find_clips
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import ModelFile, load_model, save_model
from tests.adaptation.adapting import RECIPE, adapted

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("few_copies")]


def test_words_are_learned_on_a_frozen_body(
    words_folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, content = load_model(weights), weights.read_bytes()
    made = adapted(words_folder, weights, tmp_path / "mine")
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
    adapted(words_folder, weights, tmp_path / "mine")
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
        adapted(words_folder, weights, out)


def test_graphs_are_written_once(
    words_folder: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And where they do not compute the same, there are weights without them."""
    made = adapted(words_folder, weights, tmp_path / "mine", graphs=True)
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
    adapted(words_folder, weights, tmp_path / "mine", graphs=True)
    assert "graph" not in capsys.readouterr().err
    assert made.weights.read_bytes() == written  # or else `expand` would refuse to go on
    graph.unlink()
    for reason in ("the graph differs", "no space left"):
        assert adapted(words_folder, weights, tmp_path / "mine", graphs=True) == made
        assert f"no graphs: {reason}; the weights run on torch" in capsys.readouterr().err


def test_words_are_kept(words_folder: Path, weights: Path, tmp_path: Path) -> None:
    """All but the one that is recorded now; their rows of the head stay, and they are rehearsed."""
    made = adapted(words_folder, weights, tmp_path / "mine", keep_words=True)
    before, model = load_model(weights), load_model(made.weights)
    assert model.labels == ("seven", "nine", "hiss", "hum")
    assert model.aliases == {"7": "seven"}
    old, new = (m.backbone().classifier.head for m in (before, model))
    assert torch.equal(new.weight[:2], old.weight[[0, 2]])
    assert torch.equal(new.bias[:2], old.bias[[0, 2]])
    kept = find_clips([{"kind": "folder", "root": str(tmp_path / "mine/words/kept")}])
    assert [clip.label for clip in kept] == ["seven"] * KEPT_CLIPS + ["nine"] * KEPT_CLIPS
    assert made.recordings == {"hiss": 7, "hum": 7}


def test_without_a_good_take_the_recordings_are_all(
    words_folder: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Then more time would not have helped."""
    recipe = replace(RECIPE, takes=TakesRecipe(count=2, accept=1.1))
    monkeypatch.setattr("scoresubnet.commands.adapt.ScoreRecipe", lambda **given: recipe)
    command = ["adapt", str(words_folder), "--weights", str(weights), "--no-graphs"]
    assert main([*command, "--out", str(tmp_path / "mine")]) == 0
    printed = capsys.readouterr().out
    assert "\n6 steps of the Score Subnet\nno take was good enough of hiss, hum\n" in printed
    assert not (tmp_path / "mine/again").exists()


def test_what_does_not_fit_is_refused(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ({"minutes": -1.0}, {"minutes": math.inf}, {"seed": -1}):
        with pytest.raises(ValueError, match="is out of range"):
            adapted(words_folder, weights, tmp_path / "mine", **wrong)
    model = load_model(weights)
    model.subnet = model.parametrisation = model.sampling = None
    save_model(model, tmp_path / "classifier.safetensors")
    with pytest.raises(WeightsError, match="classifier alone"):
        adapted(words_folder, tmp_path / "classifier.safetensors", tmp_path / "mine")
    shape = UNetConfig(widths=(8, 16), blocks=(1, 1), up_blocks=(1, 1), patch=4)
    unet = ModelFile(
        None, model.labels, model.sde, model.mel, parametrisation="v", unet=UNet(shape, 3)
    )
    save_model(unet, tmp_path / "unet.safetensors")
    with pytest.raises(ValueError, match="is a U-Net; adapt a Score Subnet"):
        adapted(words_folder, tmp_path / "unet.safetensors", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()

    monkeypatch.setattr(module, "hear", lambda *a: pytest.fail("not refused"))
    (tmp_path / "mine").mkdir()
    shutil.copy(weights, tmp_path / "mine/model.safetensors")
    with pytest.raises(ValueError, match="holds other weights; choose another --out"):
        adapted(words_folder, weights, tmp_path / "mine")


def test_a_folder_is_of_one_set_of_recordings(
    words_folder: Path, weights: Path, tmp_path: Path
) -> None:
    """Also when one is added; what was made stays."""
    shutil.copytree(words_folder, tmp_path / "words")
    made = adapted(tmp_path / "words", weights, tmp_path / "mine")
    content = made.weights.read_bytes()
    noise = 0.1 * np.random.default_rng(9).standard_normal(48_000).astype(np.float32)
    soundfile.write(tmp_path / "words/hiss/another.wav", noise, 16_000)
    with pytest.raises(ValueError, match="was adapted with other recordings; choose another"):
        adapted(tmp_path / "words", weights, tmp_path / "mine")
    assert made.weights.read_bytes() == content
    again = adapted(tmp_path / "words", weights, tmp_path / "others")
    assert again.told == [
        "1 of 15 recordings are longer than a second: the second of most energy is the word, in "
        "another.wav for instance"
    ]
