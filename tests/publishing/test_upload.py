"""`scoresubnet push` against a server that speaks the API of the Hub."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoresubnet.cli import main
from scoresubnet.model_about import find_weights
from scoresubnet.weights import save_model
from tests.hub_server import TOKEN, Hub, serving
from tests.tiny import tiny_model

COMMAND = [sys.executable, "-m", "scoresubnet", "push"]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as found:
        yield found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    save_model(tiny_model(["yes", "no"]), tmp_path / "run/model.safetensors")
    return tmp_path / "run"


def push(
    hub: Hub, home: Path, *arguments: object, token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    environment = hub.environment(home / "home", token)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_new_repository_gets_weights_graphs_and_card(hub: Hub, tmp_path: Path) -> None:
    done = push(hub, tmp_path, "words18-small", "hf:me/words", "--message", "First words")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{hub.endpoint}/me/words"
    there = hub.repositories["me/words"]
    names = {".gitattributes", "README.md", "config.json", "model.safetensors"}
    assert there.files.keys() == {*names, "model.guided.onnx"}
    assert there.files["model.safetensors"] == find_weights("words18-small").read_bytes()
    assert "hf:me/words" in there.files["README.md"].decode()
    assert there.messages[-1] == "First words"
    assert not there.private
    assert len(there.commits) == 2  # all of it in one


def test_a_second_push_takes_old_graphs_away_and_keeps_an_edited_card(
    hub: Hub, run: Path, tmp_path: Path
) -> None:
    assert push(hub, tmp_path, run, "hf:me/words").returncode == 0
    there = hub.repositories["me/words"]
    there.commit({**there.files, "model.score.onnx": b"old", "voices.onnx": b"other"})
    save_model(tiny_model(["ja", "nein"]), run / "model.safetensors")
    done = push(hub, tmp_path, run, "hf:me/words", "--json")
    assert "README.md" in json.loads(done.stdout)["files"]
    assert "model.score.onnx" not in there.files
    assert there.files["voices.onnx"] == b"other"
    assert "`ja`, `nein`" in there.files["README.md"].decode()  # nobody had edited it

    there.commit({**there.files, "README.md": b"# Edited on the Hub\n"})
    done = push(hub, tmp_path, run, "hf:me/words", "--json")
    assert "README.md there was edited, and stays" in done.stderr
    assert "README.md" not in json.loads(done.stdout)["files"]
    assert there.files["README.md"] == b"# Edited on the Hub\n"
    (run / "README.md").write_text("# Written here\n")
    assert push(hub, tmp_path, run, "hf:me/words").returncode == 0
    assert there.files["README.md"].endswith(b"# Written here\n")


def test_private_is_private_or_nothing_is_pushed(hub: Hub, run: Path, tmp_path: Path) -> None:
    assert push(hub, tmp_path, run, "hf:me/secret", "--private").returncode == 0
    assert hub.repositories["me/secret"].private
    public = hub.repository("me/words")
    done = push(hub, tmp_path, run, "hf:me/words", "--private")
    assert done.returncode == 1
    assert "all can see this repository; make it private in its settings" in done.stderr
    assert public.files.keys() == {".gitattributes"}


def test_without_a_token_it_says_how_to_log_in(hub: Hub, run: Path, tmp_path: Path) -> None:
    done = push(hub, tmp_path, run, "hf:me/words", token=None)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("scoresubnet push: hf:me/words: cannot be pushed: ")
    assert line.endswith("log in with `hf auth login`, or set HF_TOKEN")
    assert not hub.repositories


def test_the_folder_is_written_without_a_network_or_the_library(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    out = tmp_path / "folder"
    assert main(["push", str(run), "hf:me/words", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    names = ["README.md", "config.json", "model.safetensors"]
    assert printed.out.splitlines() == [*(str(out / name) for name in names), str(out)]
    assert "the card names no licence; --licence names one" in printed.err
    assert main(["push", str(run), "hf:me/words", "--out", str(out)]) == 1
    assert f"{out}: is there already; name a new folder" in capsys.readouterr().err
    assert main(["push", str(run), "hf:me/words"]) == 1
    assert 'pip install "scoresubnet[hub]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("me/words", "no place on the Hub; write hf:ORG/NAME"),
        ("hf:me/words@v1", "weights are pushed to the main branch; drop @REVISION"),
    ],
)
def test_where_nothing_is_pushed_to(
    place: str, message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(run), place]) == 1
    assert message in capsys.readouterr().err
