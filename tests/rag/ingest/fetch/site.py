"""Test web servers on the loopback interface."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

Page: TypeAlias = tuple[int, dict[str, str], bytes]


class _Site(ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[str], Page]
    asked: list[str]

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect during a response; report all other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Request(BaseHTTPRequestHandler):
    server: _Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, headers, body = self.server.answer(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def site(answer: Callable[[str], Page]) -> Iterator[tuple[str, list[str]]]:
    """Yield the site's URL without a trailing slash, and a list that collects the requested paths."""
    server = _Site(("127.0.0.1", 0), _Request)
    server.answer, server.asked = answer, []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def raw_site(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[tuple[str, threading.Event]]:
    """Yield the URL of a server that calls `answer` for each connection, and an event.

    The event is set at the end of the `with` block; `answer` must then return. Disconnecting clients are not an error.
    """
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            answer(connection, over)

    def listen() -> None:
        with suppress(OSError):  # closed below
            while not over.is_set():
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    listener = socket.create_server(("127.0.0.1", 0))
    threads = [threading.Thread(target=listen, daemon=True)]
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", over
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(10)


def html(body: str, title: str = "A page") -> Page:
    text = f"<!doctype html><title>{title}</title><meta charset=utf-8><body>{body}</body>"
    return 200, {"Content-Type": "text/html; charset=utf-8"}, text.encode()


def moved(to: str) -> Page:
    return 302, {"Location": to}, b""
