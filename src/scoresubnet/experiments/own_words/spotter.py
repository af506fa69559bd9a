"""A small keyword spotter: DS-CNN (Zhang et al. 2017, "Hello Edge", arXiv 1711.07128), size S.

Its input is our log-Mel, neighbouring bands averaged: 20 bands, 62.5 frames a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.training.augment import augment
from scoresubnet.training.config import AugmentConfig, Precision

CHANNELS, LAYERS = 64, 4
STRONG = AugmentConfig(
    shift=6, stretch=0.15, warp=0.1, gain=9, lowpass=0.1, fill=0.5, noise=0.6, mask=0.6
)
"""Speed, pitch, shift, level, band, noise and SpecAugment; alike for all that is compared."""


class DSCNN(nn.Module):
    """A convolution and four depthwise separable ones, the mean over time and bands, a layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.AvgPool2d((4, 1)),
            nn.Conv2d(1, CHANNELS, (4, 10), stride=2, padding=(1, 4), bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
        ]
        for _ in range(LAYERS):
            layers += [
                nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS, bias=False),
                nn.BatchNorm2d(CHANNELS),
                nn.ReLU(),
                nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False),
                nn.BatchNorm2d(CHANNELS),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(CHANNELS, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of log-Mels (B, 1, 80, T)."""
        return self.head(self.body(x).mean((2, 3)))


@dataclass(frozen=True)
class Clips:
    """Clips to learn from.

    Attributes:
        x: log-Mels (N, 1, F, T).
        labels: (N,).
        varied: whether each draw is augmented.
    """

    x: Tensor
    labels: Tensor
    varied: bool = True

    def with_words_of(self, others: Clips) -> Clips:
        """These, and of words of which there are none, those of `others`."""
        lacking = ~torch.isin(others.labels, self.labels)
        x = torch.cat([self.x, others.x[lacking]])
        return Clips(x, torch.cat([self.labels, others.labels[lacking]]), self.varied)


@dataclass(frozen=True)
class SpotterConfig:
    """How a spotter is trained: alike for all that is compared, but for the rate, which is tuned.

    Attributes:
        steps: of AdamW.
        batch_size: clips in a step, as many from each set.
        rates: of learning; the best on validation clips is taken.
        weight_decay: decoupled.
        precision: as of `ClassifierTraining`; on one thread a step takes half the time in bfloat16.
    """

    steps: int = 400
    batch_size: int = 64
    rates: tuple[float, ...] = (3e-3, 1e-2)
    weight_decay: float = 0.01
    precision: Precision = "32-true"


def train_spotter(
    sets: Sequence[Clips], classes: int, rate: float, config: SpotterConfig, seed: int
) -> DSCNN:
    """A spotter of clips drawn from all sets alike, every word as often.

    Args:
        sets: to draw from.
        classes: words.
        rate: of learning, falling to zero along a cosine.
        config: of the training.
        seed: of all that is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DSCNN(classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    is_half = config.precision == "bf16-mixed"
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    network.train()
    for _ in range(config.steps):
        x, labels = _batch(sets, config.batch_size, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def _batch(sets: Sequence[Clips], count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Clips of all sets; what is varied is varied together, so that one lends another noise."""
    drawn = [(clips, _rows(clips, count // len(sets), generator)) for clips in sets]
    drawn.sort(key=lambda each: each[0].varied)
    x = torch.cat([clips.x[rows] for clips, rows in drawn])
    plain = sum(len(rows) for clips, rows in drawn if not clips.varied)
    if plain < len(x):
        x[plain:] = augment(x[plain:], STRONG, MelSettings(), generator)
    return x, torch.cat([clips.labels[rows] for clips, rows in drawn])


def _rows(clips: Clips, count: int, generator: torch.Generator) -> Tensor:
    sizes = torch.bincount(clips.labels)
    odds = 1 / sizes[clips.labels]
    return torch.multinomial(odds, count, replacement=True, generator=generator)


@torch.no_grad()
def guesses(network: DSCNN, x: Tensor) -> Tensor:
    """The word (N,) that is heard in each clip."""
    return torch.cat([network(part).argmax(1) for part in x.split(256)])


def share_right(guessed: Tensor, labels: Tensor) -> float:
    """The share of clips that are heard right, words weighing alike."""
    hits = (guessed == labels).float()
    return float(torch.stack([hits[labels == word].mean() for word in labels.unique()]).mean())
