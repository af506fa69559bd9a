"""Room, noise and level of written clips, by audiomentations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scoresubnet.audio.compiled import load_librosa
from scoresubnet.audio.io import Audio
from scoresubnet.expansion.draws import drawn
from scoresubnet.process.missing import install

SNR = (5.0, 30.0)
"""Least and greatest level of a word above its noise, decibels."""


@dataclass(frozen=True)
class Surroundings:
    """What is done to the sound of a clip after it was judged.

    Attributes:
        noise: folder of recordings, of which a random piece lies under each clip.
        room: whether each clip sounds as in a random small room.
        level: greatest change of level, decibels.

    Raises:
        ImportError: audiomentations is not installed, and something is to be done.
        ValueError: the level is not in 0 to 40, or the folder has no recordings.
    """

    noise: str | None = None
    room: bool = False
    level: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.level <= 40:
            raise ValueError(f"level {self.level} dB; it lies in 0 to 40")
        object.__setattr__(self, "_change", self._composed())

    def _composed(self) -> Any:
        if not (self.noise or self.room or self.level):
            return None
        try:
            from audiomentations import AddBackgroundNoise, Compose, Gain, RoomSimulator

            if self.noise:  # which librosa reads
                load_librosa()
        except ImportError as error:
            raise ImportError(
                f"room, noise and level need audiomentations ({error}): {install('expand')}"
            ) from error
        changes: list[Any] = []
        if self.room:
            changes.append(RoomSimulator(p=1.0, leave_length_unchanged=True, use_ray_tracing=False))
        if self.noise:
            if not Path(self.noise).is_dir():
                raise ValueError(f"{self.noise}: there is no such folder; name one of recordings")
            try:
                low, high = SNR
                changes.append(AddBackgroundNoise(self.noise, low, high, p=1.0))
            except (AssertionError, ValueError) as error:
                raise ValueError(f"{self.noise}: no recordings of noise here ({error})") from error
        if self.level:
            changes.append(Gain(-self.level, self.level, p=1.0))
        return Compose(changes)

    def __call__(self, audio: Audio, rate: int, seed: int) -> Audio:
        """The clip (N,) as it is written: the same for the same seed, within [-1, 1]."""
        change: Any = self._change  # type: ignore[attr-defined]
        if change is None:
            return audio
        with drawn(seed):
            changed = np.asarray(change(samples=audio, sample_rate=rate), dtype=np.float32)
        peak = float(np.abs(changed).max(initial=0.0))
        quieter: Audio = changed / peak if peak > 1 else changed
        return quieter
