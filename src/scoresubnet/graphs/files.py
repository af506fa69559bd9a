"""The file of a graph, which takes its weights from the safetensors file beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

METADATA = "scoresubnet"
"""Key of a graph's own metadata, JSON: what `to_onnx.Exported` has said, and "layout"."""


class Stored(NamedTuple):
    """A tensor in a safetensors file: "F16" or "F32", its shape, first byte in the file, bytes."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def graph_path(weights: Path, role: str) -> Path:
    """`model.safetensors` -> `model.<role>.onnx`."""
    return weights.with_suffix(f".{role}.onnx")


def stored_tensors(weights: Path) -> dict[str, Stored]:
    """What lies where in a safetensors file that can be read, by name."""
    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            first, end = tensor["data_offsets"]
            shape = tuple(tensor["shape"])
            found[name] = Stored(tensor["dtype"], shape, 8 + size + first, end - first)
    return found


def layout(tensors: dict[str, Stored]) -> str:
    """Sixteen hex digits that change with any name, type, shape or place; values do not matter.

    A graph fits weights of the same layout, whatever the training made of them.
    """
    return hashlib.sha256(json.dumps(sorted(tensors.items())).encode()).hexdigest()[:16]
