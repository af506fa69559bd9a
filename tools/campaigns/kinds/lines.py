"""Command lines: options and their values."""

from __future__ import annotations

import random
from pathlib import Path

from tools.campaigns.material import save_sound
from tools.campaigns.mutations import NUMBERS, TEXTS
from tools.campaigns.verdicts import Case

SAMPLING = (
    "seed",
    "count",
    "guidance",
    "clamp",
    "schedule",
    "sampler",
    "grid",
    "sampling",
    "steps",
)
ADDED = {
    "generate": SAMPLING,
    "evaluate": (*SAMPLING, "reference-count", "labels", "systems"),
    "vocode": ("vocoder",),
    "info": ("json",),
    "train": ("run.seed", "run.save_every", "optimiser.learning_rate", "augment.shift", "start"),
}
"""Options of each command that its lines below do not have already, or may have twice."""


def lines(random: random.Random, box: Path, material: Path) -> Case:
    """A command line that is right but for one or two arguments, given or added."""
    sound, out = str(save_sound(box / "in" / "good.wav")), str(box / "out")
    words = str(material / "words")
    model, quick = str(material), ["--vocoder", "griffin-lim", "--steps", "1"]
    train = ["--data.sources", f"[{{kind: folder, root: {words}}}]", "--data.cache", f"{out}/cache"]
    train += ["--run.steps", "1", "--run.minutes", "0.00001", "--out", f"{out}/run"]
    evaluate = ["evaluate", "--reference", words, "--out", f"{out}/x", "--sections", "classifier"]
    line = random.choice(
        (
            ["generate", "hum", "--weights", model, "--out", out, "--count", "1", *quick],
            ["generate", "hum", "none", "--weights", model, "--out", out, "--json", *quick],
            ["vocode", sound, out, "--vocoder", "griffin-lim", "--json"],
            ["info", random.choice((model, "small")), "--json"],
            [*evaluate, "--weights", model, "--count", "1", "--labels", "hum", "hiss", *quick],
            [*evaluate, words],
            ["train", "classifier", "--network.widths", "[8]", "--network.blocks", "[1]", *train],
            ["train", "score", "--classifier", model, *train],
            ["train", random.choice(("vocoder", "evaluator")), *train, "--data.words", "[x]"],
        )
    )
    for _ in range(random.randint(1, 2)):
        _change(random, line)
    return Case([argument.replace("\0", "") for argument in line])


def _change(random: random.Random, line: list[str]) -> None:
    texts = (*TEXTS, "SC09", "[x]", "{}", "folder", "pitch", "small", "linear", "ddim", "paper")
    value = str(random.choice(random.choice((texts, NUMBERS))))
    value = value.encode("utf-8", "replace").decode()
    at = random.randrange(1, len(line))
    if {"--out", "--data.cache"} & set(line[at - 1 : at + 1]):  # the box ends where these point
        return
    what = random.randrange(6)
    if what < 2 and not line[at].startswith("/"):
        line[at] = value
    elif what == 2:
        line.insert(at, value)
    elif what < 5:
        line += [f"--{random.choice(ADDED[line[0]])}", value]
    elif not line[at].startswith("/"):
        del line[at]
