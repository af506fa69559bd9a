"""`scoresubnet vocode`: recordings or log-Mels in, wav files out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from os.path import realpath  # Path.resolve fails on links that lead to themselves
from pathlib import Path

from jsonargparse import Namespace
from tqdm import tqdm

from scoresubnet.audio.io import AUDIO_SUFFIXES, Audio, read_audio, write_wav
from scoresubnet.audio.mel_files import SUFFIXES as MEL_SUFFIXES
from scoresubnet.audio.mel_files import read_mels
from scoresubnet.data.clips import visible_files
from scoresubnet.files import refuse_unwritable
from scoresubnet.git_lfs import pointer_hint
from scoresubnet.vocoders import Vocoder, load_vocoder, resynthesise

SUFFIXES = (*AUDIO_SUFFIXES, *MEL_SUFFIXES)
OTHER_SUFFIXES = (".flac", ".mp3", ".ogg", *MEL_SUFFIXES)  # surely not meant as folders


@dataclass(frozen=True)
class Job:
    """One input, and the wav file to write; of several log-Mels, `<stem>-<k>.wav` beside it."""

    source: Path
    target: Path
    numbered: bool = True  # whether the name may be changed to `<stem>-<k>.wav`


@dataclass(frozen=True)
class Vocoded:
    """One file that was written, as `--json` prints it."""

    source: str
    wav: str
    seconds: float


@dataclass(frozen=True)
class Skipped:
    """One input that could not be used, or a sound not written, as `--json` prints it."""

    source: str
    reason: str


def run(values: Namespace) -> None:
    """Vocode, save and report. What cannot be read or written of several is named and left out.

    Raises:
        ValueError: the input is missing or unusable, nothing of several could be used, the output
            would overwrite an input, or the vocoder cannot be loaded.
        OSError: the output cannot be written.
    """
    source, out = Path(values.input), Path(values.output)
    jobs = plan(source, out)
    vocoder = load_vocoder(values.vocoder)
    refuse_unwritable(jobs[0].target.parent if source.is_file() else out)
    start = time.perf_counter()
    done: list[Vocoded] = []
    skipped: list[Skipped] = []
    taken = {realpath(path) for job in jobs for path in (job.source, job.target)}
    total = len(jobs)
    with tqdm(total=total, unit="file", disable=values.json) as bar:

        def skip(job: Job, error: ValueError | OSError) -> None:
            if source.is_file() and total == 1:
                raise error
            skipped.append(Skipped(str(job.source), str(error)))
            bar.write(f"skipped {error}", file=sys.stderr)

        for job in jobs:
            try:
                targets, waveforms = vocode(job, vocoder, taken)
            except ValueError as error:
                skip(job, error)
                bar.update()
                continue
            bar.total = total = total + len(targets) - 1
            for target, waveform in zip(targets, waveforms, strict=True):
                try:
                    write_wav(target, waveform, vocoder.mel.sample_rate)
                    seconds = round(len(waveform) / vocoder.mel.sample_rate, 3)
                    done.append(Vocoded(str(job.source), str(target), seconds))
                except OSError as error:
                    skip(job, error)
                bar.update()
    report(values, done, skipped, time.perf_counter() - start)


def plan(source: Path, out: Path) -> list[Job]:
    """Inputs and where their sounds go; nothing is read or written yet.

    Args:
        source: a file, or a folder of files at any depth; hidden ones are left out.
        out: a folder, which gets the structure of the source's; of one file also a name in .wav.

    Raises:
        ValueError: there is nothing to vocode, or a file would take the place of an input or of
            another file.
    """
    known = ", ".join(SUFFIXES)
    to_file = out.suffix.lower() == ".wav" and not out.is_dir()
    if source.is_file():
        if source.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{source}: not a file that can be vocoded; those end in {known}")
        if out.suffix.lower() in OTHER_SUFFIXES and not out.is_dir():
            raise ValueError(f"OUT {out}: only wav files are written; end it in .wav")
        jobs = [Job(source, out, False) if to_file else Job(source, out / f"{source.stem}.wav")]
    elif source.is_dir():
        if to_file:
            raise ValueError(f"{source} is a folder, so OUT must be one, not the file {out}")
        if source.resolve() in (out.resolve(), *out.resolve().parents):
            raise ValueError(
                f"OUT {out} lies in IN {source}: its files would be inputs the next time; choose a "
                "folder elsewhere"
            )
        jobs = [
            Job(path, (out / path.relative_to(source)).with_suffix(".wav"))
            for path in visible_files(source, SUFFIXES, "**/*")
        ]
        if not jobs:
            raise ValueError(f"{source}: no file in this folder ends in {known}")
    else:
        raise ValueError(f"{source}: {pointer_hint(source) or 'there is no such file or folder'}")
    sources = {realpath(job.source) for job in jobs}
    targets: dict[Path, Path] = {}
    for job in jobs:
        if realpath(job.target) in sources:
            raise ValueError(f"{job.target} is an input and would be overwritten; choose other OUT")
        if job.target in targets:
            raise ValueError(
                f"{targets[job.target]} and {job.source} would both become {job.target}; rename one"
            )
        targets[job.target] = job.source
    return jobs


def vocode(job: Job, vocoder: Vocoder, taken: set[str]) -> tuple[list[Path], Iterator[Audio]]:
    """The wav files of a job, and their waveforms (N,), computed one at a time.

    Args:
        job: what to read.
        vocoder: what to make the waveforms with.
        taken: resolved paths that must not be written; numbered names are added.

    Raises:
        ValueError: the input cannot be used; the message names it.
    """
    if job.source.suffix.lower() in AUDIO_SUFFIXES:
        audio = read_audio(job.source, vocoder.mel.sample_rate)
        return [job.target], (resynthesise(signal, vocoder) for signal in [audio])
    x = read_mels(job.source, vocoder.mel)
    waveforms = (vocoder(item[None])[0] for item in x)
    if len(x) == 1:
        return [job.target], waveforms
    if not job.numbered:
        raise ValueError(f"{job.source}: holds {len(x)} log-Mels; OUT must be a folder for them")
    digits = len(str(len(x) - 1))
    names = [f"{job.target.stem}-{k:0{digits}}.wav" for k in range(len(x))]
    targets = [job.target.with_name(name) for name in names]
    for target in targets:
        if realpath(target) in taken:
            raise ValueError(f"{job.source}: {target} is an input or made of one; rename one")
    taken |= {realpath(target) for target in targets}
    return targets, waveforms


def report(values: Namespace, done: list[Vocoded], skipped: list[Skipped], seconds: float) -> None:
    """Print what was made.

    Raises:
        ValueError: nothing was.
    """
    audio_seconds = round(sum(file.seconds for file in done), 3)
    if values.json:
        totals = {"seconds": round(seconds, 3), "audio_seconds": audio_seconds}
        files = {"files": [asdict(f) for f in done], "skipped": [asdict(s) for s in skipped]}
        print(json.dumps({"vocoder": values.vocoder, **totals, **files}, indent=1))
    left_out = {item.source for item in skipped}
    if not done:
        raise ValueError(f"nothing was written: none of {len(left_out)} inputs could be used")
    if values.json:
        return
    where = done[0].wav if len(done) == 1 else f"{len(done)} wav files in {values.output}"
    used = {file.source for file in done}
    in_part = " (some in part)" if used & left_out else ""
    but = f"; {len(left_out)} of {len(used | left_out)} inputs skipped{in_part}" if skipped else ""
    print(f"{where}: {audio_seconds:.2f} s of sound in {seconds:.2f} s{but}")
