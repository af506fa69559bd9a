"""What is asked for: labels, their aliases, and what is refused."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.schedules import guidance_schedule
from scoresubnet.weights import load_model, save_model


def test_result_has_the_documented_shapes(generator: SpeechGenerator) -> None:
    speech = generator.generate(["yes", "none", "stop"], seeds=[4, 5, 6], steps=2)
    assert speech.mels.shape == (3, 1, 80, 64)
    assert speech.audio.shape == (3, 16_000)
    assert speech.rate == 16_000
    assert np.abs(speech.mels).max() <= 1
    assert np.abs(speech.audio).max() <= 1
    assert speech.labels == ("yes", "none", "stop")
    assert speech.seeds == (4, 5, 6)
    assert set(speech.heard) <= set(generator.labels)
    assert ((speech.confidence > 0) & (speech.confidence <= 1)).all()


def test_labels_are_found_in_either_form_of_unicode(weights: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "über") for form in ("NFC", "NFD"))
    file = load_model(weights)
    file.labels = (apart, "no", "stop")
    save_model(file, weights / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(weights)
    assert generator.labels[0] == composed
    assert generator.generate([composed, apart], [3, 3], steps=2).labels == (composed, composed)
    generator.check([apart], [0])


def test_an_alias_is_another_spelling_of_its_label(generator: SpeechGenerator) -> None:
    composed, apart = (unicodedata.normalize(form, "à bientôt") for form in ("NFC", "NFD"))
    generator.aliases = {composed: "no", "لا": "no"}
    speech = generator.generate(["no", apart, "لا", "none"], [3, 3, 3, 3], steps=2)
    assert speech.labels == ("no", "no", "no", "none")
    torch.testing.assert_close(speech.mels[1:3], speech.mels[[0, 0]])
    assert generator.generate("لا", steps=2).labels == ("no",)
    generator.check([apart, "لا"], [0, 0])
    with pytest.raises(ValueError, match=r"unknown label 'لاا'; nearest first, .*: لا, .*stop"):
        generator.check(["لاا"], [0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "yess"}, "unknown label 'yess'.*know: yes"),
        ({"labels": "stopp"}, "know: stop, "),
        ({"labels": []}, "no label"),
        ({"labels": ["yes"], "seeds": [1, 2]}, "1 labels.* 2 seeds"),
        ({"labels": ["yes"], "seeds": []}, "0 seeds"),
        ({"labels": "yes", "seeds": -1}, "seed -1 .*between 0 and"),
        ({"labels": "yes", "seeds": True}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": 3.7}, "seed 3.7 .*whole number"),
        ({"labels": "yes", "seeds": np.array([True])}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": torch.tensor(True)}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": torch.tensor([3.0])}, "seed 3.0 .*whole number"),
        ({"labels": "yes", "seeds": "3"}, "seed 3 .*whole number"),
        ({"labels": "yes", "steps": True}, "steps True .*whole number"),
        ({"labels": "yes", "seeds": 2**32}, "between 0 and 4294967295"),
        ({"labels": "yes", "guidance": -0.1}, "guidance -0.1 .*between 0 and 100"),
        ({"labels": "yes", "guidance": float("nan")}, "guidance nan"),
        ({"labels": "yes", "guidance": 100.5}, "between 0 and 100"),
        ({"labels": "yes", "steps": 0}, "steps 0 .*between 1 and 10000"),
        ({"labels": "yes", "steps": 10_001}, "between 1 and 10000"),
        ({"labels": "yes", "sampler": "heum"}, "unknown sampler 'heum'; .*: heun, .*euler-m"),
        ({"labels": "yes", "grid": "karas"}, "unknown time grid 'karas'; .*: karras, .*uniform"),
        ({"labels": "yes", "schedule": "cosin"}, "unknown guidance schedule 'cosin'; .*: cosine"),
        (
            {"labels": "yes", "schedule": guidance_schedule("interval", low=0.9, high=0.1)},
            "low 0.9, high 0.1",
        ),
        ({"labels": "yes", "sampling": "fsat"}, "unknown sampling preset 'fsat'; .*: fast, paper"),
        ({"labels": "yes", "sampling": 3.0}, "neither a name nor a Sampling; give guidance"),
        ({"labels": "yes", "gridd": "karras"}, "unknown sampling setting 'gridd'; .*: grid, "),
        ({"labels": "yes", "clamp": 0.0}, "clamp 0.0 is out of range"),
        ({"labels": "yes", "clamp": float("nan")}, "clamp nan is out of range"),
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
