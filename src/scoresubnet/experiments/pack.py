"""The log-Mels of a table's recordings in packs, for a machine that the recordings are not on."""

from __future__ import annotations

from pathlib import Path

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.features import build_features
from scoresubnet.data.packs import write_pack
from scoresubnet.data.sources import Source, find_clips
from scoresubnet.experiments.table import Table


def pack(table: Table, data: Path, out: Path, cache: Path) -> list[Path]:
    """Write a pack of each source of a table, where `data` has that source.

    Args:
        table: whose recordings are packed.
        data: folder that they are in.
        out: gets the packs; a run takes it for its `data`, and trains.
        cache: folder of the log-Mels that are already made.

    Returns:
        The folders of the packs.

    Raises:
        ValueError: a source cannot be used, or its pack is there already.
    """
    sources = [Source.from_dict(source) for source in table.sources]
    roots = [out / source.root for source in sources]
    for root in roots:
        if root.is_dir() and any(root.iterdir()):
            raise ValueError(f"{root}: is there already; delete it, or choose another --out")
    for source, root in zip(sources, roots, strict=True):
        place = str(data / source.root)
        clips = find_clips([{"kind": source.kind, "root": place, "words": source.words}])
        clips = [clip for clip in clips if clip.label in table.labels]
        features = build_features(clips, table.labels, cache)
        write_pack(features.clips, features.x, MelSettings().hash, root)
    return roots
