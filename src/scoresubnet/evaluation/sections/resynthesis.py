"""Resyntheses against their originals: what a vocoder loses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

import numpy as np

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.spectra import LEAST_POWER, RESOLUTIONS
from scoresubnet.evaluation.cache import content_key
from scoresubnet.evaluation.judges.resynthesis import (
    log_mel_l1,
    multi_resolution_stft,
    pesq_wb,
    stoi,
)
from scoresubnet.evaluation.judges.waveforms import Unmeasurable
from scoresubnet.evaluation.measures import mean_of
from scoresubnet.evaluation.results import Better, Metric, Section
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import Systems
from scoresubnet.process.threads import each_on_a_thread

MEASURES: tuple[tuple[str, str, Better, Callable[[Audio, Audio], float]], ...] = (
    ("log_mel_l1", "log-Mel L1, nats", "lower", log_mel_l1),
    ("stft", "multi-resolution STFT distance", "lower", multi_resolution_stft),
    ("pesq", "PESQ wideband", "higher", pesq_wb),
    ("stoi", "STOI", "higher", stoi),
)


def against_originals(originals: Sequence[Audio], judging: Judging) -> Measured:
    """Four distances of each system's clips to the originals, which lie at the same positions.

    Raises:
        ImportError: a package is not installed.
    """
    settings: dict[str, object] = {
        "mel": MelSettings().hash,
        "resolutions": RESOLUTIONS,
        "least_power": LEAST_POWER,
        **{name: version(name) for name in ("pesq", "pystoi")},
    }

    def measure(systems: Systems) -> Section:
        rows = {}
        for name in systems.evaluated:
            clips = systems.rows[name].clips

            def make(positions: list[int], clips: Sequence[Audio] = clips) -> Sequence[Floats]:
                pairs = [(originals[k], clips[k]) for k in positions]
                return each_on_a_thread(_distances, pairs, fewest=1)

            keys = [content_key(*pair) for pair in zip(originals, clips, strict=True)]
            rows[name] = np.stack(judging.cache.rows("resynthesis", settings, keys, make))
        findings = [
            mean_of(Metric(f"resynthesis/{key}", text, better, 3)).finding(
                {name: row[:, k] for name, row in rows.items()}, systems
            )
            for k, (key, text, better, _) in enumerate(MEASURES)
        ]
        return Section("resynthesis", "Against the originals", findings, settings)

    return measure


def _distances(pair: tuple[Audio, Audio]) -> Floats:
    """A value for each of `MEASURES`, NaN where there is none."""
    found = np.full(len(MEASURES), np.nan)
    for k, (_, _, _, function) in enumerate(MEASURES):
        try:
            found[k] = function(*pair)
        except Unmeasurable:
            continue
    return found
