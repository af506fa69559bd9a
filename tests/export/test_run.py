"""Graphs compute what torch computes, of any weights of their layout, and are refused of others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.backends.on_graphs import on_graphs
from scoresubnet.backends.on_torch import on_torch
from scoresubnet.export.run import export
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.model import ScoreModel
from scoresubnet.model_about import read_about
from scoresubnet.networks.unet import UNet
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, load_model, save_model

LABELS = ("yes", "no", "stop")
Make = Callable[..., ScoreModel]


def file_of(model: ScoreModel) -> ModelFile:
    parts = (MelSettings(), model.subnet, model.parametrisation)
    return ModelFile(model.backbone.classifier, LABELS, model.sde, *parts)


def saved(file: ModelFile, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    path = folder / "model.safetensors"
    save_model(file, path, dtype)
    return path


def compare(path: Path, guide: Path | None = None, rtol: float = 1e-4) -> None:
    """Score, class gradient, probability and logits of both backends, for batches of 2 and 5."""
    file = load_model(path)
    described = None
    if guide is not None:
        file, described = file.guided_by(load_model(guide)), (guide, read_about(guide))
    theirs, ours = on_torch(file), on_graphs(path, read_about(path), described)
    a, b = theirs.model, ours.model
    assert (ours.labels, ours.mel) == (theirs.labels, theirs.mel)
    told = (a.hears, a.is_label_conditioned, a.can_be_guided)
    assert (b.hears, b.is_label_conditioned, b.can_be_guided) == told
    if guide is None:
        assert ours.memory()[0] == pytest.approx(theirs.memory()[0], abs=0.01)
    generator = torch.Generator().manual_seed(1)
    for items in (2, 5):
        x = torch.randn(items, 1, 80, 64, generator=generator)
        t = torch.linspace(0.002, 0.95, items)
        labels = torch.tensor([2, -1, 0, 1, 1][:items])
        numbers = (x.numpy(), t.numpy(), labels.numpy())
        with torch.no_grad():
            pairs = [
                (a.score(x, t, labels), b.score(*numbers)),
                (a.score(x, t), b.score(*numbers[:2])),
            ]
            if a.can_be_guided:
                guides = (
                    a.with_class_gradient(labels)(x, t),
                    b.with_class_gradient(numbers[2])(*numbers[:2]),
                )
                assert (guides[0].probability is None) == (guides[1].probability is None)
                pairs += [(p, q) for p, q in zip(*guides, strict=True) if p is not None]
            if a.hears:
                pairs.append((a.logits(x, t), b.logits(*numbers[:2])))
        for expected, found in pairs:
            assert found.dtype == np.float32
            assert found.shape == tuple(expected.shape)
            for one, other in zip(expected.numpy(), found, strict=True):  # each by its own size
                np.testing.assert_allclose(other, one, rtol=0, atol=rtol * np.abs(one).max())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fusion": "concatenation", "label_taps": True, "keep_input_scale": True},
        {"gradient_taps": False},
        {"fusion": "addition", "every_block": True},
    ],
    ids=["cross-attention", "label taps", "no gradient taps", "every block"],
)
def test_a_score_subnet(fields: dict[str, Any], make_score_model: Make, tmp_path: Path) -> None:
    path = saved(file_of(make_score_model("v", **fields)), tmp_path)
    written = export(path)
    roles = ["guided"] if fields.get("label_taps") else ["guided", "score"]
    assert written == [path, *(tmp_path / f"model.{role}.onnx" for role in roles)]
    compare(path)
    for graph in written[1:]:
        small = onnx.load(graph, load_external_data=False)
        assert sum(len(tensor.raw_data) for tensor in small.graph.initializer) < 4000
        assert {entry.key for entry in small.metadata_props} == {"scoresubnet"}
        assert not any(node.metadata_props or node.doc_string for node in small.graph.node)
        assert [entry.version for entry in small.opset_import if not entry.domain] == [20]


def test_a_unet_beside_a_classifier(
    make_unet: Callable[..., UNet], make_score_model: Make, tmp_path: Path
) -> None:
    """The graphs of each lie beside its own weights; labels that the U-Net never saw are none."""
    unet = ModelFile(None, ("no", "maybe"), VPSDE(), MelSettings(), None, "epsilon")
    told = replace(unet, unet=make_unet(2, label_conditioned=True))
    path = saved(told, tmp_path / "unet")
    file = file_of(make_score_model())
    guide = saved(replace(file, subnet=None, parametrisation=None), tmp_path / "guide")
    assert [p.name for p in export(path)[1:]] == ["model.score.onnx"]
    assert [p.name for p in export(guide)[1:]] == ["model.classifier.onnx"]
    compare(path)
    compare(path, guide)
    with pytest.raises(ValueError, match="a classifier alone"):
        on_graphs(guide, read_about(guide))
    with pytest.raises(ValueError, match="for guiding a U-Net"):
        on_graphs(
            guide, replace(read_about(guide), parametrisation="v"), (guide, read_about(guide))
        )


def test_graphs_fit_any_weights_of_their_layout(make_score_model: Make, tmp_path: Path) -> None:
    """A training goes on: no need to export again. In float16 the places are others."""
    model = make_score_model("v", label_taps=True)
    path = saved(file_of(model), tmp_path)
    export(path)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
        # So sure that the class gradient vanishes: all depends on the 1e-12 of `rms_normalise`.
        model.backbone.classifier.head.weight *= 40
    saved(file_of(model), tmp_path)
    compare(path, rtol=2e-3)
    saved(file_of(model), tmp_path, torch.float16)
    with pytest.raises(GraphError, match=r"guided\.onnx: .* model\.safetensors.*; export it again"):
        on_graphs(path, read_about(path))
    export(path)
    compare(path)


def test_a_graph_that_is_no_graph_is_refused(make_score_model: Make, tmp_path: Path) -> None:
    path = saved(file_of(make_score_model("v")), tmp_path)
    with pytest.raises(GraphError, match=r"model\.guided\.onnx: no such graph; write it with"):
        on_graphs(path, read_about(path))
    (tmp_path / "model.guided.onnx").write_bytes(b"no graph at all")
    with pytest.raises(GraphError, match=r"no graph of model\.safetensors .*; export it again"):
        on_graphs(path, read_about(path))


def test_a_graph_that_differs_is_not_written(
    make_score_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(file_of(make_score_model("v", label_taps=True)), tmp_path / "run")
    monkeypatch.setattr("scoresubnet.graphs.to_onnx.TOLERANCE", 1e-12)
    with pytest.raises(GraphError, match=r"its output is off by .* of the largest value"):
        export(tmp_path / "run", tmp_path / "out")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["model.safetensors"]
    (copied,) = (tmp_path / "out").iterdir()
    assert copied.read_bytes() == path.read_bytes()
