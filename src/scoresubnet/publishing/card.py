"""The model card of a repository: what its weights speak, how to use them, how they were made."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.graphs.files import stored_tensors
from scoresubnet.model_about import ModelAbout
from scoresubnet.sampling import resolve_sampling

LICENCES = ("mit", "apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")
"""Those that the notes of weights may begin with, as the Hub calls them."""
FENCE = "---\n"
_PREDICTED = {"epsilon": "the noise (epsilon)", "v": "v (Salimans & Ho 2022)"}


class Stated(NamedTuple):
    """What weights do not say of themselves.

    Attributes:
        repository: "ORG/NAME", where the card will be.
        licence: as the Hub calls it; None: what the notes of the weights begin with.
        language: its code, such as "en"; None: not said.
        graphs: whether there are graphs beside the weights, which run without torch.
    """

    repository: str
    licence: str | None
    language: str | None
    graphs: bool


def front_matter(about: ModelAbout, stated: Stated) -> str:
    """What the Hub reads of a card: YAML between two lines of dashes."""
    speaks = about.parametrisation is not None
    values: dict[str, Any] = {
        "library_name": "scoresubnet",
        "license": stated.licence or noted_licence(about),
        "language": stated.language,
        "pipeline_tag": "text-to-speech" if speaks else "audio-classification",
        "tags": ["scoresubnet", "speech", *(["diffusion"] if speaks else [])],
    }
    said = {key: value for key, value in values.items() if value is not None}
    return f"{FENCE}{yaml.safe_dump(said, sort_keys=False, allow_unicode=True)}{FENCE}"


def noted_licence(about: ModelAbout) -> str | None:
    """The licence that the notes of weights begin with, if it is one of `LICENCES`."""
    first = about.notes.get("licence", "").partition(";")[0]
    name = "-".join(first.lower().split())
    return name if name in LICENCES else None


def model_card(about: ModelAbout, weights: Path, stated: Stated) -> str:
    """The whole card in Markdown, with its front matter.

    Args:
        about: what the weights say.
        weights: their file.
        stated: what they do not say.
    """
    kind = _Kind.of(about)
    parts = [
        front_matter(about, stated),
        f"# {stated.repository.rpartition('/')[2]}",
        f"{kind.what} Made with `scoresubnet`, an implementation of Makarov & Gerkmann, "
        "*Repurposing a Speech Classifier for Guided Diffusion-Based Speech Generation* "
        "(Interspeech 2026, [arXiv 2606.20457](https://arxiv.org/abs/2606.20457)).",
        "## How to use",
        _usage(about, stated, kind),
        "## Words",
        _words(about),
        "## Facts",
        "\n".join(_facts(about, weights)),
        "## How they were trained",
        "\n".join(_training(about)),
        "## Limits",
        "\n".join(f"- {limit}" for limit in kind.limits),
    ]
    return signed("\n\n".join(part.strip("\n") for part in parts) + "\n")


def signed(text: str) -> str:
    """A card with a last line by which one that nobody has edited since is known."""
    return f"{text}\n<!-- scoresubnet push {_digest(text)} -->\n"


def is_untouched(card: str) -> bool:
    """Whether `model_card` has made a card, and nobody has edited it."""
    text, _, _ = card.rpartition("\n<!-- scoresubnet push ")
    return bool(text) and card == signed(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Kind(NamedTuple):
    """What is told of weights of one kind."""

    what: str
    speaks: bool
    limits: Sequence[str]

    @classmethod
    def of(cls, about: ModelAbout) -> _Kind:
        clip = f"{about.mel.clip_seconds:g} s of speech at {about.mel.sample_rate:,} Hz"
        if about.parametrisation is None:
            what = "A classifier of noisy log-Mel spectrograms, to train a Score Subnet on."
            return cls(what, False, [f"It hears {clip}, and the words above alone."])
        limits = [
            f"One word, {clip}. There is no choice of speaker.",
            "They know the words above alone.",
            "They speak words of real people's recordings, but are no one's voice. Do not use them "
            "to claim that someone said something.",
        ]
        if about.is_unet:
            return cls(f"A U-Net that generates {clip}.", True, limits)
        return cls(f"A classifier and its Score Subnet, which generate {clip}.", True, limits)


def _usage(about: ModelAbout, stated: Stated, kind: _Kind) -> str:
    place = f"hf:{stated.repository}"
    extras = "hub" if stated.graphs else "hub,torch"
    if not kind.speaks:
        train = f"scoresubnet train score --config small-score --classifier {place} --out runs/mine"
        return _block("bash", 'pip install "scoresubnet[hub,train]"', train)
    word, more = about.labels[0], ""
    if about.is_unet and not about.config["unet"]["label_conditioned"]:
        word = UNCONDITIONAL
        more = "\n\nFor words, name weights with a classifier: `--classifier`, `classifier=`."
    command = _block(
        "bash",
        f'pip install "scoresubnet[{extras}]"',
        f"scoresubnet generate {shlex.quote(word)} --weights {place}",
    )
    text = json.dumps(word, ensure_ascii=False)
    python = _block(
        "python",
        "from scoresubnet import SpeechGenerator",
        "",
        f'speech = SpeechGenerator.from_pretrained("{place}").generate({text}, seeds=0)',
    )
    return f"{command}\n\n{python}\n\n`speech.audio` is (1, samples), in [-1, 1].{more}"


def _block(language: str, *lines: str) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _words(about: ModelAbout) -> str:
    text = ", ".join(map(_code, about.labels))
    if about.aliases:
        others = ", ".join(f"{_code(a)} for {_code(w)}" for a, w in about.aliases.items())
        text += f"\n\nOther spellings: {others}."
    return text


def _facts(about: ModelAbout, weights: Path) -> Iterator[str]:
    stored = stored_tensors(weights).values()
    numbers = sum(math.prod(tensor.shape) for tensor in stored)
    kinds = {"F16": "float16", "F32": "float32"}
    dtypes = " and ".join(sorted({kinds.get(tensor.dtype, tensor.dtype) for tensor in stored}))
    mib = weights.stat().st_size / 2**20
    yield f"- Size: {numbers / 1e6:.2f} M parameters, {mib:.1f} MiB of {dtypes}"
    if about.parametrisation is not None:
        yield f"- Predicts: {_PREDICTED.get(about.parametrisation, about.parametrisation)}"
        stated = "recommended by the weights" if about.sampling else "the default"
        yield f"- Sampling: {about.sampling or resolve_sampling()} ({stated})"
    mel = about.mel
    yield (
        f"- Front end: log-Mels of {mel.n_mels} bands and {mel.frames} frames, "
        f"{mel.f_min:g} to {mel.f_max:g} Hz, a frame every {mel.hop_length} samples"
    )
    yield (
        f"- Noise process: variance-preserving, beta {about.sde.beta_min:g} to "
        f"{about.sde.beta_max:g}"
    )


def _training(about: ModelAbout) -> Iterator[str]:
    if not about.notes:
        yield "Their file does not say."
    for key, note in about.notes.items():
        yield f"- {_plain(key).capitalize()}: {_plain(note)}"


def _plain(text: str) -> str:
    """Text in one line, without what Markdown or HTML would make of it."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(word: str) -> str:
    """A word as code, whatever backticks it has."""
    longest = max(map(len, re.findall("`+", word)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{word}{space}{fence}"
