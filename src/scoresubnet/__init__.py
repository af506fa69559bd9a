"""Speech generation by a frozen classifier and a light score decoder, the Score Subnet.

    >>> from scoresubnet import SpeechGenerator
    >>> speech = SpeechGenerator.from_pretrained().generate("seven", seeds=0)

The names below are the public API. They are imported when first used, so that `import scoresubnet`
loads neither torch nor Lightning.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scoresubnet.adaptation.run import adapt
    from scoresubnet.audio.mel import LogMel, MelSettings
    from scoresubnet.backbone import FrozenClassifier
    from scoresubnet.generated_speech import GeneratedSpeech
    from scoresubnet.model import ScoreModel
    from scoresubnet.pipeline import SpeechGenerator
    from scoresubnet.sampling import Sampling
    from scoresubnet.sde import VPSDE
    from scoresubnet.weights import load_model, save_model

# onnxruntime reads it when it is loaded, and else writes to the home and to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "FrozenClassifier": "backbone",
    "GeneratedSpeech": "generated_speech",
    "LogMel": "audio.mel",
    "MelSettings": "audio.mel",
    "Sampling": "sampling",
    "ScoreModel": "model",
    "SpeechGenerator": "pipeline",
    "VPSDE": "sde",
    "adapt": "adaptation.run",
    "load_model": "weights",
    "save_model": "weights",
}

__all__ = [
    "VPSDE",
    "FrozenClassifier",
    "GeneratedSpeech",
    "LogMel",
    "MelSettings",
    "Sampling",
    "ScoreModel",
    "SpeechGenerator",
    "adapt",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
