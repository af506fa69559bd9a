"""Training of the U-Net, the baseline that the Score Subnet is compared with."""

from __future__ import annotations

import os

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model_about import FILE_NAME, find_weights
from scoresubnet.networks.unet import UNet
from scoresubnet.training.config import UNetTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.folder import claimed
from scoresubnet.training.launch import on_all_devices
from scoresubnet.training.loop import fit
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded
from scoresubnet.weights import ModelFile, load_model, save_model


@on_all_devices
def train_unet(
    config: UNetTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a U-Net, or go on where the run in `out` stopped.

    Args:
        config: the run.
        out: its folder, with the same contents as for `train_classifier`.
        start: name, folder or file of weights of a U-Net to start from (fine-tuning).

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has no
            U-Net, one of another shape, or another parametrisation, noise process, features, or,
            if labels are told, words.
        WeightsError: `start` cannot be loaded.
    """
    with claimed(out, config, start=content_of(start, find_weights)) as (check, complete):
        mel = MelSettings()
        config.unet.refuse_size(mel.n_mels, mel.frames)
        data = SpeechData(config.data, config.run.seed, mel, check)
        with seeded(config.run.seed):
            unet = UNet(config.unet, len(data.words))
        model = ModelFile(
            *(None, data.words, config.sde, data.mel),
            parametrisation=config.parametrisation,
            unet=unet,
        )
        if start is not None:
            source = load_model(start)
            if source.unet is None:
                raise ValueError("cannot start from weights without a U-Net; name those of one")
            refuse_others(*map(_ground, (source, model)))
            copy_network(source.unet, unet)
        module = DenoisingModule(config, model.score_model(), data.mel, range(len(data.words)))
        complete(data)
        fit(module, data, config, out, lambda folder: save_model(model, folder / FILE_NAME))
    return model


def _ground(model: ModelFile) -> dict[str, object]:
    """What has to agree for a start, by what messages call it."""
    assert model.unet is not None
    return {
        "parametrisation": model.parametrisation,
        "noise process": model.sde,
        "features": model.mel,
        "set of words": model.labels if model.unet.config.label_conditioned else None,
    }
