import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.judges.waveforms import Unmeasurable
from scoresubnet.evaluation.measures import Measure, all_measures
from scoresubnet.experiments import resynthesis
from scoresubnet.experiments.resynthesis import (
    first_testing_clips,
    make_page,
    one_of_each,
    vocoder_hash,
)
from scoresubnet.experiments.vocoder_page import main
from scoresubnet.vocoders import GriffinLim

WORDS = ("seven", "nine")  # of `weights`


class Rough(GriffinLim):
    """Griffin-Lim without iterations."""

    name = "rough"

    def __init__(self, settings: MelSettings) -> None:
        super().__init__(settings, iterations=0)


@pytest.fixture(autouse=True)
def rough(monkeypatch) -> None:
    """One more, which takes no time."""
    monkeypatch.setitem(vocoder.VOCODERS, "rough", lambda settings, where: Rough(settings))


@pytest.fixture
def heard(monkeypatch) -> list[str]:
    """Cheap measures in place of the real ones; the names of those that were really computed.

    The second clip of the testing list has no STOI after a vocoder.
    """
    computed: list[str] = []
    originals: list[np.ndarray] = []

    def distance(original, audio):
        computed.append("stoi")
        if np.array_equal(original, originals[1]) and not np.array_equal(original, audio):
            raise Unmeasurable("too short")
        return {"stoi": float(np.abs(original - audio).mean())}

    def prediction(original, audio):
        computed.append("distillmos")
        return {"distillmos": 1 + float(np.abs(audio).max())}

    features_of = resynthesis.features_of

    def remember(clips, mel):
        originals[:] = clips
        return features_of(clips, mel)

    monkeypatch.setattr(resynthesis, "features_of", remember)
    monkeypatch.setattr(
        resynthesis,
        "all_measures",
        lambda mel: [
            Measure("stoi", ("stoi",), {"mel": mel.hash}, True, distance),
            Measure("distillmos", ("distillmos",), {}, False, prediction),
        ],
    )
    return computed


@pytest.fixture
def packages() -> None:
    """Those of the measures; without them tests skip, but fail under CI."""
    for package in ("pesq", "pystoi", "speechmos", "distillmos"):
        if importlib.util.find_spec(package) is None:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"{package} is not installed.")
            pytest.skip(f"{package} is not installed.")


def run(weights: Path, recordings: Path, out: Path, *options: str) -> dict:
    arguments = ["--data", str(recordings), "--out", str(out), "--weights", str(weights)]
    if "--vocoders" not in options:
        options += ("--vocoders", "griffin-lim", "rough")
    assert main([*arguments, "--count", "3", "--generated", "2", "--steps", "2", *options]) == 0
    return json.loads((out / "table.json").read_text())


def test_page_of_two_vocoders(weights, recordings, heard, tmp_path, capsys):
    out = tmp_path / "page"
    values = run(weights, recordings, out)
    text = (out / "table.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()

    lines = (recordings / "speech_commands" / "testing_list.txt").read_text().split()
    expected = [line.removesuffix(".wav") for line in sorted(lines)[:3]]
    assert [name.rsplit(".", 1)[0] for name in values["settings"]["clips"]] == expected
    assert len(values["settings"]["weights_sha256"]) == 64
    assert values["settings"]["vocoders"] == {"griffin-lim": None, "rough": None}
    assert values["settings"]["labels"] == list(WORDS)
    assert set(resynthesis.PACKAGES) < set(values["versions"])

    systems = ["original", "griffin-lim", "rough"]
    stoi, distillmos = values["real"]["stoi"], values["real"]["distillmos"]
    assert list(stoi["systems"]) == list(distillmos["systems"]) == systems
    # The clip that two systems have no value for is left out for the third one too.
    assert stoi["left_out"] == [expected[1]]
    assert {mean["count"] for mean in stoi["systems"].values()} == {2}
    assert {mean["count"] for mean in distillmos["systems"].values()} == {3}
    assert "STOI has no value for 1" in text
    assert stoi["systems"]["original"]["mean"] == 0
    assert stoi["systems"]["griffin-lim"]["mean"] > 0.001
    generated = values["generated"]["distillmos"]["systems"]
    assert list(values["generated"]) == ["distillmos"]
    assert {name: mean["count"] for name, mean in generated.items()} == {
        "griffin-lim": 4,
        "rough": 4,
    }
    for found in values["speed"].values():
        assert [speed["clips"] for speed in found] == [1, 3]
        assert all(speed["rate"] > 0 for speed in found)
    assert "4 of" in text
    assert "2 of each label (seeds 0 to 1)" in text
    for picture in ("real.png", "generated.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def test_one_more_vocoder_is_measured_alone(weights, recordings, heard, tmp_path, monkeypatch):
    out = tmp_path / "page"
    first = run(weights, recordings, out, "--vocoders", "griffin-lim")
    assert heard.count("distillmos") == 3 + 3 + 4

    def once(*arguments):
        raise AssertionError("generated again")

    monkeypatch.setattr(resynthesis, "generate", once)
    heard.clear()
    both = run(weights, recordings, out, "--vocoders", "griffin-lim", "rough")
    assert heard.count("distillmos") == 3 + 4
    assert heard.count("stoi") == 3
    for kind in ("real", "generated"):
        before, after = first[kind]["distillmos"], both[kind]["distillmos"]
        assert before["systems"].items() < after["systems"].items()
    heard.clear()
    run(weights, recordings, out, "--vocoders", "griffin-lim", "rough")
    assert heard == []


def test_without_generated_words(weights, recordings, heard, tmp_path):
    out = tmp_path / "page"
    values = run(weights, recordings, out, "--generated", "0", "--vocoders", "rough")
    assert values["generated"] == {}
    assert "Generated" not in (out / "table.md").read_text()
    assert not (out / "generated.png").exists()


@pytest.mark.usefixtures("packages")
def test_real_measures_rank_as_they_must(weights, recordings, tmp_path):
    assert resynthesis.all_measures is all_measures
    values = run(weights, recordings, tmp_path / "page", "--generated", "0")
    for score, rows in values["real"].items():
        best, better, worse = (
            rows["systems"][name]["mean"] for name in ("original", "griffin-lim", "rough")
        )
        if score in ("log_mel_l1", "stft"):
            assert best == 0 < better < worse
        elif score in ("pesq", "stoi"):
            assert best > better > worse
        else:
            assert 1 <= worse <= 5


def test_bad_settings_are_refused_before_anything_is_measured(weights, recordings, heard, tmp_path):
    out = tmp_path / "page"
    with pytest.raises(ValueError, match="Unknown vocoder 'wavenet'"):
        make_page(recordings, out, ["griffin-lim", "wavenet"], 3, str(weights), [], 2)
    with pytest.raises(ValueError, match="fewer than 9999"):
        make_page(recordings, out, ["griffin-lim"], 9999, str(weights), [], 2)
    with pytest.raises(FileNotFoundError):
        make_page(tmp_path / "nowhere", out, ["griffin-lim"], 3, str(weights), [], 2)
    assert heard == []
    assert not out.exists()


def test_the_testing_list_decides_and_is_sorted(recordings):
    root = recordings / "speech_commands"
    names = sorted((root / "testing_list.txt").read_text().split())
    clips = first_testing_clips(root, 500)
    assert [f"{clip.label}/{clip.path.stem}.wav" for clip in clips] == names[:500]


def test_one_of_each_label():
    assert one_of_each(["b", "b", "a", "b", "c", "d", "e"]) == [0, 2, 4, 5]


def test_vocoder_hash_changes_with_a_weight():
    class Weighted(GriffinLim):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(torch.tensor([value]))

    assert vocoder_hash(GriffinLim()) is None
    first = vocoder_hash(Weighted(1.0))
    assert len(first) == 64
    assert vocoder_hash(Weighted(1.0)) == first != vocoder_hash(Weighted(1.5))


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--generated", "-1"], ["--threads", "0"]])
def test_arguments_that_make_no_sense(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--data", str(tmp_path), "--out", str(tmp_path), *arguments])
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from scoresubnet.experiments.vocoder_page import main\n"
        "try: main(['--help'])\n"
        "finally: print({'torch', 'matplotlib', 'speechmos', 'pesq'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
