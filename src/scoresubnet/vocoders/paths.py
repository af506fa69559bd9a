"""Where a pitch vocoder lies; the shipped one is inside the package."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from scoresubnet.weight_files.file_metadata import WeightsError, read_metadata
from scoresubnet.weight_files.places import file_in

FORMAT, FORMER = "scoresubnet-vocoder/3", "scoresubnet-vocoder/2"
FILE_NAME = "vocoder.safetensors"
SHIPPED = Path(str(resources.files("scoresubnet"))) / "pretrained/vocoders/pitch-16khz.safetensors"


def vocoder_path(source: str | os.PathLike[str]) -> Path:
    """The file itself, the one in a folder, or, of `hf:ORG/NAME`, the one on the Hub.

    Raises:
        WeightsError: it is not there.
        ImportError: it lies on the Hub, and `huggingface_hub` is not installed.
    """
    return file_in(source, FILE_NAME, "vocoder")


def is_vocoder(source: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is one, or a folder holds one."""
    try:
        read_metadata(vocoder_path(source), FORMAT, FORMER)
    except WeightsError:
        return False
    return True
