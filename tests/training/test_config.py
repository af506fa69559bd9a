import math
from collections.abc import Callable
from typing import Any

import pytest

from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    DataConfig,
    OptimiserConfig,
    RunConfig,
    ScoreTraining,
    TimesConfig,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataConfig(batch_size=0), "batch_size must lie between 1 and"),
        (lambda: DataConfig(batch_size=10**24), "batch_size must lie between 1 and"),
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
        (lambda: RunConfig(minutes=-1), r"RunConfig.minutes = -1 is .* from 0 to 1,000,000,000"),
        (lambda: RunConfig(seed=10**30), "RunConfig.seed = 10+ is out of range"),
        (lambda: AugmentConfig(noise=1.5), "AugmentConfig.noise = 1.5 is .* from 0 to 1$"),
        (lambda: AugmentConfig(gain=None), "AugmentConfig.gain = None is out of range"),  # type: ignore[arg-type]
        (lambda: OptimiserConfig(learning_rate=math.nan), "learning_rate = nan is out of range"),
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
