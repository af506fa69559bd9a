"""A model as graphs, on numpy and onnxruntime: what `model.DiffusionModel` is on torch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.sessions import Graph, open_graph
from scoresubnet.guidance import Guide, ScoreAndClassGradient, from_labels, probability
from scoresubnet.model_about import ModelAbout
from scoresubnet.score import score_from_output

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

GUIDES = ("classifier", "guided")
"""Roles of the graphs that have a class gradient, the lighter one first."""


class StepGraphs:
    """The graphs of one file of weights (`export.steps`), each opened when it is first needed."""

    def __init__(self, weights: Path, about: ModelAbout, threads: int) -> None:
        self.about = about
        self._weights, self._threads = weights, threads
        self._graphs: dict[str, Graph] = {}

    def has(self, role: str) -> bool:
        return graph_path(self._weights, role).is_file()

    def open(self, role: str) -> Graph:
        """The graph of a role.

        Raises:
            GraphError: it is missing, damaged, or of other weights.
        """
        if role not in self._graphs:
            path = graph_path(self._weights, role)
            self._graphs[role] = open_graph(path, self._weights, self._threads)
        return self._graphs[role]

    def run(self, role: str, x: Floats, t: Floats, labels: Labels | None) -> list[Floats]:
        """The outputs of a graph, for x (B, 1, F, T), t (B,), and labels (B,) or none at all."""
        if labels is None:
            labels = np.full(len(x), -1, np.int64)
        found: list[Floats] = self.open(role).session.run(None, {"x": x, "t": t, "labels": labels})
        return found

    def guide(self, x: Floats, t: Floats, labels: Labels) -> tuple[Floats, Floats]:
        """Class gradient, shaped like x, and logits (B, C), arguments as of `run`."""
        role = next(filter(self.has, GUIDES), GUIDES[0])
        class_gradient, logits = self.run(role, x, t, labels)[-2:]
        return class_gradient, logits


class GraphModel:
    """A Score Subnet, or a U-Net with a classifier of other weights, or without.

    Args:
        graphs: of the Score Subnet or the U-Net.
        guiding: of the classifier that guides the U-Net.

    Raises:
        GraphError: a graph is missing, damaged, or of other weights.
    """

    def __init__(self, graphs: StepGraphs, guiding: StepGraphs | None = None) -> None:
        about = graphs.about
        assert about.parametrisation is not None
        self.sde, self.parametrisation = about.sde, about.parametrisation
        self.like: Floats = np.empty(0, np.float32)
        self._graphs, self._known = graphs, None
        self._guiding = guiding if about.is_unet else graphs
        if guiding is not None:
            told = about.labels
            known = [told.index(w) if w in told else -1 for w in guiding.about.labels]
            self._known = np.array([*known, -1])  # -1 stays -1
        self._score = "score" if graphs.has("score") else about.role
        self.step_mib: float = graphs.open(about.role).about["step_mib"]

    @property
    def hears(self) -> bool:
        return self._guiding is not None

    @property
    def is_label_conditioned(self) -> bool:
        about = self._graphs.about
        if about.is_unet:
            return bool(about.config["unet"]["label_conditioned"])
        return bool(about.config["subnet"].get("label_taps", False))

    @property
    def can_be_guided(self) -> bool:
        return self.is_label_conditioned or self.hears

    def undisturbed(self) -> AbstractContextManager[None]:
        """Nothing that a caller sets in numpy changes what is computed."""
        return nullcontext()

    def score(self, x: Floats, t: Floats, labels: Labels | None = None) -> Floats:
        """As of `DiffusionModel`."""
        if labels is not None and self._known is not None:
            labels = self._known[labels]
        output = self._graphs.run(self._score, x, t, labels)[0]
        found: Floats = score_from_output(output, x, t, self.sde, self.parametrisation)
        return found

    def with_class_gradient(self, labels: Labels) -> ScoreAndClassGradient:
        """As of `DiffusionModel`."""
        if self._guiding is None:
            return from_labels(self.score, labels)

        def both(x: Floats, t: Floats) -> Guide:
            assert self._guiding is not None
            if self._graphs.about.is_unet:
                class_gradient, logits = self._guiding.guide(x, t, labels)
                score = self.score(x, t, labels)
            else:
                output, class_gradient, logits = self._graphs.run("guided", x, t, labels)
                score = score_from_output(output, x, t, self.sde, self.parametrisation)
            return Guide(score, class_gradient, probability(logits, labels))

        return both

    def logits(self, x: Floats, t: Floats) -> Floats:
        """What the classifier says of x (B, 1, F, T) at times t (B,): (B, C).

        Raises:
            ValueError: there is none.
        """
        if self._guiding is None:
            raise ValueError("these weights have no classifier; load them with classifier=...")
        return self._guiding.guide(x, t, np.full(len(x), -1, np.int64))[1]
