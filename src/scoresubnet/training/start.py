"""Starting from other weights: their identity, whether they fit, and the copy."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from scoresubnet.files import file_hash

Find = Callable[[str | os.PathLike[str]], Path]


def content_of(source: str | os.PathLike[str] | None, find: Find) -> str | None:
    """Sixteen hex digits of the content of a file, wherever it lies; None of nothing.

    Args:
        source: what `find` takes.
        find: name, folder or file -> file.

    Raises:
        WeightsError: there is no such file.
    """
    return None if source is None else file_hash(find(source))[:16]


def refuse_others(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Refuse to start where anything differs: features, the noise process, a classifier.

    Raises:
        ValueError: something does; the message names it.
    """
    for what, value in ours.items():
        if theirs[what] != value:
            raise ValueError(
                f"cannot start from weights of another {what}: {theirs[what]}, not {value}"
            )


def copy_network(
    source: nn.Module, network: nn.Module, same_words: bool = True, deeper: bool = False
) -> None:
    """Start `network` from `source`, whose dropout, and what its gradient taps are of, may differ.

    Args:
        source: a network with a `config`.
        network: another one of the same class.
        same_words: whether the outputs mean the same; else the last layer, `head`, stays new.
        deeper: `network` may have more ResBlocks in a level: they come last, and do nothing at
            first, as those of a Score Subnet do.

    Raises:
        ValueError: they have different shapes.
    """
    theirs, ours = (shape_of(n.config) for n in (source, network))
    if deeper:
        theirs["blocks"] = tuple(map(max, theirs["blocks"], ours["blocks"]))
    refuse_others({"shape": theirs}, {"shape": ours})
    tensors, new = source.state_dict(), network.state_dict()
    if not same_words:
        tensors |= {name: new[name] for name in new if name.startswith("head.")}
    network.load_state_dict(new | tensors)


def shape_of(config: Any) -> dict[str, Any]:
    """What the tensors of a network with this config depend on."""
    return {
        k: v for k, v in dataclasses.asdict(config).items() if k not in ("dropout", "label_taps")
    }
