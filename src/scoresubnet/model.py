"""Models that give a score and what guides it: the Score Subnet on its backbone, or a U-Net."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from scoresubnet.backbone import Features, FrozenClassifier
from scoresubnet.guidance import Guide, ScoreAndClassGradient, from_labels, probability
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.networks.unet import UNet
from scoresubnet.process.caller import undisturbed
from scoresubnet.score import score_from_output
from scoresubnet.sde import VPSDE


class DiffusionModel(nn.Module, ABC):
    """What training, sampling, guidance, evaluation and cost ask of a model, whichever it is.

    Attributes:
        sde: the forward process that it was trained on.
        parametrisation: what its network predicts, a key of `score.PARAMETRISATIONS`.
        in_bfloat16: whether the networks compute in it when they are sampled; results are float32.
    """

    def __init__(self, sde: VPSDE, parametrisation: str) -> None:
        super().__init__()
        self.sde, self.parametrisation, self.in_bfloat16 = sde, parametrisation, False

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The part that is trained to give the score."""

    @property
    @abstractmethod
    def classifier(self) -> FrozenClassifier | None:
        """The frozen classifier that guides, and hears the result; None: there is none."""

    @property
    def hears(self) -> bool:
        """Whether there is a classifier."""
        return self.classifier is not None

    @property
    def like(self) -> Tensor:
        """An empty tensor where the model is."""
        return torch.empty(0, device=next(self.parameters()).device)

    @property
    @abstractmethod
    def is_label_conditioned(self) -> bool:
        """Whether the score itself, without guidance, is that of the label asked for."""

    @property
    def can_be_guided(self) -> bool:
        """Whether there is a class gradient: of a classifier, or from being told or not."""
        return self.is_label_conditioned or self.classifier is not None

    @abstractmethod
    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """The network's output (B, 1, F, T), in its parametrisation, for x (B, 1, F, T), t (B,).

        Labels (B,), with -1 for none, are for models that are told; others give the same for all.
        """

    def score(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score, same shape as x (B, 1, F, T), at times t (B,); labels (B,) as for `forward`."""
        output = self(x, t, labels).float()
        return score_from_output(output, x, t, self.sde, self.parametrisation)

    def logits(self, x: Tensor, t: Tensor) -> Tensor:
        """What the classifier says of x (B, 1, F, T) at times t (B,): (B, C).

        Raises:
            ValueError: there is none.
        """
        if self.classifier is None:
            raise ValueError("these weights have no classifier; load them with classifier=...")
        logits: Tensor = self.classifier(x, t)
        return logits.float()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A block as of `process.caller.undisturbed`, in the arithmetic of this model."""
        device = self.like.device.type
        with undisturbed(), torch.autocast(device, torch.bfloat16, enabled=self.in_bfloat16):
            yield

    @abstractmethod
    def with_class_gradient(self, labels: Tensor) -> ScoreAndClassGradient:
        """(x, t) -> score, grad_X log p(y | x, t) and p(y | x, t), for one batch.

        Args:
            labels: class indices (B,); -1 is no label, which nothing may be made of.

        Raises:
            ValueError: the model cannot be guided.
        """


class ScoreModel(DiffusionModel):
    """Frozen classifier and Score Subnet: the score of noisy log-Mels, and its guidance.

    Attributes:
        backbone: the frozen classifier.
        subnet: the decoder, the only part with trainable parameters.
    """

    def __init__(
        self, backbone: FrozenClassifier, subnet: ScoreSubnet, sde: VPSDE, parametrisation: str
    ) -> None:
        super().__init__(sde, parametrisation)
        self.backbone, self.subnet = backbone, subnet

    @property
    def network(self) -> nn.Module:
        return self.subnet

    @property
    def classifier(self) -> FrozenClassifier:
        return self.backbone

    @property
    def is_label_conditioned(self) -> bool:
        return self.subnet.config.label_taps

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        of = labels if self.subnet.config.label_taps else None
        features = self._features(x, t, of, class_gradient=False)
        return self.subnet(features.forward, features.gradient, t)

    def with_class_gradient(self, labels: Tensor) -> ScoreAndClassGradient:
        """As of any model, of one shared forward pass; for -1 the gradient is of log p(X_t)."""

        def both(x: Tensor, t: Tensor) -> Guide:
            output, class_gradient, logits = self.step(x, t, labels)
            score = score_from_output(output, x, t, self.sde, self.parametrisation)
            return Guide(score, class_gradient, probability(logits, labels))

        return both

    def step(self, x: Tensor, t: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Output and class gradient, shaped like x, and logits (B, C), of one forward pass.

        Arguments as of `forward`.
        """
        features = self._features(x, t, labels, class_gradient=True)
        assert features.class_gradient is not None
        output = self.subnet(features.forward, features.gradient, t)
        return output.float(), features.class_gradient.float(), features.logits.float()

    def _features(
        self, x: Tensor, t: Tensor, labels: Tensor | None, class_gradient: bool
    ) -> Features:
        """The taps that the subnet reads, and the class gradient."""
        config = self.subnet.config
        taps = (config.gradient_taps, labels, config.label_taps)
        return self.backbone.features(x, t, *taps, class_gradient, config.every_block)


class UNetModel(DiffusionModel):
    """A U-Net, guided by a classifier of its own beside it, or by itself.

    A label-conditioned U-Net without a classifier is guided as of `guidance.from_labels`.

    Attributes:
        unet: the only part with trainable parameters.
        known: index, among the labels that the U-Net is told, of each label of the classifier, or
            -1 where the U-Net has never been told it; None: the same labels.
    """

    def __init__(
        self,
        unet: UNet,
        sde: VPSDE,
        parametrisation: str,
        classifier: FrozenClassifier | None = None,
        known: Sequence[int] | None = None,
    ) -> None:
        super().__init__(sde, parametrisation)
        self.unet, self.guiding = unet, classifier
        self.known = None if known is None else tuple(known)

    @property
    def network(self) -> nn.Module:
        return self.unet

    @property
    def classifier(self) -> FrozenClassifier | None:
        return self.guiding

    @property
    def is_label_conditioned(self) -> bool:
        return self.unet.config.label_conditioned

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None and self.known is not None:
            own = torch.tensor([*self.known, -1], device=labels.device)  # -1 stays -1
            labels = own[labels]
        return self.unet(x, t, labels)

    def with_class_gradient(self, labels: Tensor) -> ScoreAndClassGradient:
        if not self.can_be_guided:
            raise ValueError(
                "a U-Net that is told no labels needs a classifier that guides it; name one"
            )
        if self.guiding is None:
            return from_labels(self.score, labels)
        return partial(self._by_classifier, self.guiding, labels)

    def _by_classifier(
        self, classifier: FrozenClassifier, labels: Tensor, x: Tensor, t: Tensor
    ) -> Guide:
        features = classifier.features(x, t, False, labels)
        assert features.class_gradient is not None
        score = self.score(x, t, labels)
        p = probability(features.logits.float(), labels)
        return Guide(score, features.class_gradient.float(), p)
