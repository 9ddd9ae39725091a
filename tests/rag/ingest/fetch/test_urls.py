"""Tests of UrlFetcher. Tests with a browser need Chromium."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pymupdf
import pytest

from rag import Scope, Settings
from rag.errors import TryAgain, Unreadable
from rag.ingest.fetch.urls import UrlFetcher, browser_program
from rag.setting_groups import ReadSettings, WebSettings
from tests.rag.ingest.fetch.site import Page, html, moved, raw_site, site
from tests.support.migrated import open_rag

needs_browser = pytest.mark.skipif(browser_program("") is None, reason="no Chromium on this machine")
LOCAL = WebSettings(allow=("127.0.0.1",), seconds=40)

TALL = "<p style='height:1700px'>Above the fold</p><p>The gateway listens on port 8443</p>"
CHART = """<svg width=500 height=300><rect x=20 y=100 width=80 height=180 fill=navy></rect>
<rect x=150 y=40 width=80 height=240 fill=navy></rect></svg>"""


def fetch(url: str, into: Path, web: WebSettings = LOCAL) -> str:
    return UrlFetcher(web, ReadSettings())(url, into).name


def pdf() -> bytes:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "Harbour dues")
        return bytes(document.tobytes())


def test_file_is_downloaded_unchanged(tmp_path: Path) -> None:
    data = pdf()
    with site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _):
        assert fetch(f"{url}/reports/dues.pdf", tmp_path / "copy") == "dues.pdf"
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    ("page", "error", "message"),
    [
        ((404, {}, b""), Unreadable, "doesn't exist"),
        ((401, {}, b""), Unreadable, "isn't public"),
        ((503, {}, b""), TryAgain, "has a problem"),
        (moved("/again"), Unreadable, "redirects"),
        (moved("file:///etc/passwd"), Unreadable, "redirects"),
        (moved("http://localhost:8080/"), Unreadable, "inside this network"),
        (moved("http://127.0.0.1:25/"), Unreadable, "not for web pages"),
        (moved("http://i❤.ws/".encode().decode("latin-1")), TryAgain, "invalid response"),
        (moved("http://[::1"), TryAgain, "invalid response"),
        (moved(f"http://{'a' * 64}.example/"), TryAgain, "couldn't be reached"),
        ((304, {}, b""), Unreadable, "doesn't exist"),
        (moved("http://169.254.169.254/latest/meta-data"), Unreadable, "inside this network"),
        ((200, {"Content-Type": "application/pdf"}, b"x" * (2 << 20)), Unreadable, "larger than 1 MB"),
    ],
)
def test_failures_have_specific_messages(page: Page, error: type[Exception], message: str, tmp_path: Path) -> None:
    with site(lambda path: page) as (url, _), pytest.raises(error, match=message):
        fetch(url, tmp_path / "copy", WebSettings(allow=("127.0.0.1",), max_mb=1))


def test_private_address_is_refused_with_the_setting_that_allows_it(tmp_path: Path) -> None:
    with site(lambda path: html("the wiki")) as (url, asked), pytest.raises(Unreadable) as raised:
        fetch(url, tmp_path / "copy", WebSettings())
    assert "MAGPIE_WEB__ALLOW" in raised.value.hint
    assert asked == []


def test_refusal_does_not_name_the_host_inside_the_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def answer(path: str) -> Page:
        return moved("http://payroll.intern.example:8080/")

    with site(answer) as (url, _), pytest.raises(Unreadable) as raised:
        UrlFetcher(LOCAL, ReadSettings(), lambda host, _: [host if host == "127.0.0.1" else "10.0.0.1"])(
            url, tmp_path / "copy"
        )
    assert "payroll" not in f"{raised.value} {raised.value.hint}"
    assert "payroll.intern.example" in caplog.text


def test_unreachable_server_can_be_tried_again(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TryAgain, match="couldn't be reached"):
        fetch(f"http://127.0.0.1:{port}/", tmp_path / "copy")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n"
Answer = Callable[[socket.socket, threading.Event], None]


def drip(start: bytes, piece: bytes) -> Answer:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(start)
        while not over.wait(0.05):
            connection.sendall(piece)

    return answer


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        drip(HEAD, b"X-Many: a\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        drip(b"HTTP/1.1 302 Found\r\nContent-Length: 100000\r\nX-Where: ", b"b"),
    ],
    ids=["silence", "header", "headers", "continue", "body", "chunks", "chunk-size", "redirect"],
)
def test_deadline_holds_against_a_server_that_drips(answer: Answer, tmp_path: Path) -> None:
    with raw_site(answer) as (url, _), pytest.raises(Unreadable, match=r"longer than 1 s|within 1 s"):
        fetch(f"{url}/a.pdf", tmp_path / "copy", WebSettings(allow=("127.0.0.1",), seconds=1))


@pytest.mark.timeout(60)
def test_deadline_holds_against_slow_tls(tmp_path: Path) -> None:
    with (
        raw_site(drip(b"\x16\x03\x03\x3f\xff", b"\x02")) as (url, _),
        pytest.raises(Unreadable, match=r"longer than 1 s|within 1 s"),
    ):
        fetch(url.replace("http:", "https:"), tmp_path / "copy", WebSettings(allow=("127.0.0.1",), seconds=1))


@pytest.mark.timeout(60)
def test_deadline_holds_against_a_slow_name(tmp_path: Path) -> None:
    known = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        known.wait(50)
        return ["127.0.0.1"]

    try:
        with pytest.raises(Unreadable, match=r"longer than 1 s|within 1 s"):
            UrlFetcher(WebSettings(seconds=1), ReadSettings(), resolve)("http://slow.example/", tmp_path / "copy")
    finally:
        known.set()


def test_compressed_file_is_refused(tmp_path: Path) -> None:
    body = gzip.compress(gzip.compress(bytes(1 << 20)))
    page = (200, {"Content-Type": "application/pdf", "Content-Encoding": "gzip, gzip"}, body)
    with site(lambda path: page) as (url, _), pytest.raises(Unreadable, match="compressed"):
        fetch(url, tmp_path / "copy")


def test_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        if b"GET /b.pdf" in connection.recv(1 << 16):
            connection.sendall(HEAD + b"Content-Length: 5\r\n\r\nwords")
        else:
            where = (
                b"HTTP/1.1 302 Found\r\nLocation: /b.pdf\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n"
            )
            connection.sendall(where)
            over.wait(50)

    with raw_site(answer) as (url, _):
        assert fetch(f"{url}/a.pdf", tmp_path / "copy") == "b.pdf"
    assert (tmp_path / "copy").read_bytes() == b"words"


def test_requests_no_content_encoding(tmp_path: Path) -> None:
    asked = []

    def answer(connection: socket.socket, over: threading.Event) -> None:
        asked.append(connection.recv(1 << 16).lower())
        connection.sendall(HEAD + b"Content-Length: 1\r\n\r\na")

    with raw_site(answer) as (url, _):
        fetch(f"{url}/a.pdf", tmp_path / "copy")
    assert b"accept-encoding: identity\r\n" in asked[0]


def test_file_name_is_truncated(tmp_path: Path) -> None:
    with site(lambda path: moved(f"/{'x' * 9000}") if path == "/a" else (200, {}, b"words")) as (url, _):
        assert fetch(f"{url}/a", tmp_path / "copy") == "x" * 200


def test_refusal_without_a_browser_has_a_remedy(tmp_path: Path) -> None:
    with site(lambda path: html("words")) as (url, _), pytest.raises(Unreadable, match="no browser") as raised:
        fetch(url, tmp_path / "copy", WebSettings(allow=("127.0.0.1",), browser="off"))
    assert "apt install chromium" in raised.value.hint


@needs_browser
@pytest.mark.timeout(180)
def test_web_page_is_indexed_in_tiles_and_found(tmp_path: Path) -> None:
    picture = base64.b64encode(pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 40, 40), False).tobytes()).decode()
    body = f"{TALL}{CHART}<img src='data:image/png;base64,{picture}'><p style='display:none'>hidden</p>"
    with site(lambda path: html(body, "Gateway wiki")) as (url, _):
        settings = Settings(data=tmp_path, web=LOCAL)
        settings = settings.model_copy(update={"answer": settings.answer.model_copy(update={"model": ""})})
        with open_rag(settings) as rag:
            [new] = rag.index([f"{url}/wiki#ports"])
            assert (new.file, new.state, new.pages) == ("Gateway wiki", "new", 2)
            [same] = rag.index([f"{url}/wiki"])
            assert same.state == "known"
            hit = rag.find("which port does the gateway listen on", Scope.operator()).hits[0]
            assert (hit.name, hit.page, hit.link) == ("Gateway wiki", 2, f"{url}/wiki")
            assert not rag.find("hidden", Scope.operator()).hits
            assert rag.forget([f"{url}/wiki"]) == ["Gateway wiki"]


@needs_browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("guarded", [True, False])
def test_page_cannot_reach_hosts_inside_the_network(guarded: bool, tmp_path: Path) -> None:
    """Check pictures, frames, scripts and sockets; without the guard, they do reach the host."""
    web = LOCAL if guarded else WebSettings(allow=("127.0.0.1", "localhost"), seconds=40)
    with site(lambda path: html("secret of the house")) as (inside, asked):
        inside = inside.replace("127.0.0.1", "localhost")
        body = f"""<p>Public words</p><img src="{inside}/a"><iframe src="{inside}/b"></iframe>
        <script>fetch("{inside}/c", {{mode: "no-cors"}}); new WebSocket("{inside.replace("http", "ws")}/d");
        navigator.sendBeacon("{inside}/e", "x"); open("{inside}/f");</script>"""
        with site(lambda path: html(body)) as (url, _):
            fetch(url, tmp_path / "copy", web)
    with pymupdf.open(tmp_path / "copy", filetype="pdf") as document:
        assert "Public words" in document[0].get_text()
    assert guarded == (not {"/a", "/b", "/c"} <= set(asked))
    assert not (guarded and asked)


@needs_browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("body", ["<script>while (true) {}</script>", "<img src='/never'>"])
def test_page_that_never_finishes_is_stopped(body: str, tmp_path: Path) -> None:
    release = threading.Event()

    def answer(path: str) -> Page:
        if path == "/never":
            release.wait(60)
        return html(body)

    try:
        with site(answer) as (url, _), pytest.raises((Unreadable, TryAgain)):
            fetch(url, tmp_path / "copy", WebSettings(allow=("127.0.0.1",), seconds=6))
    finally:
        release.set()
