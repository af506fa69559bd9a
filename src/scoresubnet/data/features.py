"""The features of many clips, computed once and kept on the disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.audio.io import Audio, AudioError, fit_length, is_silent, read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.clips import SPLITS, Clip, Split
from scoresubnet.data.words import nearest

_log = logging.getLogger(__name__)
_BATCH = 128  # clips that go through the STFT together
_SHOWN = 5  # skipped files that the summary names


@dataclass
class Features:
    """Log-Mel features of N clips, with their labels.

    Attributes:
        x: (N, 80, 64) float16, memory-mapped, read-only, scaled to [-1, 1].
        labels: (N,) int64, positions in `words`.
        splits: (N,) of str, one of "training", "validation", "testing".
        sources: (N,) of str, the kind of source each clip is from.
        words: the word of each label.
        clips: the file of each row.
        skipped: (file, reason) of each clip that could not be used.
    """

    x: NDArray[np.float16]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    sources: NDArray[np.str_]
    words: tuple[str, ...]
    clips: list[Path]
    skipped: list[tuple[Path, str]]

    def subset(self, split: Split) -> NDArray[np.int64]:
        """The rows of a split, ascending.

        Raises:
            ValueError: there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"Unknown split {split!r}{nearest(split, SPLITS)}.")
        return np.flatnonzero(self.splits == split)


def build_features(
    clips: Sequence[Clip],
    words: Sequence[str],
    cache_dir: str | os.PathLike[str],
    settings: MelSettings | None = None,
    progress: bool = True,
) -> Features:
    """The features of the clips, from the cache if nothing has changed.

    The key of the cache covers the path, size, time of change, label, split and source of every
    clip, the words and the Mel settings. Files that are broken, empty or silent are skipped; how
    many, and why, is logged as a warning and kept in `Features.skipped`.

    Args:
        clips: what `find_clips` found.
        words: the words in the order of their labels.
        cache_dir: features go to `cache_dir/<key>/`, which appears complete or not at all.
        settings: the front end; `MelSettings()` if None.
        progress: show a progress bar while computing.

    Raises:
        ValueError: a clip's label is not among the words, no clip is usable, or the cached files
            are damaged.
    """
    words, settings = tuple(words), settings or MelSettings()
    if not clips:
        raise ValueError("No clips to build features of; check the data sources.")
    for label in {clip.label for clip in clips}:
        if label not in words:
            raise ValueError(
                f"Clips of {label!r} were given, but it is not among the words {words}."
            )
    cache_dir = Path(cache_dir)
    folder = cache_dir / _key(clips, words, settings)
    if not folder.is_dir():
        cache_dir.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache_dir))
        try:
            skipped = _compute(clips, words, settings, unfinished, progress)
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _report(skipped, len(clips))
    return _load(folder)


def _key(clips: Sequence[Clip], words: tuple[str, ...], settings: MelSettings) -> str:
    digest = hashlib.sha256(json.dumps([settings.hash, words]).encode())
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
    clips: Sequence[Clip],
    words: tuple[str, ...],
    settings: MelSettings,
    folder: Path,
    progress: bool,
) -> list[tuple[str, str]]:
    """Write x.npy, labels.npy, splits.npy and index.json; return (file, reason) of the skipped."""
    front_end = LogMel(settings)
    shape = (len(clips), settings.n_mels, settings.frames)
    x = np.lib.format.open_memmap(folder / "all.npy", mode="w+", dtype=np.float16, shape=shape)
    used: list[Clip] = []
    skipped: list[tuple[str, str]] = []
    with tqdm(total=len(clips), desc="features", unit="clip", disable=not progress) as bar:
        for start in range(0, len(clips), _BATCH):
            batch: list[Audio] = []
            for clip in clips[start : start + _BATCH]:
                try:
                    batch.append(_read(clip.path, settings))
                    used.append(clip)
                except AudioError as error:
                    skipped.append((str(clip.path), str(error).removeprefix(f"{clip.path}: ")))
                bar.update()
            if batch:
                with torch.no_grad():
                    rows = front_end(torch.from_numpy(np.stack(batch))).squeeze(1)
                x[len(used) - len(batch) : len(used)] = rows.numpy()
    if not used:
        raise ValueError(f"None of the {len(clips)} clips is usable; the first: {skipped[0]}.")
    np.save(folder / "x.npy", x[: len(used)])
    (folder / "all.npy").unlink()
    np.save(folder / "labels.npy", np.array([words.index(c.label) for c in used], dtype=np.int64))
    np.save(folder / "splits.npy", np.array([c.split for c in used]))
    np.save(folder / "sources.npy", np.array([c.source for c in used]))
    index = {
        "words": words,
        "mel": settings.to_dict(),
        "clips": [str(clip.path) for clip in used],
        "skipped": skipped,
    }
    (folder / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    return skipped


def _read(path: Path, settings: MelSettings) -> Audio:
    audio = read_audio(path, settings.sample_rate)
    if is_silent(audio):
        raise AudioError(f"{path}: the sound is silent.")
    return fit_length(audio, settings.clip_samples)


def _publish(unfinished: Path, folder: Path) -> None:
    """Give the finished folder its name, unless another process was faster with the same one."""
    unfinished.chmod(0o755)
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _report(skipped: list[tuple[str, str]], total: int) -> None:
    if not skipped:
        return
    reasons = Counter(reason for _, reason in skipped)
    _log.warning(
        "Skipped %d of %d clips (%s), among them: %s",
        len(skipped),
        total,
        "; ".join(f"{count} x {reason.rstrip('.')}" for reason, count in reasons.most_common()),
        ", ".join(path for path, _ in skipped[:_SHOWN]),
    )


def _load(folder: Path) -> Features:
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        return Features(
            x=np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False),
            labels=np.load(folder / "labels.npy", allow_pickle=False),
            splits=np.load(folder / "splits.npy", allow_pickle=False),
            sources=np.load(folder / "sources.npy", allow_pickle=False),
            words=tuple(index["words"]),
            clips=[Path(path) for path in index["clips"]],
            skipped=[(Path(path), reason) for path, reason in index["skipped"]],
        )
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{folder}: damaged features ({error}); delete that folder.") from error
