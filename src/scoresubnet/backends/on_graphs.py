"""Models as graphs, on numpy and onnxruntime."""

from __future__ import annotations

from pathlib import Path

from scoresubnet.backends.base import Backend
from scoresubnet.backends.graph_model import GraphModel, StepGraphs
from scoresubnet.batching import free_mib
from scoresubnet.file_metadata import WeightsError
from scoresubnet.model_about import CLASSIFIER_ALONE, ModelAbout, refuse_unlike
from scoresubnet.threads import cores


def on_graphs(
    weights: Path, about: ModelAbout, guide: tuple[Path, ModelAbout] | None = None
) -> Backend:
    """A model whose graphs `graphs.export` has written beside its weights.

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


def has_graphs(weights: Path, about: ModelAbout, role: str | None = None) -> bool:
    """Whether there are graphs to run a model with, or a classifier to guide by."""
    graphs = StepGraphs(weights, about, threads=1)
    roles = ["score"] if "unet" in about.config else ["guided"]
    if role == "classifier":
        roles = ["classifier", "guided"]
    return any(map(graphs.has, roles))
