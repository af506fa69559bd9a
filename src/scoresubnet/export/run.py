"""Weights, of a model or a vocoder, beside their graphs in one folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from scoresubnet.export.steps import pitch_of, steps_of
from scoresubnet.files import replacing
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.to_onnx import Exported, write_graph
from scoresubnet.model_about import FILE_NAME, find_weights
from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders.file import read_vocoder
from scoresubnet.vocoders.paths import FILE_NAME as VOCODER_NAME
from scoresubnet.vocoders.paths import is_vocoder, vocoder_path
from scoresubnet.weight_files.hub import is_on_hub
from scoresubnet.weight_files.tensor_files import part_tensors
from scoresubnet.weights import load_model


@undisturbed()
def export(
    source: str | os.PathLike[str],
    out: Path | None = None,
    progress: Callable[[str], None] = lambda role: None,
) -> list[Path]:
    """Write the graphs of a model, or of a vocoder, beside its weights.

    Args:
        source: as of `weights.load_model`; or a pitch vocoder's file, or the folder of its run.
        out: a folder that gets a copy of the weights and their graphs; None: the graphs go beside
            the weights.
        progress: called with the role of each graph before it is written.

    Returns:
        The files: weights, then graphs.

    Raises:
        ValueError: the weights lie on the Hub, and no folder is named.
        WeightsError: the weights are missing, damaged or foreign.
        GraphError: a graph computes something else than torch.
        ImportError: onnx or onnxscript is not installed.
        OSError: something cannot be written.
    """
    if out is None and is_on_hub(source):
        raise ValueError(f"{source}: name a folder for a copy of these weights and their graphs")
    if is_vocoder(source):
        path = vocoder_path(source)
        vocoder = read_vocoder(path)
        tensors = part_tensors({"network": vocoder.network})
        steps = {"pitch": pitch_of(vocoder)}
        return _written(path, VOCODER_NAME, out, steps, tensors, progress)
    path = find_weights(source)
    file = load_model(path)
    parts = {"classifier": file.classifier, "subnet": file.subnet, "unet": file.unet}
    tensors = part_tensors({name: part for name, part in parts.items() if part is not None})
    return _written(path, FILE_NAME, out, steps_of(file), tensors, progress)


def _written(
    path: Path,
    name: str,
    out: Path | None,
    steps: Mapping[str, Exported],
    tensors: Mapping[str, Tensor],
    progress: Callable[[str], None],
) -> list[Path]:
    weights = path if out is None else out / name
    if not (weights.exists() and weights.samefile(path)):
        with replacing(weights) as temporary:
            shutil.copyfile(path, temporary)
    written = [weights]
    for role, exported in steps.items():
        progress(role)
        written.append(graph_path(weights, role))
        write_graph(exported, tensors, weights, written[-1])
    return written
