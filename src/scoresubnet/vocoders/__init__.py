"""Vocoders by name: x in [-1, 1] -> audio. Each states the Mel settings it was made for.

`griffin_lim` needs no weights. `pitch_vocoder`, the shipped one, starts Griffin-Lim from pulses at
the pitch that a small network reads in the log-Mel. `hifigan` runs weights that others published.
"""

from __future__ import annotations

from collections.abc import Callable

from scoresubnet.audio.mel import MelSettings
from scoresubnet.options.registries import find
from scoresubnet.vocoders.base import Vocoder, audio_samples, refuse_other_features, resynthesise
from scoresubnet.vocoders.griffin_lim import GriffinLim

__all__ = ["VOCODERS", "GriffinLim", "Vocoder", "audio_samples", "load_vocoder", "resynthesise"]


def _pitch(settings: MelSettings, where: str | None) -> Vocoder:
    from scoresubnet.vocoders.paths import SHIPPED, vocoder_path
    from scoresubnet.vocoders.pitch_graph import graph_reader, has_graph
    from scoresubnet.vocoders.pitch_vocoder import PitchVocoder

    path = vocoder_path(where or SHIPPED)
    if has_graph(path):
        return PitchVocoder(*graph_reader(path))
    from scoresubnet.vocoders.file import read_vocoder
    from scoresubnet.vocoders.pitch_network import reader_of

    file = read_vocoder(path)
    return PitchVocoder(reader_of(file.network), file.mel)


def _griffin_lim(settings: MelSettings, where: str | None) -> Vocoder:
    if where is not None:
        raise ValueError(f"the vocoder 'griffin-lim' has no weights to load; drop {':' + where!r}")
    return GriffinLim(settings)


def _hifigan(settings: MelSettings, where: str | None) -> Vocoder:
    if not where:
        raise ValueError(
            "the vocoder 'hifigan' needs weights: give hifigan:<folder, or id on the hub>"
        )
    from scoresubnet.vocoders.hifigan import load_hifigan

    return load_hifigan(where, settings)


# kind -> factory(settings of the features, what stood after the colon or None). A factory imports
# what it needs when it is called, and refuses weights that were made for other features.
VOCODERS: dict[str, Callable[[MelSettings, str | None], Vocoder]] = {
    "pitch": _pitch,
    "griffin-lim": _griffin_lim,
    "hifigan": _hifigan,
}


def load_vocoder(name: str, settings: MelSettings | None = None) -> Vocoder:
    """The vocoder of that name, for features made with `settings` (`MelSettings()` if None).

    Args:
        name: a kind of `VOCODERS`, or "kind:where" for one that loads weights: "pitch",
            "pitch:<run of train vocoder, or its file>", "griffin-lim",
            "hifigan:<local folder or hub id>".
        settings: the front end that makes the features.

    Raises:
        ValueError: the name is unknown, the weights are missing or damaged, or the vocoder was made
            for other Mel settings.
        ImportError: the vocoder needs a package that is not installed; the message names it.
    """
    kind, colon, where = name.partition(":")
    settings = settings or MelSettings()
    vocoder = find("vocoder", kind, VOCODERS)(settings, where if colon else None)
    if vocoder.mel.hash != settings.hash:
        refuse_other_features(name, vocoder.mel.to_dict(), settings.to_dict())
    return vocoder
