"""Safetensors files that carry their own config: written whole, read strictly."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.files import write_bytes
from scoresubnet.weight_files.file_metadata import (
    WeightsError,
    array_hash,
    described,
    mel_metadata,
    opened,
)

LARGEST = 1e18  # of a weight: much beyond it, squares overflow in float32


class Described(NamedTuple):
    """The content of a file that `read_described` reads.

    Attributes:
        tensors: by name.
        about: the values that were given to `write_described`, and "notes" in any case.
        mel: the front end.
    """

    tensors: dict[str, Tensor]
    about: dict[str, Any]
    mel: MelSettings


def write_described(
    path: str | os.PathLike[str],
    file_format: str,
    tensors: Mapping[str, Tensor],
    mel: MelSettings,
    about: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write tensors with all that is needed to use them; the file appears complete or not at all.

    Args:
        path: the file.
        file_format: name and version, such as "scoresubnet/1".
        tensors: those of networks by `part_tensors`.
        mel: the front end that they were trained on.
        about: plain values by name: "config", "labels", "notes".
        dtype: of the tensors in the file.
    """
    metadata = {"format": file_format, **{k: json.dumps(v) for k, v in about.items()}}
    write_tensors(path, tensors, metadata | mel_metadata(mel), dtype)


def read_described(path: Path, *formats: str) -> Described:
    """Tensors and what was said of them in a file of `write_described`.

    Raises:
        WeightsError: the file is missing, truncated, of another format, or its metadata is damaged.
    """
    tensors, metadata = read_tensors(path, *formats)
    return Described(tensors, *described(path, metadata))


def part_tensors(parts: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """`<part>.<name>` -> tensor, of several networks."""
    return {f"{part}.{k}": v for part, m in parts.items() for k, v in m.state_dict().items()}


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: dict[str, str],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the file, complete or not at all; the same values make the same bytes."""
    plain = {k: v.detach().cpu().to(dtype).contiguous() for k, v in tensors.items()}
    write_bytes(path, _ordered(safetensors.torch.save(plain, metadata)))


def _ordered(data: bytes) -> bytes:
    """A safetensors file with its metadata by name: safetensors writes them in any order."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def read_tensors(path: Path, *formats: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors, metadata) of a file whose metadata says that its format is one of `formats`.

    Raises:
        WeightsError: the file is missing, truncated or of another format.
    """
    with opened(path, "pt", *formats) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def state_hash(state: Mapping[str, Tensor]) -> str:
    """64 hex digits that change with any tensor as float32, its name and shape; nothing else."""
    return array_hash({k: v.detach().cpu().float().numpy() for k, v in state.items()})


def load_strictly(path: Path, parts: Mapping[str, nn.Module], tensors: dict[str, Tensor]) -> None:
    """Give the parts copies of `<part>.<name>`: every tensor must be there, and nothing else.

    Args:
        path: where they are from.
        parts: networks by name; built on the device "meta" they take no memory, and no time or
            random numbers to initialise, before the tensors are known to fit.
        tensors: by full name.

    Raises:
        WeightsError: tensors are missing, foreign, of another shape, not finite, or enormous.
    """
    expected = part_tensors(parts)
    missing, foreign = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    misfits = [k for k in expected.keys() & tensors.keys() if expected[k].shape != tensors[k].shape]
    if missing or foreign or misfits:
        raise WeightsError(
            f"{path}: does not fit its own config: {len(missing)} tensors missing, "
            f"{len(foreign)} foreign, {len(misfits)} of another shape; "
            f"first: {min([*missing, *foreign, *misfits])}"
        )
    tensors = {k: v.to(expected[k].dtype, copy=True) for k, v in tensors.items()}
    if bad := [k for k, v in tensors.items() if not (v.abs() <= LARGEST).all()]:  # so with NaN
        raise WeightsError(f"{path}: {bad[0]} holds values that are not finite, or no weights")
    for part, module in parts.items():
        own = {
            k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")
        }
        module.load_state_dict(own, assign=True)
