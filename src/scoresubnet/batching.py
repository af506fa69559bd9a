"""The number of clips to sample together: as many as memory holds, and no more than help."""

from __future__ import annotations

from pathlib import Path

import torch

from scoresubnet.cost import peak_mib
from scoresubnet.model import DiffusionModel

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


@torch.no_grad()
def step_mib(model: DiffusionModel, shape: tuple[int, int]) -> float:
    """Activation memory of one step of one clip, guided if it can be, in MiB; takes that step.

    Args:
        model: whose step it is.
        shape: Mel bands and frames of a clip, (F, T).
    """
    device = next(model.parameters()).device
    x = torch.zeros(1, 1, *shape, device=device)
    t = torch.full((1,), 0.5, device=device)
    if not model.can_be_guided:
        return peak_mib(lambda: model(x, t))
    both = model.with_class_gradient(torch.zeros(1, dtype=torch.long, device=device))
    return peak_mib(lambda: both(x, t))


def free_mib(device: torch.device, meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory that could be taken now, in MiB; None where the system does not say.

    Args:
        device: where the model runs.
        meminfo: Linux's own account of it.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free / 2**20
    if device.type == "cpu" and meminfo.is_file():
        for line in meminfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 2**10
    return None
