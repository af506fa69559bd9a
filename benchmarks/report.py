"""Rows of the benchmark, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
