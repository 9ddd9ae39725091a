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
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

from rag.web.addresses import Forbidden, Resolve, may_go_to, resolve

log = logging.getLogger("magpie.web")

_CONNECT_SECONDS = 10
_LOOK = 0.5
_LONGEST_HEAD = 1 << 16
_BLOCK = 1 << 16
_USER = "magpie"


class GuardedProxy:
    """Open while its `with` lasts; asks for the password it made up, as other programs share the loopback.

    `refused` are the hosts it did not go to, `unreachable` those where nobody answered, `exceeded` whether more than
    `limit` bytes came back.
    """

    def __init__(self, allowed: Collection[str], limit: int, resolve: Resolve = resolve) -> None:
        self.refused: set[str] = set()
        self.unreachable: set[str] = set()
        self.exceeded = False
        self.closing = threading.Event()
        self.user, self.password = _USER, secrets.token_urlsafe(24)
        self._allowed = frozenset(host.lower() for host in allowed)
        self._resolve = resolve
        self._left = limit
        self._lock = threading.Lock()
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
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to an address that was looked at. Raise Forbidden, or OSError when nobody answers."""
        try:
            addresses = may_go_to(host, port, self._allowed, self._resolve)
        except Forbidden:
            self.refused.add(host)
            log.warning("a web page was refused the way to %s: it is no public address", host)
            raise
        last: OSError = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), _CONNECT_SECONDS)
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
    proxy: GuardedProxy


class _Connection(socketserver.StreamRequestHandler):
    """One request: a tunnel (CONNECT), or a plain one that is passed on and closed."""

    server: _Server
    timeout = 30

    def handle(self) -> None:
        proxy = self.server.proxy
        with suppress(OSError, ValueError):  # whoever asked has gone, or talks nonsense: both end the connection
            method, target, headers = self._head()
            token = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
            if not secrets.compare_digest(headers.pop("proxy-authorization", ""), f"Basic {token}"):
                self._answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="magpie"\r\n')
                return
            tunnel = method == "CONNECT"
            parts = urlsplit(f"//{target}" if tunnel else target)
            if not parts.hostname or (not tunnel and parts.scheme != "http"):
                self._answer("400 Bad Request")
                return
            try:
                upstream = proxy.connect(parts.hostname, parts.port or (443 if tunnel else 80))
            except Forbidden:
                self._answer("403 Forbidden")
                return
            except OSError:
                proxy.unreachable.add(parts.hostname)
                self._answer("502 Bad Gateway")
                return
            with upstream:
                if tunnel:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                    upstream.sendall(_plain(method, path, headers))
                self._relay(upstream)

    def _head(self) -> tuple[str, str, dict[str, str]]:
        size = 0
        lines = []
        while line := self.rfile.readline(_LONGEST_HEAD).decode("latin-1"):
            size += len(line)
            if size > _LONGEST_HEAD:
                raise ValueError("a head too long")
            if not line.strip():
                break
            lines.append(line.rstrip("\r\n"))
        method, target, _ = lines[0].split(" ", 2) if lines else ("", "", "")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return method, target, headers

    def _answer(self, status: str, header: str = "") -> None:
        self.wfile.write(f"HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def _relay(self, upstream: socket.socket) -> None:
        """Bytes both ways until one side ends, the limit is reached, or the proxy closes."""
        proxy = self.server.proxy
        upstream.setblocking(True)
        self.connection.settimeout(None)
        early = self._buffered()
        if early:
            upstream.sendall(early)
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ, upstream)
            selector.register(upstream, selectors.EVENT_READ, self.connection)
            while not proxy.closing.is_set():
                for key, _ in selector.select(_LOOK):
                    source, drain = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    block = source.recv(_BLOCK)
                    if not block or (source is upstream and not proxy.count(len(block))):
                        return
                    drain.sendall(block)

    def _buffered(self) -> bytes:
        """What was sent right after the head and read with it."""
        self.connection.setblocking(False)
        try:
            return self.rfile.peek() if hasattr(self.rfile, "peek") else b""
        except BlockingIOError:
            return b""
        finally:
            self.connection.setblocking(True)


def _plain(method: str, path: str, headers: dict[str, str]) -> bytes:
    """The request as its server expects it, on a connection of its own."""
    kept = {name: value for name, value in headers.items() if not name.startswith("proxy-") and name != "connection"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**kept, "connection": "close"}.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
