"""The convolution peak of the machine: what the best of some large convolutions reaches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.benchmark import Timer

SHAPES = [  # batch, channels, height, width
    (8, 256, 40, 32),
    (8, 128, 80, 64),
    (16, 512, 20, 16),
    (1, 256, 80, 64),
]


def convolution_peak(
    seconds: float = 1.0, shapes: Sequence[tuple[int, int, int, int]] = SHAPES
) -> float:
    """Most GMACs a second of 3 x 3 convolutions in float32, contiguous or channels_last.

    Args:
        seconds: how long each shape and format is timed, at least.
        shapes: (B, C, H, W) of input and output.
    """
    best = 0.0
    for batch, channels, height, width in shapes:
        gmacs = 9e-9 * batch * height * width * channels**2
        for memory_format in (torch.contiguous_format, torch.channels_last):
            conv = torch.nn.Conv2d(channels, channels, 3, padding=1).requires_grad_(False)
            conv = conv.to(memory_format=memory_format)  # type: ignore[call-overload]
            x = torch.randn(batch, channels, height, width).to(memory_format=memory_format)
            timer = Timer(
                "conv(x)", globals={"conv": conv, "x": x}, num_threads=torch.get_num_threads()
            )
            timer.timeit(1)
            best = max(best, gmacs / timer.blocked_autorange(min_run_time=seconds).median)
    return best
