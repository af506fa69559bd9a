"""The command, and files for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from scoresubnet.cli import main


def tone(seconds: float = 0.5, rate: int = 16_000, frequency: float = 440) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * frequency * time)


def save(path: Path, audio: np.ndarray | None = None, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone() if audio is None else audio, rate)
    return path


def vocode(*arguments: str | Path) -> int:
    return main(["vocode", *map(str, arguments)])


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
