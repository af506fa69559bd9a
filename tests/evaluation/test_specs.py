from pathlib import Path

import pytest

from scoresubnet.evaluation.specs import SystemSpec


def test_settings_may_be_text() -> None:
    text = {"steps": "20", "guidance": "1e-1", "renormalise": "Yes", "sampler": "1", "clamp": None}
    read = SystemSpec.from_dict({"weights": "x", "name": "no"} | text)
    assert read.overrides == {
        **{"steps": 20, "guidance": 0.1, "renormalise": True, "sampler": "1", "clamp": None}
    }
    assert SystemSpec.from_dict({"weights": "x", "name": "no"} | dict(read.overrides)) == read


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".x"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="the name of a system "):
        SystemSpec(weights="x", name=name)


@pytest.mark.parametrize("weights", [".", "../here", "../here/"])
def test_weights_are_called_by_the_name_of_their_folder(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not `.` or `..`, which would put the clips elsewhere."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert SystemSpec(weights=weights).called == "here"
    assert SystemSpec(weights="..").called == tmp_path.name
    assert SystemSpec(weights="runs/a.safetensors").called == "a"


def test_a_system_runs_on_torch_in_one_of_two_arithmetics() -> None:
    for nothing in ({}, {"backend": None}):
        assert SystemSpec.from_dict({"weights": "x"} | nothing).backend == "torch"
    assert SystemSpec.from_dict({"weights": "x", "backend": "torch-bf16"}).backend == "torch-bf16"
    with pytest.raises(ValueError, match="unknown backend of a system 'onnx'"):
        SystemSpec(weights="x", backend="onnx")
    with pytest.raises(ValueError, match="backend: folder x is not sampled"):
        SystemSpec(folder="x", backend="torch-bf16")
