"""Files of weights that are changed behind the package's back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor


def rewrite(
    path: Path,
    change_tensors: Callable[[dict[str, Tensor]], Any] = lambda tensors: None,
    change_metadata: Callable[[dict[str, str]], Any] = lambda metadata: None,
) -> None:
    """Change a file of weights behind the package's back."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change_tensors(tensors)
    change_metadata(metadata)
    safetensors.torch.save_file(tensors, path, metadata)


def change_json(key: str, change: Callable[[Any], Any]) -> Callable[[dict[str, str]], None]:
    def apply(metadata: dict[str, str]) -> None:
        value = json.loads(metadata[key])
        change(value)
        metadata[key] = json.dumps(value)

    return apply
