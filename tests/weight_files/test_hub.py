"""Weights on the Hugging Face hub: places, what is downloaded, the cache, and clear errors.

`huggingface_hub` reads its settings when it is imported, so each test is a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoresubnet.commands.demo import site_of
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.export.run import export
from scoresubnet.model_about import find_weights
from scoresubnet.publishing.folder import write_folder
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.hub import Place, is_on_hub, read_place
from scoresubnet.weights import save_model
from tests.hub_server import TOKEN, Hub, serving
from tests.tiny import tiny_model

FIND = """
import json, sys
from scoresubnet.model_about import find_weights
found = {}
for source in sys.argv[1:]:
    try:
        found[source] = str(find_weights(source))
    except (ValueError, ImportError) as error:
        found[source] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""
GENERATE = """
import sys
from scoresubnet import SpeechGenerator
generator = SpeechGenerator.from_pretrained(sys.argv[1], vocoder=f"pitch:{sys.argv[1]}")
speech = generator.generate("nine", seeds=0, steps=8)
print(generator.backend, speech.heard[0], generator.vocoder.settings["name"])
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "model.safetensors"
    save_model(tiny_model(["yes", "no"]), path)
    return path.read_bytes()


def python(code: str, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def find(environment: dict[str, str], *sources: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(python(FIND, environment, *sources))
    return found


@pytest.mark.parametrize(
    ("source", "place", "name"),
    [
        ("hf:me/words", Place("me/words", None), "words"),
        ("hf:me-2/my.words_3@v1.0", Place("me-2/my.words_3", "v1.0"), "my.words_3@v1.0"),
        ("hf:me/words@refs/pr/1", Place("me/words", "refs/pr/1"), "words@refs-pr-1"),
    ],
)
def test_places(source: str, place: Place, name: str) -> None:
    assert is_on_hub(Path(source))
    assert read_place(source) == place
    assert read_place(source).name == name


@pytest.mark.parametrize(
    "source", ["hf:", "hf:words", "hf:me/", "hf:me/words@", "hf:a/b/c", "hf:me/../x", "hf:me/w d"]
)
def test_other_forms_are_refused_before_anything_is_imported(source: str) -> None:
    with pytest.raises(WeightsError, match="no place on the Hub; write hf:ORG/NAME"):
        find_weights(source)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'^hf:me/words: .*; pip install "scoresubnet\[hub\]"$'):
        find_weights("hf:me/words")


def test_weights_and_graphs_alone_are_downloaded_and_kept(
    hub: Hub, weights: bytes, tmp_path: Path
) -> None:
    graphs = {"model.guided.onnx": b"1", "other.guided.onnx": b"2", "deep/model.score.onnx": b"3"}
    pickles = {"model.bin": b"4", "checkpoint.ckpt": b"5", "model.pt": b"6"}
    hub.repository("me/words").commit({"model.safetensors": weights, **graphs, **pickles})
    environment = hub.environment(tmp_path)
    path = Path(find(environment, "hf:me/words")["hf:me/words"])
    assert path.read_bytes() == weights
    assert tmp_path in path.parents
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "model.guided.onnx",
        "model.safetensors",
    ]
    hub.asked.clear()
    assert find(environment, "hf:me/words") == {"hf:me/words": str(path)}
    assert not [asked for asked in hub.asked if asked.startswith("GET") and "resolve" in asked]


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    there = hub.repository("me/words")
    first = there.commit({"model.safetensors": weights})
    there.refs["v1"] = first
    there.commit({"model.safetensors": b"draft"}, ref="draft")
    there.commit({"model.safetensors": b"newest"})
    expected = {"": b"newest", "@draft": b"draft", "@v1": weights, f"@{first}": weights}
    sources = [f"hf:me/words{revision}" for revision in expected]
    found = find(hub.environment(tmp_path), *sources)
    assert [Path(found[source]).read_bytes() for source in sources] == [*expected.values()]


def test_what_cannot_be_had_is_named_with_what_to_do(
    hub: Hub, weights: bytes, tmp_path: Path
) -> None:
    hub.repository("me/empty")
    hub.repository("me/gated", gated=True).commit({"model.safetensors": weights})
    hub.repository("me/secret", private=True).commit({"model.safetensors": weights})
    expected = {
        "hf:me/nothing": "no such repository, or a private one; check the name, or log in with",
        "hf:me/secret": "no such repository, or a private one; check the name, or log in with",
        "hf:me/gated": f"ask on its page ({hub.endpoint}/me/gated), and log in with",
        "hf:me/empty": "the repository has no model.safetensors; ",
        "hf:me/empty@v9": "no revision 'v9' there; give a branch, a tag or a commit of it",
    }
    found = find(hub.environment(tmp_path), *expected)
    for source, message in expected.items():
        assert found[source].startswith(f"WeightsError: {source}: ")
        assert message in found[source]
        assert "\n" not in found[source]
    allowed = find(hub.environment(tmp_path, TOKEN), "hf:me/secret", "hf:me/gated")
    assert [Path(path).read_bytes() for path in allowed.values()] == [weights, weights]


def cached(home: Path, repository: str, files: dict[str, bytes]) -> Path:
    """The cache of `huggingface_hub`, as another machine may have filled it; its snapshot."""
    folder = home / "hub" / f"models--{repository.replace('/', '--')}"
    commit = hashlib.sha1(repository.encode()).hexdigest()
    snapshot = folder / "snapshots" / commit
    for part in (folder / "refs", folder / "blobs", snapshot):
        part.mkdir(parents=True)
    (folder / "refs/main").write_text(commit)
    for name, content in files.items():
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a repository that can be generated from."""
    folder = tmp_path_factory.mktemp("shipped")
    write_folder(find_weights("words18-small"), folder, "me/words")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_offline_the_cache_is_what_there_is(shipped: dict[str, bytes], tmp_path: Path) -> None:
    """Also where graphs and weights are links, as the cache has them; a vocoder too."""
    vocoder = find_weights("words18-small").parent / "vocoders/pitch-16khz.safetensors"
    files = {**shipped, "vocoder.safetensors": vocoder.read_bytes()}
    snapshot = cached(tmp_path, "me/words", files)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    found = find(environment, "hf:me/words", "hf:me/words@v1", "hf:me/other")
    assert found["hf:me/words"] == str(snapshot / "model.safetensors")
    for source in ("hf:me/words@v1", "hf:me/other"):
        assert (
            f"{source}: its model.safetensors is not in the cache ({tmp_path}/hub)"
            in (found[source])
        )
        assert "HF_HUB_OFFLINE is set; give the command once with a network" in found[source]
    assert python(GENERATE, environment, "hf:me/words").split() == ["onnx", "nine", "pitch"]


def test_a_folder_of_the_hubs_form_is_one_of_weights(
    shipped: dict[str, bytes], tmp_path: Path
) -> None:
    snapshot = cached(tmp_path, "me/words", shipped)
    site = site_of([str(snapshot)])
    assert "models/0/model.guided.onnx" in site


def test_a_page_and_a_report_call_weights_by_their_place(
    shipped: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached(tmp_path, "me/words", shipped) / "model.safetensors"
    monkeypatch.setattr("scoresubnet.commands.demo.find_weights", lambda source: path)
    manifest = site_of(["hf:me/words@v1"])["models.json"]
    assert isinstance(manifest, bytes)
    assert [model["name"] for model in json.loads(manifest)["models"]] == ["words@v1"]
    assert SystemSpec(weights="hf:me/words@v1").called == "words@v1"


def test_graphs_are_not_exported_into_the_cache() -> None:
    with pytest.raises(ValueError, match=r"^hf:me/words: name a folder for a copy"):
        export("hf:me/words")
