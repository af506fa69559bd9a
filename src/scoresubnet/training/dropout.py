"""Dropout that does not depend on how many processes share a batch."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.training import ranks


class SharedDropout(nn.Dropout):
    """Draws for the batch of all processes, and takes the rows of one: x (B, ...), the same out.

    Args:
        p: share of the elements that is dropped.
        number: of the process, 0 to count - 1.
        count: of all processes.
    """

    def __init__(self, p: float, number: int, count: int) -> None:
        super().__init__(p)
        self.number, self.count = number, count

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = F.dropout(x.new_ones(self.count * len(x), *x.shape[1:]), self.p)
        return x * kept[self.number * len(x) : (self.number + 1) * len(x)]


def shared(dropout: nn.Dropout) -> nn.Dropout:
    """The dropout itself where one process trains alone."""
    rank = ranks.here()
    return dropout if rank is None else SharedDropout(dropout.p, rank.number, rank.count)
