"""The measurements behind `python -m benchmarks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from benchmarks.candidates import OUTSIDE, SETTINGS, Candidate, Run, clip_run, step_candidates
from benchmarks.memory import peak_of
from benchmarks.report import ClipRow, StepRow
from benchmarks.timing import in_rounds
from scoresubnet.audio.mel import MelSettings
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import evaluations

CLIP_SECONDS = MelSettings().clip_samples / MelSettings().sample_rate


def built(presets: Sequence[str], outside: bool) -> dict[Candidate, Callable[[int], Run]]:
    """Every model of the presets, ready to be given a number of clips.

    Args:
        presets: keys of `candidates.SIZES`, the largest last.
        outside: whether DiffWave is one of them.
    """
    return {candidate: candidate.build() for candidate in step_candidates(list(presets), outside)}


def step_rows(
    steps: Mapping[Candidate, Callable[[int], Run]],
    batch: int,
    rounds: int,
    seconds: float,
    memory: bool,
    say: Callable[[str], None],
) -> list[StepRow]:
    """Time one reverse step of every model; all take turns.

    Args:
        steps: see `built`.
        batch: number of clips.
        rounds: see `timing.in_rounds`.
        seconds: the same.
        memory: whether to start a child process for each, which measures its memory.
        say: told what is going on.
    """
    candidates = list(steps)
    say(f"one reverse step, batch {batch}: {len(candidates)} models")
    runs = {str(k): steps[candidate](batch) for k, candidate in enumerate(candidates)}
    times = in_rounds(runs, rounds, seconds)
    rows = []
    for k, candidate in enumerate(candidates):
        mine, reference = times[str(k)], times[str(_reference(candidate, candidates))]
        peak = peak_of(candidate, batch, torch.get_num_threads()) if memory else None
        step_ms = 1e3 * mine.median
        clip_ms = step_ms / batch * candidate.steps
        longer = candidate.steps / candidates[0].steps
        rows.append(
            StepRow(
                candidate.preset,
                candidate.name,
                batch,
                step_ms,
                step_ms / batch,
                candidate.steps,
                clip_ms,
                clip_ms / 1e3 / CLIP_SECONDS,
                mine.ratio(reference) * longer,
                peak.stepped if peak else None,
                peak.stepped - peak.built if peak else None,
                len(mine.rounds),
            )
        )
    return rows


def _reference(candidate: Candidate, candidates: Sequence[Candidate]) -> int:
    """The guided Score Subnet of the same preset; of the last one, for the outside model."""
    preset = candidate.preset if candidate.model != OUTSIDE else candidates[-2].preset
    return next(k for k, other in enumerate(candidates) if other.preset == preset)


def clip_rows(
    generator: SpeechGenerator,
    batch: int,
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[ClipRow]:
    """Time whole clips, from the label to the waveform; all settings take turns.

    Args:
        generator: with its weights and vocoder.
        batch: number of clips asked for at once.
        rounds: see `timing.in_rounds`.
        seconds: the same.
        say: told what is going on.
    """
    say(f"whole clips, {batch} at once: {len(SETTINGS)} settings")
    runs = {name: clip_run(generator, sampling, batch) for name, sampling in SETTINGS.items()}
    times = in_rounds(runs, rounds, seconds)
    rows = []
    for name, sampling in SETTINGS.items():
        clip_ms = 1e3 * times[name].median / batch
        rows.append(
            ClipRow(
                name,
                batch,
                evaluations(sampling.sampler, sampling.steps),
                clip_ms,
                clip_ms / 1e3 / CLIP_SECONDS,
                times[name].ratio(times[next(iter(SETTINGS))]),
                len(times[name].rounds),
            )
        )
    return rows
