"""The download of the text embedder from a stand-in of the hub on this machine, and the look in the local cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag.adapters.text_models import DEFAULT_MODEL, LocalTextModels
from rag.setting_groups import TextSettings
from tests.support.ollama_server import closed_address

FILES = {
    "config.json": b"{}",
    "modules.json": b"[]",
    "tokenizer_config.json": b"{}",
    "model.safetensors": b"weights, if only a few",
    "onnx/model.onnx": b"the same weights again",
}
COMMIT = "1" * 40


class Hub(BaseHTTPRequestHandler):
    """Has the files of the default model."""

    protocol_version = "HTTP/1.1"
    requested: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        self.requested.append(path)
        body, name = None, ""
        if path == "/":
            body = b""
        elif path.startswith(f"/api/models/{DEFAULT_MODEL}/tree/"):
            rows = [{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in FILES.items()]
            body = json.dumps(rows).encode()
        elif path.startswith(f"/api/models/{DEFAULT_MODEL}"):
            siblings = [{"rfilename": name} for name in FILES]
            body = json.dumps({"id": DEFAULT_MODEL, "sha": COMMIT, "siblings": siblings}).encode()
        elif path.startswith(f"/{DEFAULT_MODEL}/resolve/"):
            name = path.split("/", 5)[5]
            body = FILES.get(name)
        self.send_response(404 if body is None else 200)
        if name and body is not None:
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if with_body and body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    requested: list[str] = []

    class Handler(Hub):
        pass

    Handler.requested = requested
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requested
    server.shutdown()
    thread.join()
    server.server_close()


def run(code: str, home: Path, endpoint: str) -> list[str]:
    """Return the lines that a process with this hub and cache prints; the client reads both settings on import."""
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


MODELS = (
    "import sys\n"
    "from rag.adapters.text_models import LocalTextModels\n"
    "from rag.errors import OperatorMustAct\n"
    "from rag.settings import TextSettings\n"
    f"models = LocalTextModels(TextSettings(model='auto', host='{closed_address()}'))\n"
)


def test_pulled_model_is_found_without_the_hub(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    endpoint, requested = hub
    pulled = run(f"{MODELS}print(models.pull(print))", tmp_path, endpoint)
    folder = Path(pulled[-1])
    assert pulled[0] == f"Downloading {DEFAULT_MODEL} ..."
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not (folder / "onnx").exists()
    assert not [path for path in requested if path.endswith(".onnx")]
    looked = run(
        f"{MODELS}print(models.find())\n"
        "print(models.open(models.find()).identity)\n"
        "print('torch' in sys.modules, 'sentence_transformers' in sys.modules)\n"
        "models.pull(print)\n",
        tmp_path,
        "http://127.0.0.1:9",
    )
    assert looked[0] == f"st:{DEFAULT_MODEL}"
    assert looked[1].startswith("st-multilingual-e5-small-")
    assert looked[2:] == ["False False", f"{DEFAULT_MODEL} is already downloaded."]


def test_looking_for_a_model_downloads_nothing(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    endpoint, requested = hub
    said = run(
        f"{MODELS}try:\n    models.find()\nexcept OperatorMustAct as error:\n    print(error)\n    print(error.hint)\n",
        tmp_path,
        endpoint,
    )
    assert said[0].startswith("there is no multilingual text embedder in Ollama at http://127.0.0.1:")
    assert said[1] == "ollama pull embeddinggemma, or: magpie models pull"
    assert requested == []


def test_model_of_which_only_the_settings_are_cached_is_not_used(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    endpoint, _ = hub
    said = run(
        f"{MODELS}from huggingface_hub import hf_hub_download\n"
        f"for name in ('config.json', 'tokenizer_config.json'):\n    hf_hub_download('{DEFAULT_MODEL}', name)\n"
        "try:\n    models.find()\nexcept OperatorMustAct as error:\n    print('none')\n",
        tmp_path,
        endpoint,
    )
    assert said == ["none"]


def test_unreachable_hub_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    said = run(
        f"{MODELS}try:\n    models.pull(print)\nexcept OperatorMustAct as error:\n    print(error, error.hint)\n",
        tmp_path,
        closed_address(),
    )
    assert said[-1].startswith("The model hub cannot be reached from this machine. Download on another machine")


@pytest.mark.parametrize("model", ["", "ollama:bge-m3", "st:{folder}"])
def test_nothing_is_pulled_for_other_settings(tmp_path: Path, model: str) -> None:
    settings = TextSettings(model=model.format(folder=tmp_path))
    assert LocalTextModels(settings).pull(print) is None
