"""Which clips `scoresubnet evaluate` takes, and what it says of others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.commands.evaluate.quick import (
    PITCH,
    evaluate,
    figure,
    report_of,
    save,
    tone,
)


def test_nothing_to_evaluate_is_refused(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--reference", real, "--out", tmp_path / "out") == 1
    assert (
        "nothing to evaluate: give a folder of clips, --weights or --systems"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_names_as_generate_writes_them(real: Path, made: Path, tmp_path: Path) -> None:
    for path in made.glob("*/*.wav"):
        audio, rate = soundfile.read(path)
        save(tmp_path / "flat" / f"{path.parent.name}-{path.stem}.wav", audio, rate)
    for name in ("made", "flat"):
        assert evaluate(tmp_path / name, "--reference", real, "--out", tmp_path / f"o{name}") == 0
    first, second = report_of(tmp_path / "omade"), report_of(tmp_path / "oflat")
    assert figure(second, "evaluator/accuracy") == figure(first, "evaluator/accuracy")
    assert figure(second, "evaluator/is") == figure(first, "evaluator/is")


def test_stereo_other_rates_and_lengths(real: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for word in PITCH:
        stereo = np.stack([tone(word, 100), tone(word, 100)], axis=1)
        save(made / word / "stereo.wav", stereo)
        save(made / word / "low.flac", tone(word, 101, rate=8_000), 8_000)
        save(made / word / "high.wav", tone(word, 102, rate=44_100), 44_100)
        save(made / word / "short.wav", tone(word, 103, seconds=0.3))
        save(made / word / "long.wav", tone(word, 104, seconds=2.5))
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    assert figure(report, "evaluator/accuracy")["value"] == 1
    assert figure(report, "evaluator/accuracy")["count"] == 15
    assert not any(report["left_out"].values())


def test_broken_files_are_named_and_counted(
    real: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "one" / "broken.wav").write_bytes(b"no sound")
    save(made / "two" / "empty.wav", np.zeros(0))
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().err
    assert "left out: generated: one/broken.wav: not a readable sound file" in printed
    report = report_of(tmp_path / "out")
    files = [item["file"] for item in report["left_out"]["generated"]]
    assert sorted(files) == ["one/broken.wav", "two/empty.wav"]
    assert report["systems"]["generated"]["clips"] == 12
    for name in ("report.md", "report.html"):
        assert "generated, 2: " in (tmp_path / "out" / name).read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
@pytest.mark.usefixtures("drawn")
def test_odd_files_among_good_ones(
    real: Path, made: Path, tmp_path: Path, flac: Callable[..., Path]
) -> None:
    flac(made / "one" / "open.flac", tone("one"), claimed=0)
    flac(made / "one" / "endless.flac", tone("one"), claimed=2**36 - 1)
    cancel = np.stack([tone("two"), -tone("two")], axis=1)
    save(made / "two" / "cancel.wav", cancel)
    (made / "two" / "._0.wav").write_bytes(b"no sound")
    (made / "three" / "0.wav").rename(made / "three" / "h\udcf6ren.wav")
    (made / "three" / "br\udcf6ken.wav").write_bytes(b"no sound")
    made = made.rename(tmp_path / "m\udce4de")
    assert evaluate(made, made / "one", "--reference", real, "--out", tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    name = r"m\udce4de"
    left_out = {item["file"]: item["reason"] for item in report["left_out"][name]}
    assert sorted(left_out) == ["one/endless.flac", "three/br\udcf6ken.wav", "two/cancel.wav"]
    assert "cancel each other" in left_out["two/cancel.wav"]
    assert report["systems"][name]["clips"] == 13
    for file in ("report.md", "report.html"):
        text = (tmp_path / "out" / file).read_text(encoding="utf-8")
        assert r"three/br\udcf6ken.wav (not a readable" in text


def test_files_of_the_report_that_cannot_be_written_are_named(
    real: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "report.md").mkdir(parents=True)
    assert evaluate(made, "--reference", real, "--out", out) == 0
    printed = capsys.readouterr()
    assert f"left out: {out / 'report.md'}: cannot be written: a folder has that" in printed.err
    assert printed.out.splitlines()[-2:] == [str(out / f"report.{e}") for e in ("json", "html")]
    for name in ("report.json", "report.html"):
        (out / name).unlink()
        (out / name).mkdir()
    assert evaluate(made, "--reference", real, "--out", out) == 1
    assert f"{out}: the report was not written" in capsys.readouterr().err


def test_too_few_files_are_refused_with_advice(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 1
    assert (
        "no sound files here; need at least 2, ending in .wav or .flac" in capsys.readouterr().err
    )
    save(made / "one.wav", tone("one"))
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 1
    assert "only 1 sound file here; need at least 2" in capsys.readouterr().err
    (made / "two.wav").write_bytes(b"no sound")
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 1
    assert "only 1 of 2 sound files can be read" in capsys.readouterr().err
    assert evaluate(real, "--reference", made, "--out", tmp_path / "out") == 1
    assert "only 2 sound files here; need at least 4" in capsys.readouterr().err
    assert evaluate(real, "--reference", tmp_path / "no", "--out", tmp_path / "out") == 1
    assert "there is no such folder" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("report.*"))


def test_labels_select(real: Path, made: Path, tmp_path: Path) -> None:
    arguments = ("--reference", real, "--out", tmp_path / "out", "--labels", "one", "three")
    assert evaluate(made, *arguments) == 0
    report = report_of(tmp_path / "out")
    assert report["labels"] == ["one", "three"]
    assert report["systems"]["generated"]["clips"] == 8
    assert report["systems"]["real"]["clips"] == 12
    assert figure(report, "evaluator/accuracy")["value"] == 1


def test_speech_commands_gives_test_and_training_clips(
    real: Path, made: Path, tmp_path: Path
) -> None:
    (real / "validation_list.txt").write_text("one/0.wav\n")
    listed = [f"{word}/{take}.wav" for word in PITCH for take in range(1, 7)]
    (real / "testing_list.txt").write_text("\n".join(listed))
    arguments = ("--reference", real, "--out", tmp_path / "out", "--reference-count", "6")
    assert evaluate(made, *arguments) == 0
    report = report_of(tmp_path / "out")
    counts = {name: row["clips"] for name, row in report["systems"].items()}
    assert counts == {
        **{"generated": 12, "real": 6, "vocoded": 6},
        **{"training": 6, "noise": 6, "silence": 6},
    }
    assert report["reference_clips"] == report["set_size"] == 6
    assert report["sections"]["evaluator"]["details"]["am_shares"] == "training"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "four"], "no clips of four"),
        (["--labels", "one", "one"], "named twice: one"),
        (
            ["--count", "3", "--renormalise"],
            "--count, --renormalise can be used with --weights only",
        ),
        (["--sampling", "paper"], "--sampling can be used with --weights only"),
        (["--systems", "[{folder: x, weights: y}]"], "either a folder of clips or weights"),
        (["--systems", "[{folder: x, stepz: 3}]"], "unknown key of a system 'stepz'"),
        (["--systems", "[{folder: x, steps: 3}]"], "folder x is not sampled"),
        (["--systems", "[{folder: x, name: ../y}]"], "'../y' has a slash"),
        (["--systems", "[{weights: x, steps: many}]"], "steps 'many' of a system is no whole"),
        (["--systems", "[{weights: x, renormalise: 2}]"], "renormalise '2' of a system is no"),
        (["--systems", "[{folder: made, name: real}]"], "two rows are called 'real'"),
        (["--systems", "[{folder: other/made}]"], "two rows are called 'made'"),
        (["--sections", "evaluators"], "unknown section 'evaluators'"),
        (["--reference-count", "1"], "--reference-count 1 is too few"),
        (["--out", "made/one"], "lies in made"),
        (["--vocoder", "x"], "unknown vocoder"),
        (["--training", "nowhere"], "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_refused(
    real: Path,
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluate("made", "--reference", "real", "--out", "out", *arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_label_without_real_clips_is_refused(
    real: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(made / "nine" / "0.wav", tone("one"))
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 1
    assert "no test clips of nine; choose with --labels from one, three, two" in (
        capsys.readouterr().err
    )


def test_labelled_and_other_names_together_are_refused(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one-1", "two-1", "take-1"):
        save(tmp_path / "made" / f"{name}.wav", tone("one"))
    assert evaluate(tmp_path / "made", "--reference", real, "--out", tmp_path / "out") == 1
    assert "such as take-1.wav, are not" in capsys.readouterr().err


def test_folders_of_both_layouts_and_names_with_dots_are_paired(
    real: Path, made: Path, tmp_path: Path
) -> None:
    for path in made.glob("*/*.wav"):
        audio, rate = soundfile.read(path)
        save(tmp_path / "v1.0" / path.parent.name / path.name, audio, rate)
        save(tmp_path / "v1.5" / f"{path.parent.name}-{path.stem}.wav", audio, rate)
    folders = (tmp_path / "v1.0", tmp_path / "v1.5")
    assert evaluate(*folders, "--reference", real, "--out", tmp_path / "out") == 0
    figures = report_of(tmp_path / "out")["sections"]["evaluator"]["figures"]
    found = figures[0]["differences"]["v1.5 - v1.0"]
    assert (found["value"], found["low"], found["high"], found["count"]) == (0, 0, 0, 12)
