"""Web addresses become documents, and dangerous or dead ones a sentence. Chromium is real where it is installed."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pymupdf
import pytest

from rag import Scope, Settings, open_rag
from rag.errors import TryAgain, Unreadable
from rag.settings import ReadSettings, WebSettings
from rag.web.fetch import UrlFetcher, browser_program
from tests.rag.web.site import Page, html, moved, site

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


def test_a_file_behind_an_address_is_kept_as_it_is(tmp_path: Path) -> None:
    data = pdf()
    with site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _):
        assert fetch(f"{url}/reports/dues.pdf", tmp_path / "copy") == "dues.pdf"
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    ("page", "error", "said"),
    [
        ((404, {}, b""), Unreadable, "no such page"),
        ((401, {}, b""), Unreadable, "not open to everybody"),
        ((503, {}, b""), TryAgain, "out of order"),
        (moved("/again"), Unreadable, "from place to place"),
        (moved("file:///etc/passwd"), Unreadable, "from place to place"),
        (moved("http://localhost:1/"), Unreadable, "inside this network"),
        (moved("http://169.254.169.254/latest/meta-data"), Unreadable, "inside this network"),
        ((200, {"Content-Type": "application/pdf"}, b"x" * (2 << 20)), Unreadable, "more than 1 MB"),
    ],
)
def test_dead_ends_are_told_apart(page: Page, error: type[Exception], said: str, tmp_path: Path) -> None:
    with site(lambda path: page) as (url, _), pytest.raises(error, match=said):
        fetch(url, tmp_path / "copy", WebSettings(allow=("127.0.0.1",), max_mb=1))


def test_an_address_inside_the_network_is_refused_with_the_setting_that_allows_it(tmp_path: Path) -> None:
    with site(lambda path: html("the wiki")) as (url, asked), pytest.raises(Unreadable) as raised:
        fetch(url, tmp_path / "copy", WebSettings())
    assert "MAGPIE_WEB__ALLOW" in raised.value.hint
    assert asked == []


def test_a_server_that_nobody_runs_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(TryAgain, match="could not be reached"):
        fetch("http://127.0.0.1:1/", tmp_path / "copy")


def test_without_a_browser_the_remedy_is_named(tmp_path: Path) -> None:
    with site(lambda path: html("words")) as (url, _), pytest.raises(Unreadable, match="no browser") as raised:
        fetch(url, tmp_path / "copy", WebSettings(allow=("127.0.0.1",), browser="off"))
    assert "apt install chromium" in raised.value.hint


@needs_browser
@pytest.mark.timeout(180)
def test_a_web_page_is_indexed_by_tiles_and_found(tmp_path: Path) -> None:
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
def test_a_page_reaches_nothing_inside_the_network(guarded: bool, tmp_path: Path) -> None:
    """Pictures, frames, scripts, sockets: each is asked of the same guarded way out, and all of them try."""
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
def test_a_page_that_never_ends_is_given_up(body: str, tmp_path: Path) -> None:
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
