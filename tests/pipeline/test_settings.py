"""Settings of the sampling: given, of a preset, of the weights; and the sounds they gave before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from scoresubnet.model_about import shipped_weights
from scoresubnet.noise import seeded_noise
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import SAMPLERS, euler_maruyama
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import guidance_schedule
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.weights import load_model, save_model


def test_calls_of_before_give_the_bits_of_before(weights: Path) -> None:
    """A literal copy of what `generate` did when it knew one sampler, one grid, one schedule."""
    labels, seeds, guidance, steps = ["yes", "none", "stop"], [3, 4, 5], 3.0, 7
    generator = SpeechGenerator.from_pretrained(weights, backend="torch")
    model = generator.model
    index = torch.tensor([generator.labels.index(w) if w != "none" else 0 for w in labels])
    asked = torch.tensor([w != "none" for w in labels])

    def score_fn(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        score, gradient = model.with_class_gradient(index)(x, t)[:2]
        return score + (torch.full_like(t, guidance) * asked).reshape(-1, 1, 1, 1) * gradient

    noise = seeded_noise(seeds, (1, 80, 64), torch.empty(0))
    times = torch.linspace(1.0, model.sde.t_eps, steps + 1, dtype=torch.float64)
    with torch.no_grad():
        x = euler_maruyama(score_fn, noise(), times, noise, model.sde)
    found = generator.generate(labels, seeds, "paper", guidance=guidance, steps=steps)
    assert np.array_equal(found.mels, x.clamp(-1, 1))


def test_samplers_and_grids_are_really_chosen(generator: SpeechGenerator) -> None:
    names = [(sampler, "uniform") for sampler in SAMPLERS]
    names += [("euler-maruyama", grid) for grid in TIME_GRIDS if grid != "uniform"]
    mels = [
        generator.generate("no", seeds=7, steps=4, sampler=sampler, grid=grid).mels
        for sampler, grid in names
    ]
    for k, one in enumerate(mels):
        assert all(np.abs(one - other).max() > 1e-3 for other in mels[:k])


def test_a_preset_is_its_settings_and_what_is_given_wins(generator: SpeechGenerator) -> None:
    labels, seeds = ["yes", "none"], [3, 4]
    fast = generator.generate(labels, seeds, steps=4, sampling="fast")
    interval = "interval:low=0,high=0.7"
    settings: dict[str, Any] = {"sampler": "dpmpp-2m-sde", "grid": "uniform", "schedule": interval}
    same = generator.generate(labels, seeds, "paper", guidance=3.0, steps=4, **settings)
    made = Sampling("dpmpp-2m-sde", 4, "uniform", 3.0, interval)
    paper = generator.generate(labels, seeds, steps=4, sampling="paper")
    assert np.array_equal(fast.mels, same.mels)
    assert np.array_equal(fast.mels, generator.generate(labels, seeds, made).mels)
    assert np.abs(fast.mels - paper.mels).max() > 1e-3
    written = generator.generate(labels, seeds, steps=4, schedule="interval:low=0.6,high=0.8")
    schedule = guidance_schedule("interval", low=0.6, high=0.8)
    given = generator.generate(labels, seeds, steps=4, schedule=schedule)
    assert np.array_equal(written.mels, given.mels)


def test_what_the_weights_recommend_is_the_default(weights: Path) -> None:
    file = load_model(weights)
    assert SpeechGenerator.from_pretrained(weights).sampling == SAMPLING_PRESETS["fast"]
    file.sampling = Sampling("ddim", 3, "karras", 2.0, "linear", 0.5, True)
    save_model(file, weights / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(weights)
    assert generator.check(["yes"], [0]) == file.sampling
    assert generator.check(["yes"], [0], steps=4) == replace(file.sampling, steps=4)
    assert generator.check(["yes"], [0], "paper") == SAMPLING_PRESETS["paper"]
    found = generator.generate("yes", seeds=3)
    assert np.array_equal(found.mels, generator.generate("yes", 3, file.sampling).mels)
    assert np.abs(found.mels - generator.generate("yes", 3, "fast").mels).max() > 1e-3


@pytest.mark.parametrize(
    "key",
    [
        *("words18-small seven 0", "words18-small none 1", "words18-paper happy 2"),
        "arabic16-small نعم 3",
    ],
)
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_shipped_weights_give_the_sounds_that_they_always_gave(backend: str, key: str) -> None:
    """Kept in float16 (5e-4 at most), and sums are rounded otherwise elsewhere (about 1e-3)."""
    weights, label, seed = key.split()
    kept = safetensors.torch.load_file(Path(__file__).parents[1] / "data/log_mels.safetensors")
    generator = SpeechGenerator.from_pretrained(weights, backend=backend)
    speech = generator.generate(label, int(seed), sampling="fast")
    torch.testing.assert_close(speech.mels[0, 0], kept[key].float().numpy(), atol=1.5e-3, rtol=0)


def test_shipped_weights_say_how_they_are_sampled() -> None:
    """Ten steps lose words of the paper's size: see its page."""
    small = Sampling("dpmpp-2m-sde", 16, "quadratic", 3.0, "constant")
    expected = {"words18-small": small, "words18-paper": SAMPLING_PRESETS["paper"]}
    expected["arabic16-small"] = small
    assert {name: load_model(name).sampling for name in shipped_weights()} == expected
