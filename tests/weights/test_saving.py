"""A file appears whole or not at all, and never with what cannot be read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.sampling import SAMPLING_PRESETS
from scoresubnet.schedules import constant_guidance
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import ModelFile, load_model, save_model
from tests.weights.rewriting import rewrite


@pytest.mark.parametrize("aliases", [{"right": "go"}, {"none": "go"}, {"x": "up"}, {"../x": "go"}])
def test_aliases_that_contradict_the_labels_are_neither_written_nor_read(
    aliases: dict[str, str], model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.aliases = aliases
    with pytest.raises(ValueError, match=r"alias .*(go|x)"):
        save_model(model, saved)
    assert saved.read_bytes() == before
    rewrite(saved, change_metadata=lambda m: m.update(aliases=json.dumps(aliases)))
    with pytest.raises(WeightsError, match=rf"{saved}: .*alias "):
        load_model(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": constant_guidance}, "schedule is a function, which cannot be written"),
        ({"steps": 0}, "steps 0 is out of range"),
    ],
)
def test_a_sampling_that_cannot_be_read_is_not_written(
    change: dict[str, Any], message: str, model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.sampling = replace(SAMPLING_PRESETS["paper"], **change)
    with pytest.raises(ValueError, match=message):
        save_model(model, saved)
    assert saved.read_bytes() == before


def test_saving_makes_the_folder_and_a_readable_file(model: ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "model.safetensors"
    mask = os.umask(0o022)
    try:
        save_model(model, path)
    finally:
        os.umask(mask)
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("label", ["../x", "none", "right"])
def test_labels_that_cannot_be_read_are_not_written(
    label: str, model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.labels = (label, "right", "go")
    with pytest.raises(ValueError, match=label):
        save_model(model, saved)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_failing_save_keeps_the_old_file_and_leaves_nothing(
    step: str, model: ModelFile, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def write_half(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("no space left on device")

    def interrupted(source: str, target: str) -> None:
        raise KeyboardInterrupt

    if step == "write":
        monkeypatch.setattr(Path, "write_bytes", write_half)
    else:
        monkeypatch.setattr(os, "replace", interrupted)
    model.notes["changed"] = "yes"
    with pytest.raises((OSError, KeyboardInterrupt)):
        save_model(model, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
