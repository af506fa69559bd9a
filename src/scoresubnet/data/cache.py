"""Arrays with one row per clip, computed once and kept on the disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.audio.io import Audio, AudioError, fit_length, is_silent, read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import SPLITS, Clip, Split
from scoresubnet.data.packs import refuse_packed
from scoresubnet.files import escaped, naming, new_folder
from scoresubnet.options.registries import refuse_unknown

_log = logging.getLogger(__name__)
_BATCH = 128  # clips that are transformed together
_SHOWN = 5  # skipped files that the summary names

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass
class CachedClips(Generic[Scalar]):
    """N clips, and what is kept of each.

    Attributes:
        values: (N, ...), memory-mapped, read-only.
        labels: (N,) int64, positions in `words`.
        splits: (N,) of str, one of "training", "validation", "testing".
        sources: (N,) of str, the kind of source each clip is from.
        words: the word of each label.
        clips: the clip of each row, as it was given.
        skipped: (file, reason) of each clip that could not be used.
    """

    values: NDArray[Scalar]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    sources: NDArray[np.str_]
    words: tuple[str, ...]
    clips: list[Clip]
    skipped: list[tuple[Path, str]]

    @classmethod
    def of(
        cls,
        values: NDArray[Scalar],
        clips: list[Clip],
        words: tuple[str, ...],
        skipped: list[tuple[Path, str]],
    ) -> Self:
        """What is kept of these clips, a row of `values` for each."""
        return cls(
            values=values,
            labels=np.array([words.index(clip.label) for clip in clips], dtype=np.int64),
            splits=np.array([clip.split for clip in clips]),
            sources=np.array([clip.source for clip in clips]),
            words=words,
            clips=clips,
            skipped=skipped,
        )

    def subset(self, split: Split) -> NDArray[np.int64]:
        """The rows of a split, ascending.

        Raises:
            ValueError: there is no such split.
        """
        refuse_unknown("split", split, SPLITS)
        return np.flatnonzero(self.splits == split)


@dataclass(frozen=True)
class Recipe:
    """Making a row of a clip.

    Attributes:
        name: of what is kept, for people.
        file: of the array, in the folder of the cache.
        stamp: changes with whatever changes the rows of the same clips.
        settings: sample rate and length of the audio.
        shape: of one row.
        dtype: of the rows.
        transform: audio (B, clip_samples) float32, full scale 1 -> rows (B, *shape).
    """

    name: str
    file: str
    stamp: str
    settings: MelSettings
    shape: tuple[int, ...]
    dtype: type[np.generic]
    transform: Callable[[Audio], NDArray[Any]]


Kept = TypeVar("Kept", bound=CachedClips[Any])


def cached(
    kind: type[Kept],
    recipe: Recipe,
    clips: Sequence[Clip],
    words: Sequence[str],
    cache_dir: str | os.PathLike[str],
    progress: bool = True,
) -> Kept:
    """The rows of the clips, from the cache if nothing has changed.

    The key of the cache covers the path, size, time of change, label, split and source of every
    clip, the words and the recipe's stamp; the weights of the clips are no part of it. Beside the
    rows only the skipped clips are kept; all else follows from the clips that are given. Files that
    are broken, empty or silent are skipped; how many, and why, is logged as a warning.

    Args:
        kind: the class of the result.
        recipe: what to keep of a clip.
        clips: what `find_clips` found.
        words: the words in the order of their labels.
        cache_dir: the rows go to `cache_dir/<key>/`, which appears complete or not at all.
        progress: show a progress bar while computing.

    Raises:
        ValueError: a clip's label is not among the words, no clip is usable, or the cached files
            are damaged.
    """
    words = tuple(words)
    if not clips:
        raise ValueError(f"no clips to build {recipe.name} of; check the data sources")
    for label in {clip.label for clip in clips}:
        if label not in words:
            raise ValueError(f"clips of {label!r}, which is no word of {words}; leave them out")
    refuse_packed(clips, recipe.name)
    cache_dir = Path(cache_dir)
    folder = cache_dir / _key(recipe, clips, words)
    if not folder.is_dir():
        with new_folder(folder) as unfinished, naming(folder):
            skipped = _compute(recipe, clips, unfinished, progress)
        _report(skipped, len(clips))
    return _load(kind, recipe, clips, words, folder)


def _key(recipe: Recipe, clips: Sequence[Clip], words: tuple[str, ...]) -> str:
    digest = hashlib.sha256(json.dumps([recipe.stamp, words]).encode())
    for clip in clips:
        try:
            status = os.stat(clip.path)
            stamp = [status.st_size, status.st_mtime_ns]
        except OSError:  # missing: it is skipped, with that reason, when it is read
            stamp = []
        row = [os.path.abspath(clip.path), *stamp, clip.label, clip.split, clip.source]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()[:16]


def _compute(
    recipe: Recipe, clips: Sequence[Clip], folder: Path, progress: bool
) -> list[tuple[str, str]]:
    """Write the array and index.json; return (file, reason) of each skipped clip."""
    used = 0
    skipped: list[tuple[str, str]] = []
    # Not through a memory map, whose process dies without a word where the disk is full.
    with (
        (folder / recipe.file).open("wb") as file,
        tqdm(total=len(clips), desc=recipe.name, unit="clip", disable=not progress) as bar,
    ):
        _write_header(file, recipe, len(clips))
        for start in range(0, len(clips), _BATCH):
            batch: list[Audio] = []
            for clip in clips[start : start + _BATCH]:
                try:
                    batch.append(read_clip(clip.path, recipe.settings))
                except AudioError as error:
                    reason = str(error).removeprefix(f"{clip.path}: ")
                    skipped.append((os.path.abspath(clip.path), reason))
                bar.update()
            if batch:
                rows = recipe.transform(np.stack(batch))
                file.write(rows.astype(recipe.dtype).tobytes())
                used += len(batch)
        file.seek(0)
        _write_header(file, recipe, used)
    if not used:
        raise ValueError(f"none of the {len(clips)} clips is usable; check them: {skipped[0]}")
    index = json.dumps({"skipped": skipped}, indent=1)
    (folder / "index.json").write_text(index, encoding="utf-8")
    return skipped


def _write_header(file: BinaryIO, recipe: Recipe, rows: int) -> None:
    """That of a .npy file, of one length for any number of rows."""
    descr = np.lib.format.dtype_to_descr(np.dtype(recipe.dtype))
    header = {"descr": descr, "fortran_order": False, "shape": (rows, *recipe.shape)}
    np.lib.format.write_array_header_1_0(file, header)


def read_clip(path: Path, settings: MelSettings) -> Audio:
    """The second of a recording that holds its word, or all of it in the middle of zeros.

    Raises:
        AudioError: it cannot be read, or is silent.
    """
    audio = read_audio(path, settings.sample_rate)
    if is_silent(audio):
        raise AudioError(f"{path}: the sound is silent")
    return fit_length(audio, settings.clip_samples)


def _report(skipped: list[tuple[str, str]], total: int) -> None:
    if not skipped:
        return
    reasons = Counter(reason for _, reason in skipped)
    _log.warning(
        "skipped %d of %d clips (%s), among them: %s",
        len(skipped),
        total,
        escaped("; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())),
        escaped(", ".join(path for path, _ in skipped[:_SHOWN])),
    )


def _load(
    kind: type[Kept], recipe: Recipe, clips: Sequence[Clip], words: tuple[str, ...], folder: Path
) -> Kept:
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        skipped = [(Path(path), reason) for path, reason in index["skipped"]]
        left_out = {os.path.abspath(path) for path, _ in skipped}
        used = [clip for clip in clips if os.path.abspath(clip.path) not in left_out]
        values = np.load(folder / recipe.file, mmap_mode="r", allow_pickle=False)
        if len(values) != len(used):
            raise ValueError(f"{len(values)} rows for {len(used)} clips")
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{folder}: damaged {recipe.name} ({error}); delete that folder"
        ) from error
    return kind.of(values, used, words, skipped)
