"""What is read of a web page: everything a visitor can open, and only what the picture shows. They need Chromium."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pymupdf
import pytest

from rag.errors import Unreadable
from rag.extract.page_structure import CUT, PageStructure, read_structure
from rag.ingest.fetch.screenshot_pdf import HEIGHT
from rag.ingest.fetch.urls import UrlFetcher, browser_program
from rag.model.extraction import BlockKind
from rag.setting_groups import ReadSettings, WebSettings
from tests.rag.ingest.fetch.site import Page, html, moved, site

pytestmark = [
    pytest.mark.skipif(browser_program("") is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(180),
]

PROSE = "<p>The crew walks the line twice a shift and notes what it sees in the log.</p>"

SHOWN = """
<style>.warning::before { content: "Withdrawn by " attr(data-who) ": " } h2 { counter-increment: part }
h2::before { content: "Chapter " counter(part) ". " } .hero { background: linear-gradient(90deg, navy, maroon);
-webkit-background-clip: text; -webkit-text-fill-color: transparent }</style>
<details><summary>Who tends the beacon?</summary><p>closed-details</p></details>
<details name=group><summary>One</summary><p>first-of-group</p></details>
<details name=group><summary>Two</summary><p>second-of-group</p></details>
<div role=tablist><button role=tab aria-selected=true>Now</button><button role=tab id=later>Later</button></div>
<div id=made><div role=tabpanel>panel-now</div></div>
<script>later.onclick = () => { made.innerHTML = "<div role=tabpanel>panel-later</div>" };
later.previousElementSibling.onclick = () => { made.innerHTML = "<div role=tabpanel>panel-now</div>" };</script>
<div role=tablist><button role=tab>Prices</button></div>
<section id=cookie-policy><p>The galley bakes cookies.</p><a href="/settings">Cookie settings</a></section>
<div class=cookie-banner>This site uses cookies for research. <button>Accept</button></div>
<div role=tabpanel style="display:none">closed-tab</div>
<button aria-expanded=false aria-controls=answer>More</button><div id=answer hidden>closed-answer</div>
<p style="display:-webkit-box;-webkit-line-clamp:1;-webkit-box-orient:vertical;overflow:hidden;width:200px">
This text goes on for a while until it comes to the clamped-end</p>
<div style="height:120px;overflow-y:auto"><p style="height:900px">pane-start</p><p>pane-end</p></div>
<pre style="width:300px;overflow:auto">one long line of code which does not end before the code-end</pre>
<ol start=7><li>Trim the wick.</li></ol><p class=warning data-who=Trinity>Do not open it.</p>
<h2 class=hero>Lenses</h2><p style="background:#222;color:#fff">white-on-black</p>
<table><tr><th>Port</th><th>Dues</th></tr><tr><td>Gdansk</td><td>twelve</td></tr></table>
<p style="width:120px;overflow-wrap:anywhere">counterrevolutionaries-incomprehensible</p>
<p>The <b>light</b>house</p><p>港の灯台守の猫</p><p dir=rtl>שלום עולם</p><input value="typed-value">
<select><option>hidden-option</option><option selected>chosen-option</option></select>
<div id=shadow></div><script>shadow.attachShadow({mode: "closed"}).innerHTML = "<p>shadow-text</p>"</script>
"""

HIDDEN = """
<p style="display:none">hidden-1</p><p style="position:absolute;left:-9999px">hidden-2</p>
<p style="color:#fff">hidden-3</p><p style="opacity:0">hidden-4</p><p style="font-size:1px">hidden-5</p>
<div style="height:0;overflow:hidden">hidden-6</div><p style="color:transparent">hidden-7</p>
<div style="position:relative"><p>hidden-8</p><div style="position:absolute;inset:0;background:#eee"></div></div>
<p style="clip-path:inset(100%)">hidden-9</p><p style="text-indent:-9999px">hidden-10</p>
<div role=tabpanel style="color:#fff">hidden-11</div><p style="background:#333;color:#383838">hidden-12</p>
"""

WALL = """<div style="position:fixed;inset:0;background:#fff;z-index:9"><h2>We value your privacy</h2>
<p>We and our 812 partners store cookies.</p><button>Accept all</button></div>"""


def fetch(url: str, into: Path, tiles: int = 40) -> str:
    web = WebSettings(allow=("127.0.0.1", "localhost"), seconds=90, tiles=tiles)
    return UrlFetcher(web, ReadSettings())(url, into).name


def read(path: Path) -> list[tuple[str, PageStructure]]:
    """Return the words of each page, and its structure."""
    found = []
    with pymupdf.open(path, filetype="pdf") as document:
        for page in document:
            structure = read_structure(document, page)
            assert structure is not None
            found.append((" ".join(word[4] for word in page.get_text("words")), structure))
    return found


def kinds(pages: Sequence[tuple[str, PageStructure]]) -> list[BlockKind]:
    return [region.kind for _, structure in pages for region in structure.regions]


def test_everything_that_a_visitor_can_open_is_read_and_nothing_hidden(tmp_path: Path) -> None:
    with site(lambda path: html("<p>inner-other-site</p>")) as (other, _):
        frames = f"<iframe src=/inner></iframe><iframe src='{other.replace('127.0.0.1', 'localhost')}/'></iframe>"
        body = f"<h1>Lighthouse manual</h1>{PROSE * 5}{SHOWN}{HIDDEN}{frames}<p>after-the-frames</p>{WALL}"

        def answer(path: str) -> Page:
            return html("<p>inner-same-site</p>") if path == "/inner" else html(body, "Manual")

        with site(answer) as (url, _):
            assert fetch(f"{url}/manual", tmp_path / "copy") == "Manual"
    pages = read(tmp_path / "copy")
    text = " ".join(words for words, _ in pages)
    for part in (
        *("closed-details", "closed-tab", "closed-answer", "clamped-end", "pane-start", "pane-end", "code-end"),
        *("first-of-group", "second-of-group", "panel-now", "panel-later"),
        *("7. Trim the wick.", "Withdrawn by Trinity: Do not", "Chapter 1. Lenses", "white-on-black", "shadow-text"),
        *(
            "counterrevolutionaries-incomprehensible",
            "The lighthouse",
            "港の灯台守の猫",
            "typed-value",
            "chosen-option",
        ),
        *("שלום", "inner-same-site inner-other-site after-the-frames"),
    ):
        assert part in text, part
    assert "hidden-" not in text
    assert "bakes cookies" in text
    assert "812" not in text
    assert "research" not in text
    assert kinds(pages)[0] is BlockKind.TITLE
    assert kinds(pages).count(BlockKind.TITLE) == 1
    assert kinds(pages).count(BlockKind.HEADING) == 1
    [table] = [region for _, page in pages for region in page.regions if region.kind is BlockKind.TABLE]
    assert (len(table.rows), len(table.columns)) == (1, 1)


def test_app_with_a_pane_that_scrolls_is_read_to_its_end(tmp_path: Path) -> None:
    rows = "".join(f"<p>Row {number}.</p>" for number in range(120))
    body = f"""<style>body {{ overflow: hidden }} main {{ position: fixed; inset: 0 0 0 200px; overflow: auto }}</style>
    <div style="position:fixed;inset:0 auto 0 0;width:190px">Menu</div><main><h1>Board</h1>{rows}</main>"""
    with site(lambda path: html(body)) as (url, _):
        fetch(url, tmp_path / "copy")
    pages = read(tmp_path / "copy")
    assert "Row 119." in pages[-1][0]
    assert BlockKind.TITLE in kinds(pages)


BARS = """<div style="position:fixed;top:0;left:0;right:0;height:90px;background:navy;color:#fff">Harbour site</div>
<div style="position:fixed;bottom:0;left:0;right:0;height:400px;background:#ddd">Chat with us</div>"""

FEED = """<div id=feed></div><script>
let count = 0, busy = false;
const more = () => { for (let i = 0; i < 9; i++)
  feed.insertAdjacentHTML('beforeend', `<p style="height:300px">Catch ${++count}.</p>`) };
more();
addEventListener('scroll', () => {
  if (busy || scrollY + innerHeight < document.body.scrollHeight - 200) return;
  busy = true;
  setTimeout(() => { more(); busy = false; }, 200);
});</script>"""


def test_feed_is_read_to_the_limit_and_the_last_page_says_so(tmp_path: Path) -> None:
    """Bars that stay on the screen cover nothing of it."""
    with site(lambda path: html(BARS + FEED)) as (url, _):
        fetch(url, tmp_path / "copy", tiles=4)
    pages = read(tmp_path / "copy")
    assert len(pages) == 4
    read_numbers = [int(number) for words, _ in pages for number in re.findall(r"Catch (\d+)", words)]
    assert read_numbers == list(range(1, read_numbers[-1] + 1))
    assert read_numbers[-1] > 3 * HEIGHT / 340
    assert "Harbour site" in pages[0][0]
    assert [structure.remarks for _, structure in pages] == [[], [], [], [CUT]]
    [note] = pages[-1][1].notes
    assert note.lost
    assert "MAGPIE_WEB__TILES" in note.text


@pytest.mark.parametrize(
    "body",
    [
        '<meta http-equiv=refresh content="0; url=/dues.pdf"><p>You are being taken to the dues.</p>',
        '<embed src="/dues.pdf" type="application/pdf" width=1200 height=1400>',
    ],
    ids=["refresh", "embedded"],
)
def test_page_that_leads_to_a_pdf_is_read_as_that_pdf(body: str, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "Harbour dues")
        data = bytes(document.tobytes())

    def answer(path: str) -> Page:
        return (200, {"Content-Type": "application/pdf"}, data) if path == "/dues.pdf" else html(body)

    with site(answer) as (url, _):
        assert fetch(f"{url}/landing", tmp_path / "copy") == "dues.pdf"
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<h1>Welcome</h1><form><input name=user><input type=password><button>Go</button></form>", "sign-in page"),
        ("<h1>Before you continue</h1><p>We use cookies.</p><button>Accept all</button>", "consent to cookies"),
    ],
    ids=["sign-in", "consent"],
)
def test_page_in_front_of_the_document_is_refused(body: str, message: str, tmp_path: Path) -> None:
    def answer(path: str) -> Page:
        return html(body) if path == "/door" else moved("/door")

    with site(answer) as (url, _), pytest.raises(Unreadable, match=message) as raised:
        fetch(f"{url}/wiki/page", tmp_path / "copy")
    assert "Save the page as a PDF" in raised.value.hint


def test_page_reads_no_file_of_this_machine(tmp_path: Path) -> None:
    for name in ("secret.html", "secret.pdf"):
        (tmp_path / name).write_text("<p>payroll of the house</p>")
    where = tmp_path.as_uri()
    body = f"""<p>Public words</p><meta http-equiv=refresh content="0; url={where}/secret.pdf">
    <iframe src="{where}/secret.html" width=1000 height=600></iframe><img src="{where}/secret.html">
    <object data="{where}/secret.pdf" type="application/pdf" width=1200 height=1400></object>
    <script>open("{where}/secret.html"); location.href = "{where}/secret.pdf";</script>"""
    with site(lambda path: html(body)) as (url, _):
        fetch(f"{url}/wiki", tmp_path / "copy")
    text = " ".join(words for words, _ in read(tmp_path / "copy"))
    assert "Public words" in text
    assert "payroll" not in text


HOSTILE = """<p>Top words</p><button aria-expanded=false onclick="location.href = '/elsewhere'">More</button>
<div style="height:100000000px"></div><script>
setInterval(() => document.body.insertAdjacentHTML('beforeend', '<p style="height:9000px">more</p>'), 5);
Document.prototype.querySelectorAll = () => [];
onscroll = () => alert(1);
onbeforeunload = () => 'stay';
</script>"""


def test_hostile_page_ends_at_the_limits(tmp_path: Path) -> None:
    with site(lambda path: html(HOSTILE)) as (url, asked):
        fetch(f"{url}/wiki", tmp_path / "copy", tiles=2)
    pages = read(tmp_path / "copy")
    assert len(pages) == 2
    assert pages[1][1].remarks == [CUT]
    assert "/elsewhere" not in asked
