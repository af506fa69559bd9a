"""Intelligibility to a stranger to the model: a forced-choice recogniser (pocketsphinx)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import soxr
from numpy.typing import ArrayLike

from scoresubnet.data.words import resolve_words
from scoresubnet.evaluation.judges.waveforms import as_clip
from scoresubnet.process.missing import install

RATE = 16_000  # of pocketsphinx's acoustic model, hertz
SILENCE = 0.3  # put before and after each clip, seconds; the search wants a pause at either end


class WordRecogniser:
    """Hears exactly one of some English words, or none of them.

    The US English model that pocketsphinx carries, under a grammar that allows these words alone. A
    result depends on its clip alone, not on what was heard before.

    Args:
        words: a list, or the name of a word set such as SC09.

    Raises:
        ImportError: pocketsphinx is not installed.
        ValueError: a word is not in the dictionary of the recogniser.
    """

    def __init__(self, words: Sequence[str] | str) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ImportError(
                f"the word recogniser needs pocketsphinx: {install('evaluate')}"
            ) from error
        self.words = resolve_words(words)
        self._decoder = Decoder(samprate=float(RATE), lm=None, loglevel="FATAL")
        missing = [word for word in self.words if not self._knows(word)]
        if missing:
            raise ValueError(
                f"not in the dictionary of pocketsphinx: {', '.join(map(repr, missing))}; "
                "it knows English words in lower case"
            )
        grammar = f"#JSGF V1.0; grammar words; public <word> = {' | '.join(self.words)};"
        self._decoder.add_jsgf_string("words", grammar)
        self._decoder.activate_search("words")

    @property
    def settings(self) -> dict[str, object]:
        """All that a result depends on besides the clip, ready for JSON."""
        return {
            "pocketsphinx": version("pocketsphinx"),
            "words": list(self.words),
            "rate": RATE,
            "silence": SILENCE,
        }

    def recognise(self, audio: ArrayLike, rate: int) -> str | None:
        """The word that is heard, or None.

        Args:
            audio: (N,) samples, N >= 1; their level does not matter.
            rate: samples per second.

        Raises:
            ValueError: audio is not (N,), or has a NaN or infinite sample.
        """
        samples = as_clip(audio)
        if rate != RATE:
            samples = soxr.resample(samples, rate, RATE)
        peak = np.abs(samples).max(initial=0.0)
        if not peak:
            return None
        padded = np.pad(samples / peak, round(SILENCE * RATE))
        pcm = np.round(padded * np.iinfo(np.int16).max).astype("<i2").tobytes()
        # The noise estimate of the features outlives an utterance; this starts it afresh.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        # The whole clip at once: its cepstral mean is then its own, not a running one.
        self._decoder.process_raw(pcm, no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        # An utterance that ends within a word has no hypothesis, or an empty one.
        return (hypothesis.hypstr or None) if hypothesis else None

    def _knows(self, word: str) -> bool:
        # Other characters would be grammar, or name a pronunciation as in "zero(2)".
        return bool(re.fullmatch(r"[\w'.-]+", word)) and self._decoder.lookup_word(word) is not None
