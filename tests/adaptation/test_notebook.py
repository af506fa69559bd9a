"""The notebook of own words runs from top to bottom, on a tiny model."""

import shutil
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs/my-words.ipynb"


def test_the_notebook_runs(words_folder: Path, weights: Path, tmp_path: Path) -> None:
    shutil.copytree(words_folder, tmp_path / "my-words")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    (first, *_) = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert 'WEIGHTS = "words18-small"' in first.source
    first.source += f"\nWEIGHTS, MINUTES, PER_WORD = {str(weights)!r}, 0.05, 2\n"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "{'hiss': 7, 'hum': 7}" in printed
    shown = [set(output.data) for output in outputs if "data" in output]
    assert sum("text/html" in each for each in shown) == 2  # players
    assert sum("image/png" in each for each in shown) == 1
    assert (tmp_path / "augmented/manifest.csv").is_file()
