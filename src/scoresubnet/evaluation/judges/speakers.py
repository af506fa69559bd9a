"""The number of voices in a set of clips: speaker embeddings, and their spread."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from scoresubnet.audio.compiled import load_librosa
from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.base import Embedded, row_by_row
from scoresubnet.evaluation.statistics.checks import Floats, feature_rows
from scoresubnet.process.missing import install

# Its metadata asks for webrtcvad, which must be compiled, and for `typing`, which Python has.
RESEMBLYZER_INSTALL = "pip install --no-deps resemblyzer==0.1.4 webrtcvad-wheels==2.0.14.post1"


class Resemblyzer:
    """256 features of the voice (GE2E; Wan et al., ICASSP 2018), package `resemblyzer`.

    Rows have the length 1, and no negative entry. By the package's own rule a clip quieter than
    -30 dBFS (RMS) is made as loud as that, long silences are cut out, and what is left is heard in
    windows of 1.6 s, followed by zeros if shorter, whose rows are averaged. The encoder was made
    for sentences of several seconds: of single words, rows tell voices apart less well.

    Raises:
        ImportError: a package is not installed.
    """

    name = "resemblyzer"
    labels = None

    def __init__(self) -> None:
        try:
            load_librosa()
            with warnings.catch_warnings():  # it imports a name that scipy moved
                warnings.simplefilter("ignore", DeprecationWarning)
                from resemblyzer import VoiceEncoder, preprocess_wav
        except ImportError as error:
            raise ImportError(
                f"the speaker encoder needs resemblyzer, webrtcvad, librosa and scipy ({error}): "
                f"{install('evaluate')}; {RESEMBLYZER_INSTALL}"
            ) from error
        self._trimmed: Any = preprocess_wav
        with torch.random.fork_rng(devices=[]):  # it draws weights that those of its file replace
            self._encoder: Any = VoiceEncoder("cpu", verbose=False).eval()

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        packages = ("resemblyzer", "webrtcvad-wheels", "librosa", "torch")
        return {name: version(name) for name in packages}

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows (N, 256) of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return Embedded(row_by_row(self._row, clips, progress, self.name))

    def _row(self, clip: Audio) -> Floats:
        # Digital silence has no level to raise; what is left of it is nothing.
        voiced = self._trimmed(clip) if clip.any() else clip[:0]
        row: Floats = self._encoder.embed_utterance(voiced).astype(np.float64)
        return row


@dataclass(frozen=True)
class SpeakerSpread:
    """The spread of the voices of a set.

    Attributes:
        distance: mean cosine distance of two different clips, 0 if all are alike.
        voices: effective number of voices, see `vendi_score`.
        count: of clips.
    """

    distance: float
    voices: float
    count: int

    def to_dict(self) -> dict[str, float]:
        """Everything, ready for JSON."""
        return asdict(self)


def speaker_spread(embedding: ArrayLike) -> SpeakerSpread:
    """The spread of speaker embeddings (N, D), N >= 2, of any length but 0.

    Both figures tell sets apart, not people: the same word said twice by one person is at some
    distance too. Compare them with those of recordings, of the same words and as many.

    Raises:
        ValueError: the rows are not (N, D), not finite, fewer than 2, or one is 0.
    """
    rows = _unit_rows(embedding, least=2)
    count = len(rows)
    # The sum of all cosines is |sum of rows|^2, of which N are of rows with themselves.
    cosines = (float((rows.sum(0) ** 2).sum()) - count) / (count * (count - 1))
    return SpeakerSpread(max(0.0, 1 - cosines), vendi_score(rows), count)


def vendi_score(embedding: ArrayLike) -> float:
    """exp of the entropy of the eigenvalues of K / N, K the cosines of all pairs of rows.

    Friedman & Dieng, TMLR 2023, definition 3.1: the effective number of different items, from 1
    (all alike) to min(N, D) (orthogonal, in equal shares). N independent rows count for less than
    N: compare only sets of the same size.

    Args:
        embedding: (N, D), N >= 1; rows are scaled to the length 1.

    Raises:
        ValueError: the rows are not (N, D), not finite, or one is 0.
    """
    rows = _unit_rows(embedding, least=1)
    shares = np.linalg.svd(rows / np.sqrt(len(rows)), compute_uv=False) ** 2
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _unit_rows(embedding: ArrayLike, least: int) -> Floats:
    rows = feature_rows(embedding, "speaker embeddings", least)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError("a speaker embedding is 0; it has no direction")
    unit: Floats = rows / lengths
    return unit
