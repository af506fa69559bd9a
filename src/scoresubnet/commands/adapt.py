"""`scoresubnet adapt`: recordings of a few words in, weights that speak them out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from jsonargparse import Namespace

from scoresubnet.adaptation.held_out import HeldOut
from scoresubnet.adaptation.run import Adapted, adapt
from scoresubnet.adaptation.score import ScoreRecipe, Stopped
from scoresubnet.process.allocator import keep_freed_memory


def run(values: Namespace) -> None:
    """Adapt, and say what came of it; errors are those of `adapt`."""
    keep_freed_memory()
    given = {k: values[k] for k in ("recordings", "weights", "out", "minutes", "seed")}
    try:
        made = adapt(
            **given,
            keep_words=values.keep_words,
            recipe=ScoreRecipe(precision=values.precision),
            progress=not values.json,
            graphs=values.graphs,
        )
    except Stopped as error:
        print(f"{error}; the same command goes on from there", file=sys.stderr)
        raise KeyboardInterrupt from error  # there are no weights for what comes next in a script
    if values.json:
        print(json.dumps(made.to_dict(), indent=1))
        return
    for line in _said(made):
        print(line)


def _said(made: Adapted) -> Iterator[str]:
    counts = ", ".join(f"{word} ({count})" for word, count in made.recordings.items())
    speakers = f", of {made.speakers} speakers" if made.speakers else ""
    yield f"learned from {counts}{speakers}"
    yield from _heard(made.held_out, made.labels)
    steps = f"{made.steps} steps of the Score Subnet"
    if made.steps < made.wanted:
        steps += f", of {made.wanted} that would have helped: give another --out more --minutes"
    yield steps
    if good := [f"{word} ({count})" for word, count in made.takes.items() if count]:
        yield f"learned from good takes of its own as well: {', '.join(good)}"
    if none := [word for word, count in made.takes.items() if not count]:
        yield f"no take was good enough of {', '.join(none)}"
    if len(made.recordings) > 1 and not made.takes:
        yield "there was no time for takes of its own: more --minutes make fewer copies"
    yield str(made.weights)


def _heard(held_out: HeldOut, labels: tuple[str, ...]) -> Iterator[str]:
    right = ", ".join(f"{share:.0%} at t = {t:g}" for t, share in held_out.right.items())
    sure = ", ".join(f"{share:.0%}" for share in held_out.sure.values())
    yield f"recordings that were left out are heard right: {right}"
    yield f"with a mean probability of {sure}"
    for word, other, share in held_out.confusions(labels):
        yield f"{share:.0%} of {word!r} are heard as {other!r}"
