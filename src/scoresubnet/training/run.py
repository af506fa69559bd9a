"""A training run: a folder, one command, and the same command again to go on."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from scoresubnet.audio.mel import MelSettings
from scoresubnet.files import file_hash
from scoresubnet.networks.classifier import Classifier
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.training.callbacks import (
    JsonLinesLogger,
    MovingAverage,
    RunCheckpoint,
    StepBar,
    StopCleanly,
)
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import (
    ClassifierTraining,
    EvaluatorTraining,
    ScoreTraining,
    VocoderTraining,
)
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.evaluator import EvaluatorModule
from scoresubnet.training.folder import CHECKPOINT, Training, claim
from scoresubnet.training.lessons import lessons_path
from scoresubnet.training.modules import ClassifierModule, ScoreModule, StepTraining
from scoresubnet.training.taught import LessonData, TaughtEvaluatorModule
from scoresubnet.training.vocoder import VocoderModule
from scoresubnet.training.waveform_data import WaveformData
from scoresubnet.vocoders.vocos import FILE_NAME as VOCODER_FILE
from scoresubnet.vocoders.vocos import VocoderFile, read_vocoder, save_vocoder, vocoder_path
from scoresubnet.weights import FILE_NAME, ModelFile, find_weights, load_model, save_model
from scoresubnet.word_evaluator.file import FILE_NAME as EVALUATOR_FILE
from scoresubnet.word_evaluator.file import (
    FRONT_END,
    EvaluatorFile,
    evaluator_path,
    read_evaluator,
    save_evaluator,
)
from scoresubnet.word_evaluator.network import ResNeXt

_log = logging.getLogger(__name__)


def train_classifier(
    config: ClassifierTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a classifier, or go on where the run in `out` stopped.

    The folder gets `config.yaml`, `log.jsonl`, TensorBoard files, `checkpoint.ckpt` and, when the
    command ends, `model.safetensors` with the averaged weights.

    Args:
        config: the run.
        out: its folder.
        start: name, folder or file of weights to start from (fine-tuning). The last layer starts
            anew if the words differ.

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has a
            network of another shape or was made for another noise process or other features.
        WeightsError: `start` cannot be loaded.
    """
    data = SpeechData(config.data, config.run.seed)
    lightning.seed_everything(config.run.seed, verbose=False)
    module = ClassifierModule(config, len(data.words), data.mel)
    model = ModelFile(module.network, data.words, config.sde, data.mel)
    origin = {"start": _identity(start)}
    if start is not None:
        _copy_weights(load_model(start), model)
    claim(Path(out), config, data, origin)
    _fit(module, data, config, Path(out), lambda: save_model(model, Path(out) / FILE_NAME))
    return model


def train_score(
    config: ScoreTraining,
    classifier: str | os.PathLike[str],
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a Score Subnet on a frozen classifier, or go on where the run in `out` stopped.

    Args:
        config: the run.
        classifier: folder or file of the trained classifier.
        out: folder of the run, with the same contents as for `train_classifier`.
        start: name, folder or file of weights whose Score Subnet to start from (fine-tuning).

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, the words differ
            from the classifier's, or `start` has another kind of subnet or another classifier.
        WeightsError: the classifier or `start` cannot be loaded.
    """
    model = load_model(classifier)
    data = SpeechData(config.data, config.run.seed, model.mel)
    if unknown := set(data.words) - set(model.labels):
        raise ValueError(
            f"the classifier does not know {', '.join(sorted(unknown))}; its labels are "
            f"{', '.join(model.labels)}"
        )
    lightning.seed_everything(config.run.seed, verbose=False)
    model.subnet = ScoreSubnet(config.subnet, model.classifier.config)
    model.parametrisation = config.parametrisation
    model.sampling = None  # what there may be is of another Score Subnet
    origin = {"classifier": _identity(classifier), "start": _identity(start)}
    if start is not None:
        _copy_subnet(load_model(start), model)
    module = ScoreModule(config, model.score_model(), data.mel)
    claim(Path(out), config, data, origin)
    _fit(module, data, config, Path(out), lambda: save_model(model, Path(out) / FILE_NAME))
    return model


def train_vocoder(
    config: VocoderTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> VocoderFile:
    """Train a vocoder, or go on where the run in `out` stopped.

    The folder gets what that of `train_classifier` gets, the weights as `vocoder.safetensors`.

    Args:
        config: the run.
        out: its folder.
        start: folder or file of a vocoder to start from; the discriminators start anew.

    Raises:
        ImportError: the pitch tracker is not installed.
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has
            a network of another shape or was made for other features.
        WeightsError: `start` cannot be loaded.
    """
    lightning.seed_everything(config.run.seed, verbose=False)
    module = VocoderModule(config, MelSettings())
    vocoder = VocoderFile(module.network)
    if start is not None:
        source = read_vocoder(start).network
        ours, theirs = (module.network.config, module.mel), (source.config, source.mel)
        if ours != theirs:
            raise ValueError(f"cannot start from a vocoder of another kind: {theirs}, not {ours}")
        module.network.load_state_dict(source.state_dict())
    data = WaveformData(config.data, config.run.seed, module.mel)  # last: it takes minutes
    origin = {"start": None if start is None else file_hash(vocoder_path(start))[:16]}
    claim(Path(out), config, data, origin)
    _fit(module, data, config, Path(out), lambda: save_vocoder(vocoder, Path(out) / VOCODER_FILE))
    return vocoder


def train_evaluator(
    config: EvaluatorTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> EvaluatorFile:
    """Train an evaluator, or go on where the run in `out` stopped.

    The folder gets what that of `train_classifier` gets, the weights as `evaluator.safetensors`.

    Args:
        config: the run.
        out: its folder.
        start: folder or file of an evaluator to start from. The last layer starts anew if the words
            differ.

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has a
            network of another shape.
        WeightsError: the lessons or `start` cannot be loaded.
    """
    lightning.seed_everything(config.run.seed, verbose=False)
    data: SpeechData
    module: EvaluatorModule
    origin = {"start": None if start is None else file_hash(evaluator_path(start))[:16]}
    if config.lessons is None:
        data = SpeechData(config.data, config.run.seed, FRONT_END)
        module = EvaluatorModule(config, len(data.words), data.mel)
    else:
        data = taught = LessonData(config, FRONT_END)
        module = TaughtEvaluatorModule(config, taught.lessons, data.mel)
        origin["lessons_hash"] = file_hash(lessons_path(config.lessons))[:16]
    judge = EvaluatorFile(module.network, data.words, data.mel)
    if start is not None:
        source = read_evaluator(start)
        _copy_network(source.network, judge.network, source.labels == judge.labels)
    claim(Path(out), config, data, origin)
    _fit(module, data, config, Path(out), lambda: save_evaluator(judge, Path(out) / EVALUATOR_FILE))
    return judge


def _identity(weights: str | os.PathLike[str] | None) -> str | None:
    """Weights by their content, wherever they lie."""
    return None if weights is None else file_hash(find_weights(weights))[:16]


def _copy_weights(source: ModelFile, model: ModelFile) -> None:
    """Start the classifier of `model` from that of `source`.

    Raises:
        ValueError: the two do not fit each other.
    """
    if (source.sde, source.mel) != (model.sde, model.mel):
        raise ValueError("cannot start from weights of another noise process or other features")
    _copy_network(source.classifier, model.classifier, source.labels == model.labels)


def _copy_network(
    source: Classifier | ResNeXt, network: Classifier | ResNeXt, same_words: bool
) -> None:
    """Start `network` from `source`; its last layer stays new if the words differ.

    Raises:
        ValueError: they have different shapes.
    """
    ours, theirs = network.config, source.config
    if dataclasses.replace(ours, dropout=0) != dataclasses.replace(theirs, dropout=0):
        raise ValueError(f"cannot start from a network of another shape: {theirs}, not {ours}")
    tensors = source.state_dict()
    if not same_words:
        tensors |= {f"head.{name}": value for name, value in network.head.state_dict().items()}
    network.load_state_dict(tensors)


def _copy_subnet(source: ModelFile, model: ModelFile) -> None:
    """Start the Score Subnet of `model` from that of `source`.

    Raises:
        ValueError: the two do not fit each other.
    """
    assert model.subnet is not None
    if source.subnet is None:
        raise ValueError("cannot start from a classifier alone; name weights with a Score Subnet")
    ours = (model.subnet.config, model.parametrisation)
    theirs = (source.subnet.config, source.parametrisation)
    if ours != theirs:
        raise ValueError(f"cannot start from another kind of subnet: {theirs}, not {ours}")
    before, now = source.classifier.state_dict(), model.classifier.state_dict()
    if before.keys() != now.keys() or any(not torch.equal(before[k], now[k]) for k in now):
        raise ValueError("cannot start from a subnet that was trained on another classifier")
    model.subnet.load_state_dict(source.subnet.state_dict())


def _fit(
    module: StepTraining,
    data: ClipData[Any],
    config: Training,
    out: Path,
    save: Callable[[], None],
) -> None:
    """Train, and then save: `fit` leaves the averaged weights in the module."""
    run = config.run
    if run.threads:
        torch.set_num_threads(run.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    stop = StopCleanly(run.minutes)
    trainer = lightning.Trainer(
        devices=1,
        precision=module.arithmetic,
        max_epochs=-1,
        max_steps=run.steps,
        limit_train_batches=run.steps,
        limit_val_batches=1.0 if data.has_validation else 0,
        val_check_interval=min(run.validate_every, run.steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimiser.gradient_clip,
        inference_mode=False,  # it would kill the gradient taps
        logger=[TensorBoardLogger(out, name="", version=""), JsonLinesLogger(out)],
        log_every_n_steps=20,
        callbacks=[
            MovingAverage(config.optimiser.ema_decay),
            stop,
            StepBar(),
            RunCheckpoint(out / CHECKPOINT, run.save_every),
        ],
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=out,
    )
    resume = out / CHECKPOINT if (out / CHECKPOINT).exists() else None
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    save()
    if stop.reason:
        _log.warning(
            "stopped at step %d of %d: %s. The same command goes on from there.",
            trainer.global_step,
            run.steps,
            stop.reason,
        )
