"""The folder that is pushed: weights, their graphs, what they say, and the model card."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from scoresubnet.files import naming, write_bytes, write_json, write_text
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.renaming import graph_of
from scoresubnet.graphs.sessions import open_graph
from scoresubnet.model_about import FILE_NAME, FORMAT, ModelAbout, read_about
from scoresubnet.publishing.card import FENCE, Stated, front_matter, is_untouched, model_card
from scoresubnet.weight_files.hub import GRAPHS

CARD, CONFIG = "README.md", "config.json"


class Written(NamedTuple):
    """What is in a folder.

    Attributes:
        files: names of the files.
        own_card: whether the card is that of the weights' owner, and not one that was made.
        has_licence: whether a made card, or a made front matter, names a licence.
    """

    files: list[str]
    own_card: bool
    has_licence: bool


def write_folder(
    weights: Path,
    folder: Path,
    repository: str,
    licence: str | None = None,
    language: str | None = None,
) -> Written:
    """Fill an empty folder with what a repository of these weights holds.

    A `README.md` beside a `model.safetensors`, in the folder of a run, is the card, unless it is
    one that was made before and that nobody has edited. It gets front matter if it has none.

    Args:
        weights: a file of weights; the graphs beside it come along.
        folder: it is there, and empty.
        repository: "ORG/NAME".
        licence: for the card, as the Hub calls it; None: as the weights say.
        language: for the card, its code.

    Raises:
        WeightsError: the weights are missing, damaged or foreign.
        GraphError: a graph beside them is damaged, or of other weights.
        ValueError: the folder of the weights has a card with front matter of its own, and a
            licence or language is given.
        ImportError: graphs must be renamed, and onnx is not installed.
        OSError: a file cannot be read or written.
    """
    about = read_about(weights)
    graphs = sorted(weights.parent.glob(GRAPHS.format(weights.stem)))
    stated = Stated(repository, licence, language, any(_runs(about, path) for path in graphs))
    card, own = _card(weights, about, stated)
    target = folder / FILE_NAME
    with naming(target):
        shutil.copyfile(weights, target)
    for path in graphs:
        open_graph(path, weights, threads=1)  # refuses one of other weights
        graph = graph_path(target, _role(path))
        renamed = weights.name != FILE_NAME
        write_bytes(graph, graph_of(path, FILE_NAME) if renamed else path.read_bytes())
    write_json(folder / CONFIG, _said(about))
    write_text(folder / CARD, card)
    has_licence = "\nlicense:" in card.partition(f"\n{FENCE}")[0]
    return Written(sorted(path.name for path in folder.iterdir()), own, has_licence)


def _role(graph: Path) -> str:
    """`model.guided.onnx` -> `guided`."""
    return graph.suffixes[-2].removeprefix(".")


def _runs(about: ModelAbout, graph: Path) -> bool:
    """Whether a graph is the one that a model's step cannot do without."""
    return about.parametrisation is not None and _role(graph) == about.role


def _card(weights: Path, about: ModelAbout, stated: Stated) -> tuple[str, bool]:
    """The card, and whether its owner wrote it.

    Raises:
        ValueError: as of `write_folder`.
    """
    path = weights.with_name(CARD)
    if weights.name != FILE_NAME or not path.is_file():
        return model_card(about, weights, stated), False
    text = path.read_text(encoding="utf-8")
    if is_untouched(text):
        return model_card(about, weights, stated), False
    if not text.startswith(FENCE):
        return f"{front_matter(about, stated)}\n{text}", True
    if stated.licence or stated.language:
        raise ValueError(f"{path}: has its own front matter; name licence and language there")
    return text, True


def _said(about: ModelAbout) -> dict[str, Any]:
    """What the header of the weights says, for those who look at the repository."""
    parts = {key: value for key, value in about.config.items() if isinstance(value, dict)}
    return {
        "model_type": "scoresubnet",
        "format": FORMAT,
        "labels": list(about.labels),
        "aliases": about.aliases,
        "parametrisation": about.parametrisation,
        **json.loads(json.dumps(parts)),
        "mel": about.mel.to_dict(),
        "sampling": None if about.sampling is None else dataclasses.asdict(about.sampling),
        "notes": about.notes,
    }
