"""A cell of the experiment on own words, from end to end on tones."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from scoresubnet.adaptation.head import HeadConfig
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.experiments.own_words import __main__ as command
from scoresubnet.experiments.own_words import cell as module
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


def test_a_cell_is_made_and_written_up(
    data: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LANGUAGES, "english", TINY)

    def spoken(language: Language, count: int, seed: int, folder: Path) -> None:
        for word in WORDS:
            shutil.copytree(data / "corpus" / word, folder / word)

    def judges(language: Language, data: Path) -> Any:
        return {"speech embedding": lambda clips: ["low"] * len(clips)}

    head = partial(HeadConfig, most_copies=6, steps=60, batch_size=32)
    monkeypatch.setattr("scoresubnet.adaptation.words.HeadConfig", head)
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
    assert command.main(arguments, sizes) == 0
    for name, other in (("precision", "32-true"), ("english", "words18-small")):
        changed = [*arguments]
        changed[arguments.index(f"--{name}") + 1] = other
        said = "weights" if name == "english" else "sizes"
        with pytest.raises(ValueError, match=f"is of other {said}; choose another --out"):
            command.main(changed, sizes)
    path = out / "cells/english-05-0" / RESULT
    path.write_text(json.dumps({k: v for k, v in results[0].items() if k != "format"}))
    with pytest.raises(ValueError, match="is of other format"):
        command.main(arguments, sizes)
    with pytest.raises(ValueError, match="is of other format"):
        write_page(out)


def test_a_cell_that_fails_does_not_end_the_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []

    def fails(self: module.Cell) -> None:
        begun.append(self.folder.name)
        raise ValueError("no luck")

    monkeypatch.setattr(module.Cell, "run", fails)
    given = ["--data", str(data), "--out", str(tmp_path / "out"), "--counts", "5", "10"]
    assert command.main([*given, "--seeds", "0"]) == 1
    assert begun == ["arabic-05-0", "arabic-10-0"]
    assert "arabic-10-0 failed: no luck" in capsys.readouterr().err
