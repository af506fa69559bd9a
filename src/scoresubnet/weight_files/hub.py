"""Places on the Hugging Face hub, `hf:ORG/NAME@REVISION`, and the weights that lie there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from scoresubnet.process.missing import install
from scoresubnet.weight_files.file_metadata import WeightsError

PREFIX = "hf:"
GRAPHS = "{}.*.onnx"
"""The graphs of weights, by the name of these without `.safetensors`."""
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"

_NAME = r"\w[\w.-]*"
_FORM = re.compile(rf"{PREFIX}(?P<repository>{_NAME}/{_NAME})(@(?P<revision>[^\s@]+))?", re.ASCII)


class Place(NamedTuple):
    """A repository on the Hub.

    Attributes:
        repository: owner and name, "ORG/NAME".
        revision: a branch, a tag or a commit; None: the newest of the main branch.
    """

    repository: str
    revision: str | None

    @property
    def name(self) -> str:
        """What weights from there are called, in tables and as a folder: "NAME@REVISION"."""
        name = self.repository.rpartition("/")[2]
        return name if self.revision is None else f"{name}@{self.revision.replace('/', '-')}"


def is_on_hub(source: str | os.PathLike[str]) -> bool:
    """Whether a name is meant as a place on the Hub."""
    return str(source).startswith(PREFIX)


def read_place(source: str | os.PathLike[str]) -> Place:
    """`hf:ORG/NAME` or `hf:ORG/NAME@REVISION`.

    Raises:
        WeightsError: it has another form.
    """
    match = _FORM.fullmatch(str(source))
    if match is None:
        raise WeightsError(
            f"{source}: no place on the Hub; write {PREFIX}ORG/NAME, or {PREFIX}ORG/NAME@REVISION "
            "with a branch, a tag or a commit"
        )
    return Place(match["repository"], match["revision"])


def fetch(source: str | os.PathLike[str], name: str) -> Path:
    """A safetensors file of a repository, with its graphs beside it; nothing else is downloaded.

    `huggingface_hub` keeps them in its cache, and asks the Hub each time whether there are newer
    ones. Where the Hub cannot be reached, those in the cache are taken.

    Args:
        source: what `read_place` takes.
        name: of the file.

    Raises:
        WeightsError: there is no such file, or it cannot be had; the message says what to do.
        ImportError: `huggingface_hub` is not installed.
    """
    place, hub = read_place(source), library(source)
    try:
        path = Path(hub.hf_hub_download(place.repository, name, revision=place.revision))
        # By its commit: the branch may have moved on. Without a network, graphs may be missing.
        with suppress(hub.errors.LocalEntryNotFoundError):
            wanted = [name, GRAPHS.format(path.stem)]
            hub.snapshot_download(
                place.repository, revision=path.parent.name, allow_patterns=wanted
            )
    except Exception as error:  # of many kinds, from several packages
        raise WeightsError(f"{source}: {_why(error, hub, place, name)}") from error
    return path


def library(source: str | os.PathLike[str]) -> Any:
    """The module `huggingface_hub`, with `huggingface_hub.errors`.

    Args:
        source: what it is needed for.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ModuleNotFoundError as error:
        raise ImportError(f"{source}: the Hub needs {error.name}; {install('hub')}") from error
    return huggingface_hub


def refusal(error: Exception) -> str | None:
    """What to do about an answer of the Hub that asks who is there; None of any other error."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return f"the Hub does not know who you are; {LOG_IN}"
    if status == 403:
        return "your token may not do that; give it the right, or take that of another account"
    return None


def plain(error: Exception) -> str:
    """The kind and the text of an error, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _why(error: Exception, hub: Any, place: Place, name: str) -> str:
    """Why a file cannot be had, and what to do."""
    errors = hub.errors
    if isinstance(error, errors.GatedRepoError):
        return (
            "its owner lets in only those who ask; ask on its page "
            f"({hub.constants.ENDPOINT}/{place.repository}), and {LOG_IN}"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no such repository, or a private one; check the name, or {LOG_IN}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"no revision {place.revision!r} there; give a branch, a tag or a commit of it"
    if isinstance(error, errors.LocalEntryNotFoundError):
        offline = hub.constants.HF_HUB_OFFLINE
        reason = "HF_HUB_OFFLINE is set" if offline else "the Hub cannot be reached"
        return (
            f"its {name} is not in the cache ({hub.constants.HF_HUB_CACHE}), and {reason}; give "
            "the command once with a network, or copy the files here and name their folder"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return (
            f"the repository has no {name}; weights of scoresubnet get there by `scoresubnet push`"
        )
    return f"cannot be fetched: {refusal(error) or plain(error)}"
