"""Kinds of generated inputs, and the share of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.campaigns.inputs import Make
from tools.campaigns.kinds.audio import audio
from tools.campaigns.kinds.configs import configs
from tools.campaigns.kinds.lines import lines
from tools.campaigns.kinds.lists import lists
from tools.campaigns.kinds.mels import mels
from tools.campaigns.kinds.names import names
from tools.campaigns.kinds.weights import weights
from tools.campaigns.material import save_models, save_words

_KINDS: dict[str, tuple[Callable[..., object], float]] = {
    "audio": (audio, 0.4),
    "mels": (mels, 0.2),
    "weights": (weights, 0.2),
    "configs": (configs, 0.04),
    "lists": (lists, 0.06),
    "lines": (lines, 0.05),
    "names": (names, 0.05),
}
SHARES = {kind: share for kind, (_, share) in _KINDS.items()}


def kinds(material: Path) -> dict[str, Make]:
    """The kinds, with the tiny models and recordings that they begin with."""
    save_models(material)
    save_words(material / "words")
    return {kind: partial(make, material=material) for kind, (make, _) in _KINDS.items()}  # type: ignore[misc]
