"""The time that an experiment may take."""

from __future__ import annotations

import signal
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from scoresubnet.training.config import ClassifierTraining, ScoreTraining, UNetTraining

LEAST_MINUTES = 0.5
"""With less time left nothing is begun."""

T = TypeVar("T", ClassifierTraining, ScoreTraining, UNetTraining)


class OutOfTime(Exception):
    """The minutes are over, or a training was stopped; everything that was made is kept."""


class Clock:
    """Counts from its making on.

    Args:
        minutes: that there are; 0: as many as it takes.
    """

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes if minutes else None

    @property
    def minutes(self) -> float:
        """Left of the budget; 0: there is none.

        Raises:
            OutOfTime: too little is left to begin anything.
        """
        if self.end is None:
            return 0.0
        left = (self.end - time.monotonic()) / 60
        if left < LEAST_MINUTES:
            raise OutOfTime("the minutes are over")
        return left

    def limit(self, config: T) -> T:
        """The same training, to be stopped in time and saved every minute.

        Raises:
            OutOfTime: too little is left to begin it.
        """
        every = min(1.0, config.run.save_every)
        return replace(config, run=replace(config.run, minutes=self.minutes, save_every=every))

    def wait(self, seconds: float) -> None:
        """Let other processes work.

        Raises:
            OutOfTime: too little is left to begin anything.
        """
        time.sleep(seconds)
        _ = self.minutes

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """Break off what runs inside when the time is over; for the main thread.

        Raises:
            OutOfTime: it was broken off, or too little is left to begin it.
        """
        left = self.minutes
        if not left:
            yield
            return
        over = threading.Event()

        def ring() -> None:
            over.set()
            interrupt_main()

        # A script's background ignores SIGINT, which `interrupt_main` then cannot raise.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        timer = threading.Timer(60 * left, ring)
        timer.daemon = True
        timer.start()
        try:
            yield
            timer.cancel()
        except KeyboardInterrupt:
            if over.is_set():
                raise OutOfTime("the minutes are over") from None
            raise
        finally:
            timer.cancel()
            signal.signal(signal.SIGINT, before)
