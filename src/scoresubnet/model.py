"""The Score Subnet on its backbone: one object that gives the score and the class gradient."""

from __future__ import annotations

from torch import Tensor, nn

from scoresubnet.backbone import FrozenClassifier
from scoresubnet.guidance import Guide, ScoreAndClassGradient
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.score import score_from_output
from scoresubnet.sde import VPSDE


class ScoreModel(nn.Module):
    """Frozen classifier and Score Subnet: the score of noisy log-Mels, and its guidance.

    Attributes:
        backbone: the frozen classifier.
        subnet: the decoder, the only part with trainable parameters.
        sde: the forward process that the subnet was trained on.
        parametrisation: what the subnet predicts, a key of `score.PARAMETRISATIONS`.
    """

    def __init__(
        self, backbone: FrozenClassifier, subnet: ScoreSubnet, sde: VPSDE, parametrisation: str
    ) -> None:
        super().__init__()
        self.backbone, self.subnet = backbone, subnet
        self.sde, self.parametrisation = sde, parametrisation

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """The subnet's output (B, 1, F, T), in its parametrisation, for x (B, 1, F, T), t (B,).

        Labels (B,), with -1 for none, are for subnets with `label_taps`; others give the same
        for all.
        """
        config = self.subnet.config
        of = labels if config.label_taps else None
        features = self.backbone.features(
            x, t, config.gradient_taps, of, config.label_taps, class_gradient=False
        )
        return self.subnet(features.forward, features.gradient, t)

    def score(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score, same shape as x (B, 1, F, T), at times t (B,); labels (B,) as for `forward`."""
        return score_from_output(self(x, t, labels), x, t, self.sde, self.parametrisation)

    def with_class_gradient(self, labels: Tensor) -> ScoreAndClassGradient:
        """(x, t) -> score, grad_X log p(y | x, t) and p(y | x, t), of one shared forward pass.

        Args:
            labels: class indices (B,); -1 is no label, whose gradient is that of log p(X_t).
        """
        config = self.subnet.config

        def both(x: Tensor, t: Tensor) -> Guide:
            features = self.backbone.features(x, t, config.gradient_taps, labels, config.label_taps)
            assert features.class_gradient is not None
            output = self.subnet(features.forward, features.gradient, t)
            score = score_from_output(output, x, t, self.sde, self.parametrisation)
            probability = features.logits.softmax(1).gather(1, labels.clamp(min=0)[:, None])[:, 0]
            return Guide(score, features.class_gradient, probability)

        return both
