"""A stand-in for the Hugging Face Hub: the parts of its protocol that huggingface_hub uses to push and to load a model.

Repositories live in memory. `fault` makes it misbehave: see `Hub`.
"""

import base64
import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import yaml
from local_server import running

TOKEN = "a-stand-in"


class Hub(ThreadingHTTPServer):
    """repos: name -> [(commit, {path: bytes}), ...], the newest last. asked: the paths of all requests.

    fault: None; 'down', every answer is 503; 'silent', no answer for three seconds; 'cut', the first file of weights
    ends in its middle, once; 'short', files of weights are shorter than was said; 'flipped', one byte of them is wrong.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.fault: str | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repo: str, files: dict[str, bytes]) -> str:
        before = self.repos[repo][-1][1] if self.repos.get(repo) else {}
        sha = hashlib.sha1(f"{repo}{len(self.repos.get(repo, []))}{sorted(files)}".encode()).hexdigest()
        self.repos.setdefault(repo, []).append((sha, before | files))
        return sha

    def at(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        found = [c for c in self.repos[repo] if revision in ("main", c[0])]
        return found[-1] if found else None


def hub():
    """A running one, as a context."""
    return running(Hub())


def environment(address: str, home, **more: str) -> dict[str, str]:
    """Of a process that takes the stand-in for the Hub, with a cache of its own."""
    ours = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    return {**ours, "HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **more}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self):
        self._answer("HEAD")

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_PUT(self):
        self._answer("PUT")

    def log_message(self, *_):
        pass

    def _answer(self, method: str) -> None:
        path = unquote(self.path.split("?")[0])
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(path)
        if self.server.fault == "silent":
            threading.Event().wait(3)  # time.sleep may be replaced by a test
        if self.server.fault == "down":
            return self._say(503, b"")
        if method in ("POST", "PUT"):
            if not path.startswith("/lfs/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._json({"error": "Invalid username or password."}, 401)
            return self._write(path, body)
        return self._read(method, path)

    def _write(self, path: str, body: bytes) -> None:
        hub = self.server
        if path.startswith("/lfs/"):
            if hashlib.sha256(body).hexdigest() != path.rsplit("/", 1)[1]:
                return self._json({"error": "another checksum"}, 400)
            hub.blobs[path.rsplit("/", 1)[1]] = body
            return self._say(200, b"")
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if name in hub.repos:
                return self._json({"error": "You already created this model repo", "url": f"{hub.address}/{name}"}, 409)
            hub.repos[name] = []
            return self._json({"url": f"{hub.address}/{name}"})
        if path == "/api/validate-yaml":
            front = yaml.safe_load(json.loads(body)["content"].split("---")[1])
            errors = [] if isinstance(front, dict) and "license" in front else [{"message": '"license" is required'}]
            return self._json({"errors": errors, "warnings": []}, 400 if errors else 200)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            files = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular"}
                for f in json.loads(body)["files"]
            ]
            return self._json({"files": [{**f, "shouldIgnore": False} for f in files]})
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for wanted in (o for o in objects if o["oid"] not in hub.blobs):
                wanted["actions"] = {"upload": {"href": f"{hub.address}/lfs/{wanted['oid']}"}}
            return self._json({"transfer": "basic", "objects": objects})
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            files = {}
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = hub.blobs[value["oid"]]
            sha = hub.commit(match[1], files)
            return self._json(
                {"commitUrl": f"{hub.address}/{match[1]}/commit/{sha}", "commitOid": sha, "success": True}
            )
        return self._json({"error": f"not part of the stand-in: {path}"}, 404)

    def _read(self, method: str, path: str) -> None:
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+)(?:/.*)?)?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        repo = (api or file)[1] if api or file else None
        if repo not in self.server.repos:
            return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        found = self.server.at(repo, (api[3] or "main") if api else file[2])
        if found is None:
            return self._json({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        sha, files = found
        if api and api[2] == "tree":
            return self._json([self._entry(name, data) for name, data in files.items()])
        if api:
            return self._json({"id": repo, "sha": sha, "siblings": [{"rfilename": name} for name in files]})
        if file[3] not in files:
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._file(method, file[3], files[file[3]], sha)

    def _entry(self, name: str, data: bytes) -> dict:
        large = {"lfs": {"oid": _sum(data), "size": len(data), "pointerSize": 100}} if _large(name) else {}
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest(), **large}

    def _file(self, method: str, name: str, data: bytes, sha: str) -> None:
        headers = {"ETag": f'"{_sum(data)}"', "X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        fault, status = self.server.fault if _large(name) and method == "GET" else None, 200
        if fault == "short":
            data = data[:-10]
        if fault == "flipped":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            headers["Content-Range"] = f"bytes {asked[1]}-{len(data) - 1}/{len(data)}"
            data, status = data[int(asked[1]) :], 206
        self._head(status, len(data), headers)
        if method == "GET":
            if fault == "cut":
                self.server.fault, data = None, data[: len(data) // 2]
                self.close_connection = True
            self.wfile.write(data)

    def _json(self, value, status: int = 200, headers: dict | None = None) -> None:
        self._say(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _say(self, status: int, data: bytes, headers: dict | None = None) -> None:
        self._head(status, len(data), headers or {})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status: int, length: int, headers: dict) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _large(name: str) -> bool:
    return name.endswith(".safetensors")


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
