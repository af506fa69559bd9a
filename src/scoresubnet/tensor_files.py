"""Safetensors files that carry their own config: written whole, read strictly."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from scoresubnet.files import replacing

T = TypeVar("T")


class WeightsError(ValueError):
    """A file of weights is missing, damaged, foreign, or of another kind than is needed."""


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: dict[str, str],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the file; it appears complete or not at all."""
    plain = {k: v.detach().cpu().to(dtype).contiguous() for k, v in tensors.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(plain, metadata))


def read_tensors(path: Path, expected: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors, metadata) of a file whose metadata says that its format is `expected`.

    Raises:
        WeightsError: the file is missing, truncated or of another format.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file ({error}); "
            "expected weights written by scoresubnet"
        ) from error
    if metadata.get("format") != expected:
        raise WeightsError(
            f"{path}: format {metadata.get('format')!r}, expected {expected!r}; "
            "this is not such a file of scoresubnet, or of another version of it"
        )
    return tensors, metadata


def load_strictly(path: Path, parts: dict[str, nn.Module], tensors: dict[str, Tensor]) -> None:
    """Copy `<part>.<name>` into the parts: every tensor must be there, and nothing else.

    Raises:
        WeightsError: tensors are missing, foreign, of another shape, or not finite.
    """
    expected = {f"{part}.{k}": v for part, m in parts.items() for k, v in m.state_dict().items()}
    missing, foreign = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    misfits = [k for k in expected.keys() & tensors.keys() if expected[k].shape != tensors[k].shape]
    if missing or foreign or misfits:
        raise WeightsError(
            f"{path}: does not fit its own config: {len(missing)} tensors missing, "
            f"{len(foreign)} foreign, {len(misfits)} of another shape; "
            f"first: {min([*missing, *foreign, *misfits])}"
        )
    if bad := [k for k, v in tensors.items() if not torch.isfinite(v).all()]:
        raise WeightsError(f"{path}: {bad[0]} holds values that are not finite")
    for part, module in parts.items():
        module.load_state_dict(
            {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}
        )


def from_plain(cls: type[T], values: Mapping[str, Any]) -> T:
    """A config dataclass from JSON values; lists become tuples.

    Raises:
        ValueError: a key is unknown or missing.
    """
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if known != set(values):
        raise ValueError(
            f"{cls.__name__} has the keys {sorted(known)}, the file has {sorted(values)}"
        )
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
