import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.data.clips import Clip
from scoresubnet.experiments import card
from scoresubnet.experiments.card import make_card, training_counts, versions
from scoresubnet.experiments.words18_card import main

WORDS = ("seven", "nine")  # of `weights`


@pytest.fixture
def pocketsphinx(monkeypatch) -> None:
    """Few references; without pocketsphinx tests skip, but fail under CI."""
    monkeypatch.setattr(card, "MOST_REFERENCES", 2)
    if importlib.util.find_spec("pocketsphinx") is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("pocketsphinx is not installed.")
        pytest.skip("pocketsphinx is not installed.")


@pytest.mark.usefixtures("pocketsphinx")
def test_card_of_a_tiny_model(weights, recordings, tmp_path, capsys):
    out = tmp_path / "card"
    options = ["--count", "2", "--seed0", "5", "--steps", "2", "--guidance", "1.5"]
    main(["--weights", str(weights), "--data", str(recordings), "--out", str(out), *options])
    text = (out / "intelligibility.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "guidance 1.5, 2 steps" in text

    values = json.loads((out / "card.json").read_text())
    assert values["settings"]["labels"] == list(WORDS)
    assert values["settings"]["seeds"] == [5, 6]
    assert len(values["settings"]["weights_sha256"]) == 64
    assert values["notes"] == {"licence": "none"}
    assert values["training_clips"] == {"seven": 17, "nine": 17}
    assert [point["time"] for point in values["accuracy"]] == list(card.TIMES)
    assert values["accuracy"][0]["overall"]["total"] == 20 + 28
    totals = {name: row["overall"]["total"] for name, row in values["intelligibility"].items()}
    assert totals == {"vocoded": 4, "untouched": 4, "generated": 4}
    for clip in values["generated"]:
        assert clip["file"] == f"wav/{clip['label']}_{clip['seed']}.wav"
        assert len(read_audio(out / clip["file"])) == 16_000
        assert clip["classifier"] in WORDS
    assert {(clip["label"], clip["seed"]) for clip in values["generated"]} == {
        (word, seed) for word in WORDS for seed in (5, 6)
    }
    for picture in ("accuracy.png", "grid.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("pocketsphinx")
def test_bad_settings_are_refused_before_anything_is_measured(weights, recordings, tmp_path):
    out = tmp_path / "card"
    with pytest.raises(ValueError, match="guidance"):
        make_card(str(weights), recordings, out, [0], guidance=1e6, steps=2)
    with pytest.raises(FileNotFoundError):
        make_card(str(weights), tmp_path / "nowhere", out, [0], guidance=1, steps=2)
    assert not out.exists()


@pytest.mark.usefixtures("pocketsphinx")
def test_reference_only(recordings, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(card, "WORD_SETS", {"WORDS18": WORDS})
    main(["--reference-only", "--data", str(recordings), "--out", str(tmp_path)])
    assert "| seven | " in capsys.readouterr().out
    assert len(list(tmp_path.glob("reference-*.json"))) == 2


@pytest.mark.parametrize(
    "arguments", [[], ["--weights", "a", "--reference-only"], ["--weights", "a", "--count", "0"]]
)
def test_arguments_that_make_no_sense(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--data", str(tmp_path), "--out", str(tmp_path)])
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from scoresubnet.experiments.words18_card import main\n"
        "try: main(['--help'])\n"
        "finally: print({'torch', 'matplotlib', 'pocketsphinx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_training_counts_include_words_without_training_clips():
    clips = [
        Clip(Path(f"{n}.wav"), label, split, "folder")
        for n, (label, split) in enumerate(
            [("b", "testing"), ("a", "training"), ("a", "training"), ("a", "validation")]
        )
    ]
    assert training_counts(clips) == {"b": 0, "a": 2}


def test_versions_name_what_matters():
    found = versions()
    assert found["torch"] == torch.__version__
    assert set(card.PACKAGES) < set(found)
