"""A small server that speaks those parts of the API of the Hugging Face hub that we use."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_letmein"
Files = dict[str, bytes]


@dataclass
class Repository:
    """Its commits, the newest of them last, and what its branches and tags name."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: Files, ref: str = "main", message: str = "") -> str:
        """The name of a new commit of these files."""
        content = repr((len(self.commits), sorted(files.items()))).encode()
        name = hashlib.sha1(content).hexdigest()
        self.commits[name], self.refs[ref] = files, name
        self.messages.append(message)
        return name

    @property
    def files(self) -> Files:
        return self.commits[self.refs["main"]]


class Hub:
    """Repositories by "ORG/NAME", and the paths that were asked for."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.endpoint = ""

    def repository(self, name: str, private: bool = False, gated: bool = False) -> Repository:
        self.repositories[name] = Repository(private, gated)
        self.repositories[name].commit({".gitattributes": b""})
        return self.repositories[name]

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """What makes `huggingface_hub` of another process speak with this server."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
        settings = {"HF_HOME": str(home), "HF_ENDPOINT": self.endpoint, "HF_HUB_DISABLE_XET": "1"}
        settings |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return {**kept, **settings, **({"HF_TOKEN": token} if token else {})}


@contextmanager
def serving() -> Iterator[Hub]:
    """The hub, while the block runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._read()

    def do_GET(self) -> None:
        self._read()

    def _read(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+?)/([^/]+)", path):
            return self._file(*match.groups())
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path):
            return self._tree(*match.groups())
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self._info(match[1], match[2] or "main")
        return self._answer(404, {"error": f"no {path}"})

    def _found(self, name: str, revision: str) -> tuple[Repository, str, Files] | None:
        """The files of a revision; None, after an answer, where they are not to be had."""
        there = self.hub.repositories.get(name)
        knows_us = self.headers.get("authorization") == f"Bearer {TOKEN}"
        if there is None or (there.private and not knows_us):
            self._error(401, "RepoNotFound")
        elif there.gated and not knows_us:
            self._error(403, "GatedRepo")
        elif (commit := there.refs.get(revision, revision)) not in there.commits:
            self._error(404, "RevisionNotFound")
        else:
            return there, commit, there.commits[commit]
        return None

    def _file(self, name: str, revision: str, file: str) -> None:
        if (found := self._found(name, revision)) is None:
            return
        _, commit, files = found
        if file not in files:
            return self._error(404, "EntryNotFound", {"X-Repo-Commit": commit})
        etag = hashlib.sha256(files[file]).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}
        return self._send(200, files[file], headers)

    def _tree(self, name: str, revision: str) -> None:
        if found := self._found(name, revision):
            tree = [
                {"type": "file", "path": p, "size": len(c), "oid": hashlib.sha1(c).hexdigest()}
                for p, c in found[2].items()
            ]
            self._answer(200, tree)

    def _info(self, name: str, revision: str) -> None:
        if found := self._found(name, revision):
            there, commit, files = found
            info = {"id": name, "modelId": name, "sha": commit, "private": there.private}
            self._answer(200, {**info, "siblings": [{"rfilename": path} for path in files]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"POST {path}")
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._error(401, "")
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/main", path):
            return self._modes(json.loads(body))
        if re.fullmatch(r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            return self._commit(match[1], [json.loads(line) for line in body.splitlines()])
        return self._answer(404, {"error": f"no {path}"})

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        url = {"url": f"{self.hub.endpoint}/{name}"}
        if name in self.hub.repositories:
            return self._answer(409, url | {"error": "You already created this model repo"})
        private = wanted.get("private") or wanted.get("visibility") == "private"
        self.hub.repository(name, private=bool(private))
        return self._answer(200, url)

    def _modes(self, wanted: dict[str, Any]) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs"
                if file["path"].endswith((".safetensors", ".onnx"))
                else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in wanted["files"]
        ]
        self._answer(200, {"files": modes})

    def _batch(self, wanted: dict[str, Any]) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.endpoint}/store/{each['oid']}"}}}
            for each in wanted["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        oid = self.path.rpartition("/")[2]
        if hashlib.sha256(content).hexdigest() != oid:
            return self._answer(400, {"error": "another content"})
        self.hub.stored[oid] = content
        return self._answer(200, {})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        there = self.hub.repositories[name]
        files, message = dict(there.files), ""
        for line in lines:
            key, value = line["key"], line["value"]
            if key == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, there.refs["main"]):
                    return self._answer(412, {"error": "A commit has happened since"})
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
        commit = there.commit(files, message=message)
        url = f"{self.hub.endpoint}/{name}/commit/{commit}"
        return self._answer(200, {"success": True, "commitUrl": url, "commitOid": commit})

    def _error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, {"error": code}, {"X-Error-Code": code, **(headers or {})})

    def _answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json"}
        self._send(status, json.dumps(value).encode(), kind | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what was asked for is in `Hub.asked`."""
