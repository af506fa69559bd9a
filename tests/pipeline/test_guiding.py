"""Guidance leads to the label, and leaves alone what has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.networks.adjoint import record
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.schedules import GUIDANCE_SCHEDULES, Schedule, guidance_schedule


def test_no_label_and_no_guidance_are_the_same(generator: SpeechGenerator) -> None:
    none = generator.generate("none", seeds=3, steps=4)
    unguided = generator.generate("yes", seeds=3, guidance=0.0, steps=4)
    guided = generator.generate("yes", seeds=3, guidance=3.0, steps=4)
    mixed = generator.generate(["yes", "none"], seeds=[3, 3], steps=4)
    torch.testing.assert_close(none.mels, unguided.mels, atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed.mels[1:], none.mels, atol=1e-4, rtol=0)
    assert np.abs(guided.mels - none.mels).max() > 1e-3


def test_label_taps_ask_for_the_word_without_guidance_too(
    save_tiny: Callable[..., Path],
) -> None:
    generator = SpeechGenerator.from_pretrained(save_tiny(label_taps=True))
    asked: dict[str, Any] = {"seeds": [3, 3, 3], "steps": 4, "guidance": 0.0}
    mels = generator.generate(["yes", "none", "stop"], **asked).mels
    alone = [generator.generate(w, seeds=3, steps=4, guidance=0.0).mels for w in ("yes", "none")]
    torch.testing.assert_close(mels[:2], np.concatenate(alone), atol=1e-4, rtol=0)
    assert np.abs(mels[0] - mels[1]).max() > 1e-3
    assert np.abs(mels[0] - mels[2]).max() > 1e-3
    mixed = generator.generate(["yes", "none"], seeds=[3, 3], steps=4, guidance=3.0).mels
    torch.testing.assert_close(mixed[1], mels[1], atol=1e-4, rtol=0)  # guided by nothing
    assert np.abs(mixed[0] - mels[0]).max() > 1e-3


def test_guidance_raises_the_label_in_the_classifiers_ear(generator: SpeechGenerator) -> None:
    def probability(guidance: float) -> float:
        speech = generator.generate(["stop"] * 8, seeds=range(8), guidance=guidance, steps=20)
        return float(generator.probabilities(speech.mels)[:, generator.labels.index("stop")].mean())

    assert probability(20.0) > probability(0.0)


WAYS: list[dict[str, Any]] = [
    *({"schedule": name} for name in GUIDANCE_SCHEDULES),
    {"schedule": guidance_schedule("interval", low=0.6, high=0.8)},
    {"clamp": 0.05},
    {"renormalise": True},
    {"schedule": "adaptive", "clamp": 0.05, "renormalise": True},
]


@pytest.mark.parametrize("way", WAYS, ids=[f"way{k}" for k in range(len(WAYS))])
def test_every_way_of_guiding_leaves_the_unconditional_items_alone(
    generator: SpeechGenerator, way: dict[str, Any]
) -> None:
    none = generator.generate("none", seeds=3, steps=4)
    mixed = generator.generate(["stop", "none"], seeds=[3, 3], steps=4, **way)
    torch.testing.assert_close(mixed.mels[1:], none.mels, atol=1e-4, rtol=0)
    assert np.abs(mixed.mels[0] - none.mels[0]).max() > 1e-4


def test_the_ways_of_guiding_differ(generator: SpeechGenerator) -> None:
    mels = [generator.generate("stop", seeds=3, guidance=20.0, steps=4, **way).mels for way in WAYS]
    for k, one in enumerate(mels):
        assert all(np.abs(one - other).max() > 1e-4 for other in mels[:k])


def test_no_class_gradient_is_computed_outside_the_interval(
    save_tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times 1, 0.75, 0.5 and 0.25: a model without gradient taps differentiates at 0.5 alone."""
    generator = SpeechGenerator.from_pretrained(save_tiny(gradient_taps=False), batch_size=2)
    calls: list[int] = []

    def counted(*args: Any) -> object:
        calls.append(1)
        return record(*args)

    monkeypatch.setattr("scoresubnet.backbone.record", counted)

    def backward_passes(schedule: Schedule) -> int:
        calls.clear()
        generator.generate(["yes", "none"], steps=4, schedule=schedule)
        return len(calls)

    assert backward_passes("constant") == 4
    assert backward_passes(guidance_schedule("interval", low=0.4, high=0.6)) == 1
    assert backward_passes(guidance_schedule("interval", low=0.8, high=0.9)) == 0
