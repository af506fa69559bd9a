"""`scoresubnet demo`: a page that speaks words in the browser, served or written as a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jsonargparse import Namespace

from scoresubnet.files import new_folder
from scoresubnet.graphs.files import graph_path
from scoresubnet.graphs.sessions import GraphError
from scoresubnet.model_about import CLASSIFIER_ALONE, FILE_NAME, find_weights, read_about
from scoresubnet.options.ranges import whole_number
from scoresubnet.vocoders.paths import SHIPPED as VOCODER
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.hub import is_on_hub, read_place

Site = Mapping[str, Path | bytes]
"""Address below the root, such as "models.json" -> the file behind it, or its content."""

PAGE = Path(str(resources.files("scoresubnet"))) / "demo"
ROLES = ("guided", "score")  # what the page runs: see `export.steps`
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
HEADERS = {
    # They isolate the page from others, without which browsers give WebAssembly no threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


def run(values: Namespace) -> None:
    """Serve the page until Ctrl-C, or write it.

    Raises:
        ValueError: weights cannot be read, or have no graphs; the port is out of range.
        OSError: the port is taken, or the folder cannot be written.
    """
    site = site_of(values.weights)
    if values.out is not None:
        write_site(site, Path(values.out))
        print(Path(values.out) / "index.html")
        return
    with server(site, values.port) as serving:
        host, port = serving.server_address[:2]
        print(f"http://{host!s}:{port}/  (Ctrl-C ends it)", flush=True)
        serving.serve_forever()


def site_of(weights: Sequence[str]) -> Site:
    """Everything that the page fetches, for models in this order.

    Raises:
        WeightsError: weights are missing or damaged, or a classifier alone.
        GraphError: weights have no graphs.
    """
    site: dict[str, Path | bytes] = {
        path.relative_to(PAGE).as_posix(): path
        for path in sorted(PAGE.rglob("*"))
        if path.is_file()
    }
    base = {"ort/ort.wasm.gz": PAGE / "ort/ort.wasm.gz"}
    base |= {f"vocoder/{path.name}": path for path in (VOCODER, graph_path(VOCODER, "pitch"))}
    models: dict[str, dict[str, Path]] = {}
    for source in weights:
        path = find_weights(source)
        files, name = model_files(path), _called(source, path)
        if name in models:
            raise ValueError(f"two of the weights are called {name}; rename one")
        models[name] = {f"models/{len(models)}/{path.name}": path for path in files}
    manifest = {
        "base": _sizes(base),
        "models": [{"name": name, "files": _sizes(files)} for name, files in models.items()],
    }
    site["models.json"] = json.dumps(manifest, indent=1).encode()
    for fetched in (base, *models.values()):
        site |= fetched
    return site


def _called(source: str, path: Path) -> str:
    """What a page calls weights: by their place on the Hub, their folder, or their file."""
    if is_on_hub(source):
        return read_place(source).name
    return path.parent.resolve().name if path.name == FILE_NAME else path.stem


def model_files(weights: Path) -> list[Path]:
    """Weights and those of their graphs that the page runs.

    Raises:
        WeightsError: the weights are damaged, or a classifier alone.
        GraphError: there are no graphs.
    """
    about = read_about(weights)
    if about.parametrisation is None:
        raise WeightsError(f"{weights}: {CLASSIFIER_ALONE}")
    graphs = [path for role in ROLES if (path := graph_path(weights, role)).is_file()]
    if graph_path(weights, about.role) not in graphs:
        raise GraphError(
            f"{weights}: no graph {about.role!r} beside these weights; write it with "
            f"`scoresubnet export {weights}`"
        )
    return [weights, *graphs]


def _sizes(files: Mapping[str, Path]) -> list[dict[str, str | int]]:
    return [{"url": url, "bytes": path.stat().st_size} for url, path in files.items()]


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def write_site(site: Site, folder: Path) -> None:
    """Write a site as a new folder; it appears complete or not at all.

    Raises:
        ValueError: the folder is there already, and not empty.
        OSError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: is there already; name a new folder")
    with new_folder(folder) as temporary:
        for url, source in site.items():
            path = temporary / url
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_content(source))


def server(site: Site, port: int) -> ThreadingHTTPServer:
    """A server of a site on this machine alone, which `serve_forever` starts.

    Raises:
        ValueError: the port is out of range.
        OSError: it is taken.
    """
    address = ("127.0.0.1", whole_number("port", port, 0, 65535))
    try:
        return ThreadingHTTPServer(address, partial(_Handler, site))
    except OSError as error:
        why = f"{error.strerror}; another one is given by --port, and any that is free by --port 0"
        raise OSError(f"port {port} of 127.0.0.1: {why}") from error


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the addresses of a site, and nothing else."""

    protocol_version = "HTTP/1.1"

    def __init__(self, site: Site, *arguments: object) -> None:
        self._site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        url = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        if url not in self._site:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = _content(self._site[url])
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TYPES.get(Path(url).suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what is asked for is the page's own business."""
