"""Downloads of weights from a stand-in of the hub on this machine."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.tiny_clip import TINY

REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
WEIGHTS = b"weights, if only a few"


class Hub(BaseHTTPRequestHandler):
    """Has one file of one repository; everything else is a missing entry."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        there = self.path == f"/{REPOSITORY}/resolve/main/open_clip_pytorch_model.bin"
        ranged = self.headers.get("Range")
        body = WEIGHTS if there else b""
        self.send_response(200 if there or self.path == "/" else 404)
        if there:
            self.send_header("ETag", f'"{hashlib.sha256(WEIGHTS).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Accept-Ranges", "none" if ranged else "bytes")
        elif self.path != "/":
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
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


def test_pulled_weights_are_found_without_the_hub(hub: str, tmp_path: Path) -> None:
    pulled = run(
        "from rag.adapters.openclip_weights import pull\nprint(pull('ViT-B-32', 'laion2b_s34b_b79k', print))",
        tmp_path,
        hub,
    )
    path = Path(pulled[-1])
    assert path.read_bytes() == WEIGHTS
    assert "Looking for open_clip_pytorch_model.bin" in pulled[-2]
    looked = run(
        "import sys\n"
        "from rag.adapters.openclip_weights import cached, pull\n"
        "from rag.adapters.openclip import open_embedder\n"
        "from rag.settings import EmbedSettings\n"
        "print(cached('ViT-B-32', 'laion2b_s34b_b79k'))\n"
        "print(open_embedder(EmbedSettings(device='cpu')).identity)\n"
        "print('torch' in sys.modules, 'open_clip' in sys.modules)\n"
        "pull('ViT-B-32', 'laion2b_s34b_b79k', print)\n",
        tmp_path,
        "http://127.0.0.1:9",
    )
    assert looked == [
        str(path),
        f"ViT-B-32-{hashlib.sha256(WEIGHTS).hexdigest()[:12]}-p1",
        "False False",
        "ViT-B-32 (laion2b_s34b_b79k) is already downloaded.",
    ]


def test_missing_weights_on_the_hub_are_an_error(hub: str, tmp_path: Path) -> None:
    said = run(
        "from rag.adapters.openclip_weights import pull\n"
        "from rag.errors import OperatorMustAct\n"
        "try:\n    pull('ViT-SO400M-16-SigLIP2-384', 'webli', print)\n"
        "except OperatorMustAct as error:\n    print(error)\n",
        tmp_path,
        hub,
    )
    assert any("tokenizer.json" in line for line in said)
    assert said[-1] == "timm/ViT-SO400M-16-SigLIP2-384 has no weights that open_clip can load."


def test_identity_is_known_without_loading_the_model(tmp_path: Path) -> None:
    said = run(
        "import sys\n"
        "from tests.support.tiny_clip import open_tiny\n"
        "tiny = open_tiny()\n"
        "print(tiny.identity, tiny.dim)\n"
        "print('torch' in sys.modules, 'open_clip' in sys.modules)\n",
        tmp_path,
        "http://127.0.0.1:9",
    )
    digest = hashlib.sha256(Path(TINY.weights).read_bytes()).hexdigest()[:12]
    assert said[0].startswith(f"magpie-tiny-{digest}-p1.")
    assert said[0].endswith(" 32")
    assert said[1] == "False False"
