"""Items of a batch side by side, each on a core of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor


def each_on_a_thread(function: Callable[[Tensor], Tensor], items: Sequence[Tensor]) -> list[Tensor]:
    """`[function(item) for item in items]`, as many at a time as torch has threads.

    Small operations gain little from several threads inside each of them, and much from several
    items at once. A single item, or one on another device than the CPU, is not handed to a thread.

    Args:
        function: sets its own grad mode, which threads do not inherit.
        items: all on one device.
    """
    threads = torch.get_num_threads()
    if min(threads, len(items)) < 2 or items[0].device.type != "cpu":
        return [function(item) for item in items]
    workers = min(threads, len(items))
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))
    finally:
        # What a thread sets holds for itself, and for threads that are begun later.
        torch.set_num_threads(threads)
