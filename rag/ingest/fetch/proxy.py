"""The only way out: a proxy on the loopback that goes to public addresses alone, for a browser and its every request.

What the page fetches, where it is sent, which sockets it opens and what its names come to mean meanwhile: all of it
comes by here, so nothing of it needs guarding elsewhere.
"""

from __future__ import annotations

import base64
import logging
import secrets
import selectors
import socket
import socketserver
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from rag.ingest.fetch.addresses import Forbidden, Resolve, may_go_to, resolve

log = logging.getLogger("magpie.web")

_CONNECT_SECONDS = 10
_HEAD_SECONDS = 10
"""For the whole head of a request, however many pieces it comes in. A browser sends it at once."""

_MOST_CONNECTIONS = 64
"""Connections at a time. Chromium opens at most 32 through one proxy; each has a thread here."""

_LOOK = 0.1
_LONGEST_HEAD = 1 << 16
_BLOCK = 1 << 16
_USER = "magpie"


class GuardedProxy:
    """Open while its `with` lasts, and for `seconds` at most; asks for the password it made up, as other programs share
    the loopback.

    When the time is over, every connection is cut, whatever it is waiting for: a name, a connection, a head, a body.
    Whoever reads from this proxy therefore ends by then, too.

    `refused` are the hosts it did not go to, `unreachable` those where nobody answered, `exceeded` whether more than
    `limit` bytes came back, `late` whether the time was over.
    """

    def __init__(
        self,
        allowed: Collection[str],
        limit: int,
        resolve: Resolve = resolve,
        *,
        seconds: float = 60,
        head_seconds: float = _HEAD_SECONDS,
    ) -> None:
        self.refused: set[str] = set()
        self.unreachable: set[str] = set()
        self.exceeded = False
        self.late = False
        self.closing = threading.Event()
        self.head_seconds = head_seconds
        self.user, self.password = _USER, secrets.token_urlsafe(24)
        self._end = monotonic() + seconds
        self._allowed = frozenset(host.lower() for host in allowed)
        self._resolve = resolve
        self._left = limit
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.proxy = self

    @property
    def server(self) -> str:
        """Its address without the password."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Its address with the password."""
        return f"http://{self.user}:{self.password}@127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> GuardedProxy:
        threading.Thread(target=self._server.serve_forever, args=(_LOOK,), name="web-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cut()
        self._server.shutdown()
        self._server.server_close()

    def look_at_the_clock(self) -> None:
        """Cut every connection when the time is over."""
        if monotonic() >= self._end and not self.late:
            self.late = True
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.closing.set()
            for connection in self._open:
                with suppress(OSError):  # it may have ended by itself
                    connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def holding(self, connection: socket.socket) -> Iterator[None]:
        """Cut this connection when the proxy closes. Raise OSError when it is closed already."""
        with self._lock:
            if self.closing.is_set():
                raise ConnectionAbortedError("the proxy is closed")
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to an address that was looked at. Raise Forbidden, or OSError when nobody answers."""
        try:
            addresses = may_go_to(host, port, self._allowed, self._resolve)
        except Forbidden:
            self.refused.add(host)
            log.warning(
                "A web page was refused the way to %r, port %d: it is not a public address, or not a port for web "
                "pages. If it may be read, add the host to MAGPIE_WEB__ALLOW.",
                host,
                port,
            )
            raise
        except ValueError as error:  # a name that DNS cannot have
            raise OSError("no such name") from error
        last: OSError = OSError("no address")
        for address in addresses:
            left = self._end - monotonic()
            if left <= 0 or self.closing.is_set():
                raise TimeoutError("the time is over")
            try:
                return socket.create_connection((address, port), min(left, _CONNECT_SECONDS))
            except OSError as error:
                last = error
        raise last

    def count(self, size: int) -> bool:
        """Whether so many more bytes may come back."""
        with self._lock:
            self._left -= size
            self.exceeded = self.exceeded or self._left < 0
        return not self.exceeded


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _MOST_CONNECTIONS
    proxy: GuardedProxy

    def __init__(self, *where: Any) -> None:
        super().__init__(*where)
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def service_actions(self) -> None:
        self.proxy.look_at_the_clock()

    def verify_request(self, *_: Any) -> bool:
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, *_: Any) -> None:
        log.exception("A connection of the web proxy failed.")


class _Connection(socketserver.BaseRequestHandler):
    """One request: a tunnel (CONNECT), or a plain one that is passed on and closed."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        # Whoever asked has gone, or talks nonsense: both end the connection.
        with suppress(OSError, ValueError), self.server.proxy.holding(self.request):
            self._serve(self.server.proxy)

    def _serve(self, proxy: GuardedProxy) -> None:
        method, target, headers, early = self._head(monotonic() + proxy.head_seconds)
        token = base64.b64encode(f"{proxy.user}:{proxy.password}".encode())
        given = headers.pop("proxy-authorization", "").encode("latin-1")
        if not secrets.compare_digest(given, b"Basic " + token):
            self._answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="magpie"\r\n')
            return
        tunnel = method == "CONNECT"
        try:
            parts = urlsplit(f"//{target}" if tunnel else target)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or (not tunnel and parts.scheme != "http"):
            self._answer("400 Bad Request")
            return
        try:
            upstream = proxy.connect(host, (443 if tunnel else 80) if port is None else port)
        except Forbidden:
            self._answer("403 Forbidden")
            return
        except OSError:
            proxy.unreachable.add(host)
            self._answer("502 Bad Gateway")
            return
        with upstream, proxy.holding(upstream):
            if tunnel:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                upstream.sendall(_plain(method, path, headers))
            self._relay(upstream, early)

    def _head(self, end: float) -> tuple[str, str, dict[str, str], bytes]:
        """Method, target, headers, and what was sent right after them. Raise TimeoutError when `end` is over."""
        read = bytearray()
        seen = 0
        while (at := read.find(b"\r\n\r\n", max(seen - 3, 0))) < 0:
            seen = len(read)
            if seen > _LONGEST_HEAD:
                raise ValueError("a head too long")
            left = end - monotonic()
            if left <= 0:
                raise TimeoutError("a head too slow")
            self.request.settimeout(left)
            block = self.request.recv(_BLOCK)
            if not block:
                raise ValueError("a head that breaks off")
            read += block
        first, *lines = read[:at].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return method, target, headers, bytes(read[at + 4 :])

    def _answer(self, status: str, header: str = "") -> None:
        self.request.sendall(f"HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def _relay(self, upstream: socket.socket, early: bytes) -> None:
        """Bytes both ways until one side ends, the limit is reached, or the proxy closes."""
        proxy = self.server.proxy
        upstream.setblocking(True)
        self.request.setblocking(True)
        if early:
            upstream.sendall(early)
        with selectors.DefaultSelector() as selector:
            selector.register(self.request, selectors.EVENT_READ, upstream)
            selector.register(upstream, selectors.EVENT_READ, self.request)
            while not proxy.closing.is_set():
                for key, _ in selector.select(_LOOK):
                    source, drain = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    block = source.recv(_BLOCK)
                    if not block or (source is upstream and not proxy.count(len(block))):
                        return
                    drain.sendall(block)


def _plain(method: str, path: str, headers: dict[str, str]) -> bytes:
    """The request as its server expects it, on a connection of its own."""
    kept = {name: value for name, value in headers.items() if not name.startswith("proxy-") and name != "connection"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**kept, "connection": "close"}.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
