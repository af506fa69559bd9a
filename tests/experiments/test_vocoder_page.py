"""The page of the vocoders, on a few real clips."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from scoresubnet import vocoders
from scoresubnet.audio.mel import MelSettings
from scoresubnet.experiments.vocoder_page import main
from scoresubnet.vocoders import GriffinLim


@pytest.fixture(autouse=True)
def rough(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more vocoder: Griffin-Lim without iterations."""

    def factory(settings: MelSettings, where: str | None) -> GriffinLim:
        return GriffinLim(settings, iterations=0)

    monkeypatch.setitem(vocoders.VOCODERS, "rough", factory)


@pytest.fixture
def packages() -> None:
    """Those of the measures; without them tests skip, but fail under CI."""
    for package in ("pesq", "pystoi", "speechmos", "distillmos"):
        if importlib.util.find_spec(package) is None:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"{package} is not installed.")
            pytest.skip(f"{package} is not installed.")


def run(recordings: Path, out: Path, *names: str) -> Any:
    arguments = ["--data", str(recordings), "--out", str(out), "--count", "4", "--vocoders", *names]
    assert main(arguments) == 0
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("packages")
def test_vocoders_are_systems_held_against_the_originals(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(recordings, tmp_path, "griffin-lim", "rough")
    figures = {f["key"]: f for s in report["sections"].values() for f in s["figures"]}
    worse = {"resynthesis/log_mel_l1": 1, "resynthesis/stft": 1, "resynthesis/pesq": -1}
    for key, sign in worse.items():
        found = figures[key]["differences"]["rough - griffin-lim"]
        assert sign * found["value"] > 0, key
        assert found["count"] == 4
    assert figures["dnsmos/dnsmos_ovrl"]["systems"]["real"]["value"] > 1
    assert report["vocoders"]["griffin-lim"]["iterations"] == 32
    assert report["times"]["rates"]["rough"]["4"] > 0
    assert "seconds of audio a second" in capsys.readouterr().out


def test_too_few_clips_and_unknown_vocoders_are_refused(recordings: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(recordings), "--out", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="fewer than 9999"):
        main([*arguments, "--count", "9999", "--vocoders", "rough"])
    with pytest.raises(ValueError, match="rogh"):
        main([*arguments, "--vocoders", "rogh"])
    assert not (tmp_path / "out").exists()
