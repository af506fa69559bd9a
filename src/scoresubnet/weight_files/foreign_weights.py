"""Weights that others published: read without running anything that is in the file.

Some are whole modules, pickled with their classes. `torch.load(weights_only=True)` calls nothing
but torch's own functions for tensors; here it is told to put an empty container in the place of
each expected class. A pickle that names anything else is refused before a call is made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from scoresubnet.git_lfs import pointer_hint
from scoresubnet.weight_files.file_metadata import COUNTER, WeightsError
from scoresubnet.weight_files.tensor_files import load_strictly, state_hash

_WRAPPER = "module."  # what torch.nn.DataParallel puts before every name
_DEEPEST = 32  # modules within modules


class _Inert:
    """Stands in for an object of a pickle: holds its attributes, does nothing."""

    def __init__(self, *args: object) -> None:
        pass


def read_state_dict(path: str | os.PathLike[str], classes: Sequence[str] = ()) -> dict[str, Tensor]:
    """Name -> tensor of a file, a `module.` before all names taken off.

    The file is one of
    - safetensors, by its suffix;
    - a state dict saved with `torch.save`, or a dict that has one under `state_dict`;
    - a whole module saved with `torch.save`, whose classes are among `classes`.

    Args:
        path: the file.
        classes: full names of the classes that a pickled module may consist of, such as
            "torch.nn.modules.conv.Conv2d". None of them is imported.

    Raises:
        WeightsError: the file is missing, damaged, or holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file")
    stored = _stored(path, classes)
    if isinstance(stored, _Inert):
        tensors = dict(_tensors_of(path, stored, "", set(), 0))
    else:
        if isinstance(stored, Mapping) and "state_dict" in stored:
            stored = stored["state_dict"]
        if not isinstance(stored, Mapping) or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in stored.items()
        ):
            raise WeightsError(f"{path}: neither a state dict nor a module: no named tensors")
        tensors = dict(stored)
    if not tensors:
        raise WeightsError(f"{path}: holds no tensors")
    if all(name.startswith(_WRAPPER) for name in tensors):
        tensors = {name.removeprefix(_WRAPPER): tensor for name, tensor in tensors.items()}
    return tensors


def load_foreign(
    path: str | os.PathLike[str], network: nn.Module, classes: Sequence[str] = ()
) -> None:
    """Fill a network from a file of `read_state_dict`: every tensor is there, and no other.

    Raises:
        WeightsError: the file cannot be read, or tensors are missing, foreign, of another shape or
            not finite.
    """
    tensors = read_state_dict(path, classes)
    for name, tensor in network.state_dict().items():
        if name.endswith(COUNTER):  # not in old files
            tensors.setdefault(name, torch.zeros_like(tensor))
    load_strictly(Path(path), {"network": network}, {f"network.{k}": v for k, v in tensors.items()})


def weights_hash(network: nn.Module) -> str:
    """Sixteen hex digits that change with any tensor, and with nothing else."""
    return state_hash(network.state_dict())[:16]


def _stored(path: Path, classes: Sequence[str]) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        # Classes of their own, not tuples of class and name, which torch 2.5 does not know.
        stand_ins: list[Any] = []
        for full_name in classes:
            module, _, name = full_name.rpartition(".")
            stand_ins.append(type(name, (_Inert,), {"__module__": module, "__qualname__": name}))
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can fail in any way
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise WeightsError(
                f"{path}: holds more than tensors: it names {refused[1]}; nothing of it was run"
            ) from error
        first = (str(error) or type(error).__name__).splitlines()[0]
        reason = pointer_hint(path) or f"not a readable file of weights ({first})"
        raise WeightsError(f"{path}: {reason}") from error


def _tensors_of(
    path: Path, container: _Inert, prefix: str, seen: set[int], depth: int
) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers of a module and of those within it, as a state dict names them."""
    state = vars(container)
    if id(container) in seen or depth > _DEEPEST:
        raise WeightsError(f"{path}: a module is within itself, or there twice")
    seen.add(id(container))
    for kind in ("_parameters", "_buffers", "_modules"):
        if not isinstance(state.get(kind), dict):
            raise WeightsError(f"{path}: a pickled object is no torch.nn.Module: it has no {kind}")
        for name, value in state[kind].items():
            if value is None:
                continue
            if kind == "_modules" and isinstance(value, _Inert):
                yield from _tensors_of(path, value, f"{prefix}{name}.", seen, depth + 1)
            elif kind != "_modules" and isinstance(value, Tensor):
                yield f"{prefix}{name}", value.detach()
            else:
                raise WeightsError(f"{path}: {prefix}{name} is a {type(value).__name__}")
