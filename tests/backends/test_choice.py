"""Which backend is chosen, and what is said where none can be."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from scoresubnet import SpeechGenerator, backends
from scoresubnet.model_about import find_weights
from scoresubnet.weights import save_model
from tests.tiny import tiny_model


@pytest.fixture
def without_graphs(tmp_path: Path) -> Path:
    save_model(tiny_model(["yes", "no"]), tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str, *rest: Any) -> Any:
        return None if name == "torch" else importlib.util.find_spec(name, *rest)

    monkeypatch.setattr(backends, "find_spec", find_spec)


def test_graphs_are_taken_where_there_are_some(without_graphs: Path) -> None:
    assert SpeechGenerator.from_pretrained().backend == "onnx"
    assert SpeechGenerator.from_pretrained(backend="torch").backend == "torch"
    assert SpeechGenerator.from_pretrained(without_graphs).backend == "torch"


def test_a_device_is_torchs() -> None:
    assert SpeechGenerator.from_pretrained(device="meta").backend == "torch"
    with pytest.raises(ValueError, match="'onnx' runs on the CPU, not on meta; choose torch"):
        SpeechGenerator.from_pretrained(device="meta", backend="onnx")


def test_a_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is a CPU that calls itself one."""
    monkeypatch.setattr(backends, "_has_gpu", lambda: True)
    assert SpeechGenerator.from_pretrained(device=None).backend == "torch"
    assert SpeechGenerator.from_pretrained(device="cpu").backend == "onnx"


def test_torch_is_asked_only_where_a_gpu_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[bool] = []

    def is_available() -> bool:
        asked.append(True)
        return True

    monkeypatch.setattr("torch.cuda.is_available", is_available)
    monkeypatch.setattr(backends, "_SIGNS_OF_A_GPU", (str(tmp_path / "none"),))
    assert not backends._has_gpu()
    assert not asked
    monkeypatch.setattr(backends, "_SIGNS_OF_A_GPU", (str(tmp_path / "none"), str(tmp_path)))
    assert backends._has_gpu()
    assert asked


@pytest.mark.usefixtures("no_torch")
def test_without_torch_and_graphs_it_says_what_to_do(without_graphs: Path) -> None:
    assert SpeechGenerator.from_pretrained().backend == "onnx"
    says = r'need torch here \(pip install "scoresubnet\[torch\]"'
    with pytest.raises(ImportError, match=says):
        SpeechGenerator.from_pretrained(without_graphs)


@pytest.mark.parametrize("name", ["tensorflow", "Onnx"])
def test_an_unknown_backend_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown backend '{name}'; nearest first, .*onnx"):
        SpeechGenerator.from_pretrained(backend=name)


def test_shipped_graphs_are_those_of_their_weights() -> None:
    """Of all of them: what `scoresubnet export <name>` writes beside them is there, and fits."""
    from scoresubnet.backends.on_graphs import can_run, on_graphs
    from scoresubnet.model_about import read_about, shipped_weights

    for name in shipped_weights():
        path = find_weights(name)
        assert can_run(path, read_about(path)), name
        assert on_graphs(path, read_about(path)).name == "onnx"
