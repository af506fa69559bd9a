"""Judges that are quick, words that are tones, and `scoresubnet evaluate` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from scoresubnet.audio.io import Audio
from scoresubnet.cli import main
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.sections.classifiers import classifier_section
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.sections.quality import quality_section

PITCH = {"one": 400.0, "two": 800.0, "three": 1600.0}
INSTALL = "needs pocketsphinx: pip install scoresubnet[evaluate]"


class Ear:
    """Knows three words, each a tone, by the energy at their pitches."""

    name = "evaluator"
    labels = tuple(PITCH)
    settings: dict[str, object] = {"ear": 1}  # noqa: RUF012

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        energy = np.array([[self._at(clip, f) for f in PITCH.values()] for clip in clips])
        return Embedded(np.log10(energy), energy / energy.sum(1, keepdims=True))

    def _at(self, clip: Audio, pitch: float) -> float:
        spectrum = np.abs(np.fft.rfft(clip.astype(np.float64), 16_000)) ** 2
        return float(spectrum[int(pitch) - 40 : int(pitch) + 40].sum() + 1e-3)


class Loudness:
    """Takes loud clips for good ones, or, turned round, silent ones."""

    scores: tuple[str, ...] = ("distillmos",)
    settings: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, sign: float = 1) -> None:
        self.sign = sign

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        return {"distillmos": self.sign * float(np.abs(audio).mean())}


def ear(judging: Judging) -> Measured:
    return classifier_section("By ear", Ear(), judging)


def absent(judging: Judging) -> Measured:
    raise ImportError(INSTALL)


def quiet_is_good(judging: Judging) -> Measured:
    return quality_section("distillmos", "Quality", Loudness(-1), judging)


def tone(word: str, take: int = 0, rate: int = 16_000, seconds: float = 1.0) -> np.ndarray:
    """A take of a word: its pitch, a little off, with a little noise."""
    generator = np.random.default_rng([list(PITCH).index(word), take])
    time = np.arange(round(seconds * rate)) / rate
    pitch = PITCH[word] + generator.uniform(-20, 20)
    noise = 0.003 * generator.standard_normal(len(time))
    return generator.uniform(0.2, 0.5) * np.sin(2 * np.pi * pitch * time) + noise


def save(path: Path, audio: np.ndarray, rate: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)


def evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", *map(str, arguments)])


def report_of(out: Path) -> Any:
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def figure(report: Any, key: str, system: str = "generated") -> Any:
    figures = report["sections"][key.split("/")[0]]["figures"]
    (found,) = [f for f in figures if f["key"] == key]
    return found["systems"][system]
