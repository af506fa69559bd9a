"""Randomness as a function of the step: what makes a resumed run equal an uninterrupted one.

Every random draw of step n comes from a generator seeded by (seed, purpose, step). Nothing is
carried from step to step, so there is no generator state to save.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

PURPOSES = {"batch": 0, "noise": 1, "validation": 2, "dropout": 3, "crop": 4, "labels": 5}


def step_seed(seed: int, purpose: str, step: int) -> int:
    """A 32-bit seed of this step's own, for one purpose."""
    entropy = np.random.SeedSequence([seed, PURPOSES[purpose], step])
    return int(entropy.generate_state(1)[0])


def step_generator(
    seed: int, purpose: str, step: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A generator of this step's own, for one purpose.

    On `device` if that is an NVIDIA GPU, which draws otherwise than the CPU; else on the CPU.
    """
    there = device if torch.device(device).type == "cuda" else "cpu"
    return torch.Generator(there).manual_seed(step_seed(seed, purpose, step))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generators as after `torch.manual_seed(seed)`, and restore them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def balanced_weights(groups: NDArray[np.int64], balance: float) -> torch.Tensor:
    """Float64 weight of each row: a group of n rows is drawn in proportion to n^(1 - balance)."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return torch.from_numpy(counts[inverse].astype(np.float64) ** -balance)


class StepBatches(Sampler[list[int]]):
    """Endless batches of rows, drawn with replacement; batch n depends on (seed, n) alone."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        weights: torch.Tensor,
        batch_size: int,
        seed: int,
        first_step: int,
    ) -> None:
        self.rows, self.weights, self.batch_size = torch.from_numpy(rows), weights, batch_size
        self.seed, self.first_step = seed, first_step

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            generator = step_generator(self.seed, "batch", step)
            drawn = torch.multinomial(
                self.weights, self.batch_size, replacement=True, generator=generator
            )
            yield self.rows[drawn].tolist()
            step += 1
