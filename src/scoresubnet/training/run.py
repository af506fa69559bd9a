"""A training run: a folder, one command, and the same command again to go on."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import Checkpoint, EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger

from scoresubnet.files import replacing
from scoresubnet.networks.classifier import Classifier
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.training.callbacks import JsonLinesLogger, StepBar, StopCleanly
from scoresubnet.training.config import (
    ClassifierTraining,
    OptimiserConfig,
    RunConfig,
    ScoreTraining,
)
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.modules import ClassifierModule, NoisyTraining, ScoreModule
from scoresubnet.weights import FILE_NAME, ModelFile, load_model, save_model

_log = logging.getLogger(__name__)
CHECKPOINT, CONFIG = "checkpoint.ckpt", "config.yaml"


class RunCheckpoint(Checkpoint):
    """Writes `checkpoint.ckpt` every so many minutes, and at the step at which training ends."""

    def __init__(self, path: Path, minutes: float) -> None:
        self.path, self.interval, self.last = path, 60 * minutes, time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        ends = trainer.should_stop or trainer.global_step >= trainer.max_steps
        if ends or time.monotonic() - self.last > self.interval:
            trainer.save_checkpoint(self.path)
            self.last = time.monotonic()


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
        ValueError: `out` holds a run of another config, or `start` has a network of another shape.
        WeightsError: `start` cannot be loaded.
    """
    _prepare(Path(out), config, extra={"start": start and str(start)})
    data = SpeechData(config.data, config.run.seed)
    lightning.seed_everything(config.run.seed, verbose=False)
    module = ClassifierModule(config, len(data.words))
    if start is not None:
        _copy_weights(load_model(start), module.network, data.words)
    model = ModelFile(module.network, data.words, config.sde, data.mel)
    return _fit(module, data, config.run, config.optimiser, Path(out), model)


def train_score(
    config: ScoreTraining, classifier: str | os.PathLike[str], out: str | os.PathLike[str]
) -> ModelFile:
    """Train a Score Subnet on a frozen classifier, or go on where the run in `out` stopped.

    Args:
        config: the run.
        classifier: folder or file of the trained classifier.
        out: folder of the run, with the same contents as for `train_classifier`.

    Raises:
        ValueError: `out` holds a run of another config, or the words differ from the classifier's.
        WeightsError: the classifier cannot be loaded.
    """
    model = load_model(classifier)
    _prepare(Path(out), config, extra={"classifier": str(classifier)})
    data = SpeechData(config.data, config.run.seed, model.mel)
    if unknown := set(data.words) - set(model.labels):
        raise ValueError(
            f"the classifier does not know {', '.join(sorted(unknown))}; its labels are "
            f"{', '.join(model.labels)}"
        )
    lightning.seed_everything(config.run.seed, verbose=False)
    model.subnet = ScoreSubnet(config.subnet, model.classifier.config)
    model.parametrisation = config.parametrisation
    module = ScoreModule(config, model.score_model())
    return _fit(module, data, config.run, config.optimiser, Path(out), model)


def _copy_weights(source: ModelFile, network: Classifier, words: tuple[str, ...]) -> None:
    ours, theirs = network.config, source.classifier.config
    if dataclasses.replace(ours, dropout=0) != dataclasses.replace(theirs, dropout=0):
        raise ValueError(f"cannot start from a network of another shape: {theirs}, not {ours}")
    tensors = source.classifier.state_dict()
    if source.labels != words:
        tensors |= {f"head.{k}": v for k, v in network.head.state_dict().items()}
    network.load_state_dict(tensors)


def _prepare(out: Path, config: ClassifierTraining | ScoreTraining, extra: dict[str, Any]) -> None:
    """Make the folder and write the config; refuse to mix two different runs.

    The length and rhythm of a run may change from one command to the next; nothing else may.
    """
    values = _plain(dataclasses.asdict(config)) | extra
    path = out / CONFIG
    if path.exists():
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        changed = [key for key in values if key != "run" and before.get(key) != values[key]]
        if before["run"]["seed"] != values["run"]["seed"]:
            changed.append("run.seed")
        if changed:
            raise ValueError(
                f"{out} holds a run with another {', '.join(changed)} (see {path}); "
                "choose another --out, or repeat the command that started it"
            )
    with replacing(path) as temporary:
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _fit(
    module: NoisyTraining,
    data: SpeechData,
    run: RunConfig,
    optimiser: OptimiserConfig,
    out: Path,
    model: ModelFile,
) -> ModelFile:
    if run.threads:
        torch.set_num_threads(run.threads)
    stop = StopCleanly(run.minutes)
    trainer = lightning.Trainer(
        max_epochs=-1,
        max_steps=run.steps,
        limit_train_batches=run.steps,
        val_check_interval=min(run.validate_every, run.steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=optimiser.gradient_clip,
        inference_mode=False,  # it would kill the gradient taps
        use_distributed_sampler=False,
        logger=[TensorBoardLogger(out, name="", version=""), JsonLinesLogger(out)],
        log_every_n_steps=20,
        callbacks=[
            EMAWeightAveraging(decay=optimiser.ema_decay),
            stop,
            StepBar(),
            RunCheckpoint(out / CHECKPOINT, run.save_every),
        ],
        enable_model_summary=False,
        enable_progress_bar=False,
        enable_checkpointing=True,
        default_root_dir=out,
    )
    resume = out / CHECKPOINT if (out / CHECKPOINT).exists() else None
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    save_model(model, out / FILE_NAME)  # fit has left the averaged weights in the module
    if stop.reason:
        _log.warning(
            "stopped at step %d of %d: %s. The same command goes on from there.",
            trainer.global_step,
            run.steps,
            stop.reason,
        )
    return model
