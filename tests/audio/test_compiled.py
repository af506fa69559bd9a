"""librosa's compiled functions are made by one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from scoresubnet.audio import compiled
from scoresubnet.files import lock, release
from tests.needs import need

# What the judges load of librosa later may hold no more functions of the kind.
RECORDED = """
import inspect, json, sys
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
compiled.load_librosa()
before = set(sys.modules)
import resemblyzer, speechmos.dnsmos
import librosa, numpy
librosa.feature.melspectrogram(y=numpy.zeros(4000), sr=16_000)
late = [sys.modules[name] for name in set(sys.modules) - before if name.startswith("librosa.")]
compiling = [module.__name__ for module in late if "guvectorize" in inspect.getsource(module)]
print(json.dumps([events, len(late), compiling]))
"""


def test_they_are_loaded_under_a_lock_and_none_is_loaded_later() -> None:
    for package in ("resemblyzer", "speechmos"):
        need(package)
    command = [sys.executable, "-W", "ignore", "-c", RECORDED]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    events, late, compiling = json.loads(ran.stdout.splitlines()[-1])
    assert events == [["locked librosa True", False, False], ["released 7", True, True]]
    assert late > 0
    assert compiling == []


@pytest.mark.skipif(sys.platform == "win32", reason="a system without such locks")
def test_the_lock_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where loading fails."""
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(compiled, "find_spec", lambda name: found)
    monkeypatch.setitem(sys.modules, "librosa", None)
    monkeypatch.delitem(sys.modules, "librosa.core.pitch", raising=False)
    with pytest.raises(ImportError, match="librosa"):
        compiled.load_librosa()
    release(lock(tmp_path, wait=False))


def test_without_librosa_it_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ImportError, match="librosa"):
        compiled.load_librosa()
