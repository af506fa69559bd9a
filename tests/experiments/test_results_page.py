"""The tables of a page about results are those of the files beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.experiments.results import FORMAT
from scoresubnet.experiments.results_page import filled, main


def figure(value: float | None, interval: float | None = None) -> dict[str, Any]:
    bounds = (None, None) if interval is None or value is None else (value - 1, value + interval)
    return {"value": value, "low": bounds[0], "high": bounds[1]}


GROUP: dict[str, Any] = {
    "unconditional": False,
    "vary": {},
    "against": "subnet",
    "metrics": {
        "evaluator/is": {"text": "Inception Score", "better": "higher", "digits": 2},
        "evaluator/am": {"text": "AM", "better": "lower", "digits": 3},
        "dnsmos/dnsmos_ovrl": {"text": "DNSMOS", "better": "higher", "digits": 1},
        "evaluator/accuracy": {"text": "accuracy", "better": "higher", "digits": 3},
    },
    "rows": [
        {
            "name": f"{model}_seed0",
            "model": model,
            "seed": 0,
            "variant": {},
            "figures": {
                "evaluator/is": figure(value, 2.0),
                "evaluator/am": figure(value / 8),
                "evaluator/accuracy": figure(None),
            },
        }
        for model, value in (("subnet", 6.125), ("unet", 3.0))
    ],
    "references": {"real": {"evaluator/is": figure(8.5), "dnsmos/dnsmos_ovrl": figure(2.34)}},
    "differences": {"unet_seed0 - subnet_seed0": {"evaluator/is": figure(-3.125, 0.5)}},
}
COSTS = {"parameters": 2_660_000, "trainable": 1_420_000, "guided_gmacs": 0.634}
RESULTS: dict[str, Any] = {
    "format": FORMAT,
    "models": {key: {"title": key.title(), "costs": COSTS} for key in ("subnet", "unet")},
    "groups": {"guided": GROUP},
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "results/tiny"
    folder.mkdir(parents=True)
    (folder / "table.json").write_text(json.dumps(RESULTS))
    marks = ("<!-- table: tiny guided values -->", "<!-- table: tiny guided differences -->")
    text = "\n\n".join(f"{mark}\nold\n<!-- end of table -->" for mark in marks)
    (tmp_path / "results.md").write_text(f"# Results\n\n{text}\n\nTail.\n")
    return tmp_path / "results.md"


def test_marks_are_filled(page: Path) -> None:
    """A metric without a value in any row has no column; what lies outside stays."""
    assert main([str(page)]) == 0
    first, second = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        for block in page.read_text().split("-->\n")[1::2]
    )
    assert first[0] == ["", "M parameters [trained]", "GMACs a step", "IS \u2191", "AM \u2193"]
    assert first[2] == ["Subnet", "2.66 [1.42]", "0.63", "6.12", "0.766"]
    assert first[3] == ["Unet", "2.66 [1.42]", "0.63", "3.00", "0.375"]
    assert first[4] == ["real test clips", "", "", "8.50", "\u2013"]
    assert second[0] == ["", "IS"]
    assert second[2] == ["Unet \u2212 Subnet", "-3.12 (-4.12 to -2.62)"]
    text = page.read_text()
    assert text.startswith("# Results\n\n<!-- table: tiny guided values -->\n|")
    assert text.endswith("|\n<!-- end of table -->\n\nTail.\n")
    assert filled(page) == text


def test_a_line_for_each_model_along_what_varies(page: Path) -> None:
    """Without models and columns of which there is no value; unlike seeds are apart."""

    def row(model: str, gamma: str, seed: int, fid: float | None, share: float | None) -> Any:
        unseen = None if share is None else {"right": 1, "clips": 8, "share": share}
        figures = {"evaluator/frechet_infinite": figure(fid)}
        about = {"model": model, "seed": seed, "variant": {"guidance": gamma}}
        return about | {"name": "", "figures": figures, "unseen": unseen}

    rows = [row("subnet", "0", 0, 4.0, None), row("subnet", "1", 0, 2.125, None)]
    rows += [row("unet", "1", 0, 5.0, 0.125), row("unet", "1", 1, None, 0.5)]
    group = {"vary": {"guidance": ["0", "1", "10"]}, "rows": rows}
    path = page.parent / "results/tiny/table.json"
    path.write_text(json.dumps(RESULTS | {"groups": {"gamma": group}}))
    marks = ("<!-- table: tiny gamma fid -->", "<!-- table: tiny gamma unseen -->")
    page.write_text("\n".join(f"{mark}\n<!-- end of table -->" for mark in marks))
    first, second = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        for block in filled(page).split("-->\n")[1::2]
    )
    assert [first[0], *first[2:4]] == [
        ["guidance", "0", "1"],
        ["Subnet", "4.00", "2.12"],
        ["Unet", "\u2013", "5.00"],
    ]
    unseen = [["guidance", "1"], ["Unet", "12.5 %"], ["Unet, seed 1", "50.0 %"]]
    assert [second[0], *second[2:4]] == unseen


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("tiny gamma values -->\n\n<!-- end of table -->", "unknown group 'gamma'"),
        ("tiny guided chart -->\n\n<!-- end of table -->", "unknown kind of table 'chart'"),
        ("tiny guided fid -->\n\n<!-- end of table -->", "exactly one setting varies"),
        ("large guided values -->\n\n<!-- end of table -->", "large/table.json"),
        (
            "tiny guided -->\n\n<!-- end of table -->",
            "tiny guided -->: give it as <!-- table: NAME",
        ),
        ("tiny guided values -->\nProse.", "tiny guided values -->: give it as"),
    ],
)
def test_marks_of_what_there_is_not(
    mark: str, said: str, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is one taken for the end of another."""
    text = f"<!-- table: {mark}\n\n{page.read_text()}"
    page.write_text(text)
    assert main([str(page)]) == 1
    assert said in capsys.readouterr().err
    assert page.read_text() == text


def test_a_group_that_is_not_compared_yet_says_so(page: Path) -> None:
    path = page.parent / "results/tiny/table.json"
    without = {"guided": GROUP | {"differences": {}}}
    path.write_text(json.dumps(RESULTS | {"groups": without}))
    assert "-->\nNot compared yet.\n<!--" in filled(page)
    without["guided"]["against"] = None
    path.write_text(json.dumps(RESULTS | {"groups": without}))
    with pytest.raises(ValueError, match="without `against` has no differences"):
        filled(page)


def test_an_empty_block_is_filled(page: Path) -> None:
    expected = filled(page)
    page.write_text(page.read_text().replace("old\n", ""))
    assert filled(page) == expected
