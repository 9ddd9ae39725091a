"""A web server on the loopback interface that answers conditional requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class EtagSite:
    """One page at every path but /moved, which redirects to /page. Every request's headers are in `asked`."""

    body: bytes
    etag: str
    kind: str = "application/pdf"
    url: str = ""
    asked: list[tuple[str, Message]] = field(default_factory=list)

    def conditions(self) -> list[str | None]:
        return [headers["If-None-Match"] for _, headers in self.asked]


@contextmanager
def etag_site(body: bytes, etag: str, kind: str = "application/pdf") -> Iterator[EtagSite]:
    site = EtagSite(body, etag, kind)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, self.headers))
            if self.path == "/moved":
                self._answer(302, b"", Location="/page")
            elif self.headers["If-None-Match"] == site.etag:
                self._answer(304, b"", ETag=site.etag)
            else:
                self._answer(200, site.body, ETag=site.etag, **{"Content-Type": site.kind})

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
