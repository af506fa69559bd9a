"""The two training losses, per item, so that callers can average them and look at them by time."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE

Network = Callable[[Tensor, Tensor], Tensor]


def dsm_loss(
    network: Network,
    x0: Tensor,
    noise: Tensor,
    t: Tensor,
    sde: VPSDE,
    parametrisation: str,
    counts: Tensor | None = None,
) -> Tensor:
    """Denoising score matching, one value per item (B,) (paper, eq. 4).

    For `epsilon` this is sigma^2 |s(X_t, t) + eps / sigma|^2 = |eps_hat - eps|^2, the paper's
    weighting lambda(t) = sigma^2; for `v` it is the same error with lambda(t) = sigma^2 / alpha^2.
    Both are means over the elements of an item.

    Args:
        network: (x (B, 1, F, T), t (B,)) -> output, same shape as x.
        x0: clean log-Mels (B, 1, F, T).
        noise: standard normal, same shape.
        t: times (B,).
        sde: the forward process.
        parametrisation: a key of `score.PARAMETRISATIONS`.
        counts: the elements that the means are over, bool (B, 1, F, T); None: all.
    """
    target, _ = PARAMETRISATIONS[parametrisation]
    output = network(sde.perturb(x0, noise, t), t)
    errors = (output - target(x0, noise, t, sde)).square().flatten(1)
    if counts is None:
        return errors.mean(1)
    counts = counts.flatten(1)
    return (errors * counts).sum(1) / counts.sum(1).clamp(min=1)


def audible(x0: Tensor, silence: float = -0.97) -> Tensor:
    """Where log-Mels (B, 1, F, T) in [-1, 1] are not digital silence nor next to it: bool."""
    return -F.max_pool2d(-(x0 > silence).float(), (5, 3), 1, (2, 1)) > 0


def classifier_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy -log p(y | X_t, t), one value per item (B,) (paper, eq. 6).

    Args:
        logits: f(X_t, t), (B, C).
        labels: class indices (B,).
    """
    return F.cross_entropy(logits, labels, reduction="none")
