"""Configs of trainings: values, keys, and the text of the YAML."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

from tools.campaigns.material import config
from tools.campaigns.mutations import altered, mutated
from tools.campaigns.verdicts import Case

TEXTS = (
    *(
        "base: x.yaml\n",
        "base: nowhere\n",
        "base: 1\n",
        "base: [a]\n",
        "run.steps: 1\n",
        "a: &a [*a]\n",
    ),
    *("run: {steps: 1}\nrun: {steps: 2}\n", "\ufeff", "%YAML 9.9\n---\n", "\t", "--- 1\n--- 2\n"),
    *("x: !!python/object/apply:os.system ['touch evil']\n", "<<: 1\n", "? [1]\n: 2\n", "- 1\n"),
)


def configs(random: random.Random, box: Path, material: Path) -> Case:
    """A changed config of a classifier or a Score Subnet; what can be trained stops at once."""
    kind = random.choice(("classifier", "classifier", "score"))
    values = config(kind, material / "words", "cache", steps=2)
    if random.random() < 0.8:
        values = altered(random, values)
    text = yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass")
    what = random.random()
    if what < 0.15:
        text = random.choice(TEXTS).encode() + text
    elif what < 0.35:
        text = mutated(random, text, len(text))
    path = box / "in" / "x.yaml"
    path.write_bytes(text)
    line = ["train", kind, "--config", str(path), "--out", str(box / "out" / "run")]
    line += ["--data.cache", str(box / "out" / "cache"), "--run.minutes", "0.00001"]
    line += ["--classifier", str(material)] if kind == "score" else []
    return Case(line)
