"""The app of one replica, and two replicas where Ray is installed (`pip install -e '.[ray]'`)."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest
from starlette.types import ASGIApp, Message

from rag.errors import BadSetting, EmbedderFailed
from rag.model_server.replicas import Replicas, open_replicas, replica_app
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from rag.wire import Vectors
from tests.support.encoder import FakeEncoder

TOKEN = "a-long-random-word"
ROOT = Path(__file__).resolve().parents[3]

PROOF = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import httpx, numpy as np
from PIL import Image
from rag.adapters.remote_clip import open_remote
from rag.errors import EmbedderFailed
from rag.model_server.replicas import Replicas, open_replicas
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from tests.support.tiny_clip import TINY, open_tiny

folder, port = Path(sys.argv[1]), int(sys.argv[2])
clip = open_tiny()
embed = TINY.model_copy(update={"token": EmbedSettings(token="a-long-random-word").token})
with open_replicas(Settings(embed=embed, serve=ServeSettings(port=port)), Replicas(2, 2)) as served:
    url = f"http://127.0.0.1:{served}"
    client = open_remote(EmbedSettings(url=url, token="a-long-random-word"))
    assert (client.identity, client.dim) == (clip.identity, clip.dim)
    pictures = []
    for number in range(60):
        pictures.append(folder / f"{number}.png")
        Image.new("RGB", (90, 70), (number * 4, 90, 40)).save(pictures[-1])
    pictures[7].write_bytes(b"damaged")
    made = client.embed_pictures(pictures)
    assert [n for n, vector in enumerate(made) if vector is None] == [7]
    wanted = clip.embed_pictures(pictures)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(made, wanted) if a is not None)
    texts = [f"text number {number}" for number in range(300)]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(client.embed_texts, [texts] * 8):
            assert np.allclose(found, clip.embed_texts(texts), atol=1e-4)
    long = "the quay was rebuilt in stone " * 60
    assert client.windows(long) == clip.windows(long)
    assert httpx.get(f"{url}/identity", trust_env=False).status_code == 401
    try:
        client.offload()
        raise AssertionError("a replica leased its GPU")
    except EmbedderFailed as error:
        assert "409" in str(error)
    metrics = set()
    headers = {"authorization": "Bearer a-long-random-word"}
    for _ in range(40):
        answer = httpx.get(f"{url}/metrics", headers=headers, trust_env=False)
        name = "magpie_embedder_vectors_total{modality"
        metrics |= {line for line in answer.text.splitlines() if line.startswith(name)}
    counts = [float(line.rsplit(" ", 1)[1]) for line in metrics if "text" in line]
    # Both replicas answered; their counts differ unless each had half. Each also made one vector when it started.
    both = len(counts) == 2 and min(counts) > 1 and sum(counts) == 2 + 8 * 300
    assert counts == [1 + 4 * 300] or both, metrics
    client.close()
print("PROVED")
"""


class _Lifespan:
    """Start and shut down an ASGI app, as Ray does in each replica."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def run(self, during: Callable[[], Awaitable[None]]) -> None:
        events: asyncio.Queue[Message] = asyncio.Queue()
        answers: asyncio.Queue[Message] = asyncio.Queue()

        async def serve() -> None:
            await self._app({"type": "lifespan", "asgi": {}}, events.get, answers.put)

        running = asyncio.create_task(serve())
        await events.put({"type": "lifespan.startup"})
        assert (await answers.get())["type"] == "lifespan.startup.complete"
        await during()
        await events.put({"type": "lifespan.shutdown"})
        assert (await answers.get())["type"] == "lifespan.shutdown.complete"
        await running


def test_a_replica_serves_the_same_app_without_leasing_its_gpu_and_closes_it_on_shutdown() -> None:
    encoder = FakeEncoder()
    settings = Settings(embed=EmbedSettings(token=TOKEN), serve=ServeSettings(wait_ms=50))
    app = replica_app(settings, lambda _: encoder)
    texts = [f"text number {number}" for number in range(300)]

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gpu.lan", headers=headers) as client:
            assert (await client.get("/identity", headers={"authorization": ""})).status_code == 401
            assert (await client.get("/identity")).json()["identity"] == encoder.identity
            assert (await client.get("/health")).json() == {"ok": True}
            assert (await client.get("/nothing")).status_code == 404
            assert (await client.get("/texts")).status_code == 405
            sent = [client.post("/texts", json={"texts": texts[start : start + 3]}) for start in range(0, 300, 3)]
            answers = await asyncio.gather(*sent)
            rows = [row for answer in answers for row in Vectors.model_validate(answer.json()).rows(3)]
            assert np.allclose([row for row in rows if row is not None], encoder.embed_texts(texts))
            lease = await client.post("/away", json={"client": "a" * 32, "seconds": 60})
            assert lease.status_code == 409
            assert encoder.moves == []
            assert 'magpie_embedder_vectors_total{modality="text"} 301.0' in (await client.get("/metrics")).text

    asyncio.run(_Lifespan(app).run(ask))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("encode", "decode", "quick"))]
    assert max(count for _, count in encoder.batches) > 3  # requests were encoded together


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'")
@pytest.mark.timeout(300)
def test_two_replicas_return_the_same_vectors_as_one_embedder(tmp_path: Path) -> None:
    """Runs in its own process, because Ray leaves threads and sockets open and emits warnings."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-c", PROOF, str(tmp_path), str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "PROVED" in done.stdout, done.stderr[-4000:]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_error_without_ray_names_the_command_that_installs_it() -> None:
    with pytest.raises(EmbedderFailed, match="require Ray") as raised, open_replicas(Settings(), Replicas(2, 2)):
        pass
    assert ".[ray]" in raised.value.hint


def test_invalid_settings_are_refused_before_ray_starts() -> None:
    with (
        pytest.raises(BadSetting, match="no token"),
        open_replicas(Settings(serve=ServeSettings(host="::")), Replicas()),
    ):
        pass
    with pytest.raises(BadSetting, match="less than the minimum"), open_replicas(Settings(), Replicas(3, 2)):
        pass
