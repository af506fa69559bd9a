"""What Python computes, as JSON, for the same in JavaScript to be held against."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoresubnet.arrays import full_like_items
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.guidance import Guide, guided
from scoresubnet.model_about import find_weights
from scoresubnet.noise import Draws, seeded_noise
from scoresubnet.samplers import SAMPLERS
from scoresubnet.samplers.common import no_callback
from scoresubnet.schedules import read_guidance_schedule
from scoresubnet.sde import VPSDE, over_batch
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.vocoders.low_band import low_band
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes
from scoresubnet.vocoders.paths import SHIPPED
from scoresubnet.vocoders.pitch_graph import graph_reader
from scoresubnet.vocoders.pitch_vocoder import PitchVocoder
from scoresubnet.vocoders.stft import RepeatedSTFT

SDE = VPSDE()
MEL = MelSettings()
MEAN, SPREAD = 0.4, 0.2  # of Gaussian data, whose score is known
LENGTH = 64
STEPS = 6
SEED = 7
GUIDANCE = [
    ("constant", None, False),
    ("interval:low=0.1,high=0.7", 0.5, False),
    ("linear:start=0,end=2", None, True),
    ("cosine", 0.3, True),
    ("adaptive:power=2", None, False),
]


def numbers() -> dict[str, Any]:
    return {
        "weights": str(find_weights("words18-small")),
        "sde": {"beta_min": SDE.beta_min, "beta_max": SDE.beta_max, "t_eps": SDE.t_eps},
        "mel": MEL.to_dict(),
        "noise": [
            {"seed": seed, "first": Draws(seed).normal(count), "second": _second(seed, count)}
            for seed, count in ((0, 64), (1, 37), (2**32 - 1, 5120))
        ],
        "grids": {name: grid(STEPS, SDE) for name, grid in TIME_GRIDS.items()},
        "gaussian": {"mean": MEAN, "spread": SPREAD, "seed": SEED, "length": LENGTH},
        "samples": [
            {"sampler": sampler, "grid": grid, "x": _sampled(sampler, grid)}
            for sampler, grid in itertools.product(SAMPLERS, TIME_GRIDS)
        ],
        "guided": [
            {"schedule": schedule, "clamp": clamp, "renormalise": turned, "t": t, "score": score}
            for schedule, clamp, turned in GUIDANCE
            for t in (0.05, 0.5, 0.9)
            for score in [_guided(schedule, clamp, turned, t)]
        ],
        **_vocoder(),
    }


def _second(seed: int, count: int) -> NDArray[np.float32]:
    draws = Draws(seed)
    draws.normal(count)
    return draws.normal(count)


def _score(x: NDArray[np.float32], t: NDArray[np.float32]) -> NDArray[np.float32]:
    alpha, sigma = over_batch(SDE.alpha(t), x), over_batch(SDE.sigma(t), x)
    found: NDArray[np.float32] = -(x - alpha * MEAN) / (alpha**2 * SPREAD**2 + sigma**2)
    return found


def _sampled(sampler: str, grid: str) -> NDArray[np.float32]:
    noise = seeded_noise([SEED], (1, 8, 8))
    times = TIME_GRIDS[grid](STEPS, SDE)
    return SAMPLERS[sampler](_score, noise(), times, noise, SDE, no_callback)


def _guided(schedule: str, clamp: float | None, renormalise: bool, t: float) -> NDArray[np.float32]:
    """Of a score and a class gradient that are noise, and a probability of 0.3."""
    first, second = Draws(1), Draws(2)
    x = first.normal(1, 1, 8, 8)
    score, gradient = first.normal(1, 1, 8, 8), second.normal(1, 1, 8, 8)
    p = np.array([0.3], np.float32)
    gamma = read_guidance_schedule(schedule)(3.0)
    wrapped = guided(
        lambda x, t: Guide(score, gradient, p), gamma, lambda x, t: score, clamp, renormalise
    )
    return wrapped(x, full_like_items(t, x))


def _vocoder() -> dict[str, Any]:
    vocoder = PitchVocoder(*graph_reader(SHIPPED))
    front_end = LogMel(MEL)
    audio = Draws(3).normal(1, MEL.padded_samples)
    x = front_end(0.1 * audio * np.linspace(0, 1, audio.shape[1], dtype=np.float32))
    logits = vocoder.reader.read(x)
    bands = np.exp(front_end.unscale(x))
    low = low_band(front_end, 8)
    assert low is not None
    stft = RepeatedSTFT(MEL, MEL.frames)
    magnitudes = np.abs(stft.analysis(audio))
    spectra = {}
    for factor in (1, 8):
        its = RepeatedSTFT(MEL, MEL.frames, 1, factor)
        sound = audio[:, ::factor][:, : its._inside.shape[1]]
        spectrum = its.analysis(sound).copy()
        again = its.synthesis(spectrum * np.float32(1.5))
        spectra[factor] = {"sound": sound, "re": spectrum.real, "im": spectrum.imag, "again": again}
    return {
        "filters": front_end.filters,
        "low": {"factor": low.factor, "sure": low.sure, "shares": low.shares},
        "stft": spectra,
        "fit": {
            "smooth": smooth_magnitudes(bands, front_end).transpose(0, 2, 1),
            "from": magnitudes,
            "to": MelFit(bands, front_end.filters, front_end.shares, 1.0)(magnitudes),
        },
        "pitch": {
            "config": vars(vocoder.reader.config),
            "bins": logits.bins,
            "voiced": logits.voiced,
        },
        "vocoded": {"x": x, "audio": vocoder(x)},
    }


def plain(value: Any) -> Any:
    """Numbers and lists of them, for JSON; arrays lose their shape."""
    if isinstance(value, np.ndarray):
        return [float(number) for number in value.ravel()]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
