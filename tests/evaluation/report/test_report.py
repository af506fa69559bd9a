from __future__ import annotations

import html
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoresubnet.evaluation.report.assemble import Report, assemble
from scoresubnet.evaluation.report.figures import (
    accuracy_figure,
    bars_figure,
    confusion_figure,
    mel_grid,
)
from scoresubnet.evaluation.report.html import data_url, html_page
from scoresubnet.evaluation.report.markdown import callouts, differences, markdown, table
from scoresubnet.evaluation.results import Estimate, Finding, Metric, Section, absent
from scoresubnet.evaluation.systems import System, Systems

SILENCE = np.zeros(16_000, dtype=np.float32)


def systems() -> Systems:
    names = ("generated", "real", "vocoded", "noise", "silence")
    rows = {name: System(name, [SILENCE] * 4, None) for name in names}
    return Systems(rows, ("generated",), System("reference", [SILENCE] * 3, None))


@pytest.fixture
def report() -> Report:
    section = Section(
        "judge",
        "By a <judge>",
        [
            Finding(
                Metric("judge/x", "X | or <y>", "lower", 2),
                {
                    "generated": Estimate(1.234, 4, 1.0, 1.5, "percentile"),
                    "real": absent("infinite", 4),
                    "vocoded": Estimate(3.0, 4),
                    "noise": Estimate(2.0, 4),
                },
            )
        ],
        {"weights": "abc"},
    )
    about = {
        "evaluated": {"generated": {"what": "made & <sampled>", "labelled": False}},
        "reference": {"what": "real"},
        "labels": ["a"],
        "left_out": {"generated": [{"file": "b.wav", "reason": "broken"}], "real": []},
    }
    times = {"seconds": {"judge": 1.5}}
    return assemble(about, systems(), [section], {"whisper": "give --whisper"}, {}, times)


def test_it_is_json(report: Report) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["set_size"], report["reference_clips"]) == (3, 3)
    assert [pair["worse"] for pair in report["misranked"]] == ["noise"]


def test_a_table_has_a_line_for_every_system(report: Report) -> None:
    lines = table(report, report["sections"]["judge"])
    assert lines[0] == ["", "X | or <y> \u2193 \u2021"]
    assert [line[1] for line in lines[1:]] == [
        "1.23 (1.00 to 1.50)",
        "\u2013",
        "3.00",
        "2.00",
    ]
    assert len(lines) == 5  # silence has no figure, and no reason for it


def test_rows_within_their_intervals_are_not_told_apart(report: Report) -> None:
    (pair,) = report["misranked"]
    pair["clear"] = False
    assert callouts(report) == [
        "Not told apart: real, through log-Mel and vocoder and Gaussian noise; their intervals "
        "overlap, and the second is ahead in judge/x."
    ]
    assert table(report, report["sections"]["judge"])[0] == ["", "X | or <y> \u2193"]


def test_differences_that_leave_out_zero_are_marked(report: Report) -> None:
    (figure,) = report["sections"]["judge"]["figures"]
    figure["systems"]["other"] = figure["systems"]["generated"]
    for low, mark in ((-0.5, ""), (0.25, " *")):
        found = {"value": 0.5, "count": 7, "low": low, "high": 0.75}
        figure["differences"] = {"other - generated": found}
        head, line = differences(report, "generated", "other")
        assert head == ["", "generated", "other", "other less generated", "clips"]
        assert line[0].startswith("judge: X | or <y>")
        assert line[3] == f"+0.50 ({low:+.2f} to +0.75){mark}"
        assert line[4] == "7"


def test_markdown_says_it_all(report: Report) -> None:
    text = markdown(report)
    assert "| generated | 1.23 (1.00 to 1.50) |\n" in text
    assert "|  | X \\| or \\<y> \u2193 \u2021 |\n| --- | ---: |\n" in text
    assert "- X \\| or \\<y>, real test clips: infinite\n" in text
    assert "prefers Gaussian noise, 2.00, to real, through log-Mel and vocoder, 3.00" in text
    assert "- whisper: give --whisper\n" in text
    assert "- generated, 1: b.wav (broken)\n" in text
    assert "have no labels" in text
    assert "## Cost" not in text


def test_the_page_needs_nothing_else_and_escapes(report: Report) -> None:
    figure = bars_figure(report)
    assert figure is not None
    page = html_page(report, {"Bars": figure})
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page
    assert "By a &lt;judge&gt;" in page
    assert "made &amp; &lt;sampled&gt;" in page
    assert "<y>" not in page
    assert "<tr class=evaluated><td>generated</td><td>1.23 (1.00 to 1.50)</td></tr>" in page


def test_the_same_figure_is_the_same_page(report: Report) -> None:
    pages = []
    for _ in range(2):
        figure = bars_figure(report)
        assert figure is not None
        pages.append(html_page(report, {"Bars": figure}))
    assert pages[0] == pages[1]


def test_bars_mark_what_is_out_of_order(report: Report) -> None:
    figure = bars_figure(report)
    assert figure is not None
    (panel,) = figure.axes
    assert panel.title.get_color() == "#b3541e"
    bars: list[Any] = list(panel.patches)
    assert [bar.get_width() for bar in bars] == [1.234, 3.0, 2.0]
    report["sections"] = {}
    assert bars_figure(report) is None


def test_confusions_are_shares_of_lines() -> None:
    confusion = {
        "heard": ["a", "b"],
        "systems": {"generated": {"asked": ["a", "b"], "counts": [[3, 1], [0, 2]]}},
    }
    figure = confusion_figure(confusion, "judge")
    shares = figure.axes[0].images[0].get_array()
    assert shares is not None
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0.0, 1.0]])


HARD = ["$x^$", "`a`", "a|b", "<b>", "*c*", "_d_", "你"]


def test_labels_and_names_are_text_in_every_picture(report: Report) -> None:
    """Drawn for good, as mathematics fails then; and no letter that is not in the font warns."""
    report["systems"] = {name: {"title": name} for name in HARD}
    report["evaluated"] = {name: {} for name in HARD}
    counts = np.eye(len(HARD), dtype=int).tolist()
    confusion = {"heard": HARD, "systems": {HARD[0]: {"asked": HARD, "counts": counts}}}
    share = {"value": 0.5, "low": 0.4, "high": 0.6}
    section = {
        "figures": [{"systems": dict.fromkeys(HARD, share)}] * 2,
        "details": {"times": [0.1, 0.2], "words": HARD},
    }
    row = System(HARD[0], [SILENCE] * len(HARD), tuple(HARD))
    bars = bars_figure(report)
    assert bars is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (
            bars,
            confusion_figure(confusion, "judge"),
            accuracy_figure(section),
            mel_grid(row),
        ):
            assert data_url(figure).startswith("data:image/png")


def test_labels_and_names_are_text_in_tables_and_lists(report: Report) -> None:
    report["labels"] = HARD
    report["left_out"] = {"generated": [{"file": name, "reason": "broken"} for name in HARD]}
    names = dict(zip(report["systems"], HARD, strict=False))
    for name, hard in names.items():
        report["systems"][name]["title"] = hard
    text, page = markdown(report), html_page(report, {})
    written = ["\\$x^\\$", "\\`a\\`", "a\\|b", "\\<b>", "\\*c\\*", "\\_d\\_", "你"]
    assert f"Labels: {', '.join(written)}." in text
    assert f"- generated, 7: {'; '.join(f'{name} (broken)' for name in written)}\n" in text
    assert all(f"\n| {name} | " in text for name in written[:4])
    rows = [re.sub(r"\\\|", "", line) for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3}
    assert f"Labels: {html.escape(', '.join(HARD))}." in page
    assert "<b>" not in page


def test_a_grid_shows_36_clips_at_most(tmp_path: Path) -> None:
    few = mel_grid(System("generated", [SILENCE] * 3, ("a", "b", "c")))
    assert [axes.get_title() for axes in few.axes] == ["a", "b", "c"]
    many = mel_grid(System("real", [SILENCE] * 40, None))
    assert sum(bool(axes.images) for axes in many.axes) == 36
