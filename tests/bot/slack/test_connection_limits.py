"""Connections are closed at their deadlines, and their number is limited."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import sleep

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from bot.slack.connection_limits import ConnectionLimits, limited
from bot.slack.http import serving

TIMEOUT = 20
"""Seconds after which a test gives up on a server that does not answer or close."""

BRIEF = ConnectionLimits(
    head_seconds=0.3, body_seconds=0.3, idle_seconds=1, send_seconds=0.3, connections=4, requests=2
)
GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


class Held:
    """The routes of the app under test. `slow` responses wait until `open` is set."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.read: list[bytes] = []

    async def quick(self, request: Request) -> Response:
        self.read.append(await request.body())
        return PlainTextResponse("quick")

    async def early(self, _: Request) -> Response:
        return PlainTextResponse("early", 413)

    async def slow(self, _: Request) -> Response:
        def wait() -> None:
            self.entered.release()
            self.open.wait(TIMEOUT)

        await run_in_threadpool(wait)
        return PlainTextResponse("slow")

    async def large(self, _: Request) -> Response:
        return PlainTextResponse("x" * (64 << 20))


@contextmanager
def server(limits: ConnectionLimits) -> Iterator[tuple[int, Held]]:
    held = Held()
    routes = [Route(f"/{name}", getattr(held, name), methods=["GET", "POST"]) for name in ("quick", "early", "slow")]
    try:
        app = Starlette(
            routes=[*routes, Route("/large", held.large)],
            exception_handlers={ClientDisconnect: lambda *_: Response(status_code=400)},
        )
        with serving(app, "127.0.0.1", 0, limits) as port:
            yield port, held
    finally:
        held.open.set()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    made.sendall(sent)
    return made


def rest(connection: socket.socket) -> bytes:
    """Return everything received until the server closes the connection. Fail if it does not."""
    found = b""
    try:
        while part := connection.recv(1 << 16):
            found += part
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /quick HT",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nX: y",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123",
        GET + b"POST /quick HT",
        GET,
    ],
)
def test_silent_connection_is_closed(sent: bytes) -> None:
    with server(BRIEF) as (port, held), connect(port, sent) as connection:
        received = rest(connection)
        assert b" 500 " not in received
        assert (b" 200 OK" in received) is (GET in sent)
        assert held.read == ([b""] if GET in sent else [])


@pytest.mark.parametrize(
    "begun", [b"GET /quick HTTP/1.1\r\nX: ", b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"]
)
def test_slow_request_is_closed(begun: bytes) -> None:
    with server(BRIEF) as (port, _), connect(port, begun) as connection:
        connection.settimeout(0.05)
        received = b""
        for _ in range(int(TIMEOUT / 0.05)):
            try:
                connection.sendall(b"x")
                part = connection.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            received += part
        else:
            pytest.fail("the connection was not closed")
    assert received == b"" or b" 408 " in received


def test_client_that_does_not_read_the_response_is_closed() -> None:
    with server(BRIEF) as (port, _), connect(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(10) == b"HTTP/1.1 2"
        closed = threading.Event()

        def probe() -> None:  # a write fails once the other side is gone
            while not closed.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    closed.set()

        thread = threading.Thread(target=probe)
        thread.start()
        assert closed.wait(TIMEOUT)
        thread.join()


def test_connections_that_wait_longest_are_closed_for_new_ones() -> None:
    limits = ConnectionLimits(connections=4, requests=2)
    with server(limits) as (port, _), ExitStack() as open_ones:
        idle = [open_ones.enter_context(connect(port, b"POST /quick HTTP/1.1\r\nHost: x\r\n")) for _ in range(12)]
        with connect(port, GET) as asking:
            assert b"200 OK" in asking.recv(1 << 16)
        closed = [connection for connection in idle if _is_closed(connection)]
        assert closed == idle[: len(closed)]
        assert len(closed) >= 8


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_requests_beyond_the_limit_get_503() -> None:
    with server(ConnectionLimits(connections=8, requests=2)) as (port, held), ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(connect(port, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            for _ in range(2)
        ]
        for _ in slow:
            assert held.entered.acquire(timeout=TIMEOUT)
        with connect(port, GET) as one_more:
            received = rest(one_more).lower()
        assert b" 503 " in received
        assert b"retry-after: 1" in received
        held.open.set()
        assert all(rest(one).endswith(b"slow") for one in slow)
        with connect(port, GET) as again:
            assert b"200 OK" in again.recv(1 << 16)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /quick HTTP/1.1\r\n\r\n",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
        b"GET /quick HTTP/1.1\r\nHost: x\r\nLong: " + b"y" * (64 << 10),
    ],
)
def test_data_that_is_not_http_gets_400(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with server(ConnectionLimits()) as (port, held), connect(port) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
        received = rest(connection)
    assert b" 400 " in received or (received == b"" and len(sent) > 1 << 14)
    assert held.read == []
    assert "Traceback" not in caplog.text


def test_websocket_has_no_deadline() -> None:
    from websockets.sync.client import connect as connect_websocket

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    app = Starlette(routes=[WebSocketRoute("/", echo)])
    running = uvicorn.Server(uvicorn.Config(app, http=limited(BRIEF), lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with connect_websocket(f"ws://127.0.0.1:{listening.getsockname()[1]}/", proxy=None) as websocket:
                sleep(3 * BRIEF.body_seconds)
                websocket.send("still open")
                assert websocket.recv(TIMEOUT) == "still open"
        finally:
            running.should_exit = True
            thread.join()
