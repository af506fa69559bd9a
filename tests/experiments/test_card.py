"""Figures of README and cards from a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.evaluation.cache import settings_key
from scoresubnet.experiments.card import BEGIN, END, main, stamp
from scoresubnet.sampling import SAMPLING_PRESETS


def estimate(value: float, count: int = 8) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "count": count, "why": None}


@pytest.fixture
def report() -> dict[str, Any]:
    rows = ("generated", "real", "vocoded")
    heard = {
        "key": "pocketsphinx/accuracy",
        **{"text": "heard as its label", "better": "higher", "digits": 3},
        "systems": {name: estimate(0.7) for name in rows},
        "differences": {},
    }
    confusion = {
        "heard": ["up", "go"],
        "systems": {"generated": {"asked": ["go", "up"], "counts": [[1, 3], [4, 0]]}},
    }
    noisy = {
        "key": "classifier/t0.1",
        **{"text": "t = 0.1", "better": "higher", "digits": 3},
        "systems": {"generated": estimate(0.9, 99)},
        "differences": {},
    }
    return {
        "evaluated": {
            "generated": {
                "weights_sha256": "0123456789abcdef",
                "vocoder": {"name": "v"},
                **SAMPLING_PRESETS["fast"].to_dict(),
            }
        },
        "systems": {name: {"title": name, "clips": 8} for name in rows},
        "versions": {"scoresubnet": "9.9"},
        "sections": {
            "pocketsphinx": {
                "title": "Heard",
                "figures": [heard],
                "details": {"confusion": confusion},
            },
            "classifier": {"title": "Noise", "figures": [noisy], "details": {"times": [0.1]}},
        },
    }


def test_figures_are_written_between_the_marks(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    readme, card = tmp_path / "README.md", tmp_path / "card.md"
    for path in (readme, card):
        path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert main([str(tmp_path), "--readme", str(readme), "--card", str(card)]) == 0
    text = readme.read_text()
    key = settings_key("vocoder", {"name": "v"})
    assert f"8 clips of weights 0123456789ab, vocoder {key}, scoresubnet 9.9; dpmpp-2m-sde" in text
    assert "| pocketsphinx: heard as its label \u2191 | 0.700 (0.600 to 0.800) |" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| up |" not in text
    text = card.read_text()
    assert "| up | 100 % (4/4) |" in text
    assert "| go | 75 % (3/4) |" in text
    assert "| right, % | 90.0 |" in text
    assert main([str(tmp_path), "--card", str(card)]) == 0
    assert card.read_text() == text


def test_a_file_without_marks_and_a_folder_of_clips_are_refused(
    report: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="no place for figures"):
        main([str(tmp_path), "--readme", str(tmp_path / "README.md")])
    assert (tmp_path / "README.md").read_text() == "nothing"
    del report["evaluated"]["generated"]["weights_sha256"]
    with pytest.raises(ValueError, match="one system that was sampled"):
        stamp(report)
