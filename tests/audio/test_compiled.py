"""librosa's compiled functions are made by one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scoresubnet.audio.compiled import load_librosa
from scoresubnet.files import lock, release

RECORDED = """
import json, sys
from scoresubnet.audio import compiled

def seen(what):
    return what, "librosa.core.pitch" in sys.modules, "librosa.util.utils" in sys.modules

def lock(path, wait):
    events.append(seen(f"locked {path.name} {wait}"))
    return 7

events = []
compiled.lock = lock
compiled.release = lambda handle: events.append(seen(f"released {handle}"))
compiled.load_librosa()
before = {name for name in sys.modules if name.startswith("librosa")}
import resemblyzer, speechmos.dnsmos
import librosa, numpy
librosa.feature.melspectrogram(y=numpy.zeros(4000), sr=16_000)
late = {name for name in sys.modules if name.startswith("librosa")} - before
print(json.dumps([events, sorted(late)]))
"""
WITH_GUFUNCS = {"librosa.util.utils", "librosa.core.audio", "librosa.core.pitch", "librosa.beat"}


@pytest.mark.skipif(sys.platform == "win32", reason="a system without such locks")
def test_they_are_loaded_under_a_lock_and_none_of_ours_is_loaded_later() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RECORDED], capture_output=True, text=True, check=True
    )
    events, late = json.loads(ran.stdout.splitlines()[-1])
    assert events == [["locked librosa True", False, False], ["released 7", True, True]]
    assert not WITH_GUFUNCS & set(late)


@pytest.mark.skipif(sys.platform == "win32", reason="a system without such locks")
def test_the_lock_is_given_back() -> None:
    folder = Path(load_librosa().__file__).parent
    release(lock(folder, wait=False))


def test_without_librosa_it_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ImportError, match="librosa"):
        load_librosa()
