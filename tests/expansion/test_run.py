"""Jobs from start to end on a tiny model: quotas, kills, parts, and what is written down."""

import csv
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from scoresubnet.audio.io import write_wav
from scoresubnet.cli import main
from scoresubnet.commands.expand import _said
from scoresubnet.data.recordings import read_recordings
from scoresubnet.expansion import Expanded, Expansion
from scoresubnet.expansion import run as module
from scoresubnet.expansion.nearest import log_mel_distances
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.jobs.parts import Part
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import save_model
from tests.tiny import tiny_model

WORDS = ("hiss", "hum")
FEW: dict[str, Any] = {"sampler": "ddim", "steps": 1}
Job = Callable[..., Expansion]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny_model(WORDS, aliases={"buzz": "hum"})
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def job(weights: Path, words_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """job(**settings); its judge is sure of all 'hiss', and of every third seed of 'hum'."""

    def judge(generator: SpeechGenerator, recordings: Any) -> Any:
        def judged(made: GeneratedSpeech) -> Any:
            asked = zip(made.labels, made.seeds, strict=True)
            sure = [0.5 + 0.4 * (word == "hiss" or seed % 3 == 0) for word, seed in asked]
            own = np.array([WORDS.index(word) for word in made.labels])
            rows = np.stack([1 - np.array(sure), np.array(sure)], axis=1)
            return WORDS, np.where(own[:, None] == 1, rows, rows[:, ::-1])

        return judged

    monkeypatch.setitem(module.JUDGES, "recordings", judge)

    def make(**settings: Any) -> Expansion:
        given: dict[str, Any] = {
            "per_word": 5,
            "overrides": FEW,
            "out": tmp_path / "out",
        } | settings
        return Expansion(words_folder, weights, **given)

    return make


def _manifest(out: Path, name: str = "manifest") -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _sounds(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.wav"))}


def test_so_many_are_kept_and_all_is_written_down(
    job: Job, weights: Path, words_folder: Path, tmp_path: Path
) -> None:
    found = job().run(progress=False)
    kept, refused = (_manifest(tmp_path / "out", name) for name in ("manifest", "refused"))
    counts = {
        w: (sum(r["word"] == w for r in kept), sum(r["word"] == w for r in refused)) for w in WORDS
    }
    assert [(e.word, e.kept, e.unheard) for e in found] == [(w, *counts[w]) for w in WORDS]
    assert [e.copies for e in found] == [0, 0]
    assert {row["near"] for row in [*kept, *refused]} == {"False"}
    assert counts["hiss"] == (5, 0)
    assert counts["hum"][0] == 5
    assert counts["hum"][1] > 0
    assert list(_sounds(tmp_path / "out")) == sorted(row["file"] for row in kept)
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
    rows = _manifest(tmp_path / "all")
    distances = {w: [float(row["distance"]) for row in rows if row["word"] == w] for w in WORDS}
    limits = {word: float(np.median(distances[word])) for word in WORDS}
    monkeypatch.setattr(module, "copy_limits", lambda log_mels: limits)
    monkeypatch.setattr(module, "ENOUGH", 16)
    new = job(accept=0.0, per_word=8).run(progress=False)
    assert [(e.kept, e.unheard, e.copies >= 5) for e in new] == [(8, 0, True)] * 2
    assert {row["near"] for row in _manifest(tmp_path / "out")} == {"False"}
    assert {row["near"] for row in _manifest(tmp_path / "out", "refused")} == {"True"}
    both = job(accept=0.0, per_word=16, copies=True, out=tmp_path / "both").run(progress=False)
    assert [(e.kept, e.copies) for e in both] == [(16, 8)] * 2
    assert sum(row["near"] == "True" for row in _manifest(tmp_path / "both")) == 16
    assert not _manifest(tmp_path / "both", "refused")


def test_a_killed_job_goes_on_without_a_double_or_a_gap(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at each of its files, and with a sound that has no row."""
    monkeypatch.setattr(module, "BATCH", 2)
    whole = job(out=tmp_path / "whole")
    whole.run(progress=False)
    expected = _sounds(tmp_path / "whole")
    monkeypatch.setattr(module, "BATCH", 2)
    written = 0

    def killed(path: Path, *arguments: Any) -> None:
        nonlocal written
        write_wav(path, *arguments)
        written += 1
        if written % 3 == 0:
            raise KeyboardInterrupt

    kills = 0
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_wav", killed)
        while True:
            try:
                found = job().run(progress=False)
                break
            except KeyboardInterrupt:
                kills += 1
    assert kills >= 3
    assert [e.kept for e in found] == [5, 5]
    assert _sounds(tmp_path / "out") == expected
    for name in ("manifest", "refused"):
        rows = _manifest(tmp_path / "out", name)
        assert len({(row["word"], row["number"]) for row in rows}) == len(rows)
        key = lambda row: (row["word"], int(row["number"]))  # noqa: E731
        assert sorted(rows, key=key) == sorted(_manifest(tmp_path / "whole", name), key=key)


def test_parts_are_disjoint_and_a_last_call_puts_them_together(job: Job, tmp_path: Path) -> None:
    parts = [job(part=Part(k, 3)).run(progress=False) for k in (1, 2, 3)]
    assert [[e.kept for e in part] for part in parts] == [[2, 2], [2, 2], [1, 1]]
    sounds = _sounds(tmp_path / "out")
    assert len(sounds) == 10
    whole = job().run(progress=False)
    assert [e.kept for e in whole] == [5, 5]
    assert _sounds(tmp_path / "out") == sounds
    assert len(_manifest(tmp_path / "out")) == 10
    assert not list((tmp_path / "out").glob("*-of-*"))
    numbers = [int(row["number"]) for row in _manifest(tmp_path / "out") if row["word"] == "hiss"]
    assert sorted(numbers) == [0, 1, 2, 3, 4]


def test_more_may_be_asked_for_later_but_nothing_else(job: Job, tmp_path: Path) -> None:
    job(per_word=2).run(progress=False)
    before = _sounds(tmp_path / "out")
    job(per_word=4).run(progress=False)
    after = _sounds(tmp_path / "out")
    assert len(after) == 8
    assert before.items() <= after.items()
    for change, named in (
        ({"seed": 1}, "seed"),
        ({"accept": 0.5}, "accept"),
        ({"copies": True}, "copies"),
        ({"judge": "classifier"}, "judge"),
        ({"overrides": FEW | {"guidance": 1.0}}, "sampling"),
    ):
        with pytest.raises(
            ValueError, match=f"out: has clips made with other {named}; choose another"
        ):
            job(**change).run(progress=False)
    assert _sounds(tmp_path / "out") == after


def test_clips_around_a_seed_are_alike(job: Job, tmp_path: Path) -> None:
    """All the way to it they are one clip; how far is part of the job."""
    job(towards=(7, 1.0), accept=0.0, out=tmp_path / "one").run(progress=False)
    sounds = _sounds(tmp_path / "one")
    assert len(sounds) == 10
    first, *others = (soundfile.read(tmp_path / "one" / n)[0] for n in sounds if "hiss" in n)
    assert all(np.abs(other - first).max() < 1e-3 for other in others)
    with pytest.raises(ValueError, match="clips made with other towards"):
        job(towards=(7, 0.5), accept=0.0, out=tmp_path / "one").run(progress=False)


def test_a_word_that_is_never_heard_is_given_up(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENOUGH", 20)
    found = job(accept=0.95).run(progress=False)
    assert [(e.kept, e.given_up) for e in found] == [(0, True), (0, True)]
    assert all(20 <= e.unheard < 20 + module.BATCH for e in found)
    assert not _sounds(tmp_path / "out")


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
    assert {row["heard"] for row in _manifest(tmp_path / "out")} <= {"buzz", "hiss"}


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


def test_what_cannot_be_used_is_named_before_anything_is_made(
    job: Job, weights: Path, words_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for settings, said in (
        ({"per_word": 0}, "per_word 0; it lies in 1 to 1,000,000"),
        ({"accept": 1.5}, "accept 1.5; it is a probability"),
        ({"judge": "ear"}, "unknown judge 'ear'"),
    ):
        with pytest.raises(ValueError, match=said):
            job(**settings)
    shutil.copytree(words_folder, tmp_path / "in")
    (tmp_path / "in/hum").rename(tmp_path / "in/humm")
    with pytest.raises(ValueError, match="unknown label 'humm'; nearest first"):
        Expansion(tmp_path / "in", weights, tmp_path / "out").run(progress=False)
    for path in (tmp_path / "in/humm").iterdir():
        soundfile.write(path, np.zeros(16_000), 16_000)
    with pytest.raises(ValueError, match="in/humm: none of its recordings can be used"):
        Expansion(tmp_path / "in", weights, tmp_path / "out").run(progress=False)
    assert not (tmp_path / "out").exists()
    soundfile.write(path, np.random.default_rng(0).random(16_000), 16_000)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        recordings = read_recordings(tmp_path / "in")
    count = len(list((tmp_path / "in/humm").iterdir()))
    assert sum(r.word == "humm" for r in recordings) == 1
    assert caplog.messages[0].count("the sound is silent") == count - 1


def test_a_folder_of_generate_is_refused(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/job.json").write_text("{}")
    with pytest.raises(ValueError, match="out: has clips of `scoresubnet generate`"):
        job().run(progress=False)


def test_other_recordings_are_another_job(
    weights: Path, words_folder: Path, tmp_path: Path
) -> None:
    """As the judge and the distances are of them."""
    shutil.copytree(words_folder, tmp_path / "in")
    few: dict[str, Any] = {"per_word": 1, "accept": 0, "overrides": FEW}
    Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)
    next((tmp_path / "in/hum").iterdir()).unlink()
    with pytest.raises(ValueError, match="out: has clips made with other recordings"):
        Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)


def test_a_late_part_makes_no_more_than_was_asked_for(job: Job, tmp_path: Path) -> None:
    """In another division, before and after the last call, nothing is made twice either."""
    job(part=Part(1, 2), per_word=6).run(progress=False)
    before = _sounds(tmp_path / "out")
    found = [job(part=Part(k, 3), per_word=6).run(progress=False) for k in (1, 2, 3)]
    assert before.items() <= _sounds(tmp_path / "out").items()
    assert [e.kept for e in job(per_word=6).run(progress=False)] == [6, 6]
    assert len(found) == 3
    after = _sounds(tmp_path / "out")
    for k in (1, 2):
        job(part=Part(k, 2), per_word=6).run(progress=False)
    assert _sounds(tmp_path / "out") == after


def test_recordings_that_tell_nothing_of_copies_are_named(
    weights: Path, words_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in WORDS:
        (tmp_path / "in" / word).mkdir(parents=True)
        for path in sorted((words_folder / word).iterdir())[:2]:
            shutil.copy(path, tmp_path / "in" / word)
    few: dict[str, Any] = {"per_word": 1, "accept": 0, "overrides": FEW}
    Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)
    assert "too few recordings to tell what is a copy: hiss, hum" in capsys.readouterr().err


def test_what_to_do_about_a_word_that_is_given_up() -> None:
    """By what most of its clips were refused for."""
    unheard = _said(Expanded("hum", 0, unheard=180, copies=20, given_up=True), False)
    assert unheard.endswith(
        "180 not heard as asked for, 20 copies; given up, as hardly any was "
        "kept: listen to some, and lower --accept"
    )
    copied = _said(Expanded("hum", 3, unheard=20, copies=180, given_up=True), False)
    assert copied.endswith("listen to some, and record more, or give --copies")
    assert _said(Expanded("hum", 9, 1, 2, False), True) == (
        "hum: 9 kept, 2 of them copies; refused 1 not heard as asked for"
    )


def test_what_a_judge_refuses_leaves_the_folder_free(
    weights: Path, words_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its advice is another judge, in the same folder."""
    shutil.copytree(words_folder / "hum", tmp_path / "in/hum")
    out = tmp_path / "out"
    command = ["expand", str(tmp_path / "in"), "--weights", str(weights), "--out", str(out)]
    command += ["--per-word", "1", "--accept", "0", "--sampler", "ddim", "--steps", "1"]
    assert main(command) == 1
    assert "there is 'hum' alone" in capsys.readouterr().err
    assert not out.exists()
    assert main([*command, "--judge", "classifier"]) == 0
    assert len(_sounds(out)) == 1
