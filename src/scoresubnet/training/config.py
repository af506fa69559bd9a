"""The config of a training run: one dataclass per concern, filled from YAML by jsonargparse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from scoresubnet.data.sources import Source
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.networks.unet import UNetConfig
from scoresubnet.options.ranges import MOST, check_numbers
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE
from scoresubnet.training.times import TIME_DISTRIBUTIONS
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.word_evaluator.network import ResNeXtConfig

Precision = Literal["32-true", "bf16-mixed"]
"""Lightning's names."""


@dataclass(frozen=True)
class DataConfig:
    """Recordings and how batches are drawn from them.

    Attributes:
        sources: where the recordings are.
        words: the labels, in order: a list, a named set such as SC09, or None for all that the
            sources have, sorted.
        cache: folder for the memory-mapped features or waveforms.
        batch_size: clips in a batch.
        balance: how rare (word, source) pairs are evened out; a pair of n clips is drawn in
            proportion to n^(1 - balance): 0 draws clips alike, 1 draws pairs alike. The weight of
            a source multiplies that.
        share: share of the training clips that is used, as many of each word; always the same ones,
            and those of a smaller share among them.
    """

    sources: tuple[Source, ...] = ()
    words: str | tuple[str, ...] | None = None
    cache: str = ".cache/features"
    batch_size: int = 64
    balance: float = 0.5
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {self.share}")
        if not 1 <= self.batch_size <= MOST:
            raise ValueError(f"batch_size must lie between 1 and {MOST:,}, got {self.batch_size}")
        if not 0 <= self.balance <= 1:
            raise ValueError(f"balance must lie in [0, 1], got {self.balance}")


@dataclass(frozen=True)
class TimesConfig:
    """Distribution of training times: `uniform` (the paper), or `logit_normal` around `centre`.

    Attributes:
        distribution: a key of `training.times.TIME_DISTRIBUTIONS`.
        centre: median of the logit-normal times.
        spread: standard deviation of logit(t).
        uniform_share: share of the times that is uniform nevertheless.
    """

    distribution: str = "uniform"
    centre: float = 0.3
    spread: float = 1.0
    uniform_share: float = 0.2

    def __post_init__(self) -> None:
        refuse_unknown("distribution of times", self.distribution, TIME_DISTRIBUTIONS)
        check_numbers(self)
        if not (0 < self.centre < 1 and self.spread > 0 and 0 <= self.uniform_share <= 1):
            raise ValueError("need 0 < centre < 1, spread > 0 and 0 <= uniform_share <= 1")

    @property
    def arguments(self) -> dict[str, float]:
        """Arguments of the distribution beyond count, t_eps and generator."""
        if self.distribution == "uniform":
            return {}
        return {
            "centre": self.centre,
            "spread": self.spread,
            "uniform_share": self.uniform_share,
        }


@dataclass(frozen=True)
class AugmentConfig:
    """Changes to the scaled log-Mels of a training batch. Zero switches a change off.

    Attributes:
        shift: largest shift in time, frames.
        stretch: largest relative change of duration (0.15 = 15 %).
        warp: largest relative change of frequency, as from another vocal tract.
        gain: largest change of level, decibels.
        lowpass: share of clips that lose everything above a random bin.
        telephone: share of clips that lose everything above 4 kHz, as recordings at 8 kHz.
        trim: share of clips that get digital silence before and after the word.
        fill: share of clips whose digital silence is filled with what other clips of the batch have
            there; what `lowpass`, `telephone` and `trim` take away after that stays away.
        noise: share of clips that get a random stationary background.
        mask: share of clips in which one band and one span are hidden (SpecAugment).
        colour: largest tilt of the spectrum, decibels at either end, as from another microphone or
            room; smaller bends beside it.
    """

    shift: int = 5
    stretch: float = 0.0
    warp: float = 0.0
    gain: float = 0.0
    lowpass: float = 0.0
    telephone: float = 0.0
    trim: float = 0.0
    fill: float = 0.0
    noise: float = 0.0
    mask: float = 0.0
    colour: float = 0.0

    def __post_init__(self) -> None:
        shares = ("lowpass", "telephone", "trim", "fill", "noise", "mask")
        check_numbers(self, "stretch", "warp", *shares)


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with linear warm-up, a plateau and a linear decay to zero; EMA of the weights.

    Attributes:
        learning_rate: of the plateau.
        weight_decay: decoupled.
        warmup: steps of warm-up.
        decay_share: share of all steps, at the end, in which the rate decays to zero.
        gradient_clip: largest norm of the gradient.
        ema_decay: of the moving average that is validated and exported.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 200
    decay_share: float = 0.4
    gradient_clip: float = 1.0
    ema_decay: float = 0.999

    def __post_init__(self) -> None:
        check_numbers(self, "decay_share", "ema_decay")


@dataclass(frozen=True)
class RunConfig:
    """Length, seed and rhythm of a run.

    Attributes:
        steps: optimiser steps in all; the learning rate decays towards the last.
        minutes: stop cleanly after so many minutes of this command, to be resumed; 0 = no budget.
        seed: of initial weights, batches, times, noise and augmentation.
        validate_every: steps between validations.
        patience: stop for good after so many validations in a row whose loss was no smaller than
            one before; 0 = go on to the last step.
        save_every: minutes between checkpoints.
        threads: CPU threads of torch in each process; 0 = leave as it is, or divide it among the
            devices of this machine.
        devices: of each node: GPUs, or processes on the CPU. A batch is divided among them all.
        nodes: machines; torchrun or SLURM starts the command on each.
        allow_changed_data: go on although clips were added or removed since the run began. Then
            it is not the run any more that it would have been without a stop.
    """

    steps: int = 10_000
    minutes: float = 0.0
    seed: int = 0
    validate_every: int = 500
    patience: int = 0
    save_every: float = 5.0
    threads: int = 0
    devices: int = 1
    nodes: int = 1
    allow_changed_data: bool = False

    def __post_init__(self) -> None:
        check_numbers(self)
        counts = (self.steps, self.validate_every, self.devices, self.nodes)
        if min(counts) < 1 or self.save_every == 0:
            raise ValueError(
                "steps, validate_every, save_every, devices and nodes must be positive"
            )


@dataclass(frozen=True)
class ClassifierTraining:
    """Everything about one classifier run.

    Attributes:
        aliases: other spellings by which the words can be asked for, alias -> word.
        precision: `32-true`, or `bf16-mixed`, which is the faster one on GPUs and on CPUs with
            bfloat16 (AMX): weights stay float32, and on GPUs what a frozen classifier gives; the
            rest is computed in bfloat16 where it can be.
        compile: let torch.compile fuse what a training step does: for GPUs, where steps are faster
            after a minute or two of compiling. They round otherwise, and draw other dropout.
    """

    data: DataConfig
    network: ClassifierConfig = field(default_factory=ClassifierConfig)
    sde: VPSDE = field(default_factory=VPSDE)
    times: TimesConfig = field(default_factory=TimesConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)
    precision: Precision = "32-true"
    compile: bool = False
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DenoisingTraining:
    """What the runs of models that give a score have in common.

    Attributes:
        label_dropout: share of the clips whose label is not told to a model that reads labels
            (`label_taps`, `label_conditioned`), so that it learns the score of any word as well.
        skip_silence: no loss where a clip has digital silence: around trimmed clips, and above
            4 kHz in recordings at 8 kHz; it is then filled in as other clips have it.
        precision: as for `ClassifierTraining`.
        compile: likewise.
    """

    data: DataConfig
    parametrisation: str = "epsilon"
    label_dropout: float = 0.1
    skip_silence: bool = False
    times: TimesConfig = field(default_factory=TimesConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)
    precision: Precision = "32-true"
    compile: bool = False

    def __post_init__(self) -> None:
        refuse_unknown("parametrisation", self.parametrisation, PARAMETRISATIONS)
        if not 0 <= self.label_dropout <= 1:
            raise ValueError(f"label_dropout is a share of 0 to 1, got {self.label_dropout}")


@dataclass(frozen=True)
class ScoreTraining(DenoisingTraining):
    """Everything about one Score Subnet run; the SDE and the words are those of its classifier."""

    subnet: SubnetConfig = field(default_factory=SubnetConfig)


@dataclass(frozen=True)
class UNetTraining(DenoisingTraining):
    """Everything about one U-Net run."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    sde: VPSDE = field(default_factory=VPSDE)


@dataclass(frozen=True)
class VocoderTraining:
    """Everything about one run of the vocoder's pitch network.

    Attributes:
        segment: samples of each clip that a step sees; a multiple of the hop.
    """

    data: DataConfig
    network: PitchNetworkConfig = field(default_factory=PitchNetworkConfig)
    segment: int = 8192
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        if self.segment < 2048:
            raise ValueError(f"segment must be at least 2048 samples, got {self.segment}")


@dataclass(frozen=True)
class EvaluatorTraining:
    """Everything about one run of the evaluator, the judge of generated clips.

    Attributes:
        label_smoothing: share of the target that is spread over all words.
        lessons: file or folder of `recipes/lessons.py` to train on, instead of the training clips
            of `data`, whose validation clips are still used.
        lesson_weight: of the distance to the teacher's features, beside the cross-entropy.
    """

    data: DataConfig
    network: ResNeXtConfig = field(default_factory=ResNeXtConfig)
    label_smoothing: float = 0.05
    lessons: str | None = None
    lesson_weight: float = 1.0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}")
        if not self.lesson_weight >= 0:
            raise ValueError(f"lesson_weight must not be negative, got {self.lesson_weight}")


Training = ClassifierTraining | ScoreTraining | UNetTraining | VocoderTraining | EvaluatorTraining
"""The config of a run."""

TRAININGS: dict[str, type[Training]] = {
    "classifier": ClassifierTraining,
    "score": ScoreTraining,
    "unet": UNetTraining,
    "vocoder": VocoderTraining,
    "evaluator": EvaluatorTraining,
}
