"""The generator: seeds, batches, guidance, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import ModelFile, save_model

LABELS = ("yes", "no", "stop")


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    """A tiny model of random weights, as a run folder."""
    model = make_score_model("v", classes=len(LABELS))
    file = ModelFile(model.backbone.classifier, LABELS, model.sde, MelSettings(), model.subnet, "v")
    save_model(file, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture
def generator(weights: Path) -> SpeechGenerator:
    return SpeechGenerator.from_pretrained(weights)


def test_result_has_the_documented_shapes(generator: SpeechGenerator) -> None:
    speech = generator.generate(["yes", "none", "stop"], seeds=[4, 5, 6], steps=2)
    assert speech.mels.shape == (3, 1, 80, 64)
    assert speech.audio.shape == (3, 16_000)
    assert speech.rate == 16_000
    assert speech.mels.abs().max() <= 1
    assert speech.audio.abs().max() <= 1
    assert speech.labels == ("yes", "none", "stop")
    assert speech.seeds == (4, 5, 6)
    assert set(speech.heard) <= set(LABELS)
    assert ((speech.confidence > 0) & (speech.confidence <= 1)).all()


def test_a_sample_depends_on_its_own_seed_alone(generator: SpeechGenerator) -> None:
    alone = generator.generate("no", seeds=7, steps=4)
    crowd = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    generator.batch_size = 2
    split = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    for other in (crowd, split):
        torch.testing.assert_close(other.mels[1:2], alone.mels, atol=1e-4, rtol=0)
    assert (crowd.mels[3] - alone.mels[0]).abs().max() > 0.1


def test_generating_twice_gives_the_same_and_leaves_the_callers_generator_alone(
    generator: SpeechGenerator,
) -> None:
    state = torch.get_rng_state()
    first = generator.generate("yes", seeds=3, steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    second = generator.generate("yes", seeds=3, steps=3)
    assert torch.equal(first.mels, second.mels)
    assert torch.equal(first.audio, second.audio)


def test_no_label_and_no_guidance_are_the_same(generator: SpeechGenerator) -> None:
    none = generator.generate("none", seeds=3, steps=4)
    unguided = generator.generate("yes", seeds=3, guidance=0.0, steps=4)
    guided = generator.generate("yes", seeds=3, guidance=3.0, steps=4)
    mixed = generator.generate(["yes", "none"], seeds=[3, 3], steps=4)
    torch.testing.assert_close(none.mels, unguided.mels, atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed.mels[1:], none.mels, atol=1e-4, rtol=0)
    assert (guided.mels - none.mels).abs().max() > 1e-3


def test_guidance_raises_the_label_in_the_classifiers_ear(generator: SpeechGenerator) -> None:
    def probability(guidance: float) -> float:
        speech = generator.generate(["stop"] * 8, seeds=range(8), guidance=guidance, steps=20)
        t = torch.full((8,), generator.model.sde.t_eps)
        with torch.no_grad():
            logits = generator.model.backbone(speech.mels, t)
        return logits.softmax(1)[:, LABELS.index("stop")].mean().item()

    assert probability(20.0) > probability(0.0)


def test_progress_is_told_of_every_step(generator: SpeechGenerator) -> None:
    seen: list[tuple[int, int]] = []
    generator.batch_size = 2
    generator.generate(["yes"] * 3, steps=5, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(k, 10) for k in range(1, 11)]


def test_seeds_default_to_0_1_2(generator: SpeechGenerator) -> None:
    assert generator.generate(["yes", "no"], steps=1).seeds == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "yess"}, "unknown label 'yess'.*know: yes"),
        ({"labels": "stopp"}, "know: stop, "),
        ({"labels": []}, "no label"),
        ({"labels": ["yes"], "seeds": [1, 2]}, "1 labels.* 2 seeds"),
        ({"labels": ["yes"], "seeds": []}, "0 seeds"),
        ({"labels": "yes", "seeds": -1}, "seed -1 .*between 0 and"),
        ({"labels": "yes", "seeds": 2**32}, "between 0 and 2.32 - 1"),
        ({"labels": "yes", "guidance": -0.1}, "guidance -0.1 .*between 0 and 100"),
        ({"labels": "yes", "guidance": float("nan")}, "guidance nan"),
        ({"labels": "yes", "guidance": 100.5}, "between 0 and 100"),
        ({"labels": "yes", "steps": 0}, "steps 0 .*between 1 and 10000"),
        ({"labels": "yes", "steps": 10_001}, "between 1 and 10000"),
        ({"labels": "yes", "sampler": "heum"}, "unknown sampler 'heum'; .*euler-maruyama"),
    ],
)
def test_what_cannot_be_generated_is_refused(
    generator: SpeechGenerator, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generator.generate(**arguments)  # type: ignore[arg-type]


def test_an_unknown_vocoder_is_refused(weights: Path) -> None:
    with pytest.raises(ValueError, match="griffin-lim"):
        SpeechGenerator.from_pretrained(weights, vocoder="grifin-lim")
