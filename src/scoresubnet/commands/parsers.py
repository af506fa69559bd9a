"""What each command takes: its options, their defaults and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from jsonargparse import ActionYesNo, ArgumentParser

from scoresubnet.commands.shared_options import (
    add_backend,
    add_classifier,
    add_judges,
    add_part,
    add_sampling,
    add_towards,
    add_vocoder,
)

_PLACES = "shipped name, folder, file, or hf:ORG/NAME[@REVISION] on the Hugging Face hub"

COMMANDS = {
    "generate": "Speak words: sample them from the shipped or your own weights.",
    "train classifier": "Train a noise-conditioned classifier (paper, eq. 6).",
    "train score": "Train a Score Subnet on a frozen classifier (paper, eq. 4).",
    "train unet": "Train a U-Net, the baseline (paper, eq. 4).",
    "train vocoder": "Train a vocoder: from log-Mel to waveform.",
    "train evaluator": "Train the word classifier that judges generated clips.",
    "adapt": "Teach weights your own words, from a few recordings of each.",
    "expand": "Make many varied clips of the words of a few recordings.",
    "vocode": "Make waveforms of log-Mels, or of recordings by way of their log-Mels.",
    "evaluate": "Judge generated clips, or a generator, beside real recordings.",
    "experiment run": "Run the missing parts of a table of models: train, sample, measure.",
    "experiment pack": "Pack the log-Mels of a table for a machine without the recordings.",
    "experiment report": "Write up what there is of a table: Markdown, JSON and figures.",
    "export": "Write weights as ONNX graphs, to generate without torch.",
    "push": "Put weights, their graphs and a model card on the Hugging Face hub.",
    "demo": "Serve a page on this machine that speaks words in the browser, or write it.",
    "info": "Print what a preset or a file of weights costs: parameters, GMACs, memory.",
}


def _generate(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add("labels", nargs="+", type=str, help="words to speak, or aliases of them; `none` is no word")
    add("--count", type=int, default=1, help="how many of each, with seeds S, S + 1, ...")
    add("--seed", type=int, default=0, help="seed S of the first one")
    add_part(parser, "batches of 16 clips")
    add_towards(parser)
    add_sampling(parser)
    add_vocoder(parser)
    add("--weights", type=str, default="words18-small", help=_PLACES)
    add_classifier(parser)
    add_backend(parser)
    add("--out", type=str, default="out", help="folder for the sounds and pictures")
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _adapt(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add(
        "recordings",
        type=str,
        metavar="RECORDINGS",
        help="one folder a word, of five wav or flac files or more",
    )
    add("--weights", type=str, default="words18-small", help=_PLACES)
    add("--out", type=str, default="runs/mine", help="folder of the new weights")
    add("--minutes", type=float, default=10.0, help="about as long as it may take; 0: no limit")
    add("--keep-words", action="store_true", help="keep the words of the weights beside the new")
    add("--seed", type=int, default=0, help="of all that is drawn")
    arithmetic = "of the training: bf16-mixed is faster on CPUs with AMX or AVX-512 BF16"
    add("--precision", type=Literal["32-true", "bf16-mixed"], default="32-true", help=arithmetic)
    faster = "graphs beside the weights, which run faster on a CPU; they take half a minute"
    add("--graphs", action=ActionYesNo(no_prefix="no-"), default=True, help=faster)
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _expand(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add("recordings", type=str, metavar="RECORDINGS", help="one folder of wav or flac a word")
    add("--weights", type=str, required=True, help=f"{_PLACES}; know the words")
    add("--out", type=str, required=True, help="folder for <word>/<number>.wav and manifest.csv")
    add("--per-word", type=int, default=1000, help="clips of each word that are kept")
    add("--accept", type=float, default=0.8, help="least probability that the judge must give")
    add("--copies", action="store_true", help="keep near copies of the recordings, too")
    add(
        "--judge",
        type=str,
        default="recordings",
        help="recordings: fitted to them, and independent; classifier: that of the weights",
    )
    add_part(parser, "clips of each word")
    add("--seed", type=int, default=0, help="of the job; each clip has its own in the manifest")
    add_towards(parser)
    add("--noise", type=str | None, help="folder of recordings to lay under the clips")
    add("--room", action="store_true", help="let each clip sound as in a random small room")
    add("--level", type=float, default=0.0, help="greatest change of level, decibels")
    add_sampling(parser)
    add_vocoder(parser)
    add_backend(parser)
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _vocode(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add(
        "input",
        type=str,
        metavar="IN",
        help="wav or flac file, .npy or .safetensors file of scaled log-Mels, or folder of such",
    )
    add("output", type=str, metavar="OUT", help="folder, or for one file a name that ends in .wav")
    add_vocoder(parser)
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _evaluate(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add(
        "generated",
        nargs="*",
        type=str,
        metavar="GENERATED",
        help="folders of wav or flac, a system each: one folder a label, or <label>-<number>.wav, "
        "or no labels; the first system is the one that others are compared with",
    )
    add(
        "--weights",
        nargs="+",
        type=str,
        help="generators: shipped names, folders, files or hf:ORG/NAME",
    )
    add_classifier(parser)
    add(
        "--systems",
        type=list[dict[str, str | None]] | None,
        help="systems with settings of their own: a list of mappings with folder or weights, and "
        "name, classifier, vocoder, sampling, steps and so on, such as "
        "'[{weights: words18-small, steps: 20}]'",
    )
    add(
        "--reference",
        type=str,
        required=True,
        metavar="REAL",
        help="folder of real clips that were not trained on, or of Speech Commands, English or "
        "Arabic, with its lists",
    )
    add("--training", type=str | None, help="folder of the training clips, if REAL has none")
    add("--labels", nargs="+", type=str, help="only these, or those of a set (SC09); default: all")
    add("--out", type=str, required=True, help="folder for the report, its cache and new clips")
    add(
        "--reference-count",
        type=int | None,
        help="most real clips of a row (all that are even)",
    )
    add("--sections", nargs="+", type=str, help="only these judges; all there are if left out")
    add_judges(parser)
    add_vocoder(parser)
    add("--count", type=int | None, help="clips to sample of each label, by each generator (100)")
    add("--seed", type=int | None, help="seed from which each of them draws its own (0)")
    add_part(parser, "batches of 16 clips")
    add_sampling(parser)
    return parser


def _export(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add("weights", type=str, metavar="WEIGHTS", help=f"{_PLACES}; or a vocoder")
    add(
        "out",
        type=str | None,
        nargs="?",
        metavar="OUT",
        help="folder for a copy of the weights and their graphs; left out, they go beside them",
    )
    add("--json", action="store_true", help="print the names of the files as JSON")
    return parser


def _push(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add("weights", type=str, metavar="WEIGHTS", help=_PLACES)
    add("place", type=str, metavar="hf:ORG/NAME", help="a repository; made if there is none")
    add("--private", action="store_true", help="only its owner is to see the repository")
    add("--message", type=str, default="New weights", help="of the commit")
    add("--licence", type=str | None, help="for the card, as the Hub calls it (mit, cc-by-4.0)")
    add("--language", type=str | None, help="for the card, its code (en, ar)")
    add("--out", type=str | None, help="write the files to this new folder, and push nothing")
    add("--json", action="store_true", help="print the names of the files as JSON")
    return parser


def _demo(parser: ArgumentParser) -> ArgumentParser:
    add = parser.add_argument
    add(
        "--weights",
        nargs="+",
        type=str,
        default=["words18-small", "arabic16-small"],
        help="shipped names, folders, files or hf:ORG/NAME, with their graphs; the first is opened "
        "at once",
    )
    add("--port", type=int, default=8018, help="of 127.0.0.1; 0: any that is free")
    add("--out", type=str | None, help="write the page as a folder for any host, and serve nothing")
    return parser


def _info(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("model", type=str, help="preset (paper, small) or weights")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    return parser


def _experiment(parser: ArgumentParser, which: str) -> ArgumentParser:
    add = parser.add_argument
    tables = sorted(
        path.stem for path in (Path(__file__).parents[1] / "experiments/tables").iterdir()
    )
    name = f"{', '.join(tables)}, or the path of a YAML file"
    if which == "pack":
        add("table", type=str, help=name)
        add("--data", type=str, default="data", help="folder that the recordings are in")
        add("--out", type=str, required=True, help="folder for the packs")
        return parser
    if which == "run":
        add("table", type=str, help=name)
        add("--data", type=str, default="data", help="folder of the recordings, or of their packs")
        add("--out", type=str | None, help="folder of all that is made (runs/<table>)")
        add("--minutes", type=float, default=0.0, help="stop after so many; 0: when all is made")
        add("--groups", nargs="+", type=str, help="only these groups of rows")
        add_part(parser, "models")
        add_judges(parser)
        return parser
    add("table", type=str, help=f"{name}; or a table.json, whose pages are made again")
    add("--run", type=str | None, help="the folder of `experiment run` (runs/<table>)")
    add("--out", type=str, required=True, help="folder for table.md, table.json and the figures")
    return parser


def _train(parser: ArgumentParser, kind: str) -> ArgumentParser:
    from scoresubnet.training.config import TRAININGS
    from scoresubnet.training.config_files import SHIPPED, ConfigFile

    add = parser.add_argument
    shipped = ", ".join(sorted(name for name in SHIPPED if name.endswith(f"-{kind}")))
    add("--config", action=ConfigFile, help=f"YAML file, or one of {shipped}")
    add("--out", type=str, required=True, help="folder of the run")
    add("--start", type=str | None, help=f"weights to start from: {_PLACES}")
    if kind == "score":
        add(
            "--classifier",
            type=str,
            required=True,
            help="run or file of the classifier, or hf:ORG/NAME",
        )
    parser.add_class_arguments(TRAININGS[kind], as_group=False)
    return parser


LEAVES: dict[str, Callable[[ArgumentParser], ArgumentParser]] = {
    "generate": _generate,
    "train classifier": partial(_train, kind="classifier"),
    "train score": partial(_train, kind="score"),
    "train unet": partial(_train, kind="unet"),
    "train vocoder": partial(_train, kind="vocoder"),
    "train evaluator": partial(_train, kind="evaluator"),
    "adapt": _adapt,
    "expand": _expand,
    "vocode": _vocode,
    "evaluate": _evaluate,
    "experiment run": partial(_experiment, which="run"),
    "experiment pack": partial(_experiment, which="pack"),
    "experiment report": partial(_experiment, which="report"),
    "export": _export,
    "push": _push,
    "demo": _demo,
    "info": _info,
}
