"""The number of clips to sample together: as many as memory holds, and no more than help."""

from __future__ import annotations

from pathlib import Path

MOST = 16
SHARE = 0.5  # of the free memory: convolutions need some of their own, and so do other programs


def fitting_batch(mib_a_clip: float, free_mib: float | None, most: int = MOST) -> int:
    """The largest batch, from 1 to `most`, that takes at most half of the free memory.

    Args:
        mib_a_clip: what a clip needs, positive.
        free_mib: None if it is not known, which counts as enough.
        most: where a larger batch takes as long a clip.
    """
    if free_mib is None:
        return most
    return max(1, min(most, int(SHARE * free_mib / mib_a_clip)))


def free_mib(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory of the machine that could be taken now, in MiB; None where the system does not say.

    Args:
        meminfo: Linux's own account of it.
    """
    if meminfo.is_file():
        for line in meminfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 2**10
    return None
