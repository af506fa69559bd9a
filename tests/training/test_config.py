from collections.abc import Callable
from typing import Any

import pytest

from scoresubnet.training.config import (
    ClassifierTraining,
    DataConfig,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataConfig(batch_size=0), "batch_size must be at least 1, got 0"),
        (lambda: DataConfig(balance=1.5), "balance must lie in"),
        (lambda: DataConfig(balance=-0.1), "balance must lie in"),
        (
            lambda: TimesConfig("unifrom"),
            "'unifrom'; nearest first, there are: uniform, logit_normal",
        ),
        (lambda: TimesConfig(centre=1.0), "0 < centre < 1"),
        (lambda: TimesConfig(spread=0.0), "spread > 0"),
        (lambda: TimesConfig(uniform_share=1.1), "uniform_share <= 1"),
        (lambda: RunConfig(steps=0), "must be positive"),
        (lambda: RunConfig(validate_every=0), "must be positive"),
        (lambda: RunConfig(save_every=0), "must be positive"),
        (lambda: RunConfig(minutes=-1), "minutes >= 0"),
        (
            lambda: ScoreTraining(DataConfig(), parametrisation="eps"),
            "parametrisation 'eps'; nearest first, there are: epsilon, v",
        ),
    ],
)
def test_impossible_values_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_times_pass_on_what_their_distribution_takes() -> None:
    assert TimesConfig(centre=0.4).arguments == {}
    assert TimesConfig("logit_normal", 0.4, 0.8, 0.1).arguments == {
        "centre": 0.4,
        "spread": 0.8,
        "uniform_share": 0.1,
    }


def test_defaults_are_the_paper_s() -> None:
    """Uniform times, noise prediction, cross-attention fusion with gradient taps."""
    score, classifier = ScoreTraining(DataConfig()), ClassifierTraining(DataConfig())
    assert score.times.distribution == classifier.times.distribution == "uniform"
    assert score.parametrisation == "epsilon"
    assert score.subnet.fusion == "cross-attention"
    assert score.subnet.gradient_taps
