"""The two training losses, per item, so that callers can average them and look at them by time."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE

Network = Callable[[Tensor, Tensor], Tensor]


def dsm_loss(
    network: Network, x0: Tensor, noise: Tensor, t: Tensor, sde: VPSDE, parametrisation: str
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
    """
    target, _ = PARAMETRISATIONS[parametrisation]
    output = network(sde.perturb(x0, noise, t), t)
    return (output - target(x0, noise, t, sde)).square().flatten(1).mean(1)


def classifier_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy -log p(y | X_t, t), one value per item (B,) (paper, eq. 6).

    Args:
        logits: f(X_t, t), (B, C).
        labels: class indices (B,).
    """
    return F.cross_entropy(logits, labels, reduction="none")
