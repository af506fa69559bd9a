"""matplotlib and numba find a place to write, wherever the home is."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from scoresubnet.process.home import provide_home

NAMES = ("HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
NOWHERE = "/dev/null/home"  # not even root can make it


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is restored, whatever the test does
        monkeypatch.delenv(name)


def given() -> dict[str, str]:
    provide_home()
    return {name: os.environ[name] for name in NAMES if name in os.environ}


def test_a_home_that_can_be_written_stays_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "made when needed"))
    assert given() == {"HOME": str(tmp_path / "made when needed")}


def test_caches_go_elsewhere_where_the_home_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be read: what is there, such as other caches, is not hidden."""
    monkeypatch.setenv("HOME", NOWHERE)
    found = given()
    assert found["HOME"] == NOWHERE
    assert found["MPLCONFIGDIR"] == found["NUMBA_CACHE_DIR"]
    assert os.access(found["NUMBA_CACHE_DIR"], os.W_OK)
    assert given() == found


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", NOWHERE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/dev/null")
    assert "MPLCONFIGDIR" not in given()
    assert given()["NUMBA_CACHE_DIR"] == "/dev/null"


def test_an_unknown_user_without_a_home_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    assert os.access(given()["HOME"], os.W_OK)
    assert not list(tmp_path.iterdir())  # no folder called ~


def test_numba_keeps_functions_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: RuntimeError, cannot cache function."""
    pytest.importorskip("numba")
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom scoresubnet.process.home import provide_home\nprovide_home()\n"
        "import numba\n"
        "numba.njit(cache=True)(provide_home)\nprint(os.environ['NUMBA_CACHE_DIR'])\n"
    )
    # As where the package cannot be written: not beside its source.
    monkeypatch.setenv(
        "NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator,UserWideCacheLocator"
    )
    monkeypatch.setenv("HOME", NOWHERE)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120
    )
    assert not os.path.exists(done.stdout.strip())
