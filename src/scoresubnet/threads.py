"""Items side by side, each on a core of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Made = TypeVar("Made")


def each_on_a_thread(
    function: Callable[[Item], Made], items: Sequence[Item], fewest: int = 2
) -> list[Made]:
    """`[function(item) for item in items]`, as many at a time as torch has threads.

    Small operations gain little from several threads inside each of them, and much from several
    items at once: inside an item torch has one thread here.

    Args:
        function: may be run by several threads at once; sets its own grad mode, which threads do
            not inherit.
        items: if tensors, all on one device; on another than the CPU they stay on this thread.
        fewest: fewer items stay on this thread, each with all of torch's threads. With 1 every item
            has one thread, whose results may differ from those of several in the last bits.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(items))
    elsewhere = any(isinstance(item, Tensor) and item.device.type != "cpu" for item in items)
    if threads == 1 or len(items) < fewest or elsewhere:
        return [function(item) for item in items]
    started = threading.Barrier(workers + 1)

    def begin() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread adopts the number of the process when it first asks
        started.wait()

    with ThreadPoolExecutor(workers, initializer=begin) as pool:
        made = pool.map(function, items)
        started.wait()
        # What a thread sets is the number of the process too: threads that ask later shall find
        # what they would have found before.
        torch.set_num_threads(threads)
        return list(made)
