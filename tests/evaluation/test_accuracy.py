from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.features import Features
from scoresubnet.evaluation.accuracy import accuracy_over_time, rows_of
from scoresubnet.evaluation.figures import accuracy_figure
from scoresubnet.evaluation.statistics.shares import Share
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile

WORDS = ("low", "high", "none")


class BrighterHalf(Classifier):
    """A classifier whose answer is known: which half of the Mel bands is brighter."""

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        low, high = x[:, 0, :40].mean((1, 2)), x[:, 0, 40:].mean((1, 2))
        return torch.stack([low, high, torch.full_like(low, -1e9)], 1)


@pytest.fixture
def model() -> ModelFile:
    config = ClassifierConfig(widths=(8,), blocks=(1,), bottleneck_blocks=1, patch=4, time_dim=8)
    return ModelFile(BrighterHalf(config, 3), WORDS, VPSDE(), MelSettings())


@pytest.fixture
def features() -> Features:
    """120 faint clips: 60 "low", 40 "high", 20 "none", which look like "low"."""
    labels = np.repeat([0, 1, 2], [60, 40, 20])
    x = np.zeros((120, 80, 64), dtype=np.float16)
    x[labels != 1, :40] = 0.05
    x[labels == 1, 40:] = 0.05
    splits = np.array(["testing"] * 110 + ["training"] * 10)
    sources = np.array(["speech_commands"] * 100 + ["fsdd"] * 20)
    return Features(x, labels, splits, sources, WORDS, [Path("a")] * 120, [])


def measure(model, features, times, rows=range(120), **options):
    return accuracy_over_time(model, features, np.array(rows), times, progress=False, **options)


def test_known_answers_without_noise(model, features):
    (point,) = measure(model, features, [1e-3])
    assert point.time == 1e-3
    assert point.overall == Share(100, 120)
    assert point.by_label == {"low": Share(60, 60), "high": Share(40, 40), "none": Share(0, 20)}


def test_accuracy_falls_with_noise_as_theory_says(model, features):
    times = [1e-3, 0.3, 0.5, 1.0]
    curve = measure(model, features, times, rows=range(100))
    values = [point.overall.value for point in curve]
    assert values == sorted(values, reverse=True)
    # The halves differ by 0.05 alpha on average, with a deviation of sigma sqrt(2 / 2560).
    t = torch.tensor(times)
    z = 0.05 * model.sde.alpha(t) / (model.sde.sigma(t) * (2 / 2560) ** 0.5)
    expected = torch.distributions.Normal(0.0, 1.0).cdf(z)
    for point, share in zip(curve, expected.tolist(), strict=True):
        deviation = (share * (1 - share) / 100) ** 0.5
        assert abs(point.overall.value - share) <= 3 * deviation


def test_noise_depends_on_the_seed_and_not_on_the_batch(model, features):
    whole = measure(model, features, [0.5, 0.8], seed=3)
    assert measure(model, features, [0.5, 0.8], seed=3, batch_size=7) == whole
    assert measure(model, features, [0.8], seed=3) == whole[1:]
    assert measure(model, features, [0.5, 0.8], seed=4) != whole


def test_only_the_given_rows_count(model, features):
    (point,) = measure(model, features, [1e-3], rows=[110, 0, 70])
    assert list(point.by_label) == ["none", "low", "high"]


def test_rows_of_a_split_and_source(features):
    np.testing.assert_array_equal(rows_of(features, "testing", "speech_commands"), range(100))
    np.testing.assert_array_equal(rows_of(features, "training", "fsdd"), range(110, 120))
    with pytest.raises(ValueError, match="no training clips of 'speech_commands'"):
        rows_of(features, "training", "speech_commands")


def test_other_words_and_times_are_refused(model, features):
    with pytest.raises(ValueError, match=r"time 1\.5 is out of range"):
        measure(model, features, [0.1, 1.5])
    with pytest.raises(ValueError, match=r"time 0\.0 is out of range"):
        measure(model, features, [0.0])
    features.words = ("high", "low", "none")
    with pytest.raises(ValueError, match="same order"):
        measure(model, features, [0.1])


def test_figure_and_plain_values(model, features):
    curve = measure(model, features, [1e-3, 0.5])
    plain = curve[0].to_dict()
    assert plain["overall"]["right"] == 100
    assert plain["by_label"]["none"]["share"] == 0
    figure = accuracy_figure(curve, 3)
    (axes,) = figure.axes
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"all clips", "chance", "95 % interval"} <= set(legend)
