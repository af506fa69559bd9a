"""Vocoders by name: x in [-1, 1] -> audio. Each states the Mel settings it was made for."""

from __future__ import annotations

from collections.abc import Callable

from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders.base import (
    Vocoder,
    audio_samples,
    checked,
    refuse_other_features,
    resynthesise,
)
from scoresubnet.vocoders.griffin_lim import GriffinLim

__all__ = [
    "VOCODERS",
    "GriffinLim",
    "Vocoder",
    "audio_samples",
    "checked",
    "load_vocoder",
    "refuse_other_features",
    "resynthesise",
]


def _griffin_lim(settings: MelSettings, where: str | None) -> Vocoder:
    if where is not None:
        raise ValueError(f"The vocoder 'griffin-lim' has no weights to load: drop {':' + where!r}.")
    return GriffinLim(settings)


def _hifigan(settings: MelSettings, where: str | None) -> Vocoder:
    if not where:
        raise ValueError(
            "The vocoder 'hifigan' needs weights: hifigan:<folder, or id on the Hugging Face hub>."
        )
    from scoresubnet.vocoders.hifigan import load_hifigan

    return load_hifigan(where, settings)


def _ours(settings: MelSettings, where: str | None) -> Vocoder:
    from scoresubnet.vocoders.vocos import SHIPPED, VocosVocoder, read_vocoder

    return VocosVocoder(read_vocoder(where or SHIPPED).network)


# kind -> factory(settings of the features, what stood after the colon or None). A factory imports
# what it needs when it is called, and refuses weights that were made for other features.
VOCODERS: dict[str, Callable[[MelSettings, str | None], Vocoder]] = {
    "ours": _ours,
    "griffin-lim": _griffin_lim,
    "hifigan": _hifigan,
}


def load_vocoder(name: str, settings: MelSettings | None = None) -> Vocoder:
    """The vocoder of that name, for features made with `settings` (`MelSettings()` if None).

    Args:
        name: a kind of `VOCODERS`, or "kind:where" for one that loads weights:
            "ours:<run folder or file>", "griffin-lim",
            "hifigan:<local folder or hub id>".
        settings: the front end that makes the features.

    Raises:
        ValueError: the name is unknown, the weights are missing or damaged, or the vocoder was made
            for other Mel settings.
        ImportError: the vocoder needs a package that is not installed; the message names it.
    """
    kind, colon, where = name.partition(":")
    if kind not in VOCODERS:
        raise ValueError(f"Unknown vocoder {name!r}; known are {', '.join(sorted(VOCODERS))}.")
    settings = settings or MelSettings()
    vocoder = VOCODERS[kind](settings, where if colon else None)
    if vocoder.mel.hash != settings.hash:
        refuse_other_features(name, vocoder.mel.to_dict(), settings.to_dict())
    return vocoder
