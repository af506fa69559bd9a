"""The upload of a folder to the Hugging Face hub, in one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from scoresubnet.model_about import FILE_NAME
from scoresubnet.publishing.card import is_untouched
from scoresubnet.publishing.folder import CARD, Written
from scoresubnet.weight_files.hub import GRAPHS, PREFIX, Place, library, plain, refusal

_GRAPHS = GRAPHS.format(Path(FILE_NAME).stem)


def upload(
    folder: Path, written: Written, place: Place, private: bool, message: str
) -> tuple[str, bool]:
    """Make the repository if there is none, and put the files there.

    Graphs that were there before, and do not come along, go: they would be of other weights. A card
    that somebody has edited there stays, unless the folder has one of its owner.

    Args:
        folder: as `folder.write_folder` has filled it.
        written: what that has said.
        place: without a revision.
        private: whether only its owner is to see the repository.
        message: of the commit.

    Returns:
        The address of the repository, and whether the card that was there has stayed.

    Raises:
        OSError: the Hub cannot be reached, or refuses.
        ValueError: the repository is there already, and all can see it although `private` is asked
            for.
        ImportError: `huggingface_hub` is not installed.
    """
    hub = library(f"{PREFIX}{place.repository}")
    api = hub.HfApi(library_name="scoresubnet")
    with _refusals(place):
        url = api.create_repo(place.repository, private=private or None, exist_ok=True)
        info = api.model_info(place.repository)
    if private and not info.private:
        raise ValueError(
            f"{url}: all can see this repository; make it private in its settings, or leave out "
            "--private"
        )
    there = {file.rfilename for file in info.siblings or ()}
    with _refusals(place):
        stays = CARD in there and not written.own_card and _was_edited(hub, place, info.sha)
        names = [name for name in written.files if not (stays and name == CARD)]
        stale = sorted(name for name in there - {*names} if fnmatch(name, _GRAPHS))
        operations = [
            *(hub.CommitOperationAdd(name, str(folder / name)) for name in names),
            *(hub.CommitOperationDelete(name) for name in stale),
        ]
        # Only on what was looked at: another push at the same time is refused.
        api.create_commit(
            place.repository, operations, commit_message=message, parent_commit=info.sha
        )
    return str(url), stays


def _was_edited(hub: Any, place: Place, revision: str | None) -> bool:
    """Whether the card of a repository is another than one that was made."""
    path = Path(hub.hf_hub_download(place.repository, CARD, revision=revision))
    return not is_untouched(path.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def _refusals(place: Place) -> Iterator[None]:
    """Errors of the library, of many kinds, say what was refused and what to do."""
    try:
        yield
    except Exception as error:
        why = refusal(error) or plain(error)
        raise OSError(f"{PREFIX}{place.repository}: cannot be pushed: {why}") from error
