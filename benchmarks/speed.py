"""The measurements behind `python -m benchmarks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from benchmarks.candidates import OUTSIDE, SETTINGS, Candidate, clip_run, step_candidates
from benchmarks.memory import peak_of
from benchmarks.report import ClipRow, StepRow
from benchmarks.timing import in_rounds
from scoresubnet.audio.mel import MelSettings
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import evaluations

CLIP_SECONDS = MelSettings().clip_samples / MelSettings().sample_rate


def step_rows(
    presets: Sequence[str],
    batches: Sequence[int],
    rounds: int,
    seconds: float,
    memory: bool,
    say: Callable[[str], None],
    outside: bool = True,
) -> list[StepRow]:
    """Time one reverse step of every model; all of one batch size take turns.

    Args:
        presets: keys of `candidates.SIZES`, the largest last.
        batches: numbers of clips.
        rounds: see `timing.in_rounds`.
        seconds: the same.
        memory: whether to start a child process for each, which measures its memory.
        say: told what is going on.
        outside: whether DiffWave takes its turn as well.
    """
    candidates = step_candidates(list(presets), outside)
    steps = {candidate: candidate.build() for candidate in candidates}
    rows = []
    for batch in batches:
        say(f"one reverse step, batch {batch}: {len(candidates)} models")
        runs = {str(k): steps[candidate](batch) for k, candidate in enumerate(candidates)}
        times = in_rounds(runs, rounds, seconds)
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
    return sorted(rows, key=lambda row: [*presets, "published"].index(row.preset))


def _reference(candidate: Candidate, candidates: Sequence[Candidate]) -> int:
    """The guided Score Subnet of the same preset; of the last one, for the outside model."""
    preset = candidate.preset if candidate.model != OUTSIDE else candidates[-2].preset
    return next(k for k, other in enumerate(candidates) if other.preset == preset)


def clip_rows(
    generator: SpeechGenerator,
    batches: Sequence[int],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[ClipRow]:
    """Time whole clips, from the label to the waveform; all settings take turns.

    Args:
        generator: with its weights and vocoder.
        batches: numbers of clips asked for at once.
        rounds: see `timing.in_rounds`.
        seconds: the same.
        say: told what is going on.
    """
    rows = []
    for batch in batches:
        say(f"whole clips, {batch} at once: {len(SETTINGS)} settings")
        runs = {setting.name: clip_run(generator, setting, batch) for setting in SETTINGS}
        times = in_rounds(runs, rounds, seconds)
        for setting in SETTINGS:
            chosen = generator.check([generator.labels[0]], [0], **setting.options)
            clip_ms = 1e3 * times[setting.name].median / batch
            rows.append(
                ClipRow(
                    setting.name,
                    batch,
                    evaluations(chosen.sampler, chosen.steps),
                    clip_ms,
                    clip_ms / 1e3 / CLIP_SECONDS,
                    times[setting.name].ratio(times[SETTINGS[0].name]),
                    len(times[setting.name].rounds),
                )
            )
    return rows
