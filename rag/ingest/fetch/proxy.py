"""HTTP proxy on the loopback interface that only connects to public addresses and allowed hosts.

Everything that a fetch or a web page requests passes through it: subresources, redirects, WebSockets, and hosts whose
addresses change. So no other part needs to check addresses.
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

from rag.ingest.fetch.addresses import Forbidden, Resolve, resolve, resolve_allowed

log = logging.getLogger("magpie.web")

_CONNECT_SECONDS = 10
_HEAD_SECONDS = 10
"""Time limit for the whole head of a request. Browsers send it at once."""

_MAX_CONNECTIONS = 64
"""Maximum number of simultaneous connections, each with a thread. Chromium opens at most 32 through one proxy."""

_POLL_SECONDS = 0.1
_MAX_HEAD_BYTES = 1 << 16
_BLOCK = 1 << 16
_USER = "magpie"


class GuardedProxy:
    """A proxy that runs during its `with` block, for at most `seconds`.

    It requires a random password, because other programs can reach the loopback interface too. When the time is up, it
    closes all connections, whatever they wait for (a name, a connection, a head, a body), so its clients end too.

    refused: hosts it did not connect to. unreachable: hosts that did not answer. exceeded: whether more than `limit`
    bytes were received. late: whether the time was up.
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
        """The proxy's URL without the password."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The proxy's URL with the password."""
        return f"http://{self.user}:{self.password}@127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> GuardedProxy:
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="web-proxy", daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_connections()
        self._server.shutdown()
        self._server.server_close()

    def check_deadline(self) -> None:
        """Close all connections if the time is up."""
        if monotonic() >= self._end and not self.late:
            self.late = True
            self._close_connections()

    def _close_connections(self) -> None:
        with self._lock:
            self.closing.set()
            for connection in self._open:
                with suppress(OSError):  # it may have ended already
                    connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def track(self, connection: socket.socket) -> Iterator[None]:
        """Close this connection when the proxy closes. Raise OSError if the proxy is closed already."""
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
        """Connect to one of the host's addresses after checking them. Raise Forbidden, or OSError if none answers."""
        try:
            addresses = resolve_allowed(host, port, self._allowed, self._resolve)
        except Forbidden:
            self.refused.add(host)
            log.warning(
                "Blocked a web page's connection to %r, port %d: not a public address, or not a port for web pages. "
                "To allow it, add the host to MAGPIE_WEB__ALLOW.",
                host,
                port,
            )
            raise
        except ValueError as error:  # a name that is invalid in DNS
            raise OSError("no such name") from error
        last_error: OSError = OSError("no address")
        for address in addresses:
            left = self._end - monotonic()
            if left <= 0 or self.closing.is_set():
                raise TimeoutError("the time is up")
            try:
                return socket.create_connection((address, port), min(left, _CONNECT_SECONDS))
            except OSError as error:
                last_error = error
        raise last_error

    def count_received(self, size: int) -> bool:
        """Count received bytes. Return whether the total is within the limit."""
        with self._lock:
            self._left -= size
            self.exceeded = self.exceeded or self._left < 0
        return not self.exceeded


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _MAX_CONNECTIONS
    proxy: GuardedProxy

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)

    def service_actions(self) -> None:
        self.proxy.check_deadline()

    def verify_request(self, *_: Any) -> bool:
        return self._slots.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, *_: Any) -> None:
        log.exception("A connection of the web proxy failed.")


class _Connection(socketserver.BaseRequestHandler):
    """One request: a tunnel (CONNECT), or a plain request that is forwarded and then closed."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        # Disconnected clients and malformed requests end the connection.
        with suppress(OSError, ValueError), self.server.proxy.track(self.request):
            self._serve(self.server.proxy)

    def _serve(self, proxy: GuardedProxy) -> None:
        method, target, headers, body_start = self._read_head(monotonic() + proxy.head_seconds)
        token = base64.b64encode(f"{proxy.user}:{proxy.password}".encode())
        authorization = headers.pop("proxy-authorization", "").encode("latin-1")
        if not secrets.compare_digest(authorization, b"Basic " + token):
            self._answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="magpie"\r\n')
            return
        is_tunnel = method == "CONNECT"
        try:
            parts = urlsplit(f"//{target}" if is_tunnel else target)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or (not is_tunnel and parts.scheme != "http"):
            self._answer("400 Bad Request")
            return
        try:
            upstream = proxy.connect(host, (443 if is_tunnel else 80) if port is None else port)
        except Forbidden:
            self._answer("403 Forbidden")
            return
        except OSError:
            proxy.unreachable.add(host)
            self._answer("502 Bad Gateway")
            return
        with upstream, proxy.track(upstream):
            if is_tunnel:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                upstream.sendall(_request_head(method, path, headers))
            self._relay(upstream, body_start)

    def _read_head(self, end: float) -> tuple[str, str, dict[str, str], bytes]:
        """Return method, target, headers, and the bytes after them. Raise TimeoutError at `end`, ValueError."""
        read = bytearray()
        seen = 0
        while (at := read.find(b"\r\n\r\n", max(seen - 3, 0))) < 0:
            seen = len(read)
            if seen > _MAX_HEAD_BYTES:
                raise ValueError("the head is too long")
            left = end - monotonic()
            if left <= 0:
                raise TimeoutError("the head is too slow")
            self.request.settimeout(left)
            block = self.request.recv(_BLOCK)
            if not block:
                raise ValueError("the head is incomplete")
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

    def _relay(self, upstream: socket.socket, body_start: bytes) -> None:
        """Copy bytes in both directions until one side ends, the limit is exceeded, or the proxy closes."""
        proxy = self.server.proxy
        upstream.setblocking(True)
        self.request.setblocking(True)
        if body_start:
            upstream.sendall(body_start)
        with selectors.DefaultSelector() as selector:
            selector.register(self.request, selectors.EVENT_READ, upstream)
            selector.register(upstream, selectors.EVENT_READ, self.request)
            while not proxy.closing.is_set():
                for key, _ in selector.select(_POLL_SECONDS):
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    block = source.recv(_BLOCK)
                    if not block or (source is upstream and not proxy.count_received(len(block))):
                        return
                    target.sendall(block)


def _request_head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """Return the head of a request for the server, without proxy headers, and with `Connection: close`."""
    kept = {name: value for name, value in headers.items() if not name.startswith("proxy-") and name != "connection"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**kept, "connection": "close"}.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
