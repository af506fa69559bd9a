"""One process at a time in the folder of a run, which ends in good order when it is asked to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

from scoresubnet.files import lock, release

_ENDED_BY: ContextVar[list[int] | None] = ContextVar("ended_by", default=None)


class FolderInUse(ValueError):
    """Another process has the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes of this machine out of the folder, until the block or the process ends.

    The lock is on the folder itself and leaves nothing in it. Where the folder cannot be read, or
    its system has no such locks, nothing is kept out.

    Raises:
        FolderInUse: another process has the folder.
    """
    try:
        handle = lock(folder, wait=False)
    except BlockingIOError as error:
        raise FolderInUse(
            f"{folder}: another process works here; wait for its end, or choose another --out"
        ) from error
    try:
        yield
    finally:
        release(handle)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block by an exception, as Ctrl-C does, so that what is half done is undone.

    A handler that the caller has set stays. So does the default outside of the main thread.

    Raises:
        SystemExit: on SIGTERM, with the exit status 143 of a process that it ends.
    """
    if not in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def in_main_thread() -> bool:
    """Whether this is the thread that may set handlers of signals."""
    return threading.current_thread() is threading.main_thread()


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def ended_trainings() -> Iterator[list[int]]:
    """The signals that end trainings in the block, which return all the same.

    So a command can tell, by its exit status, that what follows in a script has nothing to go on.
    """
    numbers: list[int] = []
    token = _ENDED_BY.set(numbers)
    try:
        yield numbers
    finally:
        _ENDED_BY.reset(token)


def ended_by(number: int) -> None:
    """Tell whoever asks by `ended_trainings` that this signal has ended a training."""
    numbers = _ENDED_BY.get()
    if numbers is not None:
        numbers.append(number)
