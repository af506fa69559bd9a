"""Sessions of onnxruntime: as many threads as asked for, which do not spin, and no chatter."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from scoresubnet.graphs.files import METADATA, layout, stored_tensors

SPIN_MICROSECONDS = "50"
"""How long a thread looks for work before it sleeps. On an idle machine it makes a step as fast as
without a limit, and a fifth faster than with none at all; on a busy one it takes no core from
others."""


class GraphError(ValueError):
    """A graph is missing, or is not of the weights beside it."""


class Graph(NamedTuple):
    """A graph that can be run.

    Attributes:
        session: of onnxruntime; `session.run(None, {name: array})`.
        about: what was said when it was written.
    """

    session: Any
    about: dict[str, Any]


def session_options(threads: int) -> Any:
    """Options of an onnxruntime session of so many threads.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is fatal; errors are raised
    options.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
    return options


def open_graph(path: Path, weights: Path, threads: int) -> Graph:
    """A graph of `to_onnx.write_graph`, with the weights beside it.

    Args:
        path: of the graph.
        weights: the safetensors file, which has been read before, so that it is whole.
        threads: of the session.

    Raises:
        GraphError: the graph is missing, damaged, or of weights of another layout.
        ImportError: onnxruntime is not installed.
    """
    import onnxruntime

    if not path.is_file():
        raise GraphError(f"{path}: no such graph; write it with `scoresubnet export {weights}`")
    try:
        session = onnxruntime.InferenceSession(
            os.fspath(path), session_options(threads), providers=["CPUExecutionProvider"]
        )
        about = json.loads(session.get_modelmeta().custom_metadata_map[METADATA])
        fits = about["layout"] == layout(stored_tensors(weights))
    except Exception as error:  # onnxruntime's own, of many kinds
        why = " ".join(str(error).split())
        raise GraphError(f"{path}: no graph of {weights.name} ({why}); export it again") from error
    if not fits:
        raise GraphError(f"{path}: made of other weights than {weights.name}; export it again")
    return Graph(session, about)
