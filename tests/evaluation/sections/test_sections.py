"""The families of figures, with judges of a few lines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import ArrayLike

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation import sections
from scoresubnet.evaluation.cache import Cache
from scoresubnet.evaluation.clips import find_clip_files
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.evaluation.results import Estimate, Section
from scoresubnet.evaluation.sections import prepare
from scoresubnet.evaluation.sections.audio_distances import distance_section
from scoresubnet.evaluation.sections.classifiers import classifier_section
from scoresubnet.evaluation.sections.common import Judging, Measured, Unavailable
from scoresubnet.evaluation.sections.novelty import novelty_section
from scoresubnet.evaluation.sections.quality import REFERENCE, quality_section
from scoresubnet.evaluation.sections.speakers import speaker_section
from scoresubnet.evaluation.statistics.frechet import frechet_distance
from scoresubnet.evaluation.systems import System, Systems

NAMES = ("generated", "real", "vocoded", "training", "noise", "silence")


class Levels:
    """Two features, the mean and the spread of the samples; and whether a clip is loud."""

    name = "levels"
    labels = ("quiet", "loud")
    settings: dict[str, object] = {}  # noqa: RUF012

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        x = np.array([[1 + clip.mean(), 1 + clip.std()] for clip in clips], dtype=np.float64)
        loud = np.where(x[:, 1] > 1.1, 0.9, 0.2)
        return Embedded(x, np.stack([1 - loud, loud], axis=1))


class Features(Levels):
    """The features alone."""

    name = "features"
    labels = None  # type: ignore[assignment]

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        return Embedded(super().__call__(clips).embedding)


def sounds(count: int, seed: int, level: float = 0.05) -> list[Audio]:
    generator = np.random.default_rng(seed)
    return [
        (generator.uniform(-0.1, 0.1) + level * generator.standard_normal(RATE)).astype(np.float32)
        for _ in range(count)
    ]


def rows(**given: list[Audio]) -> Systems:
    found = {}
    for seed, name in enumerate(NAMES):
        clips = given.get(name, sounds(6, seed))
        labels = tuple(itertools.islice(itertools.cycle(("quiet", "loud")), len(clips)))
        found[name] = System(name, clips, labels, tuple(f"{name}-{k}" for k in range(len(clips))))
    return Systems(found, ("generated",), System("reference", sounds(8, 99), None))


def judging(tmp_path: Path, words: tuple[str, ...] = ("quiet", "loud")) -> Judging:
    return Judging(words, Cache(tmp_path / "cache", progress=False))


def found(section: Section, name: str, system: str = "generated") -> Estimate:
    (finding,) = [f for f in section.findings if f.metric.key == f"{section.name}/{name}"]
    return finding.systems[system]


def test_a_classifier_counts_what_it_hears(tmp_path: Path) -> None:
    systems = rows(generated=[*sounds(3, 50), *sounds(1, 51, 0.3)])
    section = classifier_section("Levels", Levels(), judging(tmp_path))(systems)
    accuracy = found(section, "accuracy")  # of quiet, loud, quiet, loud: three quiet, one loud
    assert (accuracy.value, accuracy.count) == (0.75, 4)
    confusion = section.details["confusion"]
    assert confusion["heard"] == ["quiet", "loud"]
    assert confusion["systems"]["generated"] == {
        "asked": ["loud", "quiet"],
        "counts": [[1, 1], [2, 0]],
    }
    assert section.details["am_shares"] == "training"
    assert found(section, "is").value > 1  # type: ignore[operator]
    assert found(section, "is", "noise").value == pytest.approx(1)
    assert found(section, "am", "training").value == pytest.approx(0.5004, abs=1e-3)  # H(0.8, 0.2)


def test_sets_are_compared_in_equal_numbers(tmp_path: Path) -> None:
    systems = rows(generated=sounds(4, 50))
    section = distance_section("FAD", Features(), judging(tmp_path))(systems)
    for name in NAMES:
        clips = systems.rows[name].clips[:4]
        expected = frechet_distance(
            Features()(systems.reference.clips[:4]).embedding, Features()(clips).embedding
        )
        estimate = found(section, "fad", name)
        assert (estimate.count, estimate.method) == (4, "centred")
        assert estimate.value == pytest.approx(expected)


def test_two_systems_are_compared_on_the_clips_of_both(tmp_path: Path) -> None:
    one = rows(generated=[*sounds(3, 50), *sounds(1, 51, 0.3)]).rows["generated"]
    names = tuple(f"quiet/{k}" for k in range(4))
    made = {"a": replace(one, name="a", names=names), "b": replace(one, name="b", names=names)}
    others = {n: row for n, row in rows().rows.items() if n != "generated"}
    systems = Systems(made | others, ("a", "b"), System("reference", sounds(8, 99), None))
    section = classifier_section("Levels", Levels(), judging(tmp_path))(systems)
    compared = {f.metric.key.split("/")[1] for f in section.findings if f.differences}
    assert {"accuracy", "frechet", "kernel", "is", "mis", "am", "precision"} <= compared
    for finding in section.findings:
        for found in finding.differences.values():
            assert (found.value, found.low, found.high) in (
                (0, 0, 0),
                (0, None, None),  # too few clips for an interval
                (None, None, None),
            )


def test_few_clips_leave_out_what_needs_more(tmp_path: Path) -> None:
    section = classifier_section("L", Levels(), judging(tmp_path))(rows(generated=sounds(3, 5)))
    assert found(section, "precision").why == "needs 4 clips"
    assert found(section, "frechet").value is not None


def test_a_classifier_that_lacks_a_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not know shrill; choose with --labels from quiet"):
        classifier_section("Levels", Levels(), judging(tmp_path, ("quiet", "shrill")))


class Loudness:
    """Takes loud clips for good ones."""

    scores: tuple[str, ...] = ("distillmos",)
    settings: dict[str, object] = {}  # noqa: RUF012

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        return {"distillmos": float(np.abs(np.asarray(audio)).mean())}


def test_quality_hears_all_that_is_generated_and_the_first_of_the_references(
    tmp_path: Path,
) -> None:
    many = [np.full(50, k / 1000, dtype=np.float32) for k in range(REFERENCE + 20)]
    measure = quality_section("distillmos", "Quality", Loudness(), judging(tmp_path))
    section = measure(rows(generated=many, real=many))
    made, real = found(section, "distillmos"), found(section, "distillmos", "real")
    assert (made.count, real.count) == (REFERENCE + 20, REFERENCE)
    assert made.value == pytest.approx((REFERENCE + 19) / 2000)
    assert real.value == pytest.approx((REFERENCE - 1) / 2000)
    assert found(section, "distillmos", "noise").count == 6
    assert section.title == f"Quality (reference rows: {REFERENCE} clips each at most)"


def test_copies_are_found_and_named(tmp_path: Path) -> None:
    trained = sounds(5, 70)
    for k, clip in enumerate(trained):
        path = tmp_path / "training" / "quiet" / f"{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, clip, RATE, subtype="FLOAT")
    (tmp_path / "training" / "quiet" / "broken.wav").write_bytes(b"no sound")
    told = Judging(
        ("quiet",),
        Cache(tmp_path / "cache", progress=False),
        find_clip_files(tmp_path / "training"),
        tmp_path / "training",
    )
    systems = rows(generated=[sounds(1, 50)[0], trained[3]], training=trained[:2])
    section = novelty_section("New?", Features(), told)(systems)
    assert section.name == "novelty"
    assert found(section, "copies").value == 0.5
    assert found(section, "copies", "training").value == 1
    assert found(section, "copies", "real").value == 0
    assert section.details["suspects"]["generated"][0] == {
        "generated": "generated-1",
        "training": "quiet/3",
        "distance": 0.0,
    }
    assert (section.details["training_clips"], section.details["training_left_out"]) == (5, 1)


def test_novelty_needs_training_clips(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="--training"):
        novelty_section("New?", Features(), judging(tmp_path))


def test_one_voice_has_no_spread(tmp_path: Path) -> None:
    systems = rows(generated=[sounds(1, 50)[0]] * 5)
    section = speaker_section("Voices", Features(), judging(tmp_path))(systems)
    assert found(section, "voices").value == pytest.approx(1)
    assert found(section, "distance").value == pytest.approx(0, abs=1e-12)
    assert found(section, "distance", "real").value > 1e-5  # type: ignore[operator]


def test_what_cannot_be_had_is_said_and_the_rest_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(told: Judging) -> Measured:
        raise ImportError("no such\n package")

    def there(told: Judging) -> Measured:
        return distance_section("FAD", Features(), told)

    monkeypatch.setattr(sections, "SECTIONS", {"absent": absent, "there": there})
    ready, missing = prepare(judging(tmp_path))
    assert list(ready) == ["there"]
    assert missing == {"absent": "no such package"}
    assert list(prepare(judging(tmp_path), ["there"])[0]) == ["there"]
    with pytest.raises(ValueError, match=r"unknown section 'their'.*: there, absent"):
        prepare(judging(tmp_path), ["their"])


@pytest.mark.parametrize("name", ["sc09_resnext", "vggish", "whisper", "scoreq"])
def test_what_was_not_given_is_refused_with_its_option(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unavailable, match=f"--{name.replace('_', '-')}"):
        sections.SECTIONS[name](judging(tmp_path))
