"""Naturalness, guessed without an original: DNSMOS and DistillMOS.

Both are networks trained on the ratings of listeners, of recordings of several seconds. On clips of
one second they rank systems; their level is not that of a listening test.

Each predictor takes one clip (N,) at 16 kHz with full scale 1, and gives its opinion scores
(1 to 5, higher is better) by name. A clip goes through alone, so that its scores depend on nothing
else, not even in the last bit. All run on the CPU.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike

from scoresubnet.audio.compiled import load_librosa
from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.waveforms import RATE, as_clip
from scoresubnet.graphs.sessions import session_options
from scoresubnet.process.missing import install

# Its metadata asks for torchaudio and transformers, which its predictor does not use.
DISTILLMOS_INSTALL = "pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0"


class QualityPredictor(Protocol):
    """One clip (N,) at 16 kHz, within [-1, 1] -> opinion scores by name.

    Attributes:
        scores: the names, in order.
    """

    scores: tuple[str, ...]

    @property
    def settings(self) -> dict[str, object]: ...

    def __call__(self, audio: ArrayLike) -> dict[str, float]: ...


class DNSMOS:
    """DNSMOS P.835 and P.808 (Reddy, Gopal & Cutler, ICASSP 2022 and 2021), package `speechmos`.

    Scores: overall (`dnsmos_ovrl`), of the speech itself (`dnsmos_sig`), of the background
    (`dnsmos_bak`), and the older overall score (`dnsmos_p808`).

    The networks hear 9.01 s. By DNSMOS's own rule a shorter clip is repeated, doubling, until it is
    long enough, and each window of 9.01 s that starts at a full second is heard; the scores are
    averaged. A clip of exactly one second becomes 16 s, with seven windows that are all alike: the
    word nine times in a row. Equal windows are heard once.

    Args:
        threads: of the networks; as many as torch uses if None.

    Raises:
        ImportError: a package is not installed.
    """

    scores: tuple[str, ...] = ("dnsmos_ovrl", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808")

    def __init__(self, threads: int | None = None) -> None:
        try:
            import onnxruntime

            load_librosa()
            from speechmos import dnsmos
        except ImportError as error:
            raise ImportError(
                f"DNSMOS needs speechmos, onnxruntime, librosa and requests ({error}): "
                f"{install('evaluate')}"
            ) from error
        options = session_options(threads or torch.get_num_threads())
        self._window = int(dnsmos.INPUT_LENGTH * RATE)
        self._seconds = dnsmos.INPUT_LENGTH
        # Its constructor gives the networks every core; everything else of it is used.
        self._model: Any = dnsmos.DNSMOS.__new__(dnsmos.DNSMOS)
        folder = Path(dnsmos.__file__).parent / "dnsmos_models"
        for attribute, name in (("onnx_sess", "sig_bak_ovr"), ("p808_onnx_sess", "model_v8")):
            session = onnxruntime.InferenceSession(
                folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
            )
            setattr(self._model, attribute, session)

    @property
    def settings(self) -> dict[str, object]:
        """All that a score depends on besides the clip, ready for JSON."""
        return {name: version(name) for name in ("speechmos", "onnxruntime", "librosa")}

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        """The four scores of a clip (N,).

        Raises:
            ValueError: audio is not (N,), not finite, or exceeds [-1, 1].
        """
        found = [
            (count, self._model(window, RATE, False))
            for window, count in self._windows(_full_scale(audio))
        ]
        total = sum(count for count, _ in found)
        return {
            f"dnsmos_{name}": sum(count * float(s[f"{name}_mos"]) for count, s in found) / total
            for name in ("ovrl", "sig", "bak", "p808")
        }

    def _windows(self, audio: Audio) -> list[tuple[Audio, int]]:
        """The distinct windows (144160,) that the rule takes from a clip (N,), and how often."""
        while len(audio) < self._window:
            audio = np.append(audio, audio)
        hops = int(np.floor(len(audio) / RATE) - self._seconds) + 1
        counts: dict[bytes, int] = {}
        for hop in range(hops):
            window = audio[int(hop * RATE) : int((hop + self._seconds) * RATE)]
            if len(window) == self._window:
                key = window.tobytes()
                counts[key] = counts.get(key, 0) + 1
        return [(np.frombuffer(key, dtype=audio.dtype), n) for key, n in counts.items()]


class DistillMOS:
    """DistillMOS (Stahl & Gamper, arXiv 2502.05356), package `distillmos`, variant 7.

    A small network distilled from one on XLS-R. It hears 7.68 s: a shorter clip is followed by
    zeros, a longer one is heard in overlapping windows whose scores are averaged. It sets the peak
    to 1, so that the level does not matter.

    Raises:
        ImportError: a package is not installed.
    """

    scores: tuple[str, ...] = ("distillmos",)

    def __init__(self) -> None:
        try:
            with _stand_in("torchaudio"):
                from distillmos import ConvTransformerSQAModel
        except ImportError as error:
            raise ImportError(
                f"DistillMOS needs distillmos and xls-r-sqa ({error}): {DISTILLMOS_INSTALL}"
            ) from error
        # It prints where its weights are, and draws initial ones that those replace.
        with contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng(devices=[]):
            self._model = ConvTransformerSQAModel().eval()

    @property
    def settings(self) -> dict[str, object]:
        """All that a score depends on besides the clip, ready for JSON."""
        return {name: version(name) for name in ("distillmos", "xls-r-sqa", "torch")}

    @torch.no_grad()
    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        """The score of a clip (N,).

        Raises:
            ValueError: audio is not (N,), not finite, or exceeds [-1, 1].
        """
        score = self._model(torch.from_numpy(_full_scale(audio))[None])
        return {"distillmos": score.item()}


def _full_scale(audio: ArrayLike) -> Audio:
    samples = as_clip(audio)
    if (peak := float(np.abs(samples).max())) > 1:
        raise ValueError(f"expected audio within [-1, 1], got a sample of magnitude {peak:.3g}")
    return samples


@contextlib.contextmanager
def _stand_in(name: str) -> Iterator[None]:
    """An empty module of that name while the block runs, if the real one is not installed.

    `distillmos` imports torchaudio at its top, for its command line alone.
    """
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
