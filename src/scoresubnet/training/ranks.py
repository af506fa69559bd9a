"""The processes of one training: which of them this is, and what they tell each other.

A training on several devices has a process for each, and each process a rank, counted from 0. The
first one owns the folder of the run. A process that trains alone is rank 0 of one, and all that is
here costs it nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.distributed import Store  # type: ignore[attr-defined]

T = TypeVar("T")
_PATIENCE = timedelta(days=30)  # while the first process reads the recordings
_LOST = re.compile(r"gloo|NCCL|Connection (closed|reset|refused)|Broken pipe", re.IGNORECASE)


@dataclass(frozen=True)
class Rank(ClusterEnvironment):
    """The place of a process among those of its training, as Lightning wants to be told.

    Attributes:
        number: of this process, 0 to count - 1.
        count: of all processes.
        local: its number among those of its machine.
        node: number of its machine.
        address: of the machine of the first process.
        port: where the processes meet there.
        threads: of torch, its share of the machine's; 0 = whoever started it has seen to that.
    """

    number: int
    count: int
    local: int
    node: int
    address: str
    port: int
    threads: int = 0

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self.address

    @property
    def main_port(self) -> int:
        return self.port

    @staticmethod
    def detect() -> bool:
        """Lightning shall not find it of its own accord."""
        return False

    def world_size(self) -> int:
        return self.count

    def set_world_size(self, size: int) -> None:
        """It is what it is."""

    def global_rank(self) -> int:
        return self.number

    def set_global_rank(self, rank: int) -> None:
        """Likewise."""

    def local_rank(self) -> int:
        return self.local

    def node_rank(self) -> int:
        return self.node


@dataclass(frozen=True)
class _Joined:
    rank: Rank
    patient: dist.ProcessGroup


_joined: ContextVar[_Joined | None] = ContextVar("joined", default=None)


@contextmanager
def joined(rank: Rank, store: Store | None = None) -> Iterator[None]:
    """Be one of several processes while the block runs: NCCL between GPUs, gloo between CPUs.

    Args:
        rank: of this process.
        store: where they meet; None: at the rank's address and port.

    Raises:
        ConnectionError: they do not meet, or another one has ended before its time.
    """
    place = None if store else f"tcp://{rank.address}:{rank.port}"
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    rank_zero_only.rank = rank.number  # type: ignore[attr-defined]
    log = logging.getLogger("scoresubnet")
    level = log.level
    if rank.number:
        log.setLevel(logging.CRITICAL)  # the first one says it
    try:
        dist.init_process_group(
            backend, init_method=place, store=store, rank=rank.number, world_size=rank.count
        )
        _joined.set(_Joined(rank, dist.new_group(backend="gloo", timeout=_PATIENCE)))
        yield
    except RuntimeError as error:
        if not is_lost(error):
            raise
        first = str(error).partition("\n")[0]
        raise ConnectionError(
            f"rank {rank.number} of {rank.count} has lost another one, whose error tells why "
            f"({first})"
        ) from error
    finally:
        _joined.set(None)
        log.setLevel(level)
        if dist.is_initialized():
            dist.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Whether an error says that another process cannot be reached any more."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and _LOST.search(str(error)) is not None
    )


def here() -> Rank | None:
    """The rank of this process; None where it trains alone."""
    joined = _joined.get()
    return None if joined is None else joined.rank


def count() -> int:
    """The number of processes that train together."""
    rank = here()
    return 1 if rank is None else rank.count


def is_first() -> bool:
    """Whether this is the process that owns the folder of the run."""
    rank = here()
    return rank is None or rank.number == 0


def tell(value: T) -> T:
    """What the first process says, to all; the others may wait for days. All have to call it."""
    if (joined := _joined.get()) is None:
        return value
    said: list[Any] = [value if is_first() else None]
    dist.broadcast_object_list(said, src=0, group=joined.patient)
    return said[0]


def are_alike(value: object) -> bool:
    """Whether all processes have the same value. All have to call it."""
    if (joined := _joined.get()) is None:
        return True
    values: list[object] = [None] * count()
    dist.all_gather_object(values, value, group=joined.patient)
    return all(other == value for other in values)


def most(*values: int) -> list[int]:
    """The largest of each value over all processes, which all have to call it."""
    if count() == 1:
        return list(values)
    largest = torch.tensor(values, dtype=torch.int64)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest.tolist()


def share(batch: int) -> slice:
    """The rows of a training batch that this process has, as many as every other."""
    rank = here()
    if rank is None:
        return slice(0, batch)
    size = batch // rank.count
    return slice(rank.number * size, (rank.number + 1) * size)


def gathered(x: Tensor) -> Tensor:
    """What all processes have, in the order of their ranks: (B, ...) -> (count B, ...), detached.

    It has the same bits in every process.
    """
    if count() == 1:
        return x.detach()
    mine = x.detach().float().cpu().contiguous()
    parts = [torch.empty_like(mine) for _ in range(count())]
    dist.all_gather(parts, mine)
    return torch.cat(parts).to(x)


def mean(x: Tensor) -> Tensor:
    """The mean of a scalar over the processes, detached."""
    return x.detach() if count() == 1 else gathered(x[None]).mean()


def divided(compute: Callable[..., Tensor], *batch: Tensor) -> Tensor:
    """compute(*batch), of which each process makes a share: for what needs no gradient.

    Args:
        compute: (B, ...), ... -> (B, ...), each row of itself.
        batch: tensors of B rows; B need not divide by the number of processes.
    """
    rank = here()
    if rank is None:
        return compute(*batch)
    rows = len(batch[0])
    size = -(-rows // rank.count)
    mine = torch.arange(rank.number * size, (rank.number + 1) * size).clamp(max=rows - 1)
    return gathered(compute(*(x[mine.to(x.device)] for x in batch)))[:rows]
