"""A graph of weights whose file gets another name."""

from __future__ import annotations

from pathlib import Path


def graph_of(path: Path, weights: str) -> bytes:
    """The content of a graph, whose weights lie in a file of this name beside it.

    Args:
        path: of a graph of `to_onnx.write_graph`.
        weights: the new name of their file.

    Raises:
        ImportError: onnx is not installed.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = weights
    content: bytes = model.SerializeToString(deterministic=True)
    return content
