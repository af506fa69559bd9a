"""The experiment of own words from end to end on tones, and its parts."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from scoresubnet.adaptation.head import HeadConfig
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.data.clips import Clip
from scoresubnet.experiments.own_words import __main__ as command
from scoresubnet.experiments.own_words import cell as module
from scoresubnet.experiments.own_words.cell import RESULT, Sizes
from scoresubnet.experiments.own_words.espeak import PROGRAM, speak
from scoresubnet.experiments.own_words.page import (
    MOST_NEAR,
    difference,
    figure_of,
    page_of,
    write_page,
)
from scoresubnet.experiments.own_words.spotter import (
    DSCNN,
    Clips,
    SpotterConfig,
    right,
    train_spotter,
)
from scoresubnet.experiments.own_words.words import LANGUAGES, Language, choose_recordings

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ("low", "high")
TINY = Language("english", "speech_commands", "corpus", WORDS, "", ("low", "high"), "en", False)
FEW = SpotterConfig(steps=60, batch_size=8, rates=(1e-3, 4e-3))


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

    def judges(language: Language) -> Any:
        return {"fake": lambda clips: ["low"] * len(clips)}

    head = partial(HeadConfig, most_copies=6, steps=60, batch_size=32)
    monkeypatch.setattr("scoresubnet.adaptation.words.HeadConfig", head)
    monkeypatch.setattr(module, "speak", spoken)
    monkeypatch.setattr(module, "_judges", judges)
    recipe = ScoreRecipe(most_steps=2, least_steps=1, batch_size=4, validate_every=1)
    spotter = SpotterConfig(steps=2, batch_size=8, rates=(1e-3, 4e-3))
    sizes = Sizes(clips=4, judged=3, recipe=recipe, spotter=spotter)
    out = tmp_path / "out"
    given = ["--data", str(data), "--out", str(out), "--counts", "5", "--english", str(weights)]
    monkeypatch.setattr(command, "SEEDS", (0,))
    monkeypatch.delitem(LANGUAGES, "arabic")
    monkeypatch.setattr(command, "LANGUAGES", LANGUAGES | {"arabic": TINY})
    arguments = [*given, "--arabic", str(weights), "--precision", "bf16-mixed"]
    # The second language would be the same cell: it is found made.
    assert command.main(arguments, sizes) == 0
    cells = sorted(path.parent.name for path in out.glob(f"cells/*/{RESULT}"))
    assert cells == ["english-05-0"]
    results = json.loads((out / "own-words.json").read_text())
    for result in results:
        assert set(result["heard"]) == {"fake"}
        heard = result["heard"]["fake"]
        assert heard["generated"] == heard["real"] == {"low": 1.0, "high": 0.0}
        known = [share is not None for share in heard["kept"].values()]
        assert known == [share is not None for share in result["near"]["kept"].values()]
        assert any(known) == (result["accepted"] > 0)
        assert next(iter(result["spotters"])) == "recordings"
        assert len(result["spotters"]) == 6
        assert all(0 <= found["right"] <= 1 for found in result["spotters"].values())
        assert all(0 <= share <= 1 for share in result["near"]["generated"].values())
        assert result["precision"] == "bf16-mixed"
    page = (out / "own-words.md").read_text()
    assert "## English" in page
    assert (out / "own-words.png").stat().st_size > 1000
    monkeypatch.setattr(module.Cell, "run", lambda *a: pytest.fail("made twice"))
    assert command.main(arguments, sizes) == 0
    for name, other in (("precision", "32-true"), ("english", "words18-small")):
        changed = [*arguments]
        changed[arguments.index(f"--{name}") + 1] = other
        said = "weights" if name == "english" else name
        with pytest.raises(ValueError, match=f"is of other {said}; choose another --out"):
            command.main(changed, sizes)
    path = out / "cells/english-05-0" / RESULT
    path.write_text(json.dumps({k: v for k, v in results[0].items() if k != "format"}))
    with pytest.raises(ValueError, match="is of other format"):
        command.main(arguments, sizes)
    with pytest.raises(ValueError, match="is of other format"):
        write_page(out)


def test_recordings_are_of_as_many_speakers_as_there_are(tmp_path: Path) -> None:
    clips = []
    for speaker, takes in {"a": 4, "b": 1, "c": 3}.items():
        for take in range(takes):
            path = tmp_path / f"corpus/{speaker}_nohash_{take}.wav"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")
            clips.append(Clip(path, "word", "training", "folder", speaker=speaker))
    for count, speakers in ((3, "abc"), (5, "aabcc"), (20, "aaaabccc")):
        folder = tmp_path / f"chosen{count}"
        choose_recordings(clips, count, 0, folder)
        assert "".join(sorted(path.name[0] for path in folder.glob("word/*"))) == speakers
    choose_recordings(clips, 2, 1, tmp_path / "one")
    choose_recordings(clips, 2, 1, tmp_path / "same")
    one, same = ({p.name for p in (tmp_path / f / "word").iterdir()} for f in ("one", "same"))
    assert one == same


def _tones(count: int, seed: int) -> Clips:
    """Energy in the lower or the upper bands."""
    generator = torch.Generator().manual_seed(seed)
    x = -0.9 + 0.1 * torch.randn(2 * count, 1, 80, 64, generator=generator)
    x[:count, :, :30] += 1.2
    x[count:, :, 50:] += 1.2
    return Clips(x.clamp(-1, 1), torch.arange(2).repeat_interleave(count))


def test_a_spotter_learns_what_differs() -> None:
    """The same one for the same seed; of labels that mean nothing it learns nothing."""
    clips, others = _tones(10, 0), _tones(20, 1)
    first, again = (train_spotter([clips], 2, 4e-3, FEW, seed=3) for _ in range(2))
    assert right(first, others.x, others.labels) == 1
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    shuffled = Clips(clips.x, torch.arange(20) % 2)
    lost = train_spotter([shuffled], 2, 4e-3, FEW, seed=3)
    assert right(lost, others.x, others.labels) < 0.8


def test_words_weigh_alike() -> None:
    class Constant(DSCNN):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([1.0, 0.0]).expand(len(x), 2)

    x = torch.zeros(10, 1, 80, 64)
    assert right(Constant(2), x, torch.tensor([0] * 9 + [1])) == pytest.approx(0.5)


def test_its_size_is_that_of_the_paper() -> None:
    """Zhang et al. 2017, table 6: about 24 thousand weights for twelve words."""
    weights = sum(parameter.numel() for parameter in DSCNN(12).parameters())
    assert 20_000 < weights < 26_000


def test_paired_differences() -> None:
    """Student's interval for the mean of 1, 2, 3: 2 plus or minus 4.303 / sqrt(3)."""
    assert difference([1.0, 2.0, 3.0]) == "+2.0 (-0.5 to +4.5)"
    assert difference([1.5]) == "+1.5"


HEARD = {
    "pocketsphinx": {
        "generated": {"a": 0.6, "b": 0.6},
        "kept": {"a": 0.72, "b": None},
        "real": {"a": 0.8, "b": 0.8},
    }
}


def test_a_word_of_which_nothing_is_kept_counts_on_neither_side() -> None:
    """Of real clips too only the words count that the share is of; nor do draws with nothing."""
    heard = {
        "generated": {"easy": 0.9, "hard": 0.1},
        "kept": {"easy": 0.9, "hard": None},
        "real": {"easy": 1.0, "hard": 0.25},
    }
    some = {
        "language": "x",
        "recordings": 5,
        "heard": {"judge": heard},
        "near": {"generated": {"easy": 0.2, "hard": 0.0}, "kept": {"easy": 0.3, "hard": None}},
        "accepted": 0.4,
        "spotters": {"recordings": {"right": 0.5}},
    }
    none = {"easy": None, "hard": None}
    nothing = some | {
        "heard": {"judge": heard | {"kept": none}},
        "near": {"generated": {"easy": 0.2, "hard": 0.0}, "kept": none},
        "accepted": 0.0,
    }
    lines = page_of([some, nothing]).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (generated,) = (row for row in rows if row[2:3] == ["generated"])
    (kept,) = (row for row in rows if row[2:3] == ["kept"])
    assert generated == ["5", "2", "generated", "0.80 (0.80 to 0.80)", "0.10 (0.10 to 0.10)", ""]
    assert kept == ["5", "1", "kept", "0.90", "0.30", "0.20 (0.00 to 0.40)"]


def test_the_figure_has_a_point_for_each_draw() -> None:
    """Heard as a share of real recordings, by pocketsphinx where it was asked; copies in %."""
    results = [
        {
            "language": language,
            "recordings": count,
            "heard": {
                "evaluator": {"generated": {"a": 0.1}, "kept": {"a": None}, "real": {"a": 1.0}},
                **judged,
            },
            "near": {"generated": {"a": count / 100}, "kept": {"a": kept}},
            "accepted": 0.5,
            "spotters": {"recordings": {"right": count / 100}, "copies": {"right": 0.5}},
        }
        for language, kept, judged in (("arabic", None, {}), ("english", 0.01, HEARD))
        for count in ((5, 20, 20) if language == "arabic" else (20, 20))
    ]
    figure = figure_of(results)
    arabic, english, _, spotters = figure.axes
    few, many, most = arabic.get_lines()
    assert np.asarray(few.get_xydata()).tolist() == [[5, pytest.approx(0.1)]]
    assert set(np.asarray(most.get_xdata())) == {100 * MOST_NEAR}
    same, kept, _ = english.get_lines()
    assert np.asarray(kept.get_xydata()).tolist() == [[1, pytest.approx(0.9)]] * 2
    assert (kept.get_color(), kept.get_markerfacecolor()) == (same.get_color(), "none")
    for line, share in ((many, 0.1), (same, 0.75)):
        assert np.asarray(line.get_xydata()).tolist() == [[20, pytest.approx(share)]] * 2
        assert line.get_color() == many.get_color() != few.get_color()
    alone, copies = spotters.get_lines()
    assert np.asarray(alone.get_xydata()).tolist() == [[20, 20]]
    assert np.asarray(copies.get_ydata()).tolist() == [50]
    names = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    assert names == [["5 recordings", "20 recordings"], ["recordings", "copies"]]


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_espeak_speaks(tmp_path: Path) -> None:
    speak(LANGUAGES["english"], 2, 0, tmp_path / "spoken")
    paths = sorted((tmp_path / "spoken").glob("*/*.wav"))
    assert [path.parent.name for path in paths] == sorted([*LANGUAGES["english"].words] * 2)
    sounds = [soundfile.read(path)[0] for path in paths]
    assert all(np.abs(sound).max() > 0.05 for sound in sounds)
    assert len({sound.tobytes() for sound in sounds}) == len(sounds)


def test_espeak_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="espeak-ng is not installed; `apt-get install"):
        speak(LANGUAGES["english"], 1, 0, tmp_path / "spoken")
    assert not (tmp_path / "spoken").exists()
