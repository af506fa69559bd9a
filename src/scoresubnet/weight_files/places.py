"""Where a file of weights lies: at a path, in a folder, or on the Hugging Face hub."""

from __future__ import annotations

import os
from pathlib import Path

from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.hub import fetch, is_on_hub


def file_in(source: str | os.PathLike[str], name: str, what: str) -> Path:
    """The file itself, the one in a folder, or, of `hf:ORG/NAME`, a download in the Hub's cache.

    Args:
        source: a file, or a folder or a repository that holds one called `name`.
        name: as a run writes it.
        what: what the file holds, as the message calls it.

    Raises:
        WeightsError: it is not there, or cannot be fetched.
        ImportError: `huggingface_hub` is needed, and not installed.
    """
    if is_on_hub(source):
        return fetch(source, name)
    path = Path(source)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{source}: no {what} here; give the folder of a run, or its {name}")
    return path
