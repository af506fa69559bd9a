"""A cell of the experiment on own words, from end to end on tones."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.experiments.own_words import cell as module
from scoresubnet.experiments.own_words import command
from scoresubnet.experiments.own_words.cell import RESULT, Sizes
from scoresubnet.experiments.own_words.page import write_page
from scoresubnet.experiments.own_words.spotter import SpotterConfig
from scoresubnet.experiments.own_words.words import LANGUAGES, Language

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ("low", "high")
TINY = Language("english", "speech_commands", "corpus", WORDS, "", ("low", "high"), "en", False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Tones of two heights by 24 speakers, in the layout and with the lists of Speech Commands."""
    root = tmp_path / "data/corpus"
    random, time = np.random.default_rng(0), np.arange(16_000) / 16_000
    lists: dict[str, list[str]] = {"validation": [], "testing": []}
    for word, height in zip(WORDS, (200, 1500), strict=True):
        (root / word).mkdir(parents=True)
        for k in range(24):
            sound = 0.3 * np.sin(2 * np.pi * height * (1 + 0.01 * k) * time)
            sound += 0.003 * random.standard_normal(16_000)
            name = f"{k:08x}_nohash_0.wav"
            soundfile.write(root / word / name, sound.astype("f4"), 16_000)
            if k >= 12:
                lists["validation" if k < 18 else "testing"].append(f"{word}/{name}\n")
    for split, lines in lists.items():
        (root / f"{split}_list.txt").write_text("".join(lines))
    return tmp_path / "data"


@pytest.mark.usefixtures("few_copies")
def test_a_cell_is_made_and_written_up(
    data: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(LANGUAGES, "english", TINY)

    def spoken(language: Language, count: int, seed: int, folder: Path) -> None:
        for word in WORDS:
            shutil.copytree(data / "corpus" / word, folder / word)

    def judges(language: Language, data: Path) -> Any:
        return {"speech embedding": lambda clips: ["low"] * len(clips)}

    monkeypatch.setattr(command, "require_espeak", lambda: None)
    monkeypatch.setattr(module, "speak", spoken)
    monkeypatch.setattr(module, "judges", judges)
    recipe = ScoreRecipe(most_steps=2, least_steps=1, again_steps=0, batch_size=4)
    spotter = SpotterConfig(steps=2, batch_size=8, rates=(1e-3, 4e-3))
    sizes = Sizes(5, 4, 3, 4, recipe, spotter)
    out = tmp_path / "out"
    given = ["--data", str(data), "--out", str(out), "--english", str(weights)]
    given += ["--counts", "5", "--seeds", "0"]
    monkeypatch.delitem(LANGUAGES, "arabic")
    monkeypatch.setattr(command, "LANGUAGES", LANGUAGES | {"arabic": TINY})
    arguments = [*given, "--arabic", str(weights), "--precision", "bf16-mixed"]
    # The second language would be the same cell: it is found made.
    assert command.main(arguments, sizes) == 0
    cells = sorted(path.parent.name for path in out.glob(f"cells/*/{RESULT}"))
    assert cells == ["english-05-0"]
    results = json.loads((out / "own-words.json").read_text())
    (result,) = results
    heard = result["heard"]["speech embedding"]
    assert heard["generated"] == heard["espeak"] == heard["real"] == {"low": 1.0, "high": 0.0}
    for word, count in result["accepted"].items():
        assert (
            (heard["kept"][word] is None) == (count == 0) == (result["near"]["kept"][word] is None)
        )
    assert all(0 <= share <= 1 for share in result["near"]["generated"].values())
    assert all(limit > 0 for limit in result["near"]["limit"].values())
    testing = json.loads((out / "testing-english.json").read_text())
    assert len(testing) == 12
    assert next(iter(result["spotters"])) == "recordings"
    assert len(result["spotters"]) == 10
    for found in result["spotters"].values():
        assert found["validation"] == max(own for own, _ in found["of_rate"].values())
        assert found["right"] == found["of_rate"][f"{found['rate']:g}"][1]
        hits = [
            line.startswith(WORDS[int(digit)])
            for line, digit in zip(testing, found["guessed"], strict=True)
        ]
        assert np.mean(hits) == pytest.approx(found["right"])  # as many of each word
    assert result["sizes"]["recipe"]["precision"] == "bf16-mixed"
    page = (out / "own-words.md").read_text()
    assert "## English" in page
    assert (out / "own-words.png").stat().st_size > 1000
    monkeypatch.setattr(module.Cell, "run", lambda *a: pytest.fail("made twice"))
    monkeypatch.setattr(command, "_require", lambda *a: pytest.fail("nothing is to be made"))
    assert command.main(arguments, sizes) == 0
    for name, other in (("precision", "32-true"), ("english", "words18-small")):
        changed = [*arguments]
        changed[arguments.index(f"--{name}") + 1] = other
        said = "weights" if name == "english" else "sizes"
        capsys.readouterr()
        assert command.main(changed, sizes) == 1
        assert f"is of other {said}; choose another --out" in capsys.readouterr().err
    path = out / "cells/english-05-0" / RESULT
    path.write_text(json.dumps({k: v for k, v in results[0].items() if k != "format"}))
    arguments[arguments.index("--counts") + 1] = "10"  # it would not be made again
    capsys.readouterr()
    assert command.main(arguments, sizes) == 1
    assert f"own_words: {path}: is of other format" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is of other format"):
        write_page(out)
    for damaged in ("", "[1]"):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"english-05-0.*damaged"):
            write_page(out)


def test_a_cell_that_fails_does_not_end_the_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []

    def fails(self: module.Cell) -> None:
        begun.append(self.folder.name)
        raise ValueError("no luck")

    monkeypatch.setattr(module.Cell, "run", fails)
    monkeypatch.setattr(command, "_require", lambda *a: None)
    given = ["--data", str(data), "--out", str(tmp_path / "out"), "--counts", "5", "10"]
    assert command.main([*given, "--seeds", "0"]) == 1
    assert begun == ["arabic-05-0", "arabic-10-0"]
    assert "arabic-10-0 failed: no luck" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["espeak-ng", "recordings", "weights", "judge", "graphs"])
def test_what_is_missing_is_told_before_anything_is_made(
    missing: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_package() -> None:
        raise ImportError("install the package")

    monkeypatch.setitem(LANGUAGES, "english", TINY)
    monkeypatch.setattr("shutil.which", lambda name: None if missing == "espeak-ng" else name)
    if missing == "judge":
        monkeypatch.setattr(command, "require_judge", no_package)
    if missing == "graphs":
        monkeypatch.setattr(command, "find_spec", lambda name: None if name == "onnx" else name)
    given = {
        "data": tmp_path / "nowhere" if missing == "recordings" else data,
        "out": tmp_path / "out",
        "english": "words99" if missing == "weights" else "words18-small",
        "arabic": "null",
    }
    arguments = [str(part) for name, value in given.items() for part in (f"--{name}", value)]
    assert command.main(arguments) == 1
    said = {
        "espeak-ng": "own_words: espeak-ng is not installed; `apt-get install espeak-ng`",
        "recordings": f"own_words: {tmp_path / 'nowhere/corpus'}",
        "weights": "own_words: words99: no such file or folder",
        "judge": "own_words: install the package",
        "graphs": "own_words: No module named 'onnx'; pip install",
    }
    assert capsys.readouterr().err.startswith(said[missing])
    assert not (tmp_path / "out").exists()
