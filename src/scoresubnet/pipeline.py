"""From a word to its sound: the one class that most users need."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor

from scoresubnet.audio.vocoder import Vocoder, load_vocoder
from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.guidance import GuidanceSchedule, guided
from scoresubnet.registries import find
from scoresubnet.samplers import SAMPLERS, seeded_noise
from scoresubnet.schedules import TIME_GRIDS, guidance_schedule
from scoresubnet.score import ScoreFunction
from scoresubnet.weights import DEFAULT_WEIGHTS, ModelFile, load_model

MOST_STEPS = 10_000
MOST_GUIDANCE = 100.0
MOST_SEED = 2**32 - 1  # torch's CPU generator reads no more

Schedule = str | Callable[[float], GuidanceSchedule]
"""A key of `schedules.GUIDANCE_SCHEDULES`, or a function that makes the schedule from gamma."""


@dataclass(frozen=True)
class GeneratedSpeech:
    """What `SpeechGenerator.generate` made; item k belongs to `labels[k]` and `seeds[k]`.

    Attributes:
        mels: scaled log-Mels in [-1, 1], (B, 1, F=80, T=64).
        audio: waveforms in [-1, 1], (B, samples).
        rate: samples per second.
        labels: the word asked for, or "none".
        seeds: the seed of each item.
        heard: the word that the classifier hears in each item, at the smallest noise time.
        confidence: the classifier's probability of that word, (B,).
    """

    mels: Tensor
    audio: Tensor
    rate: int
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    heard: tuple[str, ...]
    confidence: Tensor


class SpeechGenerator:
    """Generates spoken words by guided reverse diffusion (paper, eqs. 2 and 5).

    Attributes:
        labels: the words that can be asked for.
        model: the frozen classifier and its Score Subnet.
        vocoder: from log-Mels to waveforms.
    """

    def __init__(self, file: ModelFile, vocoder: Vocoder, batch_size: int = 16) -> None:
        self.labels = file.labels
        self.mel = file.mel
        self.model = file.score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.vocoder = vocoder
        self.batch_size = batch_size

    @classmethod
    def from_pretrained(
        cls,
        weights: str | os.PathLike[str] = DEFAULT_WEIGHTS,
        vocoder: str = "griffin-lim",
        batch_size: int = 16,
        device: str | torch.device = "cpu",
    ) -> SpeechGenerator:
        """Load weights and vocoder.

        Args:
            weights: name of shipped weights, a folder with `model.safetensors`, or a file.
            vocoder: what `audio.vocoder.load_vocoder` takes.
            batch_size: most items that are sampled together; it changes no sample.
            device: where the model runs.

        Raises:
            WeightsError: the weights are missing, damaged or foreign.
            ValueError: the vocoder is unknown, or made for other features.
        """
        file = load_model(weights)
        generator = cls(file, load_vocoder(vocoder, file.mel), batch_size)
        generator.model.to(device)
        return generator

    def generate(
        self,
        labels: str | Sequence[str],
        seeds: int | Sequence[int] | None = None,
        guidance: float = 3.0,
        sampler: str = "euler-maruyama",
        steps: int = 100,
        progress: Callable[[int, int], None] | None = None,
        *,
        grid: str = "uniform",
        schedule: Schedule = "constant",
        clamp: float | None = None,
        renormalise: bool = False,
    ) -> GeneratedSpeech:
        """Generate one word per label.

        Args:
            labels: one label or several; "none" is unconditional.
            seeds: one per label; 0, 1, 2, ... if left out. Item k depends on its own seed alone.
            guidance: gamma, the guidance strength (the paper: 3.0); 0 is unconditional.
            sampler: a key of `samplers.SAMPLERS`.
            steps: reverse steps (the paper: 100).
            progress: called with (steps done, steps in all) after every step of every batch.
            grid: a key of `schedules.TIME_GRIDS`: where the steps lie.
            schedule: how guidance moves with time, and with what the classifier hears: a key of
                `schedules.GUIDANCE_SCHEDULES`, or, for other parameters than its own, for instance
                `guidance_schedule("interval", low=0.2, high=0.6)`; gamma is `guidance` in any case.
            clamp: the guidance term is at most so many times as long as the score; None: no limit.
            renormalise: whether the guided score keeps the length of the unguided one.

        Raises:
            ValueError: a label or name is unknown, or a number is out of its range.
        """
        labels = [labels] if isinstance(labels, str) else list(labels)
        if seeds is None:
            seeds = range(len(labels))
        seeds = [seeds] if isinstance(seeds, int) else [int(seed) for seed in seeds]
        self.check(
            labels, seeds, guidance, sampler, steps, grid=grid, schedule=schedule, clamp=clamp
        )
        gamma = _from_gamma(schedule)(guidance)
        times = TIME_GRIDS[grid](steps, self.model.sde)
        chunks = range(0, len(labels), self.batch_size)
        done = 0

        def report(step: int, x: Tensor) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, steps * len(chunks))

        mels = []
        for start in chunks:
            part = slice(start, start + self.batch_size)
            score_fn: ScoreFunction = self.model.score
            if guidance:
                score_fn = self._guided_score(labels[part], gamma, clamp, renormalise)
            mels.append(self._sample(score_fn, seeds[part], sampler, times, report))
        x = torch.cat(mels)
        audio = torch.cat([self.vocoder(part) for part in x.split(self.batch_size)])
        heard, confidence = self.classify(x)
        rate = self.mel.sample_rate
        return GeneratedSpeech(x, audio, rate, tuple(labels), tuple(seeds), heard, confidence)

    @torch.no_grad()
    def classify(self, x: Tensor) -> tuple[tuple[str, ...], Tensor]:
        """What the classifier hears in scaled log-Mels (B, 1, F, T), and its probability (B,)."""
        device = next(self.model.parameters()).device
        t = torch.full((len(x),), self.model.sde.t_eps, device=device)
        probabilities = self.model.backbone(x.to(device), t).softmax(1).cpu()
        confidence, index = probabilities.max(1)
        return tuple(self.labels[i] for i in index.tolist()), confidence

    def _guided_score(
        self, labels: list[str], gamma: GuidanceSchedule, clamp: float | None, renormalise: bool
    ) -> ScoreFunction:
        """The score of one batch, guided where its labels ask for a word."""
        device = next(self.model.parameters()).device
        # Unconditional items ride along with any label at strength zero.
        known = [self.labels.index(w) if w != UNCONDITIONAL else 0 for w in labels]
        asked = torch.tensor([w != UNCONDITIONAL for w in labels], device=device)
        if not asked.any():
            return self.model.score
        both = self.model.with_class_gradient(torch.tensor(known, device=device))

        def of_asked(t: Tensor, p: Tensor | None = None) -> Tensor:
            return gamma(t, p) * asked

        return guided(both, of_asked, self.model.score, clamp, renormalise)

    @torch.no_grad()
    def _sample(
        self,
        score_fn: ScoreFunction,
        seeds: list[int],
        sampler: str,
        times: Tensor,
        report: Callable[[int, Tensor], None],
    ) -> Tensor:
        """One batch of scaled log-Mels, clamped to [-1, 1], on the CPU."""
        device = next(self.model.parameters()).device
        noise = seeded_noise(seeds, (1, self.mel.n_mels, self.mel.frames), device)
        x = SAMPLERS[sampler](score_fn, noise(), times, noise, self.model.sde, report)
        return x.clamp(-1, 1).cpu()

    def check(
        self,
        labels: list[str],
        seeds: list[int],
        guidance: float,
        sampler: str,
        steps: int,
        *,
        grid: str = "uniform",
        schedule: Schedule = "constant",
        clamp: float | None = None,
    ) -> None:
        """Refuse what cannot be generated, before anything is computed.

        Raises:
            ValueError: as for `generate`.
        """
        if not labels:
            raise ValueError(f"no label given; choose from {', '.join(self.labels)}")
        for label in labels:
            if label not in (*self.labels, UNCONDITIONAL):
                near = get_close_matches(label, self.labels, n=len(self.labels), cutoff=0.0)
                raise ValueError(
                    f"unknown label {label!r}; nearest first, these weights know: "
                    f"{', '.join(near)}; and {UNCONDITIONAL!r} for no word in particular"
                )
        if len(seeds) != len(labels):
            raise ValueError(
                f"{len(labels)} labels but {len(seeds)} seeds; give one seed per label"
            )
        for seed in seeds:
            if not 0 <= seed <= MOST_SEED:
                raise ValueError(f"seed {seed} is out of range; it lies between 0 and 2^32 - 1")
        if not (math.isfinite(guidance) and 0 <= guidance <= MOST_GUIDANCE):
            raise ValueError(
                f"guidance {guidance} is out of range; it lies between 0 and {MOST_GUIDANCE:g}"
            )
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"steps {steps} is out of range; it lies between 1 and {MOST_STEPS}")
        find("sampler", sampler, SAMPLERS)
        find("time grid", grid, TIME_GRIDS)
        _from_gamma(schedule)(guidance)
        if clamp is not None and not 0 < clamp < math.inf:
            raise ValueError(f"clamp {clamp} is out of range; it is positive and finite")


def _from_gamma(schedule: Schedule) -> Callable[[float], GuidanceSchedule]:
    return guidance_schedule(schedule) if isinstance(schedule, str) else schedule
