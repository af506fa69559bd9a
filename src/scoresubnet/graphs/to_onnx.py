"""A torch module as an ONNX graph that takes its weights from their safetensors file."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from scoresubnet.files import replacing
from scoresubnet.graphs.files import METADATA, Stored, layout, stored_tensors
from scoresubnet.graphs.sessions import GraphError, open_graph

OPSET = 20
"""Of the default domain; no other is used. onnxruntime has it since 1.17, of January 2024."""
TOLERANCE = 1e-4
"""Of the largest value of an output: how far the graph may be from the module."""


class Exported(NamedTuple):
    """A module and how to call its graph.

    Attributes:
        module: of tensors to a tensor or a tuple of them, in eval mode.
        inputs: an example of each input by name; the graph is checked by it.
        outputs: names, in order.
        free: input -> its axes of any size, by name, such as {"x": {0: "batch"}}.
        about: plain values to be read again from the graph.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: Sequence[str]
    free: Mapping[str, Mapping[int, str]]
    about: Mapping[str, Any]


@torch.no_grad()
def write_graph(
    exported: Exported, tensors: Mapping[str, Tensor], weights: Path, path: Path
) -> None:
    """Write the graph and check it; it appears complete or not at all.

    Args:
        exported: what to write.
        tensors: the module's parameters by their names in the file of weights.
        weights: their safetensors file, in float32 or float16, in the folder of `path`.
        path: the file to write.

    Raises:
        GraphError: the graph computes something else than the module.
        ImportError: onnx or onnxscript is not installed.
        OSError: it cannot be written.
    """
    stored = stored_tensors(weights)
    proto = _proto(exported, {t.data_ptr(): name for name, t in tensors.items()})
    _take_from(weights.name, stored, proto)
    about = {**exported.about, "layout": layout(stored)}
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(about, sort_keys=True)
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString(deterministic=True))
        check(exported, temporary, weights)


def check(exported: Exported, path: Path, weights: Path) -> None:
    """Compare a graph with its module.

    Raises:
        GraphError: they differ by more than `TOLERANCE`, or it cannot be run.
    """
    session = open_graph(path, weights, threads=1).session
    batch = len(next(iter(exported.inputs.values())))
    for items in (batch, 1):
        inputs = {name: x[:items] for name, x in exported.inputs.items()}
        expected = exported.module(*inputs.values())
        found = session.run(None, {name: x.numpy() for name, x in inputs.items()})
        each = expected if isinstance(expected, tuple) else (expected,)
        for name, theirs, ours in zip(exported.outputs, each, found, strict=True):
            off = np.abs(theirs.numpy() - ours).max() / theirs.abs().max().clamp(min=1e-12).item()
            if not off <= TOLERANCE:
                raise GraphError(
                    f"{path}: its {name} is off by {off:.1e} of the largest value; "
                    "please report this with the versions of torch, onnxscript and onnxruntime"
                )


def _proto(exported: Exported, names: Mapping[int, str]) -> Any:
    """The graph with its weights as inputs, by their names in the file; free of our paths."""
    import onnx_ir
    from onnxscript import optimizer

    dynamic = torch.export.Dim.DYNAMIC
    shapes = tuple(dict.fromkeys(exported.free.get(name, {}), dynamic) for name in exported.inputs)
    inputs = tuple(exported.inputs.values())
    with _quiet():
        program = torch.export.export(exported.module, inputs, dynamic_shapes=shapes)
        written = torch.onnx.export(
            program,
            input_names=list(exported.inputs),
            output_names=list(exported.outputs),
            opset_version=OPSET,
            optimize=False,
            verbose=False,
        )
        assert written is not None
        model = written.model
        # As inputs, so that nothing that is made of them becomes a constant of the graph.
        own = dict(exported.module.named_parameters())
        for name in list(model.graph.initializers):
            if name in own:
                value = model.graph.initializers.pop(name)
                value.const_value = None
                value.name = names[own[name].data_ptr()]
                model.graph.inputs.append(value)
        # No more than this: rules of `optimizer.optimize` take 1e-12 for zero.
        optimizer.fold_constants(model)
        optimizer.remove_unused_nodes(model)
    proto = onnx_ir.to_proto(model)
    for part in (proto, proto.graph, *proto.graph.node):  # stack traces among them
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    proto.graph.ClearField("value_info")
    _name_free_axes(proto, exported.free)
    return proto


def _name_free_axes(proto: Any, free: Mapping[str, Mapping[int, str]]) -> None:
    """Call the axes of any size of the inputs as we do, for those who look at the file."""
    for value in proto.graph.input:
        for axis, name in free.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _take_from(file: str, stored: Mapping[str, Stored], proto: Any) -> None:
    """Replace inputs by what is stored under their names in a file; float16 becomes float32."""
    import onnx

    kinds = {"F32": onnx.TensorProto.FLOAT, "F16": onnx.TensorProto.FLOAT16}
    casts = []
    for value in list(proto.graph.input):
        if value.name not in stored:
            continue
        its = stored[value.name]
        proto.graph.input.remove(value)
        tensor = proto.graph.initializer.add()
        tensor.name, tensor.data_type = value.name, kinds[its.dtype]
        tensor.dims.extend(its.shape)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, part in (("location", file), ("offset", its.offset), ("length", its.length)):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(part)
        if its.dtype == "F16":
            tensor.name = f"{value.name}/stored"
            casts.append(
                onnx.helper.make_node(
                    "Cast", [tensor.name], [value.name], to=onnx.TensorProto.FLOAT
                )
            )
    nodes = [*casts, *proto.graph.node]
    proto.graph.ClearField("node")
    proto.graph.node.extend(nodes)


@contextmanager
def _quiet() -> Any:
    """What exporters print of themselves, and of packages that are not needed, is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter = logging.getLogger("torch.onnx")
        before = exporter.level
        exporter.setLevel(logging.ERROR)
        try:
            yield
        finally:
            exporter.setLevel(before)
