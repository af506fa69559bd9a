"""The folder that is pushed is one that every command takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scoresubnet.backends import load_backend
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.model_about import find_weights, read_about
from scoresubnet.publishing.card import is_untouched
from scoresubnet.publishing.folder import write_folder
from scoresubnet.weights import save_model
from tests.tiny import tiny_model


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The weights of a run, among its other files."""
    path = tmp_path / "run/model.safetensors"
    save_model(tiny_model(["yes", "no"]), path)
    for name in ("checkpoint.ckpt", "config.yaml", "log.jsonl", "model.bin"):
        (path.parent / name).write_text("private")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_renamed_weights_keep_their_graphs(out: Path) -> None:
    source = find_weights("words18-paper")
    written = write_folder(source, out, "me/words")
    assert written.files == [
        *("README.md", "config.json", "model.guided.onnx", "model.safetensors"),
        "model.score.onnx",
    ]
    assert (out / "model.safetensors").read_bytes() == source.read_bytes()
    backend = load_backend(out, backend="onnx")  # takes its weights from the file beside it
    assert backend.labels == read_about(source).labels


def test_nothing_else_of_a_run_comes_along(run: Path, out: Path) -> None:
    written = write_folder(run, out, "me/words")
    assert written.files == ["README.md", "config.json", "model.safetensors"]
    assert not written.has_licence
    assert "private" not in (out / "README.md").read_text()
    said = json.loads((out / "config.json").read_text())
    assert (said["labels"], said["parametrisation"]) == (["yes", "no"], "v")
    assert said["mel"]["n_mels"] == 80
    assert said["subnet"]["fusion"] == "concatenation"
    assert 'pip install "scoresubnet[hub,torch]"' in (out / "README.md").read_text()


def test_a_graph_of_other_weights_is_refused(run: Path, out: Path) -> None:
    shipped = graph_path(find_weights("words18-small"), "guided")
    shutil.copyfile(shipped, graph_path(run, "guided"))
    with pytest.raises(GraphError, match="export it again"):
        write_folder(run, out, "me/words")


def test_the_card_of_a_run_is_its_owners(run: Path, out: Path, tmp_path: Path) -> None:
    card = run.with_name("README.md")
    card.write_text("# Mine\n")
    written = write_folder(run, out, "me/words", "cc-by-4.0", "de")
    assert written.own_card
    assert written.has_licence
    text = (out / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: scoresubnet\nlicense: cc-by-4.0\nlanguage: de\n")
    assert text.endswith("---\n\n# Mine\n")

    card.write_text(text)
    for folder in ("again", "refused"):
        (tmp_path / folder).mkdir()
    write_folder(run, tmp_path / "again", "me/words")
    assert (tmp_path / "again/README.md").read_text() == text
    with pytest.raises(ValueError, match="has its own front matter; name licence and language"):
        write_folder(run, tmp_path / "refused", "me/words", "mit")


def test_a_card_that_was_made_and_not_edited_is_made_anew(
    run: Path, out: Path, tmp_path: Path
) -> None:
    write_folder(run, out, "me/words")
    (tmp_path / "again").mkdir()
    written = write_folder(out / "model.safetensors", tmp_path / "again", "me/others", "mit")
    text = (tmp_path / "again/README.md").read_text()
    assert not written.own_card
    assert "hf:me/others" in text
    assert is_untouched(text)


def test_a_readme_beside_a_file_of_another_name_is_no_card(run: Path, out: Path) -> None:
    run.with_name("README.md").write_text("# A project\n")
    renamed = run.rename(run.with_name("words.safetensors"))
    assert not write_folder(renamed, out, "me/words").own_card
    assert "# A project" not in (out / "README.md").read_text()
