"""Models as graphs, on numpy and onnxruntime."""

from __future__ import annotations

from pathlib import Path

from scoresubnet.backends.base import Backend
from scoresubnet.backends.graph_model import GUIDES, GraphModel, StepGraphs
from scoresubnet.batching import free_mib
from scoresubnet.graphs.files import graph_path
from scoresubnet.model_about import CLASSIFIER_ALONE, ModelAbout, refuse_unlike
from scoresubnet.process.threads import cores
from scoresubnet.weight_files.file_metadata import WeightsError


def on_graphs(
    weights: Path, about: ModelAbout, guide: tuple[Path, ModelAbout] | None = None
) -> Backend:
    """A model whose graphs `export.run` has written beside its weights.

    Args:
        weights: of a Score Subnet or a U-Net.
        about: what they say.
        guide: the same of the classifier that guides a U-Net.

    Raises:
        GraphError: a graph is missing, damaged, or of other weights.
        WeightsError: the weights are a classifier alone, or those of the guide have none.
        ValueError: the classifier does not fit the weights.
    """
    if about.parametrisation is None:
        raise WeightsError(CLASSIFIER_ALONE)
    if guide is not None:
        refuse_unlike(about, guide[1])
    threads = cores()
    guiding = None if guide is None else StepGraphs(*guide, threads)
    model = GraphModel(StepGraphs(weights, about, threads), guiding)
    asked = about if guide is None else guide[1]

    def memory() -> tuple[float, float | None]:
        return model.step_mib, free_mib()

    return Backend("onnx", model, asked.labels, asked.aliases, about.mel, about.sampling, memory)


def can_run(weights: Path, about: ModelAbout) -> bool:
    """Whether there is the graph of a model's step."""
    return graph_path(weights, about.role).is_file()


def can_guide(weights: Path) -> bool:
    """Whether there is a graph of a classifier that can guide a U-Net."""
    return any(graph_path(weights, role).is_file() for role in GUIDES)
