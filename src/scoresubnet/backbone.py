"""The frozen classifier: taps, gradient taps and class gradient of one shared forward pass."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks.adjoint import record
from scoresubnet.networks.classifier import Classifier


class Features(NamedTuple):
    """The results of one pass over the backbone; none of them carries a gradient.

    Attributes:
        logits: f(X_t, t) (B, C).
        forward: h^(k), each (B, C_k, F_k, T_k), k = 0..K: input projection, stages, bottleneck.
        gradient: g^(k) = d log p(X_t) / d h^(k), or of log p(y | X_t), shaped like `forward`; None
            if not asked for.
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
        self,
        x: Tensor,
        t: Tensor,
        gradient_taps: bool,
        labels: Tensor | None = None,
        label_taps: bool = False,
        class_gradient: bool = True,
        every_block: bool = False,
    ) -> Features:
        """Taps, and the class gradient if labels are given, from one pass forth and one back.

        log p(X_t) = logsumexp_y f(X_t, t)[y] + const (paper, eq. 9); it is summed over the batch,
        so that no item's gradient depends on the batch size. Under autocast float32 on a GPU, and
        bfloat16 on a CPU, where it is much of the time of a training step.

        Args:
            x: noisy log-Mels (B, 1, F, T).
            t: times (B,).
            gradient_taps: whether to make the backward pass of the gradient taps.
            labels: class indices (B,), or None for no class gradient; -1 in them is no label, whose
                gradients are of log p(X_t).
            label_taps: whether the gradient taps are of log p(y | X_t) where there are labels. Then
                they and the class gradient are one and the same way back.
            class_gradient: False leaves it out though there are labels.
            every_block: whether there is a tap after every block, not after every stage alone.
        """
        with torch.no_grad(), _arithmetic(x.device.type):
            if not gradient_taps and labels is None:
                logits, taps = self.classifier.features(x.float(), t, every_block)
                return Features(logits, taps, None, None)
            recorded = record(self.classifier, x.float(), t, every_block)
            p = recorded.logits.float().softmax(1)
            ways = []
            if labels is not None:
                ways.append(_towards(labels, p))
            if gradient_taps and not (ways and label_taps):
                ways.insert(0, p)  # d log p(X_t) / d logits
            g = recorded.head(torch.cat(ways))
            items = x.shape[0]  # not len(x), which would fix the batch size of an exported graph
            gradients = [g[:items]]
            for step in recorded.steps[:0:-1]:
                g = step(g)
                gradients.append(g[:items])
            guide = None
            if labels is not None and class_gradient:
                guide = recorded.steps[0](g[-items:])
        gradient = tuple(reversed(gradients)) if gradient_taps else None
        return Features(recorded.logits, recorded.taps, gradient, guide)


def _arithmetic(device: str) -> torch.autocast:
    """Autocast where the way back was tried in bfloat16, and none elsewhere."""
    is_on = device == "cpu" and torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=torch.bfloat16, enabled=is_on)


def _towards(labels: Tensor, p: Tensor) -> Tensor:
    """d log p(y | X_t) / d logits, (B, C), of labels (B,) and probabilities (B, C).

    For the label -1 it is d log p(X_t) / d logits.
    """
    asked = (labels >= 0)[:, None]
    label = F.one_hot(labels.clamp(min=0), p.shape[1]).to(p.dtype)
    others = p * (1 - label)
    # Not 1 - p of the label, which is rounding alone where the classifier is sure: a gradient tap
    # is normalised, and would bring that up to the size of all others.
    return torch.where(asked, label * others.sum(1, keepdim=True) - others, p)
