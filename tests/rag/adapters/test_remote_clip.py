"""The client of the GPU host: retries while it is busy, and maps its failures to errors."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.slack.http import serving
from rag.adapters.remote_clip import RemoteClip, open_remote
from rag.errors import BadSetting, EmbedderBusy, EmbedderDown, EmbedderFailed
from rag.ports import Offloadable
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from rag.wire import ServerIdentity, Vectors
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host

TOKEN = "a-long-random-word"
IDENTITY = ServerIdentity(identity="a-host", dim=2, pictures=32, texts=128, max_mb=32)
VECTOR = Vectors.of("a-host", 2, [np.array([1, 0], dtype=np.float32)])

Answer = Callable[[int], Response]
"""Returns the response to the nth request for vectors, from 0."""


def ok(shape: ServerIdentity | Vectors) -> Response:
    return Response(shape.model_dump_json(), media_type="application/json")


@contextmanager
def host(answer: Answer, pause: float = 0.02) -> Iterator[tuple[RemoteClip, list[bytes]]]:
    """Yield a client of a host with these responses, and the bodies that the host receives."""
    bodies: list[bytes] = []

    async def identity(_: Request) -> Response:
        return ok(IDENTITY)

    async def vectors(request: Request) -> Response:
        bodies.append(await request.body())
        return answer(len(bodies) - 1)

    routes = [Route("/identity", identity), *(Route(p, vectors, methods=["POST"]) for p in ("/texts", "/pictures"))]
    with serving(Starlette(routes=routes), "127.0.0.1", 0) as port:
        client = open_remote(EmbedSettings(url=f"http://127.0.0.1:{port}/", seconds=5), (0.01, 0.02, pause))
        try:
            yield client, bodies
        finally:
            client.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_unreachable_host_is_reported_quickly_with_a_remedy() -> None:
    client = open_remote(EmbedSettings(url=f"http://127.0.0.1:{free_port()}"))
    began = monotonic()
    with pytest.raises(EmbedderDown, match="waiting for the GPU host") as raised:
        _ = client.identity
    assert "magpie embedder" in raised.value.hint
    with pytest.raises(EmbedderDown):
        client.embed_texts(["words"])
    assert monotonic() - began < 5
    client.offload()  # no error: a host that is down uses no GPU memory
    client.close()


def test_busy_host_is_retried_when_it_says() -> None:
    busy = Response('{"error":"Too much waits."}', 503, {"retry-after": "1"})
    with host(lambda number: busy if number < 1 else ok(VECTOR), pause=3) as (client, bodies):
        began = monotonic()
        assert client.embed_texts(["words"])[0].tolist() == [1, 0]
        assert len(bodies) == 2
        assert 0.9 < monotonic() - began < 10
    with host(lambda _: busy) as (client, bodies), pytest.raises(EmbedderBusy, match="Too much waits"):
        client.embed_texts(["words"])
    assert len(bodies) == 4


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Response('{"error":"out of memory"}', 500), EmbedderBusy, "out of memory"),
        (Response("<html>", 502), EmbedderBusy, "no reason"),
        (Response("", 401), EmbedderFailed, "does not accept the token"),
        (Response("<html>"), EmbedderFailed, "response is invalid"),
        (Response("", 302, {"location": "http://127.0.0.1:9/elsewhere"}), EmbedderFailed, "302"),
        (Response("", 404), EmbedderFailed, "404"),
        (ok(Vectors.of("another", 2, [])), EmbedderBusy, "another model"),
        (ok(Vectors.of("a-host", 2, [])), EmbedderFailed, "0 vectors"),
        (ok(Vectors(identity="a-host", dim=2, vectors="!!!")), EmbedderFailed, "not a GPU host"),
        (ok(Vectors(identity="a-host", dim=2, vectors="AAAA")), EmbedderFailed, "not a GPU host"),
    ],
)
def test_invalid_response_is_mapped_to_an_error(answer: Response, error: type[Exception], said: str) -> None:
    with host(lambda _: answer) as (client, bodies):
        assert client.identity == "a-host"
        with pytest.raises(error, match=said):
            client.embed_texts(["words"])
        assert len(bodies) == 1


def test_silent_host_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = open_remote(EmbedSettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=1))
        with pytest.raises(EmbedderBusy, match="did not answer"):
            client.embed_texts(["words"])
        client.close()


def test_broken_connection_is_retried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def hang_up() -> int:
            for _ in range(4):
                listening.accept()[0].close()
            return 4

        accepted = pool.submit(hang_up)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        client = open_remote(EmbedSettings(url=url, seconds=5), (0.01, 0.01, 0.01))
        with pytest.raises(EmbedderBusy, match="broke off"):
            client.windows_of(["words"])
        assert accepted.result(5) == 4
        client.close()


@pytest.mark.parametrize("url", ["gpu.lan:8468", "ftp://gpu.lan", "http://", "http://:8468", "nonsense"])
def test_invalid_url_is_an_invalid_setting(url: str) -> None:
    with pytest.raises(BadSetting, match="not a valid URL"):
        open_remote(EmbedSettings(url=url))


def test_token_is_sent_and_never_shown() -> None:
    embed = EmbedSettings(token=SecretStr(TOKEN))
    with gpu_host(Settings(embed=embed, serve=ServeSettings(port=0)), FakeEncoder()) as url:
        right = open_remote(EmbedSettings(url=url, token=SecretStr(TOKEN)))
        assert right.identity == "fake-embedder-1"
        right.close()
        wrong = open_remote(EmbedSettings(url=url.replace("//", "//ada:secret@"), token=SecretStr("other-token")))
        with pytest.raises(EmbedderFailed, match="does not accept the token") as raised:
            _ = wrong.identity
        shown = f"{raised.value} {raised.value.hint} {wrong!r} {embed!r} {Settings(embed=embed)}"
        assert not any(secret in shown for secret in (TOKEN, "other-token", "secret@"))
        wrong.close()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(9):
        made.append(tmp_path / f"{number}.png")
        Image.new("L", (600, 600), number * 20).save(made[-1])
    made[3].write_bytes(b"damaged")
    made[5].unlink()
    made[7].write_bytes(b"\0" * (2 << 20))
    return made


def test_missing_damaged_and_large_pictures_have_no_vector(pictures: Sequence[Path]) -> None:
    encoder = FakeEncoder()
    settings = Settings(embed=EmbedSettings(picture_batch=4), serve=ServeSettings(port=0, max_mb=1))
    with gpu_host(settings, encoder) as url:
        client = open_remote(EmbedSettings(url=url))
        found = client.embed_pictures(pictures)
        assert [n for n, vector in enumerate(found) if vector is None] == [3, 5, 7]
        assert client.embed_pictures([pictures[5]]) == [None]
        expected = encoder.embed_pictures([pictures[8]])[0]
        assert expected is not None
        assert np.allclose(found[8] if found[8] is not None else 0, expected, atol=1e-6)
        client.close()


def test_gpu_is_leased_and_released() -> None:
    encoder = FakeEncoder()
    with gpu_host(Settings(serve=ServeSettings(port=0)), encoder) as url:
        client = open_remote(EmbedSettings(url=url))
        assert isinstance(client, Offloadable)
        client.offload()
        client.offload()
        assert encoder.moves == ["leave"]
        client.reload()
        assert encoder.moves == ["leave", "back"]
        client.close()
