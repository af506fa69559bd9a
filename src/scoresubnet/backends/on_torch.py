"""Models on torch, on the CPU or a GPU."""

from __future__ import annotations

import torch

from scoresubnet.backends.base import Backend
from scoresubnet.batching import free_mib
from scoresubnet.cost import step_mib
from scoresubnet.process.caller import undisturbed
from scoresubnet.weights import ModelFile


@undisturbed()
def on_torch(
    file: ModelFile, device: str | torch.device = "cpu", bfloat16: bool = False
) -> Backend:
    """A model that `weights.load_model` has read, or one that was just trained.

    Args:
        file: with a Score Subnet or a U-Net.
        device: where the model runs.
        bfloat16: whether its networks compute in it.

    Raises:
        WeightsError: the file is a classifier alone.
    """
    asked = file.guiding or file
    model = file.score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.to(device)
    model.in_bfloat16 = bfloat16

    def memory() -> tuple[float, float | None]:
        place = model.like.device
        mib = step_mib(model, (file.mel.n_mels, file.mel.frames))
        if place.type == "cuda":
            return mib, torch.cuda.mem_get_info(place)[0] / 2**20
        return mib, free_mib() if place.type == "cpu" else None

    name = "torch-bf16" if bfloat16 else "torch"
    return Backend(name, model, asked.labels, asked.aliases, file.mel, file.sampling, memory)
