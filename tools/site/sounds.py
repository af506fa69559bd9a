"""Players of words that the shipped weights speak when the site is built."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.audio.io import write_wav
from scoresubnet.model_about import DEFAULT_WEIGHTS
from scoresubnet.pictures import mel_image
from scoresubnet.pipeline import SpeechGenerator

MARK = re.compile(r"<!-- sounds: (\{.*?\}) -->", flags=re.S)
FOLDER = "sounds"


def with_sounds(text: str, pages: Path, up: str = "") -> str:
    """The text with players where it has `<!-- sounds: {...} -->`; their files go into `pages`.

    The braces hold YAML: `weights`, `vocoder`, `words` (all of them if left out), `seeds`, and
    `guidance`, a list too. There is a player for each word with each seed and each guidance.

    Args:
        up: the way from the page to the root of the site, such as "../".

    Raises:
        ValueError: there is no such option, word or weights.
    """
    return MARK.sub(lambda mark: _players(yaml.safe_load(mark[1]), pages, up), text)


def _players(options: Mapping[str, Any], pages: Path, up: str) -> str:
    unknown = set(options) - {"weights", "vocoder", "words", "seeds", "guidance"}
    if unknown:
        raise ValueError(f"sounds: no option {', '.join(sorted(unknown))}")
    weights, vocoder = options.get("weights", DEFAULT_WEIGHTS), options.get("vocoder", "pitch")
    generator = SpeechGenerator.from_pretrained(weights, vocoder=vocoder)
    words: Sequence[str] = options.get("words", generator.labels)
    seeds: Sequence[int] = options.get("seeds", [0])
    asked = list(product(words, seeds))
    figures: list[str] = []
    for guidance in options.get("guidance", [None]):
        stated = {} if guidance is None else {"guidance": guidance}
        speech = generator.generate(
            [word for word, _ in asked], [seed for _, seed in asked], **stated
        )
        for k, (word, seed) in enumerate(asked):
            name = "-".join(map(str, (weights, vocoder, word, seed, *stated.values())))
            write_wav(pages / FOLDER / f"{name}.wav", speech.audio[k])
            mel_image(speech.mels[k, 0], (128, 80)).save(pages / FOLDER / f"{name}.png")
            varied = [f"seed {seed}"] * (len(seeds) > 1) + [f"guidance {guidance}"] * bool(stated)
            figures.append(_figure(f"{up}{FOLDER}/{name}", word, ", ".join(varied)))
    return '<div class="sounds" markdown="0">\n' + "\n".join(figures) + "\n</div>"


def _figure(source: str, word: str, varied: str) -> str:
    source, word = escape(source), escape(word)
    caption = f"<b>{word}</b> {varied}".strip()
    return (
        f'<figure><img src="{source}.png" width="128" height="80" alt="log-Mel of {word}">'
        f"<figcaption>{caption}</figcaption>"
        f'<audio controls controlslist="nodownload noplaybackrate" preload="none"'
        f' src="{source}.wav" aria-label="{f"{word} {varied}".strip()}"></audio>'
        "</figure>"
    )
