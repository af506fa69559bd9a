"""What `scoresubnet evaluate` reports of folders of clips."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation import sections
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.results import Section
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.systems import Systems
from scoresubnet.vocoders import GriffinLim
from tests.commands.evaluate.quick import (
    INSTALL,
    PITCH,
    Ear,
    evaluate,
    figure,
    quiet_is_good,
    report_of,
    save,
    tone,
)


@pytest.mark.usefixtures("drawn")
def test_three_files_with_every_row(real: Path, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert evaluate(made, "--reference", real, "--out", out) == 0
    report = report_of(out)
    assert list(report["systems"]) == ["generated", "real", "vocoded", "noise", "silence"]
    assert report["systems"]["generated"]["clips"] == 12
    assert report["systems"]["real"]["clips"] == report["reference_clips"] == 18
    assert report["set_size"] == 12
    assert report["labels"] == ["one", "three", "two"]
    accuracy = figure(report, "evaluator/accuracy")
    assert (accuracy["value"], accuracy["count"]) == (10 / 12, 12)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert figure(report, "evaluator/accuracy", "real")["value"] == 1
    assert figure(report, "evaluator/accuracy", "silence")["value"] == pytest.approx(1 / 3)
    assert figure(report, "evaluator/frechet")["count"] == 12
    assert figure(report, "evaluator/frechet", "noise")["count"] == 12
    assert figure(report, "evaluator/kernel", "noise")["value"] > 0
    confusion = report["sections"]["evaluator"]["details"]["confusion"]
    two = confusion["systems"]["generated"]["asked"].index("two")
    assert confusion["systems"]["generated"]["counts"][two] == [0, 2, 2]
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "| real, through log-Mel and vocoder |" in text
    assert "0.833 (" in text
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4  # bars, confusion, and two grids
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_two_systems_are_compared_on_the_same_clips(real: Path, made: Path, tmp_path: Path) -> None:
    better = tmp_path / "better"
    for word in PITCH:
        for take in range(5):  # one more of each, which the other lacks
            save(better / word / f"{take}.wav", tone(word, 100 + take))
    out = tmp_path / "out"
    assert evaluate(made, better, "--reference", real, "--out", out) == 0
    report = report_of(out)
    assert list(report["systems"])[:3] == ["made", "better", "real"]
    assert report["pairs"] == [["made", "better"]]
    assert figure(report, "evaluator/accuracy", "better")["count"] == 15
    figures = report["sections"]["evaluator"]["figures"]
    differences = {f["key"]: f["differences"].get("better - made") for f in figures}
    accuracy = differences["evaluator/accuracy"]
    assert accuracy["value"] == pytest.approx(2 / 12)
    assert accuracy["count"] == 12
    assert 0 <= accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert differences["evaluator/kernel"]["count"] == 12
    assert 2 < differences["evaluator/frechet"]["count"] <= 12  # of the first twelve of each
    for name in ("report.md", "report.html"):
        text = (out / name).read_text(encoding="utf-8")
        assert "Differences: better less made" in text
        assert "Differences are paired, over the clips" in text
        assert "+0.167 (" in text


def test_no_speaker_is_in_both_the_reference_and_the_real_row(
    real: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in real.glob("*/*.wav"):
        take = int(path.stem)
        path.rename(path.with_name(f"s{take // 3}_nohash_{take % 3}.wav"))
    seen: list[Systems] = []

    def look(judging: Judging) -> Measured:
        def measure(systems: Systems) -> Section:
            seen.append(systems)
            return Section("look", "Look", [], {})

        return measure

    monkeypatch.setattr(sections, "SECTIONS", {"look": look})
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 0
    speakers = [
        {name.partition("/")[2].partition("_")[0] for name in row.names or ()}
        for row in (seen[0].rows["real"], seen[0].reference)
    ]
    assert len(speakers[0]) == len(speakers[1]) == 2
    assert not speakers[0] & speakers[1]
    assert {len(seen[0].rows["real"].clips), len(seen[0].reference.clips)} == {18}


def test_one_word_again_and_again_has_no_inception_score(real: Path, tmp_path: Path) -> None:
    for take in range(12):
        save(tmp_path / "made" / f"{take}.wav", tone("one", 100 + take))
    assert evaluate(tmp_path / "made", "--reference", real, "--out", tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    assert figure(report, "evaluator/is")["value"] < 1.1
    assert figure(report, "evaluator/is", "real")["value"] > 2.5
    assert (
        figure(report, "evaluator/recall")["value"]
        < figure(report, "evaluator/recall", "real")["value"]
    )
    (wrong,) = [
        f for f in report["sections"]["evaluator"]["figures"] if f["key"].endswith("wrong_axis_is")
    ]
    assert "no Inception Score" in wrong["text"]


@pytest.mark.usefixtures("drawn")
def test_the_same_report_twice(real: Path, made: Path, tmp_path: Path) -> None:
    texts, pages = [], []
    for out in (tmp_path / "a", tmp_path / "b", tmp_path / "b"):  # new, new, and from the cache
        assert evaluate(made, "--reference", real, "--out", out) == 0
        report = report_of(out)
        assert report.pop("times")["seconds"]
        texts.append(json.dumps(report))
        page = (out / "report.html").read_text(encoding="utf-8")
        pages.append(page[: page.index("<h2>Times</h2>")])
    assert texts[0] == texts[1] == texts[2]
    assert pages[0] == pages[1] == pages[2]


def test_what_was_heard_is_not_heard_again(
    real: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate(made, "--reference", real, "--out", tmp_path) == 0

    def hear(self: Ear, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        raise AssertionError("heard again")

    monkeypatch.setattr(Ear, "__call__", hear)
    monkeypatch.setattr(GriffinLim, "__call__", hear)
    assert evaluate(made, "--reference", real, "--out", tmp_path) == 0


def test_a_missing_package_is_named_and_the_rest_is_made(
    real: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert f"not measured: pocketsphinx: {INSTALL}" in printed.err
    assert f"not measured: pocketsphinx: {INSTALL}" in printed.out
    assert report_of(tmp_path / "out")["missing"] == {"pocketsphinx": INSTALL}
    for name in ("report.md", "report.html"):
        assert INSTALL in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_a_metric_with_the_rows_in_the_wrong_order_is_called_out(
    real: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "SECTIONS", {"distillmos": quiet_is_good})
    assert evaluate(made, "--reference", real, "--out", tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    wrong = {(pair["key"], pair["better"], pair["worse"]) for pair in report["misranked"]}
    assert ("distillmos/distillmos", "real", "silence") in wrong
    for name in ("report.md", "report.html"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "prefers silence, " in text
        assert "DistillMOS \u2191 \u2021" in text


def test_clips_without_labels_leave_out_what_needs_them(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for take in range(6):
        save(tmp_path / "made" / f"sample_{take}.wav", tone(list(PITCH)[take % 3], 100 + take))
    assert evaluate(tmp_path / "made", "--reference", real, "--out", tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    accuracy = figure(report, "evaluator/accuracy")
    assert (accuracy["value"], accuracy["why"]) == (None, "its clips have no labels")
    assert figure(report, "evaluator/accuracy", "real")["value"] == 1
    assert figure(report, "evaluator/is")["value"] > 2.5
    assert "generated" not in report["sections"]["evaluator"]["details"]["confusion"]["systems"]
    assert "clips have no labels" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_with_the_judges_that_are_installed(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every offline package on a handful of real clips: what is real is heard, and not as noise."""
    monkeypatch.undo()
    for word in ("seven", "happy"):
        clips = sorted((recordings / "speech_commands" / word).glob("*.flac"))
        for k, path in enumerate(clips[:9]):
            folder = "made" if k < 3 else "training" if k < 5 else "real"
            (tmp_path / folder / word).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / word / path.name).symlink_to(path)
    out = tmp_path / "out"
    training = tmp_path / "training"
    arguments = ("--reference", tmp_path / "real", "--training", training, "--out", out)
    assert evaluate(tmp_path / "made", *arguments) == 0
    report = report_of(out)
    assert {"sc09_resnext", "vggish", "whisper", "scoreq"} <= set(report["missing"])
    offline = ["pocketsphinx", "speech_embedding", "dnsmos", "distillmos", "novelty", "resemblyzer"]
    assert [name for name in offline if name in report["sections"]] == offline
    for name in offline:
        for found in report["sections"][name]["figures"]:
            value = found["systems"]["generated"]["value"]
            if found["key"].endswith("infinite"):  # wants fifty clips
                assert value is None
            else:
                assert value is not None, found["key"]
    wrong = {pair["key"] for pair in report["misranked"] if pair["worse"] == "noise"}
    assert not wrong & {"speech_embedding/fad", "distillmos/distillmos", "pocketsphinx/accuracy"}
    assert figure(report, "novelty/copies", "training")["value"] == 1
    assert figure(report, "novelty/copies")["value"] == 0
