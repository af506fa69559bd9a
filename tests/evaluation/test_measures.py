"""Figures with their intervals, and paired differences of two systems."""

from __future__ import annotations

import numpy as np
import pytest

from scoresubnet.evaluation.measures import (
    Measure,
    frechet_from,
    frechet_infinite_from,
    kernel_distance_from,
    mean_of,
    statistic_of,
)
from scoresubnet.evaluation.results import Estimate, Finding, Metric
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.systems import System, Systems

METRIC = Metric("judge/x", "X", "higher", 2)
REFERENCE = np.random.default_rng(9).normal(size=(120, 3))


def systems(a: list[str] | None, b: list[str] | None) -> Systems:
    """Two systems with clips of these names, and a few real ones."""
    silence = np.zeros(1, dtype=np.float32)
    rows = {
        name: System(name, [silence] * 9, None, None if names is None else tuple(names))
        for name, names in (("a", a), ("b", b))
    }
    real = System("real", [silence] * 9, None)
    return Systems(rows | {"real": real}, ("a", "b"), real)


def names(count: int) -> list[str]:
    return [f"one/{k}" for k in range(count)]


def difference(measure: Measure, a: Floats, b: Floats, told: Systems) -> Estimate:
    return measure.finding({"a": a, "b": b}, told).differences["b - a"]


def ends(found: Estimate) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_a_mean_with_its_interval() -> None:
    rows: dict[str, Floats | str] = {"a": np.arange(100.0), "b": "none"}
    found = mean_of(METRIC).finding(rows, systems(None, None)).systems
    assert (found["a"].value, found["a"].count, found["a"].method) == (49.5, 100, "percentile")
    # The standard error of the mean is 2.9.
    assert ends(found["a"]) == pytest.approx((49.5 - 5.66, 49.5 + 5.66), abs=0.6)
    assert (found["b"].value, found["b"].why) == (None, "none")


def test_a_share_of_all_still_has_an_interval() -> None:
    found = mean_of(METRIC, share=True).finding({"a": np.ones(10)}, systems(None, None))
    low, high = ends(found.systems["a"])
    assert found.systems["a"].method == "wilson"
    assert 0.6 < low < 0.8
    assert high == pytest.approx(1)


def test_clips_without_a_value_are_left_out_and_counted() -> None:
    rows = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([np.nan])}
    found = mean_of(METRIC).finding(rows, systems(None, None)).systems
    assert (found["a"].value, found["a"].count) == (2.0, 2)
    assert found["a"].why == "1 of 3 clips have no value"
    assert found["b"].why == "no clip has a value"


def test_paired_differences_are_of_the_same_clips() -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=200)
    b = a + 0.1 + 0.01 * random.normal(size=200)
    order = random.permutation(200)
    told = systems(names(200), [names(200)[k] for k in order])
    paired = difference(mean_of(METRIC), a, b[order], told)
    assert paired.value == pytest.approx((b - a).mean())
    low, high = ends(paired)
    assert high - low == pytest.approx(2 * 1.96 * (b - a).std() / 200**0.5, rel=0.15)
    # The clips of other names are independent: the interval is that of two means.
    apart = difference(mean_of(METRIC), a, b, systems(names(200), [f"x{k}" for k in range(200)]))
    low, high = ends(apart)
    assert high - low == pytest.approx(2 * 1.96 * (2 / 200) ** 0.5 * a.std(), rel=0.2)


def test_only_common_clips_count_in_a_difference() -> None:
    told = systems(["x", "y", "z"], ["z", "w", "x"])
    found = difference(mean_of(METRIC), np.array([1.0, 9, 3]), np.array([5.0, 9, 2]), told)
    assert (found.value, found.count) == (1.5, 2)  # x: 2 - 1, z: 5 - 3
    holes = difference(mean_of(METRIC), np.array([1.0, 9, np.nan]), np.array([5.0, 9, 2]), told)
    assert (holes.value, holes.count, holes.low) == (1.0, 1, None)


def test_the_same_clips_twice_do_not_differ() -> None:
    x = np.random.default_rng(1).normal(0.3, 1.1, size=(110, 3))
    told = systems(names(110), names(110))
    for measure in (
        frechet_from(REFERENCE[:110], METRIC),
        frechet_infinite_from(REFERENCE, METRIC),
        kernel_distance_from(REFERENCE, METRIC),
        statistic_of(METRIC, lambda rows: float(np.median(rows))),
    ):
        found = difference(measure, x, x.copy(), told)
        assert (found.value, *ends(found)) == (0, 0, 0)


def test_distances_tell_apart_what_differs_and_not_what_does_not() -> None:
    random = np.random.default_rng(2)
    near, far = random.normal(size=(150, 3)), random.normal(0.8, 1, size=(150, 3))
    told = systems(names(150), names(150))
    for measure in (
        frechet_infinite_from(REFERENCE, METRIC),
        kernel_distance_from(REFERENCE, METRIC),
    ):
        found: Finding = measure.finding({"a": near, "b": far}, told)
        low, high = ends(found.systems["a"])
        assert low <= 0 <= high
        assert ends(found.systems["b"])[0] > 0
        assert ends(found.differences["b - a"])[0] > 0


def test_the_kernel_distance_does_not_depend_on_the_scale_of_the_features() -> None:
    x = np.random.default_rng(3).normal(0.5, 1, size=(60, 3))
    one = kernel_distance_from(REFERENCE, METRIC).value(x)
    assert kernel_distance_from(1e3 * REFERENCE, METRIC).value(1e3 * x) == pytest.approx(one)


def test_too_few_clips_and_infinite_replicates_are_said() -> None:
    few = frechet_infinite_from(REFERENCE, METRIC).finding(
        {"a": REFERENCE[:9]}, systems(None, None)
    )
    assert few.systems["a"].why == "needs 50 clips, not 9"
    measure = statistic_of(METRIC, lambda x: np.inf if len(set(x.tolist())) < 5 else 1.0)
    found = measure.finding({"a": np.arange(5.0)}, systems(None, None)).systems["a"]
    assert (found.value, found.low) == (1.0, None)
    assert found.why == "no interval: some resampled values are infinite"


def test_rows_of_real_clips_are_paired_by_position() -> None:
    a = np.random.default_rng(4).integers(0, 2, 50).astype(float)
    found = mean_of(METRIC, share=True).finding(
        {"a": a, "b": a.copy()}, systems(["x"], ["y"]), by_position=True
    )
    assert (found.differences["b - a"].value, *ends(found.differences["b - a"])) == (0, 0, 0)
