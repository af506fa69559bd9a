"""Sound files: headers, bodies, and what is no file."""

from __future__ import annotations

import io
import os
import random
import re
from pathlib import Path

import numpy as np
import soundfile

from scoresubnet.data.features import build_features
from scoresubnet.data.sources import find_clips
from scoresubnet.evaluation.clips import find_clip_files, read_clips
from tools.campaigns.material import save_sound
from tools.campaigns.mutations import FOREIGN, mutated
from tools.campaigns.verdicts import Case

FORMATS = (
    *(("WAV", s) for s in ("PCM_16", "PCM_U8", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM")),
    *(("WAVEX", "PCM_24"), ("WAVEX", "DOUBLE"), ("RF64", "PCM_16"), ("W64", "FLOAT")),
    *(("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")),
    *(("AIFF", "PCM_16"), ("CAF", "ALAC_16"), ("AU", "PCM_16"), ("RAW", "PCM_16")),
)
RATES = (8000, 16_000, 16_000, 22_050, 44_100, 192_000, 1, 7, 400, 12_345, 655_350, (1 << 31) - 1)
ODD_SAMPLES = (float("nan"), float("inf"), 1e30, -1.0, 0.0)


def audio(random: random.Random, box: Path, material: Path) -> Case:
    """A sound file beside a good one, or alone, for vocode, training or evaluation."""
    name = random.choice(("x.wav", "x.wav", "x.flac", "x.WAV", "hum-x.wav"))
    path = box / "in" / "hum" / name
    save_sound(path.with_name("good.wav"))
    about = _place(random, path)
    wanted = {"good.wav", name} if _plain(path) else {"good.wav"}
    use = random.randrange(4)
    if use < 2:
        paths = (path.parent, box / "out") if use else (path, box / "out" / f"{path.stem}.wav")
        made = wanted if use else wanted - {"good.wav"}
        line = ["vocode", *map(str, paths), "--vocoder", "griffin-lim"]
        return Case(line, (name,), tuple(f"out/{Path(n).stem}.wav" for n in made), about)

    def trained() -> str | None:
        clips = find_clips([{"kind": "folder", "root": str(box / "in")}])
        kept = build_features(clips, ("hum",), box / "out", progress=False)
        lost = wanted - {clip.path.name for clip in kept.clips}
        return f"not among the features: {lost}" if lost else None

    def evaluated() -> str | None:
        found = read_clips(find_clip_files(box / "in"), box / "in", progress=False)
        lost = wanted - {file.path.name for file in found.files}
        return f"not read: {lost}" if lost else None

    return Case(trained if use == 2 else evaluated, (name,), (), about)


def _plain(path: Path) -> bool:
    """Whether soundfile itself reads a sound there that nothing is wrong with."""
    try:
        with soundfile.SoundFile(path if path.is_file() else "") as file:
            claims = re.findall(r"data : (\d+) \(should be (\d+)\)", file.extra_info)
            sound = file.read(always_2d=True)
            whole = len(sound) == file.frames and all(int(n) - int(m) <= 64 for n, m in claims)
    except Exception:
        return False
    whole = whole and 1000 <= file.samplerate <= 1_000_000 and len(sound) >= file.samplerate / 1000
    return whole and bool(np.ptp(sound.mean(1)) > 0.01 and np.abs(sound).max() <= 1)


def _place(random: random.Random, path: Path) -> str:
    """Put something there; says what."""
    special = ("folder", "pipe", "link to nothing", "loop", "endless", "closed", "foreign")
    what = random.choice(special) if random.random() < 0.12 else "sound"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what in ("link to nothing", "loop", "endless"):
        path.symlink_to({"loop": path, "endless": Path("/dev/zero")}.get(what, path / "x"))
    elif what == "foreign":
        path.write_bytes(random.choice(FOREIGN))
    else:
        kind, data = _sound(random)
        what = f"{what} {kind}"
        if random.random() < 0.85:
            data = mutated(random, data)
        path.write_bytes(data)
        if what.startswith("closed"):
            path.chmod(0)
    return what


def _sound(random: random.Random) -> tuple[str, bytes]:
    """(what, content) of a sound file, at most two seconds long."""
    container, subtype = random.choice(FORMATS)
    rate, channels = random.choice(RATES), random.choice((1, 1, 1, 2, 2, 3, 8, 9, 256, 1024))
    delicate = container in ("OGG", "MP3", "CAF", "FLAC") or subtype in ("ULAW", "IMA_ADPCM")
    if delicate:  # the writers crash on odd sounds
        rate, channels = min(max(rate, 8000), 44_100), min(channels, 2)
    samples = min(random.choice((0, 1, 2, 100, 1000, 3000)), 2 * rate, 60_000 // channels)
    sound = 0.1 * np.random.default_rng(random.getrandbits(32)).standard_normal((samples, channels))
    if random.random() < 0.2 and samples and not delicate:
        sound[random.randrange(samples) :] = random.choice(ODD_SAMPLES)
    if random.random() < 0.1 and channels == 2:
        sound[:, 1] = -sound[:, 0]
    file = io.BytesIO()
    try:
        soundfile.write(file, sound, rate, format=container, subtype=subtype)
    except (soundfile.SoundFileError, AssertionError):  # not with these channels or this rate
        container, file = "WAV", io.BytesIO()
        soundfile.write(file, sound[:, :1], rate, format="WAV", subtype="PCM_16")
    data = bytearray(file.getvalue())
    unfinished = random.random() < 0.15
    if unfinished and data[:4] == b"fLaC":  # as an encoder leaves it that writes into a pipe
        data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    elif unfinished and data[:4] == b"RIFF":
        length = random.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x00\xff\xff\x7f"))
        data[4:8], data[40:44] = length, length
    return f"{container} {subtype} {rate} Hz {samples} x {channels} {unfinished=}", bytes(data)
