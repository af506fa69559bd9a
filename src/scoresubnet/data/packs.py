"""Packs: the log-Mels of a corpus in a few files, which stand where its recordings stood.

A pack is a folder with `pack.json` and `log_mels-<k>.npy`, each below 64 MiB. A source that has it
for its root has the clips that were packed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoresubnet.data.clips import SPLITS, Clip
from scoresubnet.data.words import resolve_words
from scoresubnet.files import new_folder
from scoresubnet.options.registries import refuse_unknown

INDEX = "pack.json"
_PART_BYTES = 60 << 20


@dataclass(frozen=True)
class PackedClip(Clip):
    """A clip whose log-Mel is in a pack; its path is that of its recording, below the pack.

    Attributes:
        pack: the folder.
        row: of the pack.
    """

    pack: Path = Path()
    row: int = -1


def write_pack(
    clips: Sequence[Clip],
    log_mels: NDArray[np.float16],
    mel_hash: str,
    folder: str | os.PathLike[str],
) -> None:
    """Write the log-Mels of a corpus but for its testing clips, which no training reads.

    Args:
        clips: of one source.
        log_mels: of each clip, (N, 80, 64).
        mel_hash: of the settings of their front end.
        folder: a new one; it appears complete or not at all.

    Raises:
        ValueError: the folder is there, or there are no clips.
    """
    rows = [row for row, clip in enumerate(clips) if clip.split != "testing"]
    if not rows:
        raise ValueError(f"{folder}: there are no clips for training to pack")
    (source,) = {clip.source for clip in clips}
    each = _PART_BYTES // log_mels[0].nbytes
    parts = [rows[k : k + each] for k in range(0, len(rows), each)]
    kept = [clips[row] for row in rows]
    index = {
        "source": source,
        "mel_hash": mel_hash,
        "parts": [len(part) for part in parts],
        "clips": [[clip.label, clip.split, clip.path.name, clip.speaker] for clip in kept],
    }
    with new_folder(Path(folder)) as unfinished:
        for k, part in enumerate(parts):
            np.save(unfinished / _part(k), log_mels[part])
        (unfinished / INDEX).write_text(json.dumps(index), encoding="utf-8")


def is_pack(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is a pack."""
    return (Path(root) / INDEX).is_file()


def find_packed(
    root: str | os.PathLike[str], source: str, words: Sequence[str] | str | None = None
) -> list[Clip]:
    """The clips of a pack, in the order of the words.

    Args:
        root: the pack.
        source: the kind of source that it was made of.
        words: a list, the name of one of `words.WORD_SETS`, or None for all that are there.

    Raises:
        ValueError: the pack is damaged, of another kind of source, or lacks a word.
    """
    root = Path(root)
    index = _index(root)
    if index["source"] != source:
        raise ValueError(f"{root}: was packed of a source of kind {index['source']!r}")
    clips: list[Clip] = [
        PackedClip(root / label / name, label, split, source, speaker=speaker, pack=root, row=row)
        for row, (label, split, name, speaker) in enumerate(index["clips"])
    ]
    labels = list(dict.fromkeys(clip.label for clip in clips))
    wanted = labels if words is None else list(resolve_words(words))
    for word in wanted:
        refuse_unknown("word", word, labels, f"words are those packed in {root}")
    return [clip for word in wanted for clip in clips if clip.label == word]


def packed_log_mels(clips: Sequence[Clip], mel_hash: str) -> NDArray[np.float16] | None:
    """The log-Mels (N, 80, 64) of clips that are all packed, or None if none is.

    Raises:
        ValueError: only some are packed, with another front end, or a pack is damaged.
    """
    packs = {pack: _rows(pack, mel_hash) for pack in {clip.pack for clip in _packed(clips)}}
    if not packs:
        return None
    if others := [clip for clip in clips if not isinstance(clip, PackedClip)]:
        raise ValueError(f"{others[0].path}: a recording among packed log-Mels; pack all or none")
    return np.stack([packs[clip.pack][clip.row] for clip in _packed(clips)])


def refuse_packed(clips: Iterable[Clip], what: str) -> None:
    """Refuse clips without a recording.

    Raises:
        ValueError: there is one.
    """
    for clip in _packed(clips):
        raise ValueError(f"{clip.pack}: holds log-Mels alone; {what} are made of recordings")


def _packed(clips: Iterable[Clip]) -> Iterable[PackedClip]:
    return (clip for clip in clips if isinstance(clip, PackedClip))


def _rows(pack: Path, mel_hash: str) -> NDArray[np.float16]:
    index = _index(pack)
    if index["mel_hash"] != mel_hash:
        raise ValueError(f"{pack}: was packed with another front end; pack the recordings anew")
    parts = []
    for k, rows in enumerate(index["parts"]):
        path = pack / _part(k)
        try:
            part = np.load(path, mmap_mode="r", allow_pickle=False)
            if len(part) != rows:
                raise ValueError(f"{len(part)} rows where {rows} were packed")
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: missing or damaged ({error}); copy it anew") from error
        parts.append(part)
    return np.concatenate(parts)


def _index(pack: Path) -> dict[str, Any]:
    path = pack / INDEX
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        clips = [(label, split) for label, split, _, _ in index["clips"]]
        if sum(index["parts"]) != len(clips) or any(split not in SPLITS for _, split in clips):
            raise ValueError("parts and clips differ")
        str(index["source"]), str(index["mel_hash"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: damaged ({error}); copy it anew") from error
    return index


def _part(number: int) -> str:
    return f"log_mels-{number:02d}.npy"
