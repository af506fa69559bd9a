"""Three small recordings, and a record of what is read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.audio.io import read_audio
from scoresubnet.data import cache
from scoresubnet.data.clips import Clip


@pytest.fixture(scope="session")
def tone() -> Callable[..., np.ndarray]:
    """tone(samples=16000, rate=16000, pitch=300.0) -> a sine of amplitude 0.3."""

    def tone(samples: int = 16_000, rate: int = 16_000, pitch: float = 300.0) -> np.ndarray:
        return 0.3 * np.sin(2 * np.pi * pitch * np.arange(samples) / rate)

    return tone


@pytest.fixture
def clips(tmp_path: Path, tone: Callable[..., np.ndarray]) -> list[Clip]:
    """Three usable clips: one plain, one short stereo of another rate, one of three seconds."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tone(), 16_000)
    soundfile.write(folder / "b.flac", np.stack([tone(4000, 8000)] * 2, axis=1), 8_000)
    soundfile.write(folder / "c.wav", tone(48_000), 16_000)
    return [
        Clip(folder / "a.wav", "yes", "training", "folder"),
        Clip(folder / "b.flac", "no", "validation", "folder"),
        Clip(folder / "c.wav", "yes", "training", "folder"),
    ]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read, as they are read."""
    paths: list[Path] = []

    def recorded(path, sample_rate):
        paths.append(path)
        return read_audio(path, sample_rate)

    monkeypatch.setattr(cache, "read_audio", recorded)
    return paths
