"""Batches: their size, progress, and a stream of them."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.generated_speech import Floats
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import Noise


def test_progress_is_told_of_every_step(generator: SpeechGenerator) -> None:
    seen: list[tuple[int, int]] = []
    generator.batch_size = 2
    generator.generate(["yes"] * 3, steps=5, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(k, 10) for k in range(1, 11)]


@pytest.mark.parametrize(("free", "batches"), [(None, [5]), (0.0, [1] * 5)])
def test_the_batch_fits_into_memory(
    generator: SpeechGenerator,
    monkeypatch: pytest.MonkeyPatch,
    free: float | None,
    batches: list[int],
) -> None:
    monkeypatch.setattr(generator, "_memory", lambda: (1.0, free))
    seen: list[int] = []
    real = generator._noise

    def noise(seeds: list[int]) -> Noise:
        seen.append(len(seeds))
        return real(seeds)

    monkeypatch.setattr(generator, "_noise", noise)
    generator.generate(["yes", "no", "stop", "yes", "none"], steps=1)
    assert seen == batches


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "2"])
def test_a_batch_size_out_of_range_says_so(generator: SpeechGenerator, size: Any) -> None:
    message = f"batch_size {size} is out of range; it is a whole number of at least 1"
    with pytest.raises(ValueError, match=message):
        SpeechGenerator.from_pretrained(batch_size=size)
    with pytest.raises(ValueError, match=message):
        generator.batch_size = size
    generator.batch_size = np.int64(2)  # type: ignore[assignment]
    assert generator.batch_size == 2


def test_a_stream_gives_the_same_words_and_holds_a_batch_at_a_time(weights: Path) -> None:
    generator = SpeechGenerator.from_pretrained(weights, batch_size=2)
    labels, seeds = ["yes", "no", "none", "stop", "yes"], [4, 5, 6, 7, 8]
    whole = generator.generate(labels, seeds, steps=2)
    counts: list[tuple[int, int]] = []
    held: list[weakref.ref[Floats]] = []
    found: list[Floats] = []
    for speech in generator.stream(labels, seeds, None, lambda *n: counts.append(n), steps=2):
        held.append(weakref.ref(speech.mels))
        found.append(speech.audio.copy())
        assert len(speech.labels) == len(speech.seeds) == len(speech.heard) == len(speech.audio)
        del speech
        assert held[-1]() is None
    assert np.array_equal(np.concatenate(found), whole.audio)
    assert counts == [(k, 6) for k in range(1, 7)]
    with pytest.raises(ValueError, match="unknown label"):
        generator.stream("maybe")  # before the first batch is asked for


def test_a_stream_leaves_the_caller_as_it_was_between_two_batches(weights: Path) -> None:
    generator = SpeechGenerator.from_pretrained(weights, batch_size=1)
    torch.set_default_dtype(torch.float64)
    try:
        dtypes = [
            (torch.zeros(1).dtype, torch.is_grad_enabled(), speech.mels.dtype)
            for speech in generator.stream(["yes", "no"], steps=1)
        ]
    finally:
        torch.set_default_dtype(torch.float32)
    assert dtypes == [(torch.float64, True, np.dtype(np.float32))] * 2


def test_without_listening_the_words_are_the_same(
    generator: SpeechGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = generator.generate(["yes", "no"], steps=2)
    monkeypatch.setattr(generator.model, "logits", None)  # it may not be called
    unheard = generator.generate(["yes", "no"], steps=2, listen=False)
    np.testing.assert_array_equal(unheard.audio, made.audio)
    assert len(made.heard) == 2
    assert (unheard.heard, len(unheard.confidence)) == ((), 0)
