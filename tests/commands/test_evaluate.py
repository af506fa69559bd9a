"""`scoresubnet evaluate`, as a user types it, with judges that are quick."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from numpy.typing import ArrayLike

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.evaluation import sections
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.report import files
from scoresubnet.evaluation.results import Section
from scoresubnet.evaluation.sections.classifiers import by_evaluator, classifier_section
from scoresubnet.evaluation.sections.common import Judging, Measured
from scoresubnet.evaluation.sections.intelligibility import by_pocketsphinx
from scoresubnet.evaluation.sections.noise import by_classifier
from scoresubnet.evaluation.sections.quality import quality_section
from scoresubnet.evaluation.systems import Systems
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.vocoders import GriffinLim
from scoresubnet.weights import ModelFile, load_model, save_model
from scoresubnet.word_evaluator import file as evaluators
from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtConfig

PITCH = {"one": 400.0, "two": 800.0, "three": 1600.0}
INSTALL = "needs pocketsphinx: pip install scoresubnet[evaluate]"


class Ear:
    """Knows three words, each a tone, by the energy at their pitches."""

    name = "evaluator"
    labels = tuple(PITCH)
    settings: dict[str, object] = {"ear": 1}  # noqa: RUF012

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        energy = np.array([[self._at(clip, f) for f in PITCH.values()] for clip in clips])
        return Embedded(np.log10(energy), energy / energy.sum(1, keepdims=True))

    def _at(self, clip: Audio, pitch: float) -> float:
        spectrum = np.abs(np.fft.rfft(clip.astype(np.float64), 16_000)) ** 2
        return float(spectrum[int(pitch) - 40 : int(pitch) + 40].sum() + 1e-3)


class Loudness:
    """Takes loud clips for good ones, or, turned round, silent ones."""

    scores: tuple[str, ...] = ("distillmos",)
    settings: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, sign: float = 1) -> None:
        self.sign = sign

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        return {"distillmos": self.sign * float(np.abs(audio).mean())}


def _ear(judging: Judging) -> Measured:
    return classifier_section("By ear", Ear(), judging)


def _absent(judging: Judging) -> Measured:
    raise ImportError(INSTALL)


def _quiet_is_good(judging: Judging) -> Measured:
    return quality_section("distillmos", "Quality", Loudness(-1), judging)


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim of two iterations; the ear alone, and a judge that is not installed.

    No pictures, half of the time, but in tests that ask for `drawn`.
    """

    def factory(settings: MelSettings, where: str | None) -> GriffinLim:
        return GriffinLim(settings, iterations=2)

    monkeypatch.setitem(vocoder.VOCODERS, "griffin-lim", factory)
    monkeypatch.setattr(sections, "SECTIONS", {"evaluator": _ear, "pocketsphinx": _absent})
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(files, "pictures", lambda report, systems: {})


@pytest.fixture
def drawn() -> None:
    """Asks `quick` for pictures."""


def tone(word: str, take: int = 0, rate: int = 16_000, seconds: float = 1.0) -> np.ndarray:
    """A take of a word: its pitch, a little off, with a little noise."""
    generator = np.random.default_rng([list(PITCH).index(word), take])
    time = np.arange(round(seconds * rate)) / rate
    pitch = PITCH[word] + generator.uniform(-20, 20)
    noise = 0.003 * generator.standard_normal(len(time))
    return generator.uniform(0.2, 0.5) * np.sin(2 * np.pi * pitch * time) + noise


def save(path: Path, audio: np.ndarray, rate: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Twelve takes of each word, one folder a word."""
    for word in PITCH:
        for take in range(12):
            save(tmp_path / "real" / word / f"{take}.wav", tone(word, take))
    return tmp_path / "real"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Four of each word; half of the `two` sound as `three`."""
    for word in PITCH:
        for take in range(4):
            said = "three" if word == "two" and take < 2 else word
            save(tmp_path / "made" / word / f"{take}.wav", tone(said, 100 + take))
    return tmp_path / "made"


def evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", *map(str, arguments)])


def report_of(out: Path) -> Any:
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def figure(report: Any, key: str, system: str = "generated") -> Any:
    figures = report["sections"][key.split("/")[0]]["figures"]
    (found,) = [f for f in figures if f["key"] == key]
    return found["systems"][system]


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


def test_nothing_to_evaluate_is_refused(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--reference", real, "--out", tmp_path / "out") == 1
    assert (
        "nothing to evaluate: give a folder of clips, --weights or --systems"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


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
    monkeypatch.setattr(sections, "SECTIONS", {"distillmos": _quiet_is_good})
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


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    """A tiny model of random weights, as a file."""
    model = make_score_model("v", classes=2)
    path = tmp_path / "tiny.safetensors"
    file = ModelFile(
        model.backbone.classifier, ("one", "two"), model.sde, MelSettings(), model.subnet, "v"
    )
    save_model(file, path)
    return path


def test_a_generator_is_sampled_once(
    real: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    arguments = ("--weights", weights, "--reference", real, "--out", out, "--steps", "2")
    asked: list[list[tuple[str, int]]] = []
    generate = SpeechGenerator.generate

    def noted(self: SpeechGenerator, labels: Any, seeds: Any, *options: Any, **more: Any) -> Any:
        if not isinstance(labels, str):  # not the one that is counted
            asked.append(list(zip(labels, seeds, strict=True)))
        return generate(self, labels, seeds, *options, **more)

    monkeypatch.setattr(SpeechGenerator, "generate", noted)
    assert evaluate(*arguments, "--count", "2", "--seed", "5") == 0
    wavs = sorted(str(p.relative_to(out)) for p in (out / "generated").rglob("*.wav"))
    expected = [f"generated/{word}/{k}.wav" for word in ("one", "two") for k in (0, 1)]
    assert wavs == expected
    first = report_of(out)
    assert asked == [[(word, clip_seed(5, word, k)) for word in ("one", "two") for k in (0, 1)]]
    assert first["evaluated"]["generated"]["steps"] == 2
    cost = first["costs"]["generated"]
    assert cost["parameters"] > cost["trainable"] > 0
    # Guidance at t = 1 is off, at 0.5 on
    assert cost["clip_gmacs"] > cost["unconditional_gmacs"] + cost["guided_gmacs"]
    assert first["times"]["sampling"]["generated"]["clips"] == 4
    assert first["times"]["sampling"]["generated"]["real_time_factor"] > 0
    assert "guided" in (out / "report.md").read_text(encoding="utf-8")

    asked.clear()
    assert evaluate(*arguments, "--count", "2", "--seed", "5") == 0
    assert asked == []
    second = report_of(out)
    assert first.pop("times") != {}
    second.pop("times")
    assert first == second

    (out / "generated/two/1.wav").unlink()
    kept = {path: path.stat().st_mtime_ns for path in (out / "generated").rglob("*.wav")}
    assert evaluate(*arguments, "--count", "3", "--seed", "5") == 0
    group = [(word, k) for word in ("one", "two") for k in range(3)]  # with what is missing
    assert asked == [[(word, clip_seed(5, word, k)) for word, k in group]]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert report_of(out)["systems"]["generated"]["clips"] == 6

    capsys.readouterr()
    assert evaluate(*arguments, "--guidance", "1", "--seed", "5") == 1
    assert "holds clips of other settings (there / now: guidance 3.0 / 1.0)" in (
        capsys.readouterr().err
    )
    assert evaluate(*arguments, "--guidance", "0") == 1
    assert "choose --labels none" in capsys.readouterr().err


def test_parts_hear_all_and_the_last_call_tells(
    real: Path,
    made: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a generator and of a folder of clips; as one process would, of which nothing is left."""
    specs = [
        {"weights": str(weights), "name": "sampled", "steps": 1, "vocoder": "griffin-lim"},
        {"folder": str(made), "name": "made"},
    ]
    rest = ("--systems", json.dumps(specs), "--reference", real, "--count", "20", "--seed", "5")
    alone, out = tmp_path / "alone", tmp_path / "out"
    assert evaluate(*rest, "--out", alone) == 0
    capsys.readouterr()
    for k in (3, 1, 2, 4):  # more parts than the three batches
        assert evaluate(*rest, "--out", out, "--part", f"{k}/4") == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if "of part" in line]
    counts = [int(line.split(": ")[1].split()[0]) for line in printed]
    assert counts == [8 + 3, 16 + 3, 16 + 3, 3]
    assert printed[0].endswith(
        "11 clips of part 3/4 judged; when all parts are, run it once without --part"
    )
    assert not list(out.glob("report.*"))

    def again(self: Any, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        raise AssertionError("done again")

    with monkeypatch.context() as patch:
        patch.setattr(Ear, "__call__", again)
        patch.setattr(GriffinLim, "__call__", again)
        patch.setattr("scoresubnet.evaluation.generated.GeneratedClips.cost", lambda self: {})
        patch.setattr("scoresubnet.evaluation.run.write_report", lambda *a: [])
        assert evaluate(*rest, "--out", out) == 0
    assert evaluate(*rest, "--out", out) == 0
    first, second = report_of(alone), report_of(out)
    sampling = second.pop("times")["sampling"]["sampled"]
    assert (sampling["clips"], first.pop("times")["sampling"]["sampled"]["clips"]) == (40, 40)
    assert sampling["seconds"] > 0
    assert first == second


def test_aliases_choose_their_labels(real: Path, weights: Path, tmp_path: Path) -> None:
    model = load_model(weights)
    model.aliases = {"eins": "one", "un": "one"}
    save_model(model, weights)
    out = tmp_path / "out"
    arguments = ("--weights", weights, "--reference", real, "--out", out, "--steps", "1")
    assert evaluate(*arguments, "--count", "2", "--labels", "eins", "two", "un") == 0
    assert report_of(out)["labels"] == ["one", "two"]
    assert sorted(path.name for path in (out / "generated").iterdir() if path.is_dir()) == [
        "one",
        "two",
    ]


def test_arabic_clips_are_judged_by_the_evaluator_that_knows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none does, and where a recogniser knows English alone, this is said."""
    spoken = {"zero": "sifr", "no": "la"}
    for split, speakers in (("train", (0,)), ("val", (1,)), ("test", (2, 3, 4, 5))):
        lines = ["file,class"]
        for keyword, word in zip(spoken, PITCH, strict=False):
            for speaker in speakers:
                name = f"0000000{speaker}_NO_01"
                save(tmp_path / "arabic" / keyword / f"{name}.wav", tone(word, speaker))
                lines.append(f"dataset/{keyword}/{name}.wav,{keyword}")
                save(tmp_path / "made" / spoken[keyword] / f"{name}.wav", tone(word, 9))
        (tmp_path / "arabic" / f"{split}.csv").write_text("\n".join(lines))
    judges = {"evaluator": by_evaluator, "pocketsphinx": by_pocketsphinx}
    monkeypatch.setattr(sections, "SECTIONS", judges)
    monkeypatch.setattr(evaluators, "FOLDER", tmp_path / "shipped")
    network = ResNeXt(ResNeXtConfig((8, 16), (1, 1), 4), 2)
    arguments = (tmp_path / "made", "--reference", tmp_path / "arabic", "--out", tmp_path / "out")
    for name, labels in (("words18", ("yes", "no")), ("arabic16", ("la", "sifr"))):
        known = evaluators.EvaluatorFile(network, labels, evaluators.FRONT_END)
        evaluators.save_evaluator(known, tmp_path / "shipped" / f"{name}.safetensors")
        assert evaluate(*arguments) == 0
        report = report_of(tmp_path / "out")
        assert report["labels"] == ["la", "sifr"]
        counts = {row: report["systems"][row]["clips"] for row in ("generated", "real", "training")}
        assert counts == {"generated": 12, "real": 4, "training": 2}
        why = report["missing"]["pocketsphinx"]
        assert re.search("'sifr'.*English words|needs pocketsphinx", why)
        assert ("evaluator" in report["sections"]) == (name == "arabic16")
        if name == "words18":
            expected = "does not know la, sifr; choose with --labels from yes, no, or give one that"
            assert expected in report["missing"]["evaluator"]
    assert report["sections"]["evaluator"]["settings"]["labels"] == ["la", "sifr"]
    assert evaluate(*arguments, "--evaluator", "words18") == 0
    assert "from yes, no" in report_of(tmp_path / "out")["missing"]["evaluator"]


def test_weights_with_settings_of_their_own(real: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    systems = [
        {"weights": str(weights), "name": "short", "steps": 1, "guidance": 1e-1},
        {"weights": str(weights), "name": "no", "steps": 3, "vocoder": "griffin-lim"},
    ]
    written = yaml.safe_dump(systems, default_flow_style=True).replace("'no'", "no")  # plain
    arguments = ("--systems", written, "--reference", real, "--out", out)
    assert evaluate(*arguments, "--count", "2") == 0
    report = report_of(out)
    assert [report["evaluated"][name]["steps"] for name in ("short", "no")] == [1, 3]
    assert report["evaluated"]["short"]["guidance"] == 0.1
    assert report["evaluated"]["no"]["vocoder"]["name"] == "griffin-lim"
    assert report["evaluated"]["short"]["vocoder"] != report["evaluated"]["no"]["vocoder"]
    assert (out / "generated/short/one/1.wav").is_file()
    found = report["sections"]["evaluator"]["figures"][0]["differences"]["no - short"]
    assert found["count"] == 4


def test_weights_against_clips_without_labels(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "SECTIONS", {"evaluator": _ear, "classifier": by_classifier})
    for take in range(6):
        save(tmp_path / "real" / f"sample_{take}.wav", tone("one", take))
    arguments = ("--weights", weights, "--reference", tmp_path / "real", "--steps", "1")
    assert evaluate(*arguments, "--out", tmp_path / "out", "--count", "2") == 0
    report = report_of(tmp_path / "out")
    assert report["sections"]["classifier"]["figures"][0]["systems"] == {}


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


def test_an_unconditional_generator(real: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--weights", weights, "--reference", real, "--out", out, "--steps", "2")
    assert evaluate(*arguments, "--count", "3", "--labels", "none") == 0
    report = report_of(out)
    assert report["labels"] == ["one", "two"]  # what it may say
    assert report["evaluated"]["generated"]["labelled"] is False
    assert len(list((out / "generated/none").glob("*.wav"))) == 3
    assert figure(report, "evaluator/accuracy")["value"] is None


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
