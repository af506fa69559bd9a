"""A model card says what the weights say, in a form that the Hub reads."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoresubnet.model_about import ModelAbout, find_weights, read_about
from scoresubnet.publishing.card import (
    Stated,
    front_matter,
    is_untouched,
    model_card,
    noted_licence,
    signed,
)
from scoresubnet.sampling import resolve_sampling
from scoresubnet.weights import save_model
from tests.tiny import tiny_model

STATED = Stated("me/words", None, None, graphs=True)


def card_of(name: str, stated: Stated = STATED, **changes: Any) -> str:
    path = find_weights(name)
    return model_card(replace(read_about(path), **changes), path, stated)


def read(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    values: dict[str, Any] = yaml.safe_load(front)
    return values


def test_the_front_matter_is_what_the_hub_reads() -> None:
    assert read(card_of("words18-small")) == {
        "library_name": "scoresubnet",
        "license": "mit",
        "pipeline_tag": "text-to-speech",
        "tags": ["scoresubnet", "speech", "diffusion"],
    }
    said = read(card_of("words18-small", Stated("me/words", "cc-by-4.0", "no", graphs=True)))
    assert (said["license"], said["language"]) == ("cc-by-4.0", "no")  # Norwegian, not false


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ({"licence": "MIT; the recordings behind it: CC BY 4.0"}, "mit"),
        ({"licence": "CC BY-SA 4.0"}, "cc-by-sa-4.0"),
        ({"licence": "none"}, None),
        ({}, None),
    ],
)
def test_a_licence_is_named_only_if_the_weights_name_one(
    notes: dict[str, str], expected: str | None
) -> None:
    about = replace(read_about(find_weights("words18-small")), notes=notes)
    assert noted_licence(about) == expected
    assert ("license:" in front_matter(about, STATED)) == (expected is not None)


def test_the_card_tells_words_sampling_size_and_origin() -> None:
    about = read_about(find_weights("arabic16-small"))
    card = card_of("arabic16-small")
    assert "`sifr`, `wahid`" in card
    assert "`نعم` for `naam`" in card
    assert f"{about.sampling} (recommended by the weights)" in card
    assert "2.87 M parameters, 5.5 MiB of float16" in card
    assert "Arabic Speech Commands Dataset (Ghandoura, Hjabo & Al Dakkak 2021" in card
    default = card_of("arabic16-small", sampling=None, notes={})
    assert f"{resolve_sampling()} (the default)" in default
    assert "Their file does not say." in default


def test_the_card_shows_how_to_use_the_weights() -> None:
    card = card_of("words18-small")
    assert 'pip install "scoresubnet[hub]"\n' in card
    assert "scoresubnet generate zero --weights hf:me/words\n" in card
    (python,) = re.findall(r"```python\n(.*?)```", card, flags=re.S)
    compile(python, "card", "exec")
    assert 'from_pretrained("hf:me/words").generate("zero", seeds=0)' in python
    slow = card_of("words18-small", STATED._replace(graphs=False))
    assert 'pip install "scoresubnet[hub,torch]"\n' in slow


def classifier_alone(about: ModelAbout) -> ModelAbout:
    config = {k: v for k, v in about.config.items() if k not in ("subnet", "parametrisation")}
    return replace(about, config=config, parametrisation=None, sampling=None)


def test_a_classifier_alone_is_no_voice() -> None:
    path = find_weights("words18-small")
    card = model_card(classifier_alone(read_about(path)), path, STATED)
    assert read(card)["pipeline_tag"] == "audio-classification"
    assert "train score --config small-score --classifier hf:me/words" in card
    assert "generate" not in card.partition("## How to use")[2].partition("## Words")[0]


def test_a_unet_that_is_told_no_words_is_asked_for_none() -> None:
    about = read_about(find_weights("words18-small"))
    unet = {"unet": {"label_conditioned": False}}
    card = model_card(replace(about, config=unet), find_weights("words18-small"), STATED)
    assert "scoresubnet generate none --weights hf:me/words" in card
    assert "`--classifier`" in card


def test_words_and_notes_are_no_markdown(tmp_path: Path) -> None:
    file = tiny_model(["it's", "a`b", "<b>"])
    file.notes = {"data": "mine\n# not *a* <heading>"}
    path = tmp_path / "model.safetensors"
    save_model(file, path)
    card = model_card(read_about(path), path, STATED)
    assert "`it's`, `` a`b ``, `<b>`" in card
    assert r"- Data: mine \# not \*a\* \<heading\>" in card
    assert "generate 'it'\"'\"'s' --weights" in card


def test_a_card_knows_whether_it_was_edited() -> None:
    card = card_of("words18-small")
    assert is_untouched(card)
    assert not is_untouched(card.replace("mit", "cc0-1.0"))
    assert not is_untouched(f"{card}More.\n")
    assert not is_untouched("# mine\n")
    assert not is_untouched("")
    assert is_untouched(signed("text\n"))
