"""Times of several candidates that take turns, so that a slow minute slows them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.utils.benchmark import Timer

Run = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds that one call takes, one value a round.

    Attributes:
        rounds: seconds of each round.
    """

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds of the median round."""
        return statistics.median(self.rounds)

    def ratio(self, other: Times) -> float:
        """The ratio to the time of `other`: the median of the ratios of the same round."""
        return statistics.median(self.ratios(other))

    def ratios(self, other: Times) -> list[float]:
        """The ratio to the time of `other` in each round that both have."""
        return [mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=False)]


def in_rounds(
    runs: Mapping[str, Run],
    rounds: int,
    seconds: float,
    patience: float = 20.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Time every run once in each round, after a call that is not timed.

    Args:
        runs: name -> what is timed.
        rounds: how often all take their turn.
        seconds: a turn calls its run so often that it lasts about as long; at least once.
        patience: a run that takes longer than this many seconds has one round, its first call.
        clock: seconds since any moment, for the choice of the number of calls.

    Raises:
        ValueError: rounds is below one.
    """
    if rounds < 1:
        raise ValueError(f"at least one round is needed, not {rounds}")
    calls, found = {}, {name: list[float]() for name in runs}
    for name, run in runs.items():
        start = clock()
        run()
        first = clock() - start
        if first > patience:
            found[name].append(first)
            continue
        start = clock()
        run()
        calls[name] = max(1, round(seconds / (clock() - start)))
    for _ in range(rounds):
        for name, number in calls.items():
            timer = Timer("run()", globals={"run": runs[name]}, num_threads=torch.get_num_threads())
            found[name].append(timer.timeit(number).mean)
    return {name: Times(tuple(seconds)) for name, seconds in found.items()}
