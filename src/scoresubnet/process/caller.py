"""The caller's settings of torch: they neither change what we compute nor are changed by it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_AUTOCAST = ("cpu", "cuda", "mps", "xpu")


class _DefaultDtype:
    """Float32 while anybody is inside: the default is one for all threads."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch.get_default_dtype()
            self._inside += 1
            torch.set_default_dtype(torch.float32)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.set_default_dtype(self._before)


_float32 = _DefaultDtype()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Run as in a fresh process: `@undisturbed()` stands before what users call.

    Inside, tensors are float32 and on the CPU unless something else is asked for, there is neither
    autocast nor inference mode, whose tensors could not be used outside of it, and no gradient is
    recorded. Afterwards all is as the caller had it.
    """
    with ExitStack() as stack:
        stack.enter_context(_float32)
        if torch.get_default_device().type != "cpu":  # as a context it slows every operation
            stack.enter_context(torch.device("cpu"))
        for kind in filter(torch.is_autocast_enabled, _AUTOCAST):
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield
