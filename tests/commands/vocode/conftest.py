"""A quick vocoder, and log-Mels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders import GriffinLim
from tests.commands.vocode.typed import tone


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim of two iterations."""

    def factory(settings: MelSettings, where: str | None) -> GriffinLim:
        return GriffinLim(settings, iterations=2)

    monkeypatch.setitem(vocoder.VOCODERS, "pitch", factory)


@pytest.fixture(scope="session")
def x() -> Tensor:
    """Three log-Mels of 20 frames, 4,736 samples."""
    tones = [tone(4_864 / 16_000, frequency=f) for f in (200, 300, 400)]
    front_end = LogMel()
    return front_end.scale(front_end.log_mel(torch.tensor(np.stack(tones))))
