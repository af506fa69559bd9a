"""Vocoders by name."""

import dataclasses

import pytest

from scoresubnet import vocoders
from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders import GriffinLim, load_vocoder


def test_load_by_name():
    settings = MelSettings(log_max=3.0)
    voc = load_vocoder("griffin-lim", settings)
    assert (voc.name, voc.mel) == ("griffin-lim", settings)


def test_unknown_vocoder_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"unknown vocoder 'wavenet'; .*griffin-lim"):
        load_vocoder("wavenet", MelSettings())


def test_vocoder_of_other_features_is_refused(monkeypatch):
    other = dataclasses.replace(MelSettings(), hop_length=200, frames=82)
    monkeypatch.setitem(vocoders.VOCODERS, "other", lambda settings, where: GriffinLim(other))
    with pytest.raises(ValueError, match=r"hop_length 200 / 256, frames 82 / 64"):
        load_vocoder("other", MelSettings())


@pytest.mark.parametrize("where", ["", "somewhere"])
def test_griffin_lim_has_nothing_to_load(where):
    with pytest.raises(ValueError, match=f"'griffin-lim' has no weights to load; drop ':{where}'"):
        load_vocoder(f"griffin-lim:{where}")


@pytest.mark.parametrize("name", ["hifigan", "hifigan:"])
def test_hifigan_needs_weights(name):
    with pytest.raises(ValueError, match="hifigan:<folder, or id"):
        load_vocoder(name)


def test_what_follows_the_first_colon_is_passed_on(monkeypatch):
    asked = []

    def factory(settings, where):
        asked.append(where)
        return GriffinLim(settings)

    monkeypatch.setitem(vocoders.VOCODERS, "other", factory)
    for name in ("other", "other:", "other:a/b", "other:c:/d"):
        load_vocoder(name)
    assert asked == [None, "", "a/b", "c:/d"]
