"""What `scoresubnet evaluate` samples from weights."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation import sections
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.sections.classifiers import by_evaluator
from scoresubnet.evaluation.sections.intelligibility import by_pocketsphinx
from scoresubnet.evaluation.sections.noise import by_classifier
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.vocoders import GriffinLim
from scoresubnet.weights import load_model, save_model
from scoresubnet.word_evaluator import file as evaluators
from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtConfig
from tests.commands.evaluate.quick import (
    PITCH,
    Ear,
    ear,
    evaluate,
    figure,
    report_of,
    save,
    tone,
)


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
    monkeypatch.setattr(sections, "SECTIONS", {"evaluator": ear, "classifier": by_classifier})
    for take in range(6):
        save(tmp_path / "real" / f"sample_{take}.wav", tone("one", take))
    arguments = ("--weights", weights, "--reference", tmp_path / "real", "--steps", "1")
    assert evaluate(*arguments, "--out", tmp_path / "out", "--count", "2") == 0
    report = report_of(tmp_path / "out")
    assert report["sections"]["classifier"]["figures"][0]["systems"] == {}


def test_an_unconditional_generator(real: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--weights", weights, "--reference", real, "--out", out, "--steps", "2")
    assert evaluate(*arguments, "--count", "3", "--labels", "none") == 0
    report = report_of(out)
    assert report["labels"] == ["one", "two"]  # what it may say
    assert report["evaluated"]["generated"]["labelled"] is False
    assert len(list((out / "generated/none").glob("*.wav"))) == 3
    assert figure(report, "evaluator/accuracy")["value"] is None
