"""Standard output and error that nobody reads stop no work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO


class Output:
    """A text stream that takes what it is given, whether it can be written or not.

    After a failure, what follows goes nowhere. Characters that the encoding lacks are escaped.

    Attributes:
        error: why something was lost, unless its reader had left; None if nothing was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def on_foreign_characters(self, errors: str | None) -> None:
        """What to do with characters that the encoding lacks: the name of an error handler."""
        if (reconfigure := getattr(self._stream, "reconfigure", None)) is not None:
            self._try(lambda: reconfigure(errors=errors))

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (OSError, ValueError) as error:  # ValueError: it is closed
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                self.error = self.error or error
            self._discard()

    def _discard(self) -> None:
        """Let what is buffered, and all that follows, go to the null device."""
        try:
            number = self._stream.fileno()
        except (OSError, ValueError):  # it is no file, or closed
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


@contextmanager
def lasting_streams() -> Iterator[Output]:
    """Have `sys.stdout` and `sys.stderr` last to the end of the block, which gets the first."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: our next file would get its number, and what others print there
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    with ExitStack() as stack:
        output, _ = (stack.enter_context(_lasting(name)) for name in ("stdout", "stderr"))
        yield output


@contextmanager
def _lasting(name: str) -> Iterator[Output]:
    before = getattr(sys, name)
    with open(os.devnull, "w", encoding="utf-8") as null:
        stream = null if before is None or getattr(before, "closed", False) else before
        output = Output(stream)
        setattr(sys, name, output)
        errors = getattr(stream, "errors", None)
        try:
            output.on_foreign_characters("backslashreplace")
            yield output
        finally:
            output.flush()
            output.on_foreign_characters(errors)
            setattr(sys, name, before)
