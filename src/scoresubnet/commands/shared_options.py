"""Options that several commands share."""

from __future__ import annotations

from jsonargparse import ActionYesNo, ArgumentParser

from scoresubnet.backends import BACKENDS
from scoresubnet.sampling import SAMPLING_PRESETS, SETTINGS


def add_part(parser: ArgumentParser, by: str) -> None:
    """Which part of a larger job it is; `by`: what is never divided."""
    parser.add_argument(
        "--part",
        type=str | None,
        metavar="K/N",
        help="make this part of a larger job, such as 3/16, into one --out; the job is divided "
        f"by {by}; when all parts are made, run it once without --part",
    )


def add_backend(parser: ArgumentParser) -> None:
    """What runs the model."""
    names = "; ".join(f"{name}: {what}" for name, what in BACKENDS.items())
    parser.add_argument(
        "--backend", type=str, default="auto", metavar="NAME", help=f"what runs the model. {names}"
    )


def add_towards(parser: ArgumentParser) -> None:
    """Noise in between two seeds."""
    add = parser.add_argument
    add("--towards", type=int | None, help="a seed that the noise of every clip moves towards")
    add("--share", type=float | None, help="how far: 0 is not at all, 1 all the way (0.5)")


def add_sampling(parser: ArgumentParser) -> None:
    """The settings of the reverse process, an option for each field of `Sampling`."""
    presets = "; ".join(f"{name}: {preset}" for name, preset in SAMPLING_PRESETS.items())
    parser.add_argument(
        "--sampling",
        type=str | None,
        metavar="NAME",
        help=f"settings that the options below override one by one; if left out, those that the "
        f"weights state, or else fast. {presets}",
    )
    for name, setting in SETTINGS.items():
        kind, text = setting.metadata["type"], setting.metadata["help"]
        if kind is bool:
            action = ActionYesNo(no_prefix="no-")
            parser.add_argument(f"--{name}", action=action, default=None, help=text)
        else:
            parser.add_argument(f"--{name}", type=kind | None, help=text)


def add_judges(parser: ArgumentParser) -> None:
    """Options of the judges whose weights are not in the package."""
    add = parser.add_argument
    add(
        "--evaluator",
        type=str | None,
        help="run or file of `train evaluator`, or a shipped name; else a shipped one that knows "
        "the labels",
    )
    add("--sc09-resnext", type=str | None, help="file of the published SC09 classifier")
    add("--vggish", type=str | None, help="file, folder or hub id of VGGish, for FAD")
    add("--whisper", type=str | None, help="folder of a Whisper model, as CTranslate2 has it")
    add("--scoreq", type=str | None, help="ONNX file of SCOREQ, the paper's opinion score")


def add_vocoder(parser: ArgumentParser) -> None:
    """What makes the waveform."""
    parser.add_argument(
        "--vocoder",
        type=str,
        default="pitch",
        help="from log-Mel to waveform: pitch, griffin-lim, hifigan:<folder or hub id>, or "
        "pitch:<run of train vocoder, or hf:ORG/NAME>",
    )


def add_classifier(parser: ArgumentParser) -> None:
    """The classifier that guides a U-Net."""
    parser.add_argument(
        "--classifier",
        type=str | None,
        help="weights whose classifier guides a U-Net, and whose words it is asked for",
    )
