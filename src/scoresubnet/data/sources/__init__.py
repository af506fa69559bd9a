"""Sources of clips, by kind, and several of them together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from scoresubnet.data.clips import Clip
from scoresubnet.data.packs import find_packed, is_pack
from scoresubnet.data.sources.arabic_speech_commands import find_arabic_speech_commands
from scoresubnet.data.sources.folder import find_folder
from scoresubnet.data.sources.fsdd import find_fsdd
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.data.words import as_word, resolve_words
from scoresubnet.options.registries import refuse_unknown

SOURCES: dict[str, Callable[..., list[Clip]]] = {
    "speech_commands": find_speech_commands,
    "fsdd": find_fsdd,
    "arabic_speech_commands": find_arabic_speech_commands,
    "folder": find_folder,
}


@dataclass(frozen=True)
class Source:
    """A corpus, and what is taken from it.

    Attributes:
        kind: a key of `SOURCES`.
        root: its folder, or a pack of its log-Mels (`data.packs`).
        words: a list, the name of a word set, or None for every word that is there.
        weight: how often training draws its clips, relative to those of other sources.

    Raises:
        ValueError: the kind is unknown, or the weight is not a positive number.
    """

    kind: str
    root: str
    words: list[str] | str | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        refuse_unknown("kind of data source", self.kind, SOURCES)
        if not 0 < self.weight < math.inf:
            raise ValueError(
                f"the weight of a data source must be positive, got {self.weight}; "
                "leave the source out to draw nothing from it"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Source:
        """A source from a mapping with the keys kind, root and, if wanted, words and weight.

        Raises:
            ValueError: a key is unknown, or kind or root is missing.
        """
        known = [f.name for f in fields(cls)]
        for key in values:
            refuse_unknown("key of a data source", key, known)
        for key in ("kind", "root"):
            if key not in values:
                raise ValueError(f"a data source needs the key {key!r}; got {dict(values)}")
        return cls(**values)


def find_clips(sources: Sequence[Source | Mapping[str, Any]]) -> list[Clip]:
    """The clips of all sources, in their order.

    A source that lacks some of its words (FSDD has digits only) gives those it has, as long as
    another source has the rest.

    Raises:
        FileNotFoundError: a folder or list is missing.
        ValueError: a source is malformed, a label cannot be a word, or a word that was asked for is
            nowhere.
    """
    if not sources:
        raise ValueError("no data sources; give at least one {kind: ..., root: ...}")
    asked: list[str] = []
    clips: list[Clip] = []
    for item in sources:
        source = item if isinstance(item, Source) else Source.from_dict(item)
        if source.words is not None:
            asked += resolve_words(source.words)
        if is_pack(source.root):
            found = find_packed(source.root, source.kind, source.words)
        else:
            found = SOURCES[source.kind](source.root, source.words)
        clips += [replace(c, weight=source.weight, label=as_word(c.label)) for c in found]
    labels = {clip.label for clip in clips}
    for word in asked:
        refuse_unknown("word", word, labels, "no data source has it")
    return clips
