"""The model server's HTTP routes, as any client on the network can call them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import httpx
import pytest
from PIL import Image

from rag.errors import BadSetting, EmbedderBusy, EmbedderFailed
from rag.model_server.app import _ByteBudget, check_address
from rag.model_server.server import open_model_server
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from rag.wire import MAX_TEXTS, PICTURES_TYPE, Vectors, pack_pictures
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host

TOKEN = "a-long-random-wörd"
CANARY = "XYLOPHONE4711"


@contextmanager
def open_client(encoder: FakeEncoder, token: str = "", **serve: int) -> Iterator[httpx.Client]:
    settings = Settings(
        embed=EmbedSettings(token=token or None, picture_batch=4, text_batch=8),
        serve=ServeSettings(**{"port": 0, "wait_ms": 1, **serve}),
    )
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    with gpu_host(settings, encoder) as url, httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        yield client


def png(size: int = 16, text: str = "") -> bytes:
    written = io.BytesIO()
    picture = Image.effect_noise((size, size), 40)
    picture.save(written, "PNG", comment=text)
    return written.getvalue()


def send(client: httpx.Client, *pictures: bytes) -> httpx.Response:
    return client.post("/pictures", content=pack_pictures(pictures), headers={"content-type": PICTURES_TYPE})


def test_identity_and_health() -> None:
    with open_client(FakeEncoder()) as client:
        identity = client.get("/identity").json()
        assert identity == {"identity": "fake-embedder-1", "dim": 64, "pictures": 4, "texts": 8, "max_mb": 32}
        assert (client.get("/health").status_code, client.get("/health").json()) == (200, {"ok": True})
        assert client.get("/nothing").status_code == 404
        assert client.get("/pictures").status_code == 405


def test_damaged_and_large_pictures_are_refused_and_the_others_embedded() -> None:
    with open_client(FakeEncoder(), max_mb=1) as client:
        vectors = Vectors.model_validate(send(client, png(), b"damaged", png(1200), png()).json())
    assert [vector is None for vector in vectors.rows(4)] == [False, True, True, False]
    assert {refused.index: refused.reason for refused in vectors.refused} == {
        1: "The picture cannot be decoded.",
        2: "The picture is larger than 1 MB.",
    }


def test_invalid_requests_get_a_status() -> None:
    with open_client(FakeEncoder()) as client:
        octets = {"content-type": PICTURES_TYPE}
        assert client.post("/pictures", content=b"\0\0\0\xffabc", headers=octets).status_code == 400
        assert client.post("/pictures", content=pack_pictures([b""] * 300), headers=octets).status_code == 400
        assert client.post("/pictures", content=b"", headers={"content-type": "text/plain"}).status_code == 415
        assert client.post("/texts", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
        for body in ({}, {"texts": "one"}, {"texts": [1]}, {"texts": [""] * (MAX_TEXTS + 1)}):
            assert client.post("/texts", json=body).status_code == 422
        assert client.post("/away", json={"client": "../../etc", "seconds": 1}).status_code == 422
        large = client.post("/pictures", content=b"\0" * (65 << 20), headers=octets)
        assert large.status_code == 413
        assert send(client).json()["vectors"] == ""
        assert client.post("/texts", json={"texts": []}).json()["vectors"] == ""


@pytest.mark.parametrize("path", ["/identity", "/metrics", "/pictures", "/texts", "/windows", "/away", "/back"])
def test_every_path_but_health_requires_the_token(path: str) -> None:
    with open_client(FakeEncoder(), TOKEN) as client:
        method = "GET" if path in ("/identity", "/metrics") else "POST"
        for wrong in ("", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, "Bearer", "Bearer ä"):
            answer = client.request(method, path, headers=[(b"authorization", wrong.encode())])
            assert answer.status_code == 401
            assert TOKEN not in answer.text
        assert client.request(method, path).status_code != 401
        assert client.get("/health", headers={"authorization": ""}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.7", "gpu.lan", "127.0.0.1.evil.example"])
def test_address_that_other_machines_reach_needs_a_token(host: str) -> None:
    with pytest.raises(BadSetting, match="no token is set") as raised:
        check_address(host, "")
    assert "MAGPIE_EMBED__TOKEN" in raised.value.hint
    check_address(host, TOKEN)
    with (
        pytest.raises(BadSetting),
        open_model_server(Settings(serve=ServeSettings(host=host)), lambda _: FakeEncoder()),
    ):
        pass


def test_loopback_address_needs_no_token() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        check_address(host, "")


def test_full_queue_is_503_with_retry_after() -> None:
    encoder = FakeEncoder()
    with open_client(encoder, queue=10) as client, httpx.Client(base_url=client.base_url, trust_env=False) as other:
        encoder.entered = type(encoder.entered)(0)
        encoder.open.clear()
        running = _in_thread(lambda: send(other, *[png()] * 12))
        assert encoder.entered.acquire(timeout=30)  # four are in the batch, eight in the queue
        busy = send(client, *[png()] * 9)
        assert busy.status_code == 503
        assert int(busy.headers["retry-after"]) >= 1
        assert "queue is full" in busy.json()["error"]
        encoder.open.set()
        assert running.result(30).status_code == 200
        assert send(client, *[png()] * 9).status_code == 200


def test_total_size_of_requests_is_limited() -> None:
    budget = _ByteBudget(100)
    budget.acquire(60)
    with pytest.raises(EmbedderBusy):
        budget.acquire(50)
    budget.release(60)
    budget.acquire(100)
    # Each request releases its bytes, however it ends: 40 requests of 14 MB, one by one, with a limit of 512 MB.
    with open_client(FakeEncoder()) as client:
        body = pack_pictures([b"damaged" * (15 << 17)])
        for content_type in (PICTURES_TYPE, "application/json") * 20:
            path = "/pictures" if content_type == PICTURES_TYPE else "/texts"
            answer = client.post(path, content=body, headers={"content-type": content_type})
            assert answer.status_code in (200, 422)


def _in_thread(call: object) -> Future[httpx.Response]:
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future: Future[httpx.Response] = pool.submit(call)  # type: ignore[arg-type]
    pool.shutdown(wait=False)
    return future


def test_failing_model_is_500_and_unhealthy_until_it_works_again() -> None:
    encoder = FakeEncoder()
    with open_client(encoder) as client:
        encoder.breaks = EmbedderFailed("The embedder stopped: out of memory.", "Lower the batch.")
        answer = client.post("/texts", json={"texts": ["words"]})
        assert answer.status_code == 500
        assert answer.json() == {"error": "The embedder stopped: out of memory.", "hint": "Lower the batch."}
        assert client.get("/health").status_code == 503
        encoder.breaks = None
        assert client.post("/texts", json={"texts": ["words"]}).status_code == 200
        assert client.get("/health").status_code == 200


def test_metrics_and_log_contain_nothing_that_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), open_client(FakeEncoder(), TOKEN) as client:
        texts = {"texts": [CANARY, f"about {CANARY}"]}
        client.post("/texts", json=texts)
        client.post("/windows", json=texts)
        client.post("/texts", json={"texts": CANARY})
        client.post("/texts", content=CANARY, headers={"content-type": "application/json"})
        send(client, png(text=CANARY), CANARY.encode(), b"")
        client.get("/identity", headers={"authorization": f"Bearer {CANARY}"})
        metrics = client.get("/metrics").text
    assert 'magpie_embedder_vectors_total{modality="text"} 3.0' in metrics  # with the probe at startup
    assert 'magpie_embedder_vectors_total{modality="picture"} 1.0' in metrics
    assert "magpie_embedder_pictures_refused_total 2.0" in metrics
    assert 'magpie_embedder_requests_total{path="/texts",status="422"} 2.0' in metrics
    assert 'magpie_embedder_waiting{modality="picture"} 0.0' in metrics
    assert 'magpie_embedder_prepare_seconds_count{modality="picture"} 3.0' in metrics
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.split(".")[0] != "httpcore")
    assert CANARY not in metrics + logged
    assert TOKEN not in metrics + logged


def test_invalid_request_is_not_echoed() -> None:
    with open_client(FakeEncoder()) as client:
        answer = client.post("/texts", json={"texts": [{"secret": CANARY}]})
        assert answer.status_code == 422
        assert CANARY not in json.dumps(answer.json())


def test_gpu_lease_ends_by_release_or_timeout() -> None:
    encoder = FakeEncoder()
    with open_client(encoder) as client:
        one, other = {"client": "a" * 32}, {"client": "b" * 32}
        client.post("/away", json={**one, "seconds": 60})
        client.post("/away", json={**one, "seconds": 60})
        client.post("/away", json={**other, "seconds": 60})
        assert encoder.moves == ["leave"]
        client.post("/back", json=one)
        client.post("/back", json=one)
        assert encoder.moves == ["leave"]
        client.post("/back", json=other)
        assert encoder.moves == ["leave", "back"]
        client.post("/away", json={**one, "seconds": 0.05})
        waits = client.post("/texts", json={"texts": ["words"] * 20}, timeout=30)  # indexing waits until the lease ends
        assert waits.status_code == 200
        assert encoder.moves == ["leave", "back"] * 2
        assert 'magpie_embedder_move_seconds_count{to="card"} 2.0' in client.get("/metrics").text
