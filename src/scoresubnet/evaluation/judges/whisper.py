"""The word that Whisper hears: a forced choice between labels (Radford et al., ICML 2023)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soxr
import torch
from numpy.typing import ArrayLike, NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings, mel_filterbank
from scoresubnet.data.words import DIGITS, resolve_words
from scoresubnet.evaluation.judges.waveforms import RATE, as_clip
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.git_lfs import pointer_hint
from scoresubnet.process.missing import install
from scoresubnet.weight_files.file_metadata import WeightsError

SECONDS = 30  # what Whisper hears; a clip is followed by zeros
_FILES = ("model.bin", "config.json", "tokenizer.json")


class TokenScorer(Protocol):
    """A speech recogniser, as far as a forced choice needs it."""

    @property
    def settings(self) -> Mapping[str, object]:
        """All that a score depends on besides the clip, ready for JSON."""
        ...

    def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text."""
        ...

    def log_probabilities(
        self, audio: Audio, sequences: Sequence[tuple[int, ...]]
    ) -> NDArray[np.float64]:
        """log p(a transcript begins with the sequence | audio (N,) at 16 kHz), (S,)."""
        ...


class ForcedChoice:
    """Hears exactly one of some words: the one whose spellings are the most probable together.

    A transcript may spell a word " seven", " Seven" or " 7". Their probabilities are added; those
    of one spelling's tokens are multiplied. A clip is heard alone.

    Args:
        words: a list, or the name of a word set such as SC09.
        scorer: such as `Whisper`.

    Raises:
        ValueError: the tokens of one word begin those of another, so that no transcript would tell
            them apart.
    """

    def __init__(self, words: Sequence[str] | str, scorer: TokenScorer) -> None:
        self.words = resolve_words(words)
        self._scorer = scorer
        self._sequences: list[tuple[int, ...]] = []
        self._owners: list[int] = []  # the word of each sequence
        for owner, word in enumerate(self.words):
            for sequence in _shortest([scorer.tokens(text) for text in spellings(word)]):
                for other, known in zip(self._owners, self._sequences, strict=True):
                    if _begins(sequence, known) or _begins(known, sequence):
                        raise ValueError(
                            f"{self.words[other]!r} and {word!r} begin with the same tokens; "
                            "leave out one"
                        )
                self._sequences.append(sequence)
                self._owners += [owner]

    @property
    def settings(self) -> dict[str, object]:
        """All that a result depends on besides the clip, ready for JSON."""
        return {"words": list(self.words), **self._scorer.settings}

    def probabilities(self, audio: ArrayLike) -> Floats:
        """p(word | clip (N,) at 16 kHz, it is one of these words), (C,); their sum is 1.

        Raises:
            ValueError: audio is not (N,), empty or not finite.
        """
        scores = self._scorer.log_probabilities(as_clip(audio), self._sequences)
        powers = np.exp(scores - scores.max())
        summed = np.bincount(self._owners, weights=powers, minlength=len(self.words))
        shares: Floats = summed / summed.sum()
        return shares

    def recognise(self, audio: ArrayLike, rate: int) -> str:
        """The most probable word, as `WordRecogniser.recognise` has it.

        Args:
            audio: (N,) samples, N >= 1.
            rate: samples per second.

        Raises:
            ValueError: audio is not (N,), empty or not finite.
        """
        samples = as_clip(audio)
        if rate != RATE:
            samples = soxr.resample(samples, rate, RATE)
        return self.words[int(self.probabilities(samples).argmax())]


def spellings(word: str) -> tuple[str, ...]:
    """Beginnings of a transcript that is this word alone: with a space, as Whisper's are."""
    found = [f" {word}", f" {word.capitalize()}"]
    if word in DIGITS:
        found.append(f" {DIGITS.index(word)}")
    return tuple(dict.fromkeys(found))


def _shortest(sequences: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Without those that begin with another: that one's probability includes theirs."""
    unique = list(dict.fromkeys(sequences))
    return [s for s in unique if not any(s != other and _begins(s, other) for other in unique)]


def _begins(sequence: tuple[int, ...], start: tuple[int, ...]) -> bool:
    return sequence[: len(start)] == start


class Whisper:
    """A Whisper model in a local folder, in the form of CTranslate2; it is a `TokenScorer`.

    The folder is one that `ct2-transformers-converter` wrote with `--copy_files tokenizer.json`, or
    a copy of one on the Hugging Face hub such as `Systran/faster-whisper-base.en`. Probabilities
    are among tokens of text, without time stamps.

    Args:
        folder: holds `model.bin`, `config.json`, `tokenizer.json` and a vocabulary.
        language: code of the language that is spoken; not looked at by English-only models.
        threads: as many as torch uses if None.

    Raises:
        ImportError: `ctranslate2` or `tokenizers` is not installed.
        WeightsError: the folder or a file is missing, damaged, of another kind of model, or of one
            that does not know the language.
    """

    def __init__(
        self, folder: str | Path, language: str = "en", threads: int | None = None
    ) -> None:
        try:
            import ctranslate2
            import tokenizers
        except ImportError as error:
            raise ImportError(
                f"Whisper needs ctranslate2 and tokenizers ({error}): {install('whisper')}"
            ) from error
        folder = Path(folder).expanduser()
        for name in _FILES:
            if not (folder / name).is_file():
                raise WeightsError(
                    f"{folder}: there is no {name}; expected a Whisper model as CTranslate2 has it"
                )
            if hint := pointer_hint(folder / name):
                raise WeightsError(f"{folder / name}: {hint}")
        self._storage: Any = ctranslate2.StorageView
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._model: Any = ctranslate2.models.Whisper(
                str(folder),
                device="cpu",
                compute_type="float32",
                intra_threads=threads or torch.get_num_threads(),
            )
        except Exception as error:  # of several packages; tokenizers raises plain ones
            raise WeightsError(
                f"{folder}: not a Whisper model as CTranslate2 has it "
                f"({type(error).__name__}: {error})"
            ) from error
        if not config.get("alignment_heads"):  # without them `align` refuses to run
            raise WeightsError(f"{folder}: config.json has no alignment_heads; convert it anew")
        self._language = language if self._model.is_multilingual else "en"
        names = ["startoftranscript"]
        if self._model.is_multilingual:
            names += [language, "transcribe"]
        self._start = [self._tokenizer.token_to_id(f"<|{name}|>") for name in names]
        if None in self._start:
            unknown = names[self._start.index(None)]
            raise WeightsError(f"{folder}: its tokenizer has no <|{unknown}|>")
        digest = hashlib.sha256()
        for name in _FILES:
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        self._weights = digest.hexdigest()[:16]

    @property
    def settings(self) -> dict[str, object]:
        """All that a score depends on besides the clip, ready for JSON."""
        return {
            "weights": self._weights,
            "language": self._language,
            "ctranslate2": version("ctranslate2"),
        }

    def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text, without special ones."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def log_probabilities(
        self, audio: Audio, sequences: Sequence[tuple[int, ...]]
    ) -> NDArray[np.float64]:
        """log p(a transcript begins with the sequence | audio (N,)), (S,); of 30 s at most.

        Raises:
            ValueError: audio is not (N,), empty or not finite, or longer than 30 s.
        """
        mel = log_mel(as_clip(audio), self._model.n_mels)
        heard = self._model.encode(self._storage.from_array(mel[None]))
        found = []
        for sequence in sequences:
            # One by one: in a batch of several, rounding may depend on the others.
            (result,) = self._model.align(heard, self._start, [list(sequence)], mel.shape[1])
            found.append(np.array(result.text_token_probs, dtype=np.float64))
        least = np.finfo(np.float32).tiny  # below it a probability of the network is 0
        return np.array([np.log(p.clip(min=least)).sum() for p in found])


def log_mel(audio: Audio, bands: int = 80) -> NDArray[np.float32]:
    """The input of Whisper: audio (N,) at 16 kHz -> (bands, 3000), zeros after its end.

    Power of 25 ms periodic Hann windows every 10 ms, in Slaney Mel bands up to 8 kHz; its decimal
    logarithm, no lower than 8 below the greatest, plus 4, over 4 (Radford et al., section 2.2, and
    `whisper/audio.py`).

    Raises:
        ValueError: audio is longer than 30 s.
    """
    length = SECONDS * RATE
    if len(audio) > length:
        raise ValueError(f"audio of {len(audio)} samples is longer than {SECONDS} s")
    settings = MelSettings(n_fft=400, win_length=400, hop_length=160, n_mels=bands, frames=101)
    padded = torch.from_numpy(np.pad(audio, (0, length - len(audio))))
    spectrum = torch.stft(padded, 400, 160, window=torch.hann_window(400), return_complex=True)
    power = spectrum[:, :-1].abs() ** 2
    filters = torch.from_numpy(mel_filterbank(settings))
    level = torch.log10((filters @ power).clamp(min=1e-10))
    scaled: NDArray[np.float32] = ((level.clamp(min=float(level.max()) - 8) + 4) / 4).numpy()
    return scaled
