"""From a word to its sound: the one class that most users need."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from scoresubnet.arrays import Array, array_namespace, full_like_items, place_like, to_numpy
from scoresubnet.backends import Backend, load_backend
from scoresubnet.batching import fitting_batch
from scoresubnet.data.words import UNCONDITIONAL, nfc
from scoresubnet.generated_speech import Floats, GeneratedSpeech, joined
from scoresubnet.guidance import guided
from scoresubnet.model_about import DEFAULT_WEIGHTS
from scoresubnet.noise import seeded_noise
from scoresubnet.options.ranges import whole_number
from scoresubnet.options.registries import nearest_names
from scoresubnet.samplers import SAMPLERS, Noise, between
from scoresubnet.sampling import Sampling, resolve_sampling
from scoresubnet.schedules import asks_probability, read_guidance_schedule
from scoresubnet.score import ScoreFunction
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.vocoders import Vocoder, load_vocoder

if TYPE_CHECKING:
    import torch

MOST_SEED = 2**32 - 1  # torch's CPU generator reads no more


@dataclass(frozen=True)
class _Asked:
    """What is to be generated; item k is of `labels[k]` and `seeds[k]`."""

    labels: list[str]
    seeds: list[int]
    sampling: Sampling
    towards: tuple[int, float] | None
    listen: bool

    def part(self, start: int, count: int) -> _Asked:
        """So many items of it, from one on."""
        own = slice(start, start + count)
        return replace(self, labels=self.labels[own], seeds=self.seeds[own])


class SpeechGenerator:
    """Generates spoken words by guided reverse diffusion (paper, eqs. 2 and 5).

    Attributes:
        labels: the words that can be asked for.
        aliases: other spellings by which they can be, alias -> label.
        model: the frozen classifier and its Score Subnet, or a U-Net.
        backend: what runs the model, a key of `backends.BACKENDS`.
        vocoder: from log-Mels to waveforms.
        sampling: how `generate` samples if it is not told: what the weights say, or else "fast".
    """

    def __init__(self, backend: Backend, vocoder: Vocoder, batch_size: int | None = None) -> None:
        self.labels, self.aliases = backend.labels, backend.aliases
        self.mel, self.model, self.backend = backend.mel, backend.model, backend.name
        self.vocoder = vocoder
        self.sampling = backend.sampling or resolve_sampling()
        self.batch_size = batch_size
        self._memory = backend.memory

    @property
    def batch_size(self) -> int | None:
        """Most items that are sampled together; None: as many as memory holds, up to 16."""
        return self._batch_size

    @batch_size.setter
    def batch_size(self, value: int | None) -> None:
        self._batch_size = None if value is None else whole_number("batch_size", value, 1)

    @classmethod
    def from_pretrained(
        cls,
        weights: str | os.PathLike[str] = DEFAULT_WEIGHTS,
        vocoder: str = "pitch",
        batch_size: int | None = None,
        device: str | torch.device | None = "cpu",
        classifier: str | os.PathLike[str] | None = None,
        backend: str = "auto",
    ) -> SpeechGenerator:
        """Load weights and vocoder.

        Args:
            weights: name of shipped weights, a folder with `model.safetensors`, a file, or
                `hf:ORG/NAME[@REVISION]` on the Hugging Face hub (a branch, a tag or a commit).
            vocoder: what `vocoders.load_vocoder` takes.
            batch_size: most items that are sampled together, 1 or more, as many as memory holds if
                None; it changes no sample.
            device: where the model runs; None is a GPU if there is one, else the CPU.
            classifier: weights whose classifier guides a U-Net, and whose labels it is asked for.
            backend: a key of `backends.BACKENDS`: what runs the model.

        Raises:
            WeightsError: the weights are missing, damaged or foreign.
            GraphError: the backend is "onnx", and the weights have no graphs that fit.
            ValueError: the vocoder is unknown, or made for other features, or batch_size is no
                whole number of at least 1, or the classifier does not fit the weights.
            ImportError: what the backend needs, or the Hub, is not installed.
        """
        loaded = load_backend(weights, classifier, backend, device)
        return cls(loaded, load_vocoder(vocoder, loaded.mel), batch_size)

    def generate(
        self,
        labels: str | Sequence[str],
        seeds: SupportsIndex | Iterable[SupportsIndex] | None = None,
        sampling: str | Sampling | None = None,
        progress: Callable[[int, int], None] | None = None,
        towards: tuple[int, float] | None = None,
        listen: bool = True,
        **overrides: Any,
    ) -> GeneratedSpeech:
        """Generate one word per label.

        Examples:
            >>> speech = generator.generate(["up", "down"], sampling="paper", guidance=2.0)

        Args:
            labels: one label or several, or aliases of them; "none" is unconditional.
            seeds: one per label, integers of any kind in anything that can be iterated over;
                0, 1, 2, ... if left out. Item k depends on its own seed alone.
            sampling: a key of `sampling.SAMPLING_PRESETS`, or settings; None is `self.sampling`.
            progress: called with (steps done, steps in all) after every step of every batch.
            towards: a seed, and how far the noise of every item moves towards that of this one, 0
                to 1.
            listen: whether the classifier listens to what comes out; without, `heard` is empty.
            overrides: fields of `Sampling` by name, such as `guidance=3.0, steps=10`; None leaves
                one as it is.

        Raises:
            ValueError: a label or name is unknown, or a number is out of its range.
        """
        made = self.stream(labels, seeds, sampling, progress, towards, listen, **overrides)
        return joined(list(made))

    def stream(
        self,
        labels: str | Sequence[str],
        seeds: SupportsIndex | Iterable[SupportsIndex] | None = None,
        sampling: str | Sampling | None = None,
        progress: Callable[[int, int], None] | None = None,
        towards: tuple[int, float] | None = None,
        listen: bool = True,
        **overrides: Any,
    ) -> Iterator[GeneratedSpeech]:
        """The same words a batch at a time, so that any number of them fits into memory.

        Examples:
            >>> for speech in generator.stream(["up"] * 100_000):
            ...     print(speech.seeds, speech.heard)

        Args and errors are those of `generate`; the errors are raised before the first batch.
        """
        words = [self.label_of(x) for x in ([labels] if isinstance(labels, str) else labels)]
        given: Any = range(len(words)) if seeds is None else seeds
        single = not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0
        each = [given] if single else list(given)
        chosen = self.check(words, each, sampling, **overrides)
        if towards is not None:
            _check_towards(*towards)
        numbers = [operator.index(seed) for seed in each]
        return self._batches(_Asked(words, numbers, chosen, towards, listen), progress)

    def _batches(
        self, asked: _Asked, progress: Callable[[int, int], None] | None
    ) -> Iterator[GeneratedSpeech]:
        count = len(asked.labels)
        batch_size = self.batch_size or self._fitting(count)
        starts = range(0, count, batch_size)
        done = 0

        def report(step: int, x: Array) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, asked.sampling.steps * len(starts))

        for start in starts:
            yield self._batch(asked.part(start, batch_size), report)

    def _batch(self, asked: _Asked, report: Callable[[int, Array], None]) -> GeneratedSpeech:
        chosen, seeds = asked.sampling, asked.seeds
        with self.model.undisturbed():
            times = TIME_GRIDS[chosen.grid](chosen.steps, self.model.sde)
            noise = self._noise(seeds)
            if asked.towards is not None:
                seed, share = asked.towards
                noise = between(noise, self._noise([seed] * len(seeds)), share)
            score_fn = self._score_of(asked.labels, chosen)
            sampler = SAMPLERS[chosen.sampler]
            x = sampler(score_fn, noise(), times, noise, self.model.sde, report)
            mels: Floats = to_numpy(array_namespace(x).clip(x, -1, 1))
        listens = asked.listen and self.model.hears
        heard, confidence = self.classify(mels) if listens else ((), np.empty(0, "f4"))
        about = (self.mel.sample_rate, tuple(asked.labels), tuple(seeds), heard, confidence)
        return GeneratedSpeech(mels, self.vocoder(mels), *about)

    def label_of(self, name: str) -> str:
        """The label that an alias stands for, or else the name itself, in NFC."""
        return self.aliases.get(nfc(name), nfc(name))

    def _fitting(self, count: int) -> int:
        """The number of `count` items to sample together."""
        if count == 1:
            return 1
        with self.model.undisturbed():
            return min(count, fitting_batch(*self._memory()))

    def classify(self, x: Array) -> tuple[tuple[str, ...], Floats]:
        """The words that the classifier hears in log-Mels (B, 1, F, T), with probability (B,).

        Raises:
            ValueError: there is no classifier.
        """
        found = self.probabilities(x)
        return tuple(self.labels[k] for k in found.argmax(1)), found.max(1)

    def probabilities(self, x: Array) -> Floats:
        """What the classifier gives each of the labels, (B, C), in log-Mels (B, 1, F, T).

        At the smallest noise time.

        Raises:
            ValueError: there is no classifier.
        """
        with self.model.undisturbed():
            x = place_like(x, self.model.like, "float32")
            logits = to_numpy(self.model.logits(x, full_like_items(self.model.sde.t_eps, x)))
        odds: Floats = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def _score_of(self, labels: list[str], chosen: Sampling) -> ScoreFunction:
        """The score of one batch, guided where its labels ask for a word."""
        known = [self.labels.index(w) if w != UNCONDITIONAL else -1 for w in labels]
        indices = place_like(known, self.model.like, "int64")
        if max(known) < 0:
            return self.model.score
        alone: ScoreFunction = partial(self.model.score, labels=indices)
        if not chosen.guidance:
            return alone
        gamma = read_guidance_schedule(chosen.schedule)(chosen.guidance)

        def of_asked(t: Array, p: Array | None = None) -> Array:
            return gamma(t, p) * (indices >= 0)

        both = self.model.with_class_gradient(indices)
        return guided(both, of_asked, alone, chosen.clamp, chosen.renormalise)

    def _noise(self, seeds: list[int]) -> Noise:
        return seeded_noise(seeds, (1, self.mel.n_mels, self.mel.frames), self.model.like)

    def check(
        self,
        labels: list[str],
        seeds: Sequence[SupportsIndex],
        sampling: str | Sampling | None = None,
        **overrides: Any,
    ) -> Sampling:
        """Refuse what cannot be generated, before anything is computed; arguments as `generate`'s.

        Returns:
            The settings that `generate` would use.

        Raises:
            ValueError: as for `generate`.
        """
        if not labels:
            raise ValueError(f"no label given; choose from {', '.join(self.labels)}")
        for label in map(self.label_of, labels):
            if label not in (*self.labels, UNCONDITIONAL):
                near = nearest_names(label, (*self.labels, *self.aliases))
                raise ValueError(
                    f"unknown label {label!r}; nearest first, these weights know: "
                    f"{', '.join(near)}; and {UNCONDITIONAL!r} for no word in particular"
                )
            if label != UNCONDITIONAL and not self.model.can_be_guided:
                raise ValueError(
                    f"these weights are a U-Net that is told no words; ask for {UNCONDITIONAL!r}, "
                    "or name a classifier that guides it (--classifier)"
                )
        if len(seeds) != len(labels):
            raise ValueError(
                f"{len(labels)} labels but {len(seeds)} seeds; give one seed per label"
            )
        for seed in seeds:
            whole_number("seed", seed, 0, MOST_SEED)
        chosen = resolve_sampling(self.sampling if sampling is None else sampling, **overrides)
        if not self.model.hears and asks_probability(chosen.schedule):
            raise ValueError(
                f"schedule {chosen.schedule} goes by what a classifier hears, and these weights "
                "have none; choose another schedule, or name a classifier (--classifier)"
            )
        return chosen


def towards_of(seed: int | None, share: float | None) -> tuple[int, float] | None:
    """What `SpeechGenerator.generate` takes, from two options.

    Raises:
        ValueError: there is a share of the way, and no seed that it leads to; or one is out of its
            range.
    """
    if seed is None:
        if share is not None:
            raise ValueError(f"--share {share} of the way to which seed? Name it by --towards")
        return None
    towards = (seed, 0.5 if share is None else share)
    _check_towards(*towards)
    return towards


def _check_towards(seed: int, share: float) -> None:
    whole_number("seed to move towards", seed, 0, MOST_SEED)
    if not 0 <= share <= 1:
        raise ValueError(f"share {share} of the way to seed {seed}; it lies in 0 to 1")
