"""Items side by side, each on a core of its own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Made = TypeVar("Made")


def cores() -> int:
    """How many threads shall work at once: OMP_NUM_THREADS, or else the cores we may run on."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each_on_a_thread(
    function: Callable[[Item], Made], items: Sequence[Item], fewest: int = 2
) -> list[Made]:
    """`[function(item) for item in items]`, `cores()` of them at a time.

    Small operations gain little from several threads inside each of them, and much from several
    items at once: inside an item numpy's matrix products have one thread here, and so has torch
    where it is in use.

    Args:
        function: may be run by several threads at once; sets its own grad mode, which threads do
            not inherit.
        items: what it is given, one by one.
        fewest: fewer items stay on this thread, each with all of torch's threads. With 1 every item
            has one thread, whose results may differ from those of several in the last bits.
    """
    with _one_thread_of_blas:
        if cores() == 1 or len(items) < fewest:
            return [function(item) for item in items]
        return _side_by_side(function, items, min(cores(), len(items)))


def _side_by_side(
    function: Callable[[Item], Made], items: Sequence[Item], workers: int
) -> list[Made]:
    torch = sys.modules.get("torch")  # if anything in an item uses it, it is here by now
    threads = torch.get_num_threads() if torch else 1
    started = threading.Barrier(workers + 1)

    def begin() -> None:
        if torch:
            torch.set_num_threads(1)
            torch.get_num_threads()  # a thread adopts the number of the process when it first asks
        started.wait()

    with ThreadPoolExecutor(workers, initializer=begin) as pool:
        made = pool.map(function, items)
        started.wait()
        # What a thread sets is the number of the process too: threads that ask later shall find
        # what they would have found before.
        if torch:
            torch.set_num_threads(threads)
        return list(made)


class _OneThreadOfBlas:
    """Matrix products have one thread while anybody is inside: the number is one for all threads.

    OpenBLAS gives small products several threads, which wait for each other in vain: they take
    four times as long, and more where several threads ask for them.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    @cached_property
    def _libraries(self) -> ThreadpoolController:
        """Those that are loaded when it is first asked for, numpy's among them."""
        return ThreadpoolController()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limits = self._libraries.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


_one_thread_of_blas = _OneThreadOfBlas()
