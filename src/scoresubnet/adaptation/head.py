"""A new last layer of a frozen classifier, learned from noisy copies of a few recordings.

The body runs once over each copy; the layer itself is then learned in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from scoresubnet.audio.mel import MelSettings
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.networks.classifier import Classifier
from scoresubnet.sde import VPSDE
from scoresubnet.training.augment import augment
from scoresubnet.training.config import AugmentConfig, TimesConfig
from scoresubnet.training.times import TIME_DISTRIBUTIONS

_BATCH = 64  # copies that the body reads together


@dataclass(frozen=True)
class HeadConfig:
    """How a last layer is learned.

    Attributes:
        most_copies: noisy, augmented copies of a recording.
        bank: copies of all recordings, at most.
        steps: of the optimiser.
        batch_size: copies in a step, as many of each word on average.
        learning_rate: of AdamW, which decays to zero.
        weight_decay: decoupled.
        dropout: share of the features that a step does not see.
    """

    most_copies: int = 40
    bank: int = 4000
    steps: int = 400
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.3
    dropout: float = 0.3


TIMES = TimesConfig("logit_normal", centre=0.07, spread=1.6)
AUGMENT = AugmentConfig(
    shift=8, stretch=0.15, warp=0.08, gain=9, lowpass=0.1, fill=0.9, noise=0.5, mask=0.4
)


@dataclass(frozen=True)
class Bank:
    """What the body makes of noisy copies of recordings.

    Attributes:
        features: of the copies, (N, D).
        rows: the recording of each, (N,).
    """

    features: Tensor
    rows: Tensor


def noisy_copies(
    backbone: FrozenClassifier,
    log_mels: Tensor,
    mel: MelSettings,
    sde: VPSDE,
    config: HeadConfig,
    seed: int,
    progress: bool = True,
) -> Bank:
    """Features of augmented copies of log-Mels (R, 1, F, T) at random noise times."""
    generator = torch.Generator().manual_seed(seed)
    copies = max(1, min(config.most_copies, config.bank // len(log_mels)))
    rows = torch.arange(len(log_mels)).repeat(copies)
    draw = TIME_DISTRIBUTIONS[TIMES.distribution]
    found = []
    for part in tqdm(rows.split(_BATCH), desc="hearing", unit="batch", disable=not progress):
        x0 = augment(log_mels[part], AUGMENT, mel, generator)
        t = draw(len(part), sde.t_eps, generator, **TIMES.arguments)
        noise = torch.randn(x0.shape, generator=generator)
        found.append(features_of(backbone, sde.perturb(x0, noise, t), t))
    return Bank(torch.cat(found), rows)


def features_of(backbone: FrozenClassifier, x: Tensor, t: Tensor) -> Tensor:
    """What the last layer reads of log-Mels (B, 1, F, T) at times (B,): (B, D)."""
    with torch.no_grad():
        return backbone.classifier.features(x, t).taps[-1].flatten(1)


def fit_head(
    bank: Bank,
    labels: Sequence[int],
    classes: int,
    config: HeadConfig,
    seed: int,
    kept: nn.Linear | None = None,
) -> nn.Linear:
    """The last layer for the recordings of a bank.

    Args:
        bank: their copies; those of label -1 are left out.
        labels: of the recordings, (R,).
        classes: of the layer.
        config: how it is learned.
        seed: of the batches and of dropout.
        kept: a layer whose rows come first and stay as they are.
    """
    generator = torch.Generator().manual_seed(seed)
    masks = np.random.default_rng(seed)  # of dropout: five times as fast as torch's generator
    first = 0 if kept is None else kept.out_features
    head = nn.Linear(bank.features.shape[1], classes - first)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    given = torch.tensor(labels)[bank.rows]
    counts = torch.bincount(given[given >= 0], minlength=classes).clamp(min=1)
    weights = torch.where(given >= 0, 1 / counts[given.clamp(min=0)], 0.0)
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, config.steps)
    keep = 1 - config.dropout
    for _ in range(config.steps):
        drawn = torch.multinomial(weights, config.batch_size, replacement=True, generator=generator)
        seen = bank.features[drawn]
        stays = torch.from_numpy(masks.random(seen.shape, np.float32)).add_(keep).floor_()
        seen = seen.mul_(stays).div_(keep)
        logits = head(seen) if kept is None else torch.cat([kept(seen), head(seen)], 1)
        loss = F.cross_entropy(logits, given[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return _joined(kept, head.requires_grad_(False))


def _joined(first: nn.Linear | None, second: nn.Linear) -> nn.Linear:
    """One layer with the rows of both."""
    if first is None:
        return second
    layer = nn.Linear(second.in_features, first.out_features + second.out_features)
    layer.requires_grad_(False)
    layer.weight.copy_(torch.cat([first.weight, second.weight]))
    layer.bias.copy_(torch.cat([first.bias, second.bias]))
    return layer


def with_head(classifier: Classifier, head: nn.Linear) -> Classifier:
    """The classifier with another last layer; its body is a copy."""
    made = Classifier(classifier.config, head.out_features)
    body = {k: v for k, v in classifier.state_dict().items() if not k.startswith("head.")}
    layer = {f"head.{name}": value for name, value in head.state_dict().items()}
    made.load_state_dict(body | layer)
    return made.eval()
