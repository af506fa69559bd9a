"""The frozen classifier: taps, gradient taps and class gradient of one shared forward pass."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from scoresubnet.networks.classifier import Classifier


class Features(NamedTuple):
    """What one pass over the backbone gives; nothing of it carries a gradient.

    Attributes:
        logits: f(X_t, t) (B, C).
        forward: h^(k), each (B, C_k, F_k, T_k), k = 0..K: input projection, stages, bottleneck.
        gradient: g^(k) = d log p(X_t) / d h^(k), shaped like `forward`; None if not asked for.
        class_gradient: grad_X log p(y | X_t, t) (B, 1, F, T); None without labels.
    """

    logits: Tensor
    forward: tuple[Tensor, ...]
    gradient: tuple[Tensor, ...] | None
    class_gradient: Tensor | None


class FrozenClassifier(nn.Module):
    """A classifier that never trains again: no parameter gradient, never out of eval mode.

    It owns the classifier it is given, and freezes it in place.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, whatever the caller's mode is."""
        return super().train(False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Logits f(X_t, t) (B, C) of x (B, 1, F, T) at times t (B,)."""
        return self.classifier(x, t)

    def features(
        self, x: Tensor, t: Tensor, gradient_taps: bool, labels: Tensor | None = None
    ) -> Features:
        """Taps, and the class gradient if labels are given, from one forward pass.

        log p(X_t) = logsumexp_y f(X_t, t)[y] + const (paper, eq. 9); it is summed over the batch,
        so that no item's gradient depends on the batch size. Float32 even under autocast.

        Args:
            x: noisy log-Mels (B, 1, F, T).
            t: times (B,).
            gradient_taps: whether to make the backward pass of the gradient taps.
            labels: class indices (B,), or None for no class gradient.
        """
        gradient, class_gradient = None, None
        with (
            torch.autocast(x.device.type, enabled=False),
            torch.set_grad_enabled(gradient_taps or labels is not None),
        ):
            x = x.detach().float().requires_grad_(torch.is_grad_enabled())
            logits, taps = self.classifier.features(x, t)
            if gradient_taps:
                log_p_x = logits.logsumexp(1).sum()
                gradient = torch.autograd.grad(log_p_x, taps, retain_graph=labels is not None)
            if labels is not None:
                log_p_y = logits.log_softmax(1).gather(1, labels[:, None]).sum()
                (class_gradient,) = torch.autograd.grad(log_p_y, x)
        return Features(logits.detach(), tuple(h.detach() for h in taps), gradient, class_gradient)
