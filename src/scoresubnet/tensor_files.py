"""Safetensors files that carry their own config: written whole, read strictly."""

from __future__ import annotations

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.files import write_bytes
from scoresubnet.git_lfs import pointer_hint

T = TypeVar("T")

LARGEST = 1e18  # of a weight: much beyond it, squares overflow in float32
COUNTER = ".num_batches_tracked"  # of BatchNorm: read by nothing in eval mode


class WeightsError(ValueError):
    """A file of weights is missing, damaged, foreign, or of another kind than is needed."""


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
    with metadata_errors(path):
        mel = read_mel(path, metadata)
        plain = {"notes": "{}"} | metadata
        about = {k: json.loads(v) for k, v in plain.items() if k not in ("format", "mel_hash")}
        if not isinstance(about["notes"], dict):
            raise ValueError("its notes are no mapping")
    return Described(tensors, about, mel)


def part_tensors(parts: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """`<part>.<name>` -> tensor, of several networks."""
    return {f"{part}.{k}": v for part, m in parts.items() for k, v in m.state_dict().items()}


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: dict[str, str],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the file; it appears complete or not at all."""
    plain = {k: v.detach().cpu().to(dtype).contiguous() for k, v in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata))


def read_tensors(path: Path, *formats: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors, metadata) of a file whose metadata says that its format is one of `formats`.

    Raises:
        WeightsError: the file is missing, truncated or of another format.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # damaged headers fail in many ways
        reason = pointer_hint(path) or (
            f"not a readable safetensors file ({error}); expected weights written by scoresubnet"
        )
        raise WeightsError(f"{path}: {reason}") from error
    if metadata.get("format") not in formats:
        expected = " or ".join(map(repr, formats))
        raise WeightsError(
            f"{path}: format {metadata.get('format')!r}, expected {expected}; "
            "this is not such a file of scoresubnet, or of another version of it"
        )
    return tensors, metadata


def file_in(source: str | os.PathLike[str], name: str, what: str) -> Path:
    """The file itself, or the one in a folder.

    Args:
        source: a file, or a folder that holds one called `name`.
        name: as a run writes it.
        what: what the file holds, as the message calls it.

    Raises:
        WeightsError: it is not there.
    """
    path = Path(source)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{source}: no {what} here; give the folder of a run, or its {name}")
    return path


@contextmanager
def metadata_errors(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the block while the metadata of `path` is read is a `WeightsError`."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # sizes beyond memory and JSON that is too deep among them
        why = " ".join(str(error).split())
        raise WeightsError(
            f"{path}: its metadata is damaged or of another version: {why}"
        ) from error


def mel_metadata(mel: MelSettings) -> dict[str, str]:
    """The metadata that `read_mel` reads."""
    return {"mel": json.dumps(mel.to_dict()), "mel_hash": mel.hash}


def read_mel(path: Path, metadata: Mapping[str, str]) -> MelSettings:
    """The front end that a file was made for; inside `metadata_errors`.

    Raises:
        WeightsError: the settings have another hash than the file states: the recipe has changed.
    """
    mel = MelSettings.from_dict(json.loads(metadata["mel"]))
    if mel.hash != metadata.get("mel_hash"):
        raise WeightsError(
            f"{path}: made for features {metadata.get('mel_hash')}, "
            f"but its settings hash to {mel.hash}"
        )
    return mel


def state_hash(state: Mapping[str, Tensor]) -> str:
    """64 hex digits that change with any tensor as float32, its name and shape; nothing else."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        if not name.endswith(COUNTER):
            digest.update(f"{name} {tuple(tensor.shape)} ".encode())
            digest.update(tensor.detach().cpu().float().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


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


def from_plain(cls: type[T], values: Mapping[str, Any]) -> T:
    """A config dataclass from JSON values, of the types of its fields; lists become tuples.

    Raises:
        ValueError: a key is unknown or missing, or a value of another type.
    """
    known = get_type_hints(cls)
    if known.keys() != set(values):
        raise ValueError(
            f"{cls.__name__} has the keys {sorted(known)}, the file has {sorted(values)}"
        )
    return cls(**{k: _typed(f"{cls.__name__}.{k}", known[k], v) for k, v in values.items()})


def _typed(name: str, kind: Any, value: Any) -> Any:
    """The value, if it is a finite number, text or truth value of that type, or a tuple of such."""
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_typed(name, get_args(kind)[0], item) for item in value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        wanted = getattr(kind, "__name__", kind)
        raise ValueError(f"{name} is {reprlib.repr(value)}, and must be of type {wanted}")
    return value
