"""`scoresubnet demo`: the files of the page, who may fetch them, and the folder that is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from scoresubnet.cli import main
from scoresubnet.commands.demo import PAGE, server, site_of
from scoresubnet.graphs.files import graph_path
from scoresubnet.model_about import find_weights
from scoresubnet.weights import save_model
from tests.tiny import tiny_model


@pytest.fixture
def connection() -> Iterator[HTTPConnection]:
    serving = server(site_of(["words18-small"]), 0)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    host, port = serving.server_address[:2]
    assert host == "127.0.0.1"
    connection = HTTPConnection("127.0.0.1", port)
    yield connection
    connection.close()
    serving.shutdown()
    serving.server_close()
    thread.join()


def _get(connection: HTTPConnection, url: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection.request(method, url)
    answer = connection.getresponse()
    return answer, answer.read()


def test_files_come_with_their_types_and_isolated(connection: HTTPConnection) -> None:
    types = {
        "/": "text/html; charset=utf-8",
        "/app.js?threads=1": "text/javascript; charset=utf-8",
        "/style.css": "text/css; charset=utf-8",
        "/models.json": "application/json",
        "/models/0/words18-small.safetensors": "application/octet-stream",
    }
    for url, kind in types.items():
        answer, content = _get(connection, url)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind), url
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert int(answer.headers["Content-Length"]) == len(content)
    assert content == find_weights("words18-small").read_bytes()
    head, nothing = _get(connection, "/", "HEAD")
    assert int(head.headers["Content-Length"])
    assert not nothing


def test_nothing_else_can_be_fetched(connection: HTTPConnection) -> None:
    for url in ("/no", "/../cli.py", "/%2e%2e/cli.py", "//etc/passwd", "/ort/", "/models"):
        answer, _ = _get(connection, url)
        assert answer.status == 404, url
    assert _get(connection, "/", "POST")[0].status == 501


def test_the_page_names_nothing_from_elsewhere() -> None:
    """What a page fetches by itself: scripts, styles, pictures, and what those import."""
    sources = [path for path in PAGE.glob("*.*") if path.suffix in (".html", ".css", ".js")]
    assert len(sources) > 20
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            assert "://" not in line.replace('<a href="https://', ""), (path.name, line)


def test_a_folder_for_any_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    weights = find_weights("words18-small")
    shutil.copyfile(weights, mine / "model.safetensors")
    shutil.copyfile(graph_path(weights, "guided"), mine / "model.guided.onnx")
    out = tmp_path / "page"
    assert main(["demo", "--weights", str(mine), "words18-small", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out / 'index.html'}\n"
    manifest = json.loads((out / "models.json").read_text())
    assert [model["name"] for model in manifest["models"]] == ["mine", "words18-small"]
    fetched = [*manifest["base"], *(file for m in manifest["models"] for file in m["files"])]
    for file in fetched:
        assert (out / file["url"]).stat().st_size == file["bytes"]
    assert (out / "ort/LICENSE").is_file()
    # Not into a folder that holds something.
    assert main(["demo", "--out", str(out)]) == 1
    assert "is there already; name a new folder" in capsys.readouterr().err


def test_weights_need_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tiny_model(["yes", "no"]), tmp_path / "model.safetensors")
    assert main(["demo", "--weights", str(tmp_path), "--out", str(tmp_path / "page")]) == 1
    assert "no graph 'guided' beside these weights; write it with" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_two_models_have_two_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--weights", "words18-small", "words18-small"]) == 1
    assert "two of the weights are called words18-small" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with server({}, 0) as serving:
        assert main(["demo", "--port", str(serving.server_address[1])]) == 1
    assert "another one is given by --port" in capsys.readouterr().err
    assert main(["demo", "--port", "65536"]) == 1


def test_it_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from scoresubnet.cli import main; "
    code += f"sys.exit(main(['demo', '--out', {str(tmp_path / 'page')!r}]))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
