"""What safetensors files of this package say of themselves; reading it needs no torch."""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import safetensors
from numpy.typing import NDArray

from scoresubnet.audio.mel import MelSettings
from scoresubnet.git_lfs import pointer_hint

T = TypeVar("T")

COUNTER = ".num_batches_tracked"  # of BatchNorm: read by nothing in eval mode


class WeightsError(ValueError):
    """A file of weights is missing, damaged, foreign, or of another kind than is needed."""


def read_metadata(path: Path, *formats: str) -> dict[str, str]:
    """The metadata of a file, which says that its format is one of `formats`.

    Raises:
        WeightsError: the file is missing, truncated or of another format.
    """
    with opened(path, "np", *formats) as file:
        return file.metadata() or {}


@contextmanager
def opened(path: Path, framework: str, *formats: str) -> Iterator[Any]:
    """An open safetensors file, as of `read_metadata`; errors while it is open are its too."""
    try:
        with safetensors.safe_open(path, framework=framework) as file:
            found = (file.metadata() or {}).get("format")
            if found in formats:
                yield file
                return
    except Exception as error:  # damaged headers fail in many ways
        reason = pointer_hint(path) or (
            f"not a readable safetensors file ({error}); expected weights written by scoresubnet"
        )
        raise WeightsError(f"{path}: {reason}") from error
    expected = " or ".join(map(repr, formats))
    raise WeightsError(
        f"{path}: format {found!r}, expected {expected}; "
        "this is not such a file of scoresubnet, or of another version of it"
    )


def described(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Any], MelSettings]:
    """The values that were given to `tensor_files.write_described`, with "notes" in any case.

    Raises:
        WeightsError: the metadata is damaged.
    """
    with metadata_errors(path):
        mel = read_mel(path, metadata)
        plain = {"notes": "{}"} | dict(metadata)
        about = {k: json.loads(v) for k, v in plain.items() if k not in ("format", "mel_hash")}
        if not isinstance(about["notes"], dict):
            raise ValueError("its notes are no mapping")
    return about, mel


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


def array_hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    """64 hex digits that change with any array as float32, its name and shape; nothing else."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        if not name.endswith(COUNTER):
            digest.update(f"{name} {array.shape} ".encode())
            digest.update(array.astype("<f4").tobytes())
    return digest.hexdigest()


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
