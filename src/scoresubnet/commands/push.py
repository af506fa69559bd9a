"""`scoresubnet push`: weights to the Hugging Face hub, or to a folder that can be uploaded."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from jsonargparse import Namespace

from scoresubnet.files import new_folder
from scoresubnet.model_about import find_weights
from scoresubnet.publishing.folder import CARD, Written, write_folder
from scoresubnet.publishing.upload import upload
from scoresubnet.weight_files.hub import library, read_place


def run(values: Namespace) -> None:
    """Push, or write the folder, and say where it is.

    Raises:
        ValueError: the weights cannot be read, or the place or the folder cannot be used.
        ImportError: `huggingface_hub` is needed, and not installed.
        OSError: something cannot be written or pushed.
    """
    place = read_place(values.place)
    if place.revision is not None:
        raise ValueError(f"{values.place}: weights are pushed to the main branch; drop @REVISION")
    weights = find_weights(values.weights)
    about = (place.repository, values.licence, values.language)
    if values.out is not None:
        out = Path(values.out)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(f"{out}: is there already; name a new folder")
        with new_folder(out) as folder:
            written = write_folder(weights, folder, *about)
        _warn(written, stays=False)
        _report([str(out / name) for name in written.files], str(out), values.json)
        return
    library(values.place)  # fails before there is work
    with tempfile.TemporaryDirectory() as name:
        written = write_folder(weights, Path(name), *about)
        url, stays = upload(Path(name), written, place, values.private, values.message)
    _warn(written, stays)
    pushed = [name for name in written.files if not (stays and name == CARD)]
    _report(pushed, url, values.json)


def _warn(written: Written, stays: bool) -> None:
    """Say what the owner should know of the card."""
    if stays:
        print(
            f"the {CARD} there was edited, and stays; one beside model.safetensors replaces it",
            file=sys.stderr,
        )
    elif not written.has_licence:
        print("the card names no licence; --licence names one, such as cc-by-4.0", file=sys.stderr)


def _report(files: list[str], where: str, as_json: bool) -> None:
    made = {"files": files, "where": where}
    print(json.dumps(made, indent=1) if as_json else "\n".join([*files, where]))
