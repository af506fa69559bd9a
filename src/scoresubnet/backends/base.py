"""What `pipeline.SpeechGenerator` asks of whatever runs a model; reading this needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from scoresubnet.arrays import Array
from scoresubnet.audio.mel import MelSettings
from scoresubnet.guidance import ScoreAndClassGradient
from scoresubnet.sampling import Sampling
from scoresubnet.sde import VPSDE


class Model(Protocol):
    """A model that can be sampled: `model.DiffusionModel`, or `graph_model.GraphModel`.

    Arrays are of one library, on one device.

    Attributes:
        sde: the forward process that it was trained on.
        like: an array of that library, there.
    """

    sde: VPSDE

    @property
    def like(self) -> Array: ...

    @property
    def hears(self) -> bool:
        """Whether there is a classifier, which guides and hears the result."""
        ...

    @property
    def is_label_conditioned(self) -> bool:
        """Whether the score itself, without guidance, is that of the label asked for."""
        ...

    @property
    def can_be_guided(self) -> bool:
        """Whether there is a class gradient: of a classifier, or from being told or not."""
        ...

    def undisturbed(self) -> AbstractContextManager[None]:
        """A block in which what the caller has set in the library changes no result."""
        ...

    def score(self, x: Array, t: Array, labels: Array | None = None) -> Array:
        """Score, same shape as x (B, 1, F, T), at times t (B,); labels (B,), -1 for none."""
        ...

    def with_class_gradient(self, labels: Array) -> ScoreAndClassGradient:
        """(x, t) -> score, grad_X log p(y | x, t) and p(y | x, t), for one batch.

        Raises:
            ValueError: the model cannot be guided.
        """
        ...

    def logits(self, x: Array, t: Array) -> Array:
        """What the classifier says of x (B, 1, F, T) at times t (B,): (B, C).

        Raises:
            ValueError: there is none.
        """
        ...


@dataclass(frozen=True)
class Backend:
    """A loaded model and what its weights say.

    Attributes:
        name: a key of `backends.BACKENDS`.
        model: the model itself.
        labels: the words that can be asked for.
        aliases: other spellings of them, alias -> label.
        mel: the front end.
        sampling: how the weights want to be sampled; None: not said.
        memory: () -> MiB that a clip needs in a step, and those that are free, None if not known.
    """

    name: str
    model: Model
    labels: tuple[str, ...]
    aliases: Mapping[str, str]
    mel: MelSettings
    sampling: Sampling | None
    memory: Callable[[], tuple[float, float | None]]
