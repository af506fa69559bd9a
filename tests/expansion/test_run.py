"""Jobs from start to end on a tiny model: quotas, and what is written down."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.cli import main
from scoresubnet.data.recordings import read_recordings
from scoresubnet.expansion import Expanded, Expansion
from scoresubnet.expansion import run as module
from scoresubnet.expansion.nearest import log_mel_distances
from scoresubnet.pipeline import SpeechGenerator
from tests.expansion.conftest import FEW, WORDS, Job
from tests.expansion.written import read_manifest, read_sounds


def test_so_many_are_kept_and_all_is_written_down(
    job: Job, weights: Path, words_folder: Path, tmp_path: Path
) -> None:
    found = job().run(progress=False)
    kept, refused = (read_manifest(tmp_path / "out", name) for name in ("manifest", "refused"))
    counts = {
        w: (sum(r["word"] == w for r in kept), sum(r["word"] == w for r in refused)) for w in WORDS
    }
    assert [(e.word, e.kept, e.unheard) for e in found] == [(w, *counts[w]) for w in WORDS]
    assert [e.copies for e in found] == [0, 0]
    assert {row["near"] for row in [*kept, *refused]} == {"False"}
    assert counts["hiss"] == (5, 0)
    assert counts["hum"][0] == 5
    assert counts["hum"][1] > 0
    assert list(read_sounds(tmp_path / "out")) == sorted(row["file"] for row in kept)
    assert all(int(row["seed"]) % 3 == 0 for row in kept if row["word"] == "hum")
    assert {(row["heard"], row["sure"]) for row in kept} == {("hum", "0.9"), ("hiss", "0.9")}
    assert {(row["heard"], row["sure"], row["file"]) for row in refused} == {("hiss", "0.5", "")}

    # The seed makes the same clip again, and the distance is that of the recording that is named.
    row = kept[-1]
    generator = SpeechGenerator.from_pretrained(weights)
    again = generator.generate([row["word"]], [int(row["seed"])], **FEW)
    written, _ = soundfile.read(tmp_path / "out" / row["file"], dtype="float32")
    np.testing.assert_allclose(written, again.audio[0], atol=2e-3)
    known = module._known(read_recordings(words_folder), generator.mel)[row["word"]]
    place = known.names.index(row["recording"])
    distances = log_mel_distances(again.mels[:, 0], known.log_mels)
    assert distances.argmin() == place
    assert float(row["distance"]) == pytest.approx(distances.min(), abs=2e-3)


def test_copies_are_refused_unless_they_are_wanted(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nearer than half of the clips are, of each word."""
    job(accept=0.0, per_word=16, out=tmp_path / "all").run(progress=False)
    rows = read_manifest(tmp_path / "all")
    distances = {w: [float(row["distance"]) for row in rows if row["word"] == w] for w in WORDS}
    limits = {word: float(np.median(distances[word])) for word in WORDS}
    monkeypatch.setattr(module, "copy_limits", lambda log_mels: limits)
    monkeypatch.setattr(module, "ENOUGH", 16)
    new = job(accept=0.0, per_word=8).run(progress=False)
    assert [(e.kept, e.unheard, e.copies >= 5) for e in new] == [(8, 0, True)] * 2
    assert {row["near"] for row in read_manifest(tmp_path / "out")} == {"False"}
    assert {row["near"] for row in read_manifest(tmp_path / "out", "refused")} == {"True"}
    both = job(accept=0.0, per_word=16, copies=True, out=tmp_path / "both").run(progress=False)
    assert [(e.kept, e.copies) for e in both] == [(16, 8)] * 2
    assert sum(row["near"] == "True" for row in read_manifest(tmp_path / "both")) == 16
    assert not read_manifest(tmp_path / "both", "refused")


def test_clips_around_a_seed_are_alike(job: Job, tmp_path: Path) -> None:
    """All the way to it they are one clip; how far is part of the job."""
    job(towards=(7, 1.0), accept=0.0, out=tmp_path / "one").run(progress=False)
    sounds = read_sounds(tmp_path / "one")
    assert len(sounds) == 10
    first, *others = (soundfile.read(tmp_path / "one" / n)[0] for n in sounds if "hiss" in n)
    assert all(np.abs(other - first).max() < 1e-3 for other in others)
    with pytest.raises(ValueError, match="clips made with other towards"):
        job(towards=(7, 0.5), accept=0.0, out=tmp_path / "one").run(progress=False)


def test_folders_named_by_an_alias(
    job: Job, weights: Path, words_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(words_folder / "hum", tmp_path / "in/buzz")
    shutil.copytree(words_folder / "hiss", tmp_path / "in/hiss")
    made = Expansion(
        tmp_path / "in",
        weights,
        tmp_path / "out",
        per_word=2,
        accept=0,
        judge="classifier",
        overrides=FEW,
    ).run(progress=False)
    assert [e.word for e in made] == ["buzz", "hiss"]
    assert {path.parent.name for path in (tmp_path / "out").rglob("*.wav")} == {"buzz", "hiss"}
    assert {row["heard"] for row in read_manifest(tmp_path / "out")} <= {"buzz", "hiss"}


def test_the_command(
    weights: Path, words_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the judge that is fitted to the recordings, noise and level."""
    soundfile.write(tmp_path / "hiss.wav", np.random.default_rng(0).random(32_000) - 0.5, 16_000)
    out = tmp_path / "out"
    command = ["expand", str(words_folder), "--weights", str(weights), "--out", str(out)]
    command += ["--per-word", "2", "--accept", "0", "--sampler", "ddim", "--steps", "1"]
    command += ["--noise", str(tmp_path), "--level", "6"]
    assert main(command) == 0
    streams = capsys.readouterr()
    assert "the judge is right on 100% of recordings left out" in streams.err
    printed = streams.out.splitlines()
    assert printed[0] == "hiss: 2 kept; refused 0 not heard as asked for, 0 copies"
    assert printed[-1] == str(out / "manifest.csv")
    assert main([*command, "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert [Expanded(**word).kept for word in words] == [2, 2]
    assert json.loads((out / "settings.json").read_text())["level"] == 6
