"""How fast a vocoder is on the machine at hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scoresubnet.vocoders import Vocoder


@dataclass(frozen=True)
class Speed:
    """Timed passes of one batch.

    Attributes:
        clips: how many went through together.
        audio_seconds: seconds of audio that one pass makes.
        pass_seconds: seconds that each pass took.
        threads: of torch.
    """

    clips: int
    audio_seconds: float
    pass_seconds: tuple[float, ...]
    threads: int

    @property
    def rate(self) -> float:
        """Seconds of audio a second, by the median pass."""
        return self.audio_seconds / statistics.median(self.pass_seconds)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "clips": self.clips,
            "audio_seconds": self.audio_seconds,
            "pass_seconds": list(self.pass_seconds),
            "threads": self.threads,
            "rate": self.rate,
        }


@torch.no_grad()
def vocoder_speed(
    vocoder: Vocoder,
    x: Tensor,
    passes: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Time a vocoder, after one pass that is not timed.

    Args:
        vocoder: on the CPU.
        x: scaled log-Mels (B, 1, 80, T), which go through together.
        passes: how many are timed.
        clock: seconds since any moment.

    Raises:
        ValueError: passes is below one, or the vocoder cannot use x.
    """
    if passes < 1:
        raise ValueError(f"at least one pass must be timed, not {passes}")
    audio = vocoder(x)
    seconds = []
    for _ in range(passes):
        start = clock()
        vocoder(x)
        seconds.append(clock() - start)
    return Speed(
        len(x), audio.numel() / vocoder.mel.sample_rate, tuple(seconds), torch.get_num_threads()
    )
