"""Training of the evaluator by a teacher: lessons, their distance, resumed runs, refusals."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scoresubnet.training.config import (
    AugmentConfig,
    DataConfig,
    EvaluatorTraining,
    OptimiserConfig,
    RunConfig,
)
from scoresubnet.training.evaluator import TaughtEvaluatorModule, train_evaluator
from scoresubnet.training.lessons import SEGMENTS, LessonBatch, Lessons, read_lessons, save_lessons
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.word_evaluator.file import FRONT_END, read_evaluator
from scoresubnet.word_evaluator.network import ResNeXtConfig

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ("hum", "hiss")


def lessons(count: int = 12, words: tuple[str, ...] = WORDS, seed: int = 0) -> Lessons:
    """Random lessons, a third of them not whole; the teacher hears the second word in all."""
    random = torch.Generator().manual_seed(seed)
    x = torch.rand(count, FRONT_END.n_mels, FRONT_END.frames, generator=random).half() - 0.5
    targets = torch.randn(count, SEGMENTS, 3, generator=random).half()
    labels = torch.arange(count) % len(words)
    answers = torch.tensor([0.25, 0.75]).expand(count, 2).half()
    return Lessons(x, targets, answers, labels, torch.arange(count) % 3 > 0, words, FRONT_END)


def run(data: DataConfig, folder: Path, steps: int = 2, **fields: Any) -> EvaluatorTraining:
    """A tiny run on the lessons of a folder, everything random on."""
    values: dict[str, Any] = {
        "data": data,
        "network": ResNeXtConfig((4, 8), (1, 1), 2, dropout=0.3),
        "lessons": str(folder),
        "augment": AugmentConfig(gain=6, lowpass=0.5, noise=0.5, mask=0.5),
        "optimiser": OptimiserConfig(learning_rate=3e-3, warmup=2, ema_decay=0.7),
        "run": RunConfig(steps=steps, seed=3, validate_every=20),
    }
    return EvaluatorTraining(**(values | fields))


def module(taught: Lessons, data: DataConfig, weight: float = 1.0) -> TaughtEvaluatorModule:
    config = run(data, Path("."), augment=AugmentConfig(shift=0), lesson_weight=weight)
    return TaughtEvaluatorModule(config, taught, FRONT_END)


def test_lessons_are_in_words(tmp_path: Path) -> None:
    path = save_lessons(lessons(words=("hum", "../hiss")), tmp_path)
    with pytest.raises(WeightsError, match=f"{path}: .*'../hiss' has a slash"):
        read_lessons(path)


def test_lessons_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = lessons()
    read = read_lessons(save_lessons(written, tmp_path).parent)
    for name in ("x", "targets", "answers", "labels", "whole"):
        a, b = getattr(written, name), getattr(read, name)
        assert a.dtype == b.dtype, name
        assert torch.equal(a, b), name
    assert (read.words, read.mel) == (WORDS, FRONT_END)


def test_missing_lessons_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no lessons here"):
        read_lessons(tmp_path)


def test_a_pupil_who_knows_nothing_is_at_distance_one(
    data_config: Callable[..., DataConfig],
) -> None:
    """Targets are standardised over all lessons, so saying their mean costs their variance."""
    taught = lessons(200)
    taught.targets *= torch.tensor([1.0, 20.0, 0.1]).half()
    taught.targets += 7
    pupil = module(taught, data_config())
    torch.nn.init.zeros_(pupil.pupil.weight)
    torch.nn.init.zeros_(pupil.pupil.bias)
    maps = torch.randn(200, 8, 5, SEGMENTS)
    distance = pupil.distance(maps, taught.targets.float())
    assert distance.item() == pytest.approx(1, abs=1e-2)


def test_distance_compares_equal_stretches_of_time(data_config: Callable[..., DataConfig]) -> None:
    """Maps that hold the standardised targets, averaged over their own spans, are at 0."""
    taught = lessons(4)
    pupil = module(taught, data_config())
    pupil.pupil.weight.data = torch.eye(3, 8)
    torch.nn.init.zeros_(pupil.pupil.bias)
    known = (taught.targets.float() - pupil.mean) / pupil.deviation
    maps = torch.zeros(4, 8, 2, SEGMENTS)
    maps[:, :3] = known.transpose(1, 2)[:, :, None]
    assert pupil.distance(maps, taught.targets.float()).item() == pytest.approx(0, abs=1e-9)
    assert pupil.distance(maps.flip(3), taught.targets.float()).item() > 0.5


def test_labels_count_half_and_only_where_the_word_is_whole() -> None:
    """Rows 0 and 3 are not whole; labels alternate, answers are (1/4, 3/4)."""
    heard = lessons(4).heard([0, 1, 2, 3])
    expected = torch.tensor([[0.25, 0.75], [0.125, 0.875], [0.625, 0.375], [0.25, 0.75]])
    torch.testing.assert_close(heard, expected)


def test_without_distance_the_loss_is_the_cross_entropy_to_what_is_heard(
    data_config: Callable[..., DataConfig],
) -> None:
    taught = lessons(6)
    pupil = module(taught, data_config(), weight=0.0).eval()
    pupil.log = lambda *a, **k: None  # type: ignore[method-assign]
    x, words = taught.x.float()[:, None], taught.heard(list(range(6)))
    with torch.no_grad():
        found = pupil.training_step(LessonBatch(x, words, taught.targets.float()), 0)
        log_p = pupil.network(x).logits.log_softmax(1)
    smoothed = 0.95 * words + 0.05 / 2
    torch.testing.assert_close(found, -(smoothed * log_p).sum(1).mean())


def test_a_stopped_and_resumed_run_is_the_same_run(
    data_config: Callable[..., DataConfig], tmp_path: Path
) -> None:
    save_lessons(lessons(), tmp_path)
    config = run(data_config(), tmp_path)
    train_evaluator(config, tmp_path / "straight")
    stopped = dataclasses.replace(config, run=dataclasses.replace(config.run, minutes=1e-9))
    train_evaluator(stopped, tmp_path / "stopped")
    halfway = load_file(tmp_path / "stopped" / "evaluator.safetensors")
    train_evaluator(config, tmp_path / "stopped")
    a, b = (load_file(tmp_path / out / "evaluator.safetensors") for out in ("straight", "stopped"))
    assert not [name for name in a if not torch.equal(a[name], b[name])]
    assert any(not torch.equal(a[name], halfway[name]) for name in a)


def test_the_teacher_is_learned(data_config: Callable[..., DataConfig], tmp_path: Path) -> None:
    """Features that are the levels of their spans are soon known; the file is an evaluator's."""
    taught = lessons(64)
    levels = torch.randn(64, SEGMENTS) / 4
    spread = torch.nn.functional.interpolate(levels[:, None], FRONT_END.frames)
    taught.x = spread.expand(-1, FRONT_END.n_mels, -1).half()
    taught.targets = levels[:, :, None].half()
    save_lessons(taught, tmp_path)
    steps = RunConfig(steps=300, seed=3, validate_every=300)
    network = ResNeXtConfig((16, 32), (1, 1), 2, dropout=0.0)
    config = run(data_config(), tmp_path, network=network, augment=AugmentConfig(), run=steps)
    train_evaluator(config, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    distances = [row["train/distance"] for row in rows if "train/distance" in row]
    assert sum(distances[-5:]) / 5 < 0.75  # who knows nothing is at 1
    assert read_evaluator(tmp_path / "run").labels == WORDS


def test_an_evaluator_starts_from_another(
    data_config: Callable[..., DataConfig], tmp_path: Path
) -> None:
    """A learning rate that moves nothing leaves that one."""
    save_lessons(lessons(), tmp_path)
    train_evaluator(run(data_config(), tmp_path, steps=1), tmp_path / "first")
    still = OptimiserConfig(learning_rate=1e-12, warmup=0, weight_decay=0.0)
    config = run(data_config(), tmp_path, steps=1, optimiser=still)
    train_evaluator(config, tmp_path / "second", start=tmp_path / "first")
    first, second = (load_file(tmp_path / n / "evaluator.safetensors") for n in ("first", "second"))
    assert not [name for name in first if not torch.equal(first[name], second[name])]
    with pytest.raises(ValueError, match="another start"):
        train_evaluator(config, tmp_path / "second")
    other = run(data_config(), tmp_path, network=ResNeXtConfig((4, 12), (1, 1), 2))
    with pytest.raises(ValueError, match="weights of another shape"):
        train_evaluator(other, tmp_path / "third", start=tmp_path / "first")


def test_lessons_in_other_words_are_refused(
    data_config: Callable[..., DataConfig], tmp_path: Path
) -> None:
    save_lessons(lessons(words=("hum", "howl")), tmp_path)
    with pytest.raises(ValueError, match="lessons in the words hum, howl"):
        train_evaluator(run(data_config(), tmp_path), tmp_path / "run")


def test_other_lessons_are_another_run(
    data_config: Callable[..., DataConfig], tmp_path: Path
) -> None:
    save_lessons(lessons(), tmp_path)
    train_evaluator(run(data_config(), tmp_path, steps=1), tmp_path / "run")
    save_lessons(lessons(seed=1), tmp_path)
    with pytest.raises(ValueError, match="another lessons_hash "):
        train_evaluator(run(data_config(), tmp_path, steps=1), tmp_path / "run")


def test_a_negative_weight_is_refused(data_config: Callable[..., DataConfig]) -> None:
    with pytest.raises(ValueError, match="lesson_weight"):
        run(data_config(), Path("."), lesson_weight=-1.0)
