"""Answers of two small networks, each about what the other was trained on."""

import pytest
import torch

from recipes.answers import answers


def task(count: int = 240) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features with the label in one span, labels of three words, and halves."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (count,), generator=random)
    features = torch.randn(count, 5, 6, generator=random)
    features[torch.arange(count), torch.arange(count) % 5, labels] += 8
    return features, labels, torch.rand(count, generator=random) < 0.5


def test_answers_are_probabilities_and_right() -> None:
    features, labels, half = task()
    found = answers(features, labels, torch.ones(240, dtype=torch.bool), half, 3, passes=30)
    torch.testing.assert_close(found.sum(1), torch.ones(240))
    assert (found.argmax(1) == labels).float().mean() > 0.9


def test_nobody_answers_about_what_it_was_trained_on() -> None:
    """Labels of one half exchanged: its own answers stay right, those of the other half turn."""
    features, labels, half = task()
    turned = torch.where(half, (labels + 1) % 3, labels)
    found = answers(features, turned, torch.ones(240, dtype=torch.bool), half, 3, passes=30)
    told = found.argmax(1)
    assert (told[half] == labels[half]).float().mean() > 0.9
    assert (told[~half] == (labels[~half] + 1) % 3).float().mean() > 0.9


def test_lessons_that_are_not_whole_are_asked_about_but_not_trained_on() -> None:
    features, labels, half = task()
    whole = torch.arange(240) % 3 > 0
    wrong = torch.where(whole, labels, (labels + 1) % 3)
    found = answers(features, labels, whole, half, 3, passes=5)
    assert torch.equal(found, answers(features, wrong, whole, half, 3, passes=5))


def test_a_half_without_a_whole_lesson_is_refused() -> None:
    features, labels, half = task(30)
    with pytest.raises(ValueError, match="no whole lesson"):
        answers(features, labels, half, half, 3)
