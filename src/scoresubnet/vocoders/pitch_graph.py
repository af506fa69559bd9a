"""The network that reads the pitch, as a graph that onnxruntime runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import MelSettings
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.sessions import open_graph
from scoresubnet.vocoders.paths import FORMAT
from scoresubnet.vocoders.pitch import PitchLogits, PitchNetworkConfig, PitchReader
from scoresubnet.weight_files.file_metadata import (
    array_hash,
    described,
    from_plain,
    metadata_errors,
    opened,
)

ROLE = "pitch"


def has_graph(vocoder: Path) -> bool:
    """Whether `scoresubnet export` has written one beside a vocoder's file."""
    return graph_path(vocoder, ROLE).is_file()


def graph_reader(vocoder: Path) -> tuple[PitchReader, MelSettings]:
    """The reader, and the front end that its network was trained on.

    Args:
        vocoder: the safetensors file beside the graph.

    Raises:
        WeightsError: the file is missing, damaged or foreign.
        GraphError: the graph is missing, damaged, or of other weights.
    """
    with opened(vocoder, "np", FORMAT) as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    about, mel = described(vocoder, metadata)
    with metadata_errors(vocoder):
        config = from_plain(PitchNetworkConfig, about["config"])
    session = open_graph(graph_path(vocoder, ROLE), vocoder, threads=1).session

    def read(x: NDArray[np.float32]) -> PitchLogits:
        return PitchLogits(*session.run(None, {"x": x}))

    weights = array_hash({name.removeprefix("network."): a for name, a in arrays.items()})
    return PitchReader(read, config, weights[:16]), mel
