"""Rows of the benchmark, as JSON and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks.timing import Times


@dataclass(frozen=True)
class StepRow:
    """One reverse step of one model at one batch size.

    Attributes:
        preset: of its networks.
        name: of the candidate.
        batch: clips that take the step together.
        step_ms: milliseconds of the whole batch's step, median of the rounds.
        step_ms_per_clip: the same for one of its clips.
        steps: network evaluations of a clip, as published.
        clip_ms: milliseconds a clip, so many steps long; without a vocoder.
        real_time_factor: seconds of computing for one second of sound.
        ratio: `clip_ms` over that of the reference, the guided Score Subnet of the same preset
            (of the largest preset, for DiffWave), median of the rounds.
        peak_mib: largest resident set of a process that does nothing else; None if not measured.
        step_mib: of it, what the steps themselves added.
        rounds: how many.
    """

    preset: str
    name: str
    batch: int
    step_ms: float
    step_ms_per_clip: float
    steps: int
    clip_ms: float
    real_time_factor: float
    ratio: float
    peak_mib: float | None
    step_mib: float | None
    rounds: int


@dataclass(frozen=True)
class ClipRow:
    """Whole clips, from the label to the waveform, with the shipped weights.

    Attributes:
        name: of the setting.
        batch: clips asked for at once.
        evaluations: how often a clip asks for the score.
        clip_ms: milliseconds a clip, median of the rounds.
        real_time_factor: seconds of computing for one second of sound.
        ratio: over the first setting.
        rounds: how many.
    """

    name: str
    batch: int
    evaluations: int
    clip_ms: float
    real_time_factor: float
    ratio: float
    rounds: int


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest value of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of the values of all rounds."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.least)} to {_short(self.most)})"


@dataclass(frozen=True)
class BusyRow:
    """One word alone and beside busy processes, with one way in which threads wait.

    Attributes:
        waiting: the way.
        idle_ms: milliseconds of the word on an otherwise idle machine.
        busy_ms: the same beside busy processes.
        ratio: of the second to the first, round by round.
        idle_cost: of `idle_ms` to that of the first way, round by round.
        rounds: how many.
    """

    waiting: str
    idle_ms: Spread
    busy_ms: Spread
    ratio: Spread
    idle_cost: Spread
    rounds: int

    @classmethod
    def of(cls, waiting: str, idle: Times, busy: Times, first: Times) -> Self:
        """Of the times of the word, and those of the first way on an idle machine."""
        return cls(
            waiting,
            Spread.of([1e3 * seconds for seconds in idle.rounds]),
            Spread.of([1e3 * seconds for seconds in busy.rounds]),
            Spread.of(busy.ratios(idle)),
            Spread.of(idle.ratios(first)),
            len(idle.rounds),
        )


def step_table(rows: Sequence[StepRow]) -> str:
    """Markdown, a line per row."""
    return "\n".join(
        [
            "| preset | one reverse step | batch | ms | ms a clip | steps | clip, ms | "
            "x real time | ratio | peak, MiB | of it the step |",
            "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            *map(_step_line, rows),
        ]
    )


def clip_table(rows: Sequence[ClipRow]) -> str:
    """Markdown, a line per row."""
    return "\n".join(
        [
            "| setting | batch | evaluations | clip, ms | x real time | ratio |",
            "|---|---:|---:|---:|---:|---:|",
            *map(_clip_line, rows),
        ]
    )


def busy_table(rows: Sequence[BusyRow]) -> str:
    """Markdown, a line per row; median (least to most) of the rounds."""
    return "\n".join(
        [
            "| threads wait | idle, ms | busy, ms | busy / idle | idle, over the first |",
            "|---|---:|---:|---:|---:|",
            *(
                f"| {row.waiting} | {row.idle_ms} | {row.busy_ms} | {row.ratio} | {row.idle_cost} |"
                for row in rows
            ),
        ]
    )


def _step_line(row: StepRow) -> str:
    return (
        f"| {row.preset} | {row.name} | {row.batch} | {_short(row.step_ms)} | "
        f"{_short(row.step_ms_per_clip)} | {row.steps} | {row.clip_ms:.0f} | "
        f"{_short(row.real_time_factor)} | {row.ratio:.2f} | {_mib(row.peak_mib)} | "
        f"{_mib(row.step_mib)} |"
    )


def _clip_line(row: ClipRow) -> str:
    return (
        f"| {row.name} | {row.batch} | {row.evaluations} | {row.clip_ms:.0f} | "
        f"{_short(row.real_time_factor)} | {row.ratio:.3f} |"
    )


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _mib(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
