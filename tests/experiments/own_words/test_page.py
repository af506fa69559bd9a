"""Tables and figure of the experiment on own words."""

import numpy as np
import pytest

from scoresubnet.evaluation.report.markdown import DASH
from scoresubnet.experiments.own_words.arms import (
    ACCEPTED,
    BOTH,
    GENERATED,
    PLAIN,
    PLAIN_GENERATED,
    RECORDINGS,
    SPOKEN,
)
from scoresubnet.experiments.own_words.page import MOST_NEAR, difference, figure_of, page_of


def test_paired_differences() -> None:
    """Student's interval for the mean of 1, 2, 3: 2 plus or minus 4.303 / sqrt(3)."""
    assert difference([1.0, 2.0, 3.0]) == "+2.0 (-0.5 to +4.5)"
    assert difference([1.5]) == "+1.5"


ARMS = (RECORDINGS, GENERATED, SPOKEN, BOTH, PLAIN, PLAIN_GENERATED)
HEARD = {
    "pocketsphinx": {
        "generated": {"a": 0.6, "b": 0.6},
        "espeak": {"a": 0.4, "b": 0.8},
        "kept": {"a": 0.72, "b": None},
        "real": {"a": 0.8, "b": 0.8},
    }
}


def test_a_word_of_which_nothing_is_kept_counts_on_neither_side() -> None:
    """Of real clips too only the words count that the share is of; nor do draws with nothing."""
    heard = {
        "generated": {"easy": 0.9, "hard": 0.1},
        "kept": {"easy": 0.9, "hard": None},
        "espeak": {"easy": 0.5, "hard": 0.25},
        "real": {"easy": 1.0, "hard": 0.25},
    }
    some = {
        "language": "english",
        "seed": 0,
        "recordings": 5,
        "heard": {"judge": heard},
        "near": {"generated": {"easy": 0.2, "hard": 0.0}, "kept": {"easy": 0.3, "hard": None}},
        "accepted": {"easy": 8, "hard": 0},
        "sizes": {"made": 10},
        "spotters": {name: {"right": 0.5} for name in ARMS},
    }
    none = {"easy": None, "hard": None}
    nothing = some | {
        "heard": {"judge": heard | {"kept": none}},
        "near": {"generated": {"easy": 0.2, "hard": 0.0}, "kept": none},
        "accepted": {"easy": 0, "hard": 0},
    }
    lines = page_of([some, nothing]).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (generated,) = (row for row in rows if row[2:3] == ["generated"])
    (kept,) = (row for row in rows if row[2:3] == ["kept"])
    (spoken,) = (row for row in rows if row[2:3] == ["espeak-ng"])
    assert spoken[:4] == [DASH, "1", "espeak-ng", "0.60"]  # spoken once for both
    assert generated == ["5", "2", "generated", "0.80 (0.80 to 0.80)", "0.10 (0.10 to 0.10)", ""]
    assert kept == ["5", "1", "kept", "0.90", "0.30", "0.20 (0.00 to 0.40)"]


def test_gains_are_paired_by_draw() -> None:
    """Of ten and twenty recordings; a single draw has no interval."""
    heard = {"judge": {name: {"a": 1.0} for name in ("generated", "kept", "espeak", "real")}}
    results = [
        {
            "language": "english",
            "seed": 0,
            "recordings": count,
            "heard": heard,
            "near": {"generated": {"a": 0.0}, "kept": {"a": 0.0}},
            "accepted": {"a": 1},
            "sizes": {"made": 1},
            "spotters": {
                RECORDINGS: {"right": alone},
                GENERATED: {"right": alone + gain},
                SPOKEN: {"right": alone + 0.02},
                BOTH: {"right": alone + 0.025 + gain},
                PLAIN: {"right": alone - 0.2},
                PLAIN_GENERATED: {"right": alone - 0.15 + gain},
            },
        }
        for count, alone, gain in ((20, 0.5, 0.01), (20, 0.9, 0.03), (10, 0.4, -0.1))
    ]
    rows = [line.strip("| ") for line in page_of(results).splitlines() if "|" in line]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    assert ["% right; recordings a word", "10, 1 draw", "20, 2 draws"] in cells
    assert ["recordings", "40.0", "70.0"] in cells
    assert [GENERATED, "30.0; -10.0", "72.0; +2.0 (-10.7 to +14.7)"] in cells
    assert ["augmentation", "+20.0", "+20.0 (+20.0 to +20.0)"] in cells
    assert ["generated clips", "-5.0", "+7.0 (-5.7 to +19.7)"] in cells
    assert ["both", "+10.0", "+22.0 (+9.3 to +34.7)"] in cells
    more = "augmentation more than generated clips"
    assert [more, "+25.0", "+13.0 (+0.3 to +25.7)"] in cells
    assert ["espeak more than generated clips", "+12.0", "+0.0 (-12.7 to +12.7)"] in cells
    assert ["generated clips where espeak is there", "-9.5", "+2.5 (-10.2 to +15.2)"] in cells
    where = "where generated clips are there"
    assert [f"augmentation {where}", "+15.0", "+15.0 (+15.0 to +15.0)"] in cells
    assert [f"espeak {where}", "+2.5", "+2.5 (+2.5 to +2.5)"] in cells


def test_the_figure_has_a_point_for_each_draw() -> None:
    """Heard as a share of real recordings, by pocketsphinx where it was asked; copies in %."""
    results = [
        {
            "language": language,
            "recordings": count,
            "heard": {
                "evaluator": HEARD["pocketsphinx"],
                "speech embedding": {
                    "generated": {"a": 0.1},
                    "kept": {"a": None},
                    "real": {"a": 1.0},
                },
                **judged,
            },
            "near": {"generated": {"a": count / 100}, "kept": {"a": kept}},
            "spotters": {
                RECORDINGS: {"right": count / 100},
                GENERATED: {"right": 0.5},
                ACCEPTED: {"right": 0.4},
                SPOKEN: {"right": 0.3},
                BOTH: {"right": 0.6},
            },
        }
        for language, kept, judged in (("arabic", None, {}), ("english", 0.01, HEARD))
        for count in ((5, 20, 20) if language == "arabic" else (20, 20))
    ]
    figure = figure_of(results)
    english, arabic, spotters, _ = figure.axes
    few, many, most = arabic.get_lines()
    assert np.asarray(few.get_xydata()).tolist() == [[5, pytest.approx(0.1)]]
    assert set(np.asarray(most.get_xdata())) == {100 * MOST_NEAR}
    same, kept, _ = english.get_lines()
    assert np.asarray(kept.get_xydata()).tolist() == [[1, pytest.approx(0.9)]] * 2
    assert (kept.get_color(), kept.get_markerfacecolor()) == (same.get_color(), "none")
    for line, share in ((many, 0.1), (same, 0.75)):
        assert np.asarray(line.get_xydata()).tolist() == [[20, pytest.approx(share)]] * 2
        assert line.get_color() == many.get_color() != few.get_color()
    lines = [line for line in spotters.get_lines() if line.get_marker() == "o"]
    assert [np.asarray(line.get_ydata()).tolist() for line in lines] == [[30], [20], [10], [40]]
    places = [float(x) for line in lines for x in np.asarray(line.get_xdata())]
    assert places == sorted(set(places))
    assert places[1] < 20 < places[2]
    names = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    assert names == [["5 recordings", "20 recordings"], [GENERATED, ACCEPTED, SPOKEN, BOTH]]
