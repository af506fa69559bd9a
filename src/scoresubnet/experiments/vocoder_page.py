"""Vocoders side by side: the same real words through each, against their originals.

    python -m scoresubnet.experiments.vocoder_page --data ../shared/data --out runs/vocoder \\
        --vocoders griffin-lim pitch

The first 500 clips of the sorted Speech Commands testing list go through log-Mel and each vocoder.
The folder gets `report.md`, `report.json` and `report.html`, with paired differences from the first
vocoder, and how fast each is. Scores are kept in `cache/`: with one more vocoder the same command
measures that one alone. Generated words through several vocoders are an evaluation of several
systems: `scoresubnet evaluate --systems '[{weights: words18-small, vocoder: griffin-lim}, ...]'`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.vocoders import Vocoder, load_vocoder


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.vocoder_page",
        description="Measure vocoders: real words against their originals.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that holds speech_commands/")
    add("--out", type=Path, required=True, help="the folder of the results")
    add("--vocoders", type=str, nargs="+", default=["griffin-lim", "pitch"], help="their names")
    add("--count", type=PositiveInt, default=500, help="real clips")
    add("--split", type=str, default="testing", help="testing, or validation to choose by")
    given = parser.parse_args(arguments)
    vocoders = {name: load_vocoder(name) for name in given.vocoders}
    print(make_page(vocoders, given.data / "speech_commands", given.split, given.count, given.out))
    return 0


def make_page(
    vocoders: dict[str, Vocoder], recordings: Path, split: str, count: int, out: Path
) -> str:
    """Measure every vocoder, write the report into `out`, and return it as Markdown.

    Raises:
        FileNotFoundError: the recordings are not there.
        ImportError: a package of a measure is not installed.
        ValueError: there are fewer clips.
    """
    from scoresubnet.data.sources.speech_commands import find_speech_commands
    from scoresubnet.evaluation.cache import Cache
    from scoresubnet.evaluation.clips import ClipFile
    from scoresubnet.evaluation.report.assemble import assemble
    from scoresubnet.evaluation.report.files import write_report
    from scoresubnet.evaluation.report.markdown import markdown
    from scoresubnet.evaluation.run import versions
    from scoresubnet.evaluation.sections.common import Judging
    from scoresubnet.evaluation.sections.quality import by_distillmos, by_dnsmos
    from scoresubnet.evaluation.sections.resynthesis import against_originals
    from scoresubnet.evaluation.systems import System, Systems, through_vocoder

    clips = [clip for clip in find_speech_commands(recordings) if clip.split == split]
    clips = sorted(clips, key=lambda clip: f"{clip.label}/{clip.path.stem}")[:count]
    if len(clips) < count:
        raise ValueError(f"{recordings}: only {len(clips)} {split} clips, fewer than {count}")
    rate = next(iter(vocoders.values())).mel.sample_rate
    originals = [fit_length(read_audio(clip.path, rate), rate) for clip in clips]
    labels = tuple(clip.label for clip in clips)
    names = tuple(ClipFile(clip.path, clip.label).name for clip in clips)
    cache = Cache(out / "cache")
    rows = {
        name: System(name, through_vocoder(originals, vocoder, cache), labels, names)
        for name, vocoder in vocoders.items()
    }
    real = System("real", originals, labels, names)
    systems = Systems({**rows, "real": real}, tuple(vocoders), real)
    judging = Judging(tuple(dict.fromkeys(labels)), cache)
    measures = [against_originals(originals, judging), by_dnsmos(judging), by_distillmos(judging)]
    speeds = {
        name: {str(size): rate_of(vocoder, originals[:size]) for size in (1, min(16, count))}
        for name, vocoder in vocoders.items()
    }
    about = {
        "evaluated": {
            name: {"what": f"the real clips through {name}", "labelled": True} for name in vocoders
        },
        "reference": {"what": f"the first {count} {split} clips"},
        "labels": list(judging.words),
        "left_out": {},
        "vocoders": {name: vocoder.settings for name, vocoder in vocoders.items()},
        "versions": versions(),
    }
    sections = [measure(systems) for measure in measures]
    report = assemble(about, systems, sections, {}, {}, {"seconds": {}, "rates": speeds})
    write_report(report, systems, out)
    lines = [
        f"- {name}: {' / '.join(f'{rate:.3g}' for rate in found.values())} seconds of audio a "
        f"second, {' / '.join(found)} clips at once"
        for name, found in speeds.items()
    ]
    return markdown(report) + "\n## Speed\n\n" + "\n".join(lines) + "\n"


def rate_of(vocoder: Vocoder, clips: Sequence[Audio], passes: int = 5) -> float:
    """Seconds of audio that a vocoder makes in a second, all clips together: the median pass."""
    import numpy as np

    from scoresubnet.audio.mel import LogMel

    x = LogMel(vocoder.mel)(np.stack(clips))
    seconds = []
    vocoder(x)
    for _ in range(passes):
        start = time.perf_counter()
        audio = vocoder(x)
        seconds.append(time.perf_counter() - start)
    return audio.size / vocoder.mel.sample_rate / statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
