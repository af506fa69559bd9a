"""Metadata that is damaged is refused, and named."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.sampling import SAMPLING_PRESETS
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import load_model
from tests.weights.rewriting import change_json, rewrite

APART = [unicodedata.normalize(form, "über") for form in ("NFC", "NFD")]


METADATA: dict[str, Callable[[dict[str, str]], Any]] = {
    "unknown key": change_json("config", lambda c: c["classifier"].update(depth=3)),
    "missing key": change_json("config", lambda c: c["classifier"].pop("patch")),
    "unknown key of the subnet": change_json("config", lambda c: c["subnet"].update(depth=3)),
    "unknown fusion": change_json("config", lambda c: c["subnet"].update(fusion="sum")),
    "impossible sde": change_json("config", lambda c: c["sde"].update(beta_min=-1)),
    "no sde": change_json("config", lambda c: c.pop("sde")),
    "unknown parametrisation": change_json("config", lambda c: c.update(parametrisation="x0")),
    "parametrisation of nothing": change_json("config", lambda c: c.update(parametrisation=None)),
    "subnet without parametrisation": change_json("config", lambda c: c.pop("parametrisation")),
    "patches of nothing": change_json("config", lambda c: c["classifier"].update(patch=0)),
    "unknown mel setting": change_json("mel", lambda m: m.update(hops=1)),
    "no labels": lambda m: m.pop("labels"),
    "labels that are no list": lambda m: m.update(labels="3"),
    "labels that are numbers": lambda m: m.update(labels="[1, 2, 3]"),
    "labels in one text": lambda m: m.update(labels='"abc"'),
    "a label that is a path": change_json("labels", lambda x: x.__setitem__(0, "../x")),
    "an empty label": change_json("labels", lambda x: x.__setitem__(0, "")),
    "a label with a control character": change_json("labels", lambda x: x.__setitem__(0, "a\x1b")),
    "half a surrogate": change_json("labels", lambda x: x.__setitem__(0, "\ud83d")),
    "a label called none": change_json("labels", lambda x: x.__setitem__(0, "none")),
    "a label in two forms": change_json("labels", lambda x: x.__setitem__(slice(2), APART)),
    "notes that are no mapping": lambda m: m.update(notes="[1]"),
    "aliases that are no mapping": lambda m: m.update(aliases="[1]"),
    "an alias of a number": lambda m: m.update(aliases='{"a": 1}'),
    "broken json": lambda m: m.update(config="{"),
    "config of another type": lambda m: m.update(config="[]"),
    "sampling of another type": lambda m: m.update(sampling="3"),
    "sampling with a schedule of another type": lambda m: m.update(
        sampling=json.dumps(SAMPLING_PRESETS["paper"].to_dict() | {"schedule": 3})
    ),
    "sampling without steps": lambda m: m.update(sampling='{"sampler": "heun"}'),
}


@pytest.mark.parametrize("kind", METADATA)
def test_damaged_metadata_is_refused(kind: str, saved: Path) -> None:
    rewrite(saved, change_metadata=METADATA[kind])
    with pytest.raises(WeightsError, match=f"{saved}"):
        load_model(saved)


def test_unknown_key_is_named(saved: Path) -> None:
    rewrite(saved, change_metadata=METADATA["unknown key"])
    with pytest.raises(WeightsError, match=r"ClassifierConfig.*depth"):
        load_model(saved)


def test_an_unknown_setting_of_the_sampling_is_named_with_the_nearest(saved: Path) -> None:
    settings = SAMPLING_PRESETS["paper"].to_dict() | {"gridd": "karras"}
    rewrite(saved, change_metadata=lambda m: m.update(sampling=json.dumps(settings)))
    with pytest.raises(WeightsError, match=rf"{saved}.*'gridd'; nearest first, there are: grid"):
        load_model(saved)
