"""How long the Score Subnet is trained on: what a recipe asks for, as far as the time allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from scoresubnet.files import write_json

FEWEST_STEPS = 20
WORTHWHILE = 0.4
"""The least share of the steps asked for with which takes are made."""


@dataclass(frozen=True)
class Plan:
    """Steps of training.

    Attributes:
        first: with the recordings alone.
        again: with takes beside them; 0: none are made.
    """

    first: int
    again: int

    @property
    def steps(self) -> int:
        """In all."""
        return self.first + self.again

    def fitting(self, seconds: float, pace: float, cost: float) -> Plan:
        """As much of it as some time allows, but never fewer than `FEWEST_STEPS`.

        With less than `WORTHWHILE` of it, no takes are made, and all time is for the recordings.

        Args:
            seconds: that are left.
            pace: seconds of a step.
            cost: of making takes, in steps.
        """
        room = seconds / pace
        share = min(1.0, (room - cost) / self.steps)
        if not self.again or share < WORTHWHILE:
            return Plan(min(self.first, max(FEWEST_STEPS, int(room))), 0)
        return Plan(int(share * self.first), int(share * self.again))


def kept_plan(path: Path, make: Callable[[], Plan]) -> Plan:
    """The plan of a file; it is made and written if it is not there."""
    if not path.exists():
        write_json(path, asdict(make()))
    return Plan(**json.loads(path.read_text(encoding="utf-8")))
