from __future__ import annotations

from typing import Literal

from scoresubnet.evaluation.report.ranking import misranked
from scoresubnet.evaluation.results import Estimate, Finding, Metric, absent


def finding(
    better: Literal["lower", "higher"] | None, **values: float | Estimate | None
) -> Finding:
    systems = {
        name: value if isinstance(value, Estimate) else Estimate(value, 9)
        for name, value in values.items()
    }
    return Finding(Metric("judge/x", "X", better, 1), systems)


def pairs(one: Finding) -> list[tuple[str, str]]:
    return [(found.better, found.worse) for found in misranked([one])]


def test_the_expected_order_is_not_called_out() -> None:
    assert pairs(finding("higher", real=4, vocoded=3, noise=1, silence=3)) == []
    assert pairs(finding("lower", real=0, vocoded=3, noise=9, silence=3)) == []


def test_each_wrong_pair_is_called_out() -> None:
    assert pairs(finding("higher", real=3, vocoded=4, noise=1, silence=1)) == [("real", "vocoded")]
    assert pairs(finding("lower", real=0, vocoded=3, noise=1, silence=9)) == [("vocoded", "noise")]
    assert pairs(finding("lower", real=2, vocoded=2, noise=3, silence=1)) == [
        ("real", "silence"),
        ("vocoded", "silence"),
    ]


def test_what_has_no_better_way_or_no_figure_is_not_called_out() -> None:
    assert pairs(finding(None, real=0, vocoded=1, noise=2, silence=3)) == []
    assert pairs(finding("higher", real=absent("why"), vocoded=1, noise=0)) == []


def test_the_sentence_says_whether_it_may_be_chance() -> None:
    apart = finding("higher", real=Estimate(1.0, 9, 0.9, 1.1), vocoded=Estimate(2.0, 9, 1.9, 2.1))
    close = finding("higher", real=Estimate(1.0, 9, 0.5, 1.9), vocoded=Estimate(2.0, 9, 1.1, 2.5))
    (first,), (second,) = misranked([apart]), misranked([close])
    assert first.clear
    assert not second.clear
    assert first.text == (
        "X (judge/x; higher is better) prefers real, through log-Mel and vocoder, 2.0, to "
        "real test clips, 1.0"
    )
    assert second.text == f"{first.text}, within their intervals"
