"""A clip depends on its own seed, whatever stands beside it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.cli import main
from scoresubnet.generated_speech import Floats
from scoresubnet.pipeline import SpeechGenerator, towards_of
from scoresubnet.samplers import SAMPLERS


def test_a_sample_depends_on_its_own_seed_alone(generator: SpeechGenerator) -> None:
    alone = generator.generate("no", seeds=7, steps=4)
    crowd = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    generator.batch_size = 2
    split = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    for other in (crowd, split):
        torch.testing.assert_close(other.mels[1:2], alone.mels, atol=1e-4, rtol=0)
    assert np.abs(crowd.mels[3] - alone.mels[0]).max() > 0.1


def test_generating_twice_gives_the_same_and_leaves_the_callers_generator_alone(
    generator: SpeechGenerator,
) -> None:
    state = torch.get_rng_state()
    first = generator.generate("yes", seeds=3, steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    second = generator.generate("yes", seeds=3, steps=3)
    assert np.array_equal(first.mels, second.mels)
    assert np.array_equal(first.audio, second.audio)


def test_clips_move_towards_a_seed(generator: SpeechGenerator) -> None:
    """From their own to that of the other, beside one another."""

    def made(seeds: list[int], **given: Any) -> Floats:
        labels = ["yes"] * len(seeds)
        return generator.generate(labels, seeds, "fast", steps=2, **given).mels

    own = made([3, 4, 9])
    torch.testing.assert_close(made([3, 4, 9], towards=(9, 0.0)), own)
    torch.testing.assert_close(made([3, 4], towards=(9, 1.0)), own[[2, 2]], atol=1e-5, rtol=0)
    half = made([3, 4], towards=(9, 0.5))
    assert np.square(half[0] - half[1]).mean() < np.square(own[0] - own[1]).mean()
    for towards, reason in (((-1, 0.5), "seed to move towards"), ((9, 1.5), "share 1.5 of the")):
        with pytest.raises(ValueError, match=reason):
            made([3], towards=towards)


def test_a_share_needs_a_seed_that_it_leads_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert towards_of(None, None) is None
    assert towards_of(3, None) == (3, 0.5)
    assert towards_of(3, 0.2) == (3, 0.2)
    for command in (["generate", "six"], ["expand", "x", "--weights", "y", "--out", "z"]):
        assert main([*command, "--share", "0.9"]) == 1
        assert "--share 0.9 of the way to which seed? Name it by" in capsys.readouterr().err


@pytest.mark.parametrize("label", ["seven", "six", "up", "cat"])
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_word_is_the_same_alone_and_among_others(backend: str, label: str) -> None:
    """With the shipped weights and the default setting: guidance amplifies no rounding error."""
    generator = SpeechGenerator.from_pretrained(backend=backend)
    together = generator.generate([label] * 3, seeds=[5, 6, 7])
    alone = generator.generate(label, seeds=6)
    torch.testing.assert_close(together.mels[1:2], alone.mels, atol=1e-3, rtol=0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_samples_apart(generator: SpeechGenerator, sampler: str) -> None:
    """Guided beside unguided, whatever the neighbours; and each label has its say."""
    options: dict[str, Any] = {
        "guidance": 20.0,
        "steps": 3,
        "sampler": sampler,
        "grid": "quadratic",
    }
    crowd = generator.generate(["yes", "no", "none"], seeds=[1, 7, 7], **options)
    guided = generator.generate("no", seeds=7, **options)
    unguided = generator.generate("no", seeds=7, **(options | {"guidance": 0.0}))
    torch.testing.assert_close(crowd.mels[1:2], guided.mels, atol=5e-3, rtol=0)
    torch.testing.assert_close(crowd.mels[2:3], unguided.mels, atol=5e-3, rtol=0)
    assert np.abs(guided.mels - unguided.mels).max() > 0.1


def test_seeds_default_to_0_1_2(generator: SpeechGenerator) -> None:
    assert generator.generate(["yes", "no"], steps=1).seeds == (0, 1)


@pytest.mark.parametrize(
    "seeds",
    [
        np.array([4, 5]),
        np.array([4, 5], dtype=np.uint8),
        torch.tensor([4, 5]),
        [np.int32(4), torch.tensor(5)],
        range(4, 6),
        lambda: iter([4, 5]),
    ],
)
def test_seeds_are_integers_of_any_kind(generator: SpeechGenerator, seeds: Any) -> None:
    expected = generator.generate(["yes", "no"], [4, 5], steps=1)
    seeds = seeds() if callable(seeds) else seeds
    found = generator.generate(np.array(["yes", "no"]), seeds, steps=np.int64(1))  # type: ignore[arg-type]
    assert np.array_equal(found.mels, expected.mels)
    assert json.dumps([found.labels, found.seeds]) == json.dumps([["yes", "no"], [4, 5]])


@pytest.mark.parametrize("seed", [np.int64(4), np.array(4), torch.tensor(4), torch.tensor([4])])
def test_one_seed_may_be_of_any_kind(generator: SpeechGenerator, seed: Any) -> None:
    assert generator.generate(np.str_("yes"), seed, steps=1).seeds == (4,)
