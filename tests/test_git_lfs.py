"""A Git LFS pointer in the place of a file is told from a damaged one by all that read files."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.mel_files import read_mels
from scoresubnet.git_lfs import pointer_hint
from scoresubnet.vocoders.file import read_vocoder
from scoresubnet.vocoders.hifigan import load_hifigan
from scoresubnet.weight_files.foreign_weights import read_state_dict
from scoresubnet.weights import load_model
from scoresubnet.word_evaluator.file import read_evaluator

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * '0'}\nsize 31415926\n"
HINT = r"a Git LFS pointer, not the file itself; run `git lfs pull` there"


def read_log_mels(path: Path) -> None:
    read_mels(path, MelSettings())


READERS: list[tuple[str, Callable[[Path], Any]]] = [
    ("model.safetensors", load_model),
    ("vocoder.safetensors", read_vocoder),
    ("evaluator.safetensors", read_evaluator),
    ("mels.safetensors", read_log_mels),
    ("mels.npy", read_log_mels),
    ("published.pth", read_state_dict),
    ("published.safetensors", read_state_dict),
    ("a.wav", read_audio),
    ("a.flac", read_audio),
]


@pytest.mark.parametrize(("name", "read"), READERS)
def test_every_reader_says_what_to_do(
    tmp_path: Path, name: str, read: Callable[[Path], Any]
) -> None:
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(ValueError, match=rf"{name}: {HINT}$"):
        read(tmp_path / name)


def test_the_weights_of_a_hifigan_folder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    shape = {"model_in_dim": 80, "upsample_rates": [8, 8, 2, 2], "upsample_initial_channel": 64}
    shape |= {"upsample_kernel_sizes": [16, 16, 4, 4], "resblock_kernel_sizes": [3]}
    shape |= {"resblock_dilation_sizes": [[1, 3, 5]], "leaky_relu_slope": 0.1}
    config = {"model_type": "hifigan", "sampling_rate": 16_000, "normalize_before": False} | shape
    folder = tmp_path / "tts-hifigan-libritts-16kHz"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_text(POINTER)
    with pytest.raises(ValueError, match=rf"model\.safetensors: {HINT}$"):
        load_hifigan(str(folder))


def test_what_is_no_pointer(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("version 1 of something else")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    assert pointer_hint(tmp_path / "linked") == ""
    assert pointer_hint(tmp_path / "a") == pointer_hint(tmp_path) == pointer_hint("absent") == ""


@pytest.mark.parametrize(("name", "read"), [("a.wav", read_audio), ("mels.npy", read_log_mels)])
def test_a_link_to_nothing_is_told_from_a_missing_file(
    name: str, read: Callable[[Path], Any], tmp_path: Path
) -> None:
    """As git-annex leaves one for a file that was not fetched."""
    (tmp_path / name).symlink_to(tmp_path / "annex" / "object")
    with pytest.raises(ValueError, match=rf"{name}: a link whose target is missing; fetch that"):
        read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize(("name", "read"), READERS)
def test_a_named_pipe_keeps_nobody_waiting(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / name)
    signal.alarm(10)  # ends the tests, rather than waiting for ever
    with pytest.raises(ValueError, match=name):
        read(tmp_path / name)
    signal.alarm(0)
