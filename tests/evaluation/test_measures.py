import json
import sys

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation import measures
from scoresubnet.evaluation.judges.waveforms import Unmeasurable
from scoresubnet.evaluation.measures import (
    HEADINGS,
    Measure,
    all_measures,
    content_hash,
    rows_of_scores,
    scores_of,
)


def clip(*samples: float) -> np.ndarray:
    return np.array(samples, dtype=np.float32)


CLIPS = [clip(1, 2), clip(3), clip(-1, 0.5)]
ORIGINALS = [clip(1, 1), clip(1), clip(1, 1)]


@pytest.fixture
def counting() -> tuple[Measure, list]:
    """Two scores: the sum of the samples, and that of the original; none for negative sums."""
    calls = []

    def function(original, audio):
        calls.append(audio)
        if audio.sum() < 0:
            raise Unmeasurable("negative")
        return {"pesq": float(audio.sum()), "stoi": float(original.sum())}

    return Measure("sums", ("pesq", "stoi"), {"version": "1"}, True, function), calls


def test_scores_are_computed_once(counting, tmp_path):
    measure, calls = counting

    def scores(measure=measure, clips=CLIPS, originals=ORIGINALS):
        calls.clear()
        found = scores_of(measure, clips, originals, tmp_path, progress=False)
        return found, len(calls)

    expected = {"pesq": [3.0, 3.0, None], "stoi": [2.0, 1.0, None]}
    assert scores() == (expected, 3)
    assert scores() == (expected, 0)
    assert scores(clips=[c.copy() for c in CLIPS]) == (expected, 0)
    # Anything that a score depends on is measured again.
    assert scores(clips=[*CLIPS[:2], clip(-1, 0.25)])[1] == 3
    assert scores(originals=[*ORIGINALS[:2], clip(1, 2)])[1] == 3
    newer = Measure("sums", measure.scores, {"version": "2"}, True, measure.function)
    assert scores(newer)[1] == 3
    assert scores() == (expected, 0)


def test_a_failure_leaves_nothing_behind(counting, tmp_path):
    measure, _ = counting

    def broken(original, audio):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        scores_of(
            Measure("sums", measure.scores, {}, True, broken), CLIPS, ORIGINALS, tmp_path, False
        )
    assert list(tmp_path.iterdir()) == []


def test_comparing_needs_an_original_for_each_clip(counting, tmp_path):
    measure, _ = counting
    for originals in (None, ORIGINALS[:2]):
        with pytest.raises(ValueError, match="one original for each of 3"):
            scores_of(measure, CLIPS, originals, tmp_path, False)


def test_predictions_do_not_depend_on_the_original(tmp_path):
    calls = []

    def function(original, audio):
        calls.append(original)
        return {"distillmos": 1.0}

    measure = Measure("guess", ("distillmos",), {}, False, function)
    for originals in (ORIGINALS, None, CLIPS):
        scores_of(measure, CLIPS, originals, tmp_path, False)
    assert calls == [None] * 3


def test_content_hash_sees_samples_and_bounds():
    hashes = {
        content_hash(clips)
        for clips in ([clip(1, 2, 3)], [clip(1, 2), clip(3)], [clip(1), clip(2, 3)], [clip(1, 2)])
    }
    assert len(hashes) == 4
    backwards = clip(2, 1)[::-1]
    assert content_hash([backwards]) == content_hash([clip(1, 2)])


def test_clips_without_a_value_are_left_out_for_every_system():
    systems = {
        "a": {"pesq": [1.0, 2.0, 3.0, None], "stoi": [1.0, 1.0, 1.0, 1.0]},
        "b": {"pesq": [None, 4.0, 6.0, 8.0], "stoi": [0.0, 0.0, 1.0, 1.0]},
    }
    pesq, stoi = rows_of_scores(systems)
    assert (pesq.score, pesq.left_out) == ("pesq", (0, 3))
    assert {name: mean.value for name, mean in pesq.means.items()} == {"a": 2.5, "b": 5.0}
    assert (stoi.left_out, stoi.means["b"].value) == ((), 0.5)


def test_intervals_are_known_and_draw_the_same_clips_for_every_system():
    """Of two clips half of the resamples are mixed; a quarter are all of one, more than 2.5 %."""
    (row,) = rows_of_scores({"a": {"pesq": [1.0, 3.0]}})
    mean = row.means["a"]
    assert (mean.value, mean.low, mean.high) == (2.0, 1.0, 3.0)
    assert (mean.level, mean.resamples, mean.method) == (0.95, measures.RESAMPLES, "percentile")
    values = np.random.default_rng(2).standard_normal(50)
    systems = {"a": {"pesq": values.tolist()}, "b": {"pesq": (values + 1).tolist()}}
    a, b = rows_of_scores(systems)[0].means.values()
    assert (b.low - a.low, b.high - a.high) == pytest.approx((1, 1))


def test_systems_must_match():
    with pytest.raises(ValueError, match="zip"):
        rows_of_scores({"a": {"pesq": [1.0]}, "b": {"pesq": [1.0, 2.0]}})
    with pytest.raises(ValueError, match="different scores"):
        rows_of_scores({"a": {"pesq": [1.0]}, "b": {"stoi": [1.0]}})
    with pytest.raises(ValueError, match="no clip has a value of PESQ"):
        rows_of_scores({"a": {"pesq": [None, 1.0]}, "b": {"pesq": [1.0, None]}})


@pytest.mark.usefixtures("dnsmos", "distillmos")
def test_every_measure_has_its_heading_and_settings(recordings):
    found = all_measures(MelSettings(log_max=2.5))
    assert [score for measure in found for score in measure.scores] == list(HEADINGS)
    assert [measure.name for measure in found if measure.intrusive] == [
        "log_mel_l1",
        "stft",
        "pesq",
        "stoi",
    ]
    settings = {measure.name: measure.settings for measure in found}
    json.dumps(settings)
    assert settings["log_mel_l1"]["mel"] == MelSettings(log_max=2.5).hash
    noise = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    for measure in found[:4]:
        assert measure.function(noise, noise).keys() == set(measure.scores)
        with pytest.raises(ValueError, match="needs the original"):
            measure.function(None, noise)


def test_a_missing_package_is_told_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(measures, "PREDICTORS", {})
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(ImportError, match="pystoi"):
        all_measures()
