"""What runs a model, by name: torch, or onnxruntime without torch."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from scoresubnet.backends.base import Backend, Model
from scoresubnet.backends.on_graphs import can_guide, can_run, on_graphs
from scoresubnet.model_about import ModelAbout, find_weights, read_about
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.process.missing import install

if TYPE_CHECKING:
    import torch

__all__ = ["BACKENDS", "Backend", "Model", "load_backend", "precision_of"]

BACKENDS = {
    "auto": "torch on a GPU, or where the weights have no graphs; else onnx",
    "onnx": "onnxruntime, on the CPU",
    "torch": "torch, on a GPU if there is one",
    "torch-bf16": "the same in bfloat16, for the size small: twice as fast on CPUs with AMX",
}
"""name -> what it is."""

_SIGNS_OF_A_GPU = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "C:/Windows/System32/nvcuda.dll")


def precision_of(backend: str) -> str:
    """The arithmetic of a backend: other clips come out of bfloat16 than of float32."""
    return "bfloat16" if backend == "torch-bf16" else "float32"


def load_backend(
    weights: str | os.PathLike[str],
    classifier: str | os.PathLike[str] | None = None,
    backend: str = "auto",
    device: str | torch.device | None = None,
) -> Backend:
    """Load weights.

    Args:
        weights: what `model_about.find_weights` takes: name of shipped weights, a folder with
            `model.safetensors`, a file, or `hf:ORG/NAME[@REVISION]` on the Hugging Face hub.
        classifier: weights whose classifier guides a U-Net, and whose labels it is asked for.
        backend: a key of `BACKENDS`.
        device: of torch; None is a GPU if there is one, else the CPU.

    Raises:
        WeightsError: the weights are missing, damaged or foreign, or have nothing that is asked of
            them: a classifier alone gives no score, and a U-Net guides nothing.
        GraphError: the backend is "onnx", and there are no graphs that fit.
        ValueError: there is no such backend, or the classifier does not fit the weights.
        ImportError: the backend, or the only one that could be taken, needs torch, and it is not
            installed.
    """
    refuse_unknown("backend", backend, BACKENDS)
    if backend == "onnx" and device is not None and str(device) != "cpu":
        raise ValueError(f"the backend 'onnx' runs on the CPU, not on {device}; choose torch")
    main = _described(weights)
    guide = None if classifier is None else _described(classifier)
    if backend == "onnx" or (backend == "auto" and not _wants_torch(main, guide, device)):
        return on_graphs(*main, guide)
    if find_spec("torch") is None:
        raise ImportError(_without_torch(backend))
    guiding = None if guide is None else guide[0]
    return _on_torch(main[0], guiding, device, bfloat16=backend == "torch-bf16")


def _described(weights: str | os.PathLike[str]) -> tuple[Path, ModelAbout]:
    path = find_weights(weights)
    return path, read_about(path)


def _wants_torch(
    main: tuple[Path, ModelAbout],
    guide: tuple[Path, ModelAbout] | None,
    device: str | torch.device | None,
) -> bool:
    if not can_run(*main) or (guide is not None and not can_guide(guide[0])):
        return True
    if device is not None:
        return str(device) != "cpu"
    return _has_gpu()


def _has_gpu() -> bool:
    """Whether torch sees a GPU; it is imported, which takes a second, only where one may be."""
    if not any(map(os.path.exists, _SIGNS_OF_A_GPU)) or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _without_torch(backend: str) -> str:
    """What to do where torch is needed and not there."""
    if backend != "auto":
        return f"the backend {backend!r} needs torch; {install('torch')}"
    return (
        f"these weights need torch here ({install('torch')}); or write their graphs where "
        "torch is, with `scoresubnet export`, and take the folder along"
    )


def _on_torch(
    weights: Path, classifier: Path | None, device: str | torch.device | None, bfloat16: bool
) -> Backend:
    import torch

    from scoresubnet.backends.on_torch import on_torch
    from scoresubnet.weights import load_model

    file = load_model(weights)
    if classifier is not None:
        file = file.guided_by(load_model(classifier))
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return on_torch(file, where, bfloat16)
