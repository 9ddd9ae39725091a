"""Tests of saved web pages, mails, books and notebooks."""

from __future__ import annotations

import base64
import io
import json
import quopri
import re
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image, ImageDraw

from rag.errors import Unreadable
from rag.extract.convert.mail import EML, mail_attachments, mail_type, read_mail
from rag.extract.convert.notebook import read_notebook
from rag.extract.convert.packages import MSG
from rag.extract.convert.simple_html import simplify
from rag.extract.file_types import detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind
from rag.setting_groups import ReadSettings
from tests.rag.extract.compound_files import msg
from tests.rag.extract.sheet_files import zipped


def text_of(extractor: GuardedExtractor, path: Path, into: Path) -> str:
    pages = extractor.extract(path, 1, extractor.inspect(path).page_count, into)
    assert [page.error for page in pages] == [None] * len(pages)
    return " ".join(" ".join(block.text.split()) for page in pages for block in page.blocks)


def picture(color: str = "red") -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (200, 100), color)
    ImageDraw.Draw(image).line((0, 0, 199, 99), fill="white", width=9)
    image.save(buffer, "PNG")
    return buffer.getvalue()


def share_of(image: Image.Image, is_one: Callable[[int, int, int], bool]) -> float:
    """Return the share of an image's pixels that are of a kind."""
    small = image.convert("RGB").resize((90, 120))
    data = small.tobytes()
    return sum(is_one(*data[at : at + 3]) for at in range(0, len(data), 3)) * 3 / len(data)


PAGE = """<?xml version="1.0"?><!-- saved --><!DOCTYPE html><html><head><title>The tides</title>
<style>/* a */ .gone, p#away { display: none } @media print { .kept { display: none } }</style>
<script>document.write("scripted")</script></head><body><h1>Harbour <em>rules</em></h1>
<p class="gone">heron</p><p id=away>gull</p><p style="display:none">petrel</p><p style="opacity: 0">skua</p>
<p hidden>auk</p>
<p class=kept>See <a href="https://tides.example/plan">the plan</a>, <a href="https://x.example/">x.example</a>.</p>
<ul><li>first<li>second<ol start=4><li>inner</ol></ul>
<p>The ports of the harbour are in this table:</p>
<table><tr><th>Port<th>Use<th>Owner<tr><td>4719<td>gateway &amp; tern<td>Ada<tr><td>22<td>remote login<td>Ben
<tr><td>443<td>web pages<td>Cosima</table><p>All other ports are closed at night and during storms.</p>
<table><tr><td><h2>Layout</h2><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>
<pre>def f():
    return 1</pre><details><summary>More</summary>opened</details><iframe src="file:///etc/hostname">frame</iframe>
<textarea>typed</textarea><p>Loose<br>end <b>bold<div>nested</div></b>"""


def test_web_page_is_read_with_headings_lists_tables_and_addresses(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    path = tmp_path / "page.doc"
    path.write_text(PAGE)
    inspection = ink_extractor.inspect(path)
    assert (inspection.media_type, inspection.title, inspection.notes) == ("text/html", "The tides", ())
    [page] = ink_extractor.extract(path, 1, 1, into)
    kinds = {block.text: block.kind for block in page.blocks}
    assert kinds["Harbour rules"] in (BlockKind.TITLE, BlockKind.HEADING)
    assert (
        kinds["Port Use Owner\n4719 gateway & tern Ada\n22 remote login Ben\n443 web pages Cosima"] is BlockKind.TABLE
    )
    text = " ".join(" ".join(kinds).split())
    for words in (
        "See the plan (https://tides.example/plan), x.example.",
        "• second 4. inner",
        "Layout a b",
        "def f(): return 1",
        "More opened",
        "typed",
        "Loose end bold nested",
    ):
        assert words in text
    assert not {"heron", "gull", "petrel", "skua", "auk", "scripted", "frame"} & set(text.split())


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">', "shift_jis"),
        ("", "koi8_r"),
        ('<meta charset="no-such">', "utf-8"),
        ('<meta charset="utf-16">', "utf-8"),
    ],
)
def test_web_page_is_decoded_as_it_declares(
    reader: GuardedExtractor, tmp_path: Path, into: Path, head: str, encoding: str
) -> None:
    words = "港の灯台は毎晩九時に点灯します" if encoding == "shift_jis" else "Маяк светит зелёным огнём до рассвета"
    path = tmp_path / "page.html"
    path.write_bytes(f"<html><head>{head}</head><body><p>{words}</p></body></html>".encode(encoding))
    assert words in text_of(reader, path, into)


def test_page_shows_its_own_pictures_and_counts_the_missing_ones(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    address = "data:image/png;base64," + base64.b64encode(picture()).decode()
    path = tmp_path / "page.html"
    path.write_text(
        f"<html><body>words<img src='{address}'><img src='https://evil.example/a.png' alt='A boat'>"
        "<img src='file:///etc/hostname'><img src='data:image/png;base64,AAAA'><img src='x.gif' width=1></body></html>"
    )
    [note] = reader.inspect(path).notes
    assert note.lost
    assert note.text.startswith("3 pictures")
    [page] = reader.extract(path, 1, 1, into)
    assert "words [A boat]" in " ".join(block.text for block in page.blocks).replace("\n", " ")
    with Image.open(into / (page.render or "")) as render:
        assert share_of(render, lambda red, green, _: red > 200 and green < 60) > 0.005


def test_web_archive_is_read_with_its_pictures(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    page = (
        "<html><head><title>Weir</title></head><body><p>The müller paddle first.</p><img src='https://a.example/p.png'>"
    )
    path = tmp_path / "wiki.doc"
    path.write_bytes(
        b"From: <Saved by a browser>\r\nSubject: Weir\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n"
        b'\tboundary="--x"\r\n\r\n----x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: '
        b"quoted-printable\r\nContent-Location: https://a.example/\r\n\r\n"
        + quopri.encodestring(page.encode())
        + b"\r\n"
        b"----x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Location: "
        b"https://a.example/p.png\r\n\r\n" + base64.encodebytes(picture()) + b"\r\n----x--\r\n"
    )
    inspection = reader.inspect(path)
    assert (inspection.media_type, inspection.title, inspection.notes) == ("multipart/related", "Weir", ())
    assert text_of(reader, path, into) == "The müller paddle first."


def mail(body: str = "Die Schlüssel liegen beim Küster.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"Subject": "Übergabe", "From": "Cosima <cosima@example.org>", "To": "crew@example.org"}.items():
        message[name] = value
    for name, value in headers.items():
        message[name] = value
    message.set_content(body, cte="base64")
    return message


def test_mail_is_decoded_with_its_headers(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    message = mail(Date="Mon, 02 Mar 2026 09:00:00 +0000", Cc="ada@example.org")
    message.add_alternative("<html><body><p>The <b>rich</b> words</p><img src='cid:a@b'></body></html>", subtype="html")
    related = list(message.iter_parts())[1]
    assert isinstance(related, EmailMessage)
    related.add_related(picture(), "image", "png", cid="<a@b>")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="../../Plän.pdf")
    message.add_attachment(mail("inner"))
    path = tmp_path / "mail.txt"
    path.write_bytes(bytes(message))
    assert reader.inspect(path).media_type == EML
    assert reader.inspect(path).notes == ()
    text = text_of(reader, path, into)
    assert text.startswith(
        "Übergabe From: Cosima <cosima@example.org> To: crew@example.org Cc: ada@example.org Date: Mon"
    )
    assert "Attachments: Plän.pdf, Übergabe.eml" in text
    assert text.endswith("The rich words")
    found = dict(mail_attachments(path, EML))
    assert list(found) == ["Plän.pdf", "Übergabe.eml"]
    assert found["Plän.pdf"] == b"%PDF-1.7"
    (tmp_path / "inner.eml").write_bytes(found["Übergabe.eml"])
    assert text_of(reader, tmp_path / "inner.eml", into).endswith("inner")


@pytest.mark.parametrize(
    ("charset", "encoding"), [("iso-8859-1", "cp1252"), ("no-such", "utf-8"), ("utf-8", "cp1252"), ("koi8-r", "koi8_r")]
)
def test_body_of_a_mail_is_decoded(
    reader: GuardedExtractor, tmp_path: Path, into: Path, charset: str, encoding: str
) -> None:
    words = "Маяк светит зелёным огнём" if encoding == "koi8_r" else "Die Schlüssel – „neu“ – liegen beim Küster"
    head = "From: a@b.example\nSubject: =?utf-8?q?Schl=C3=BCssel?=\nTo: c@d.example\n"
    head += f"Content-Type: text/plain; charset={charset}\n\n"
    path = tmp_path / "a.eml"
    path.write_bytes(head.encode() + words.encode(encoding))
    assert f"Schlüssel From: a@b.example To: c@d.example {words}" in text_of(reader, path, into)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("iso-8859-2", "iso8859_2"), ("iso8859-1", "cp1252"), ("us-ascii", "utf-8"), ("latin1", "utf-8")],
)
@pytest.mark.parametrize("kind", ["mail", "page", "xml"])
def test_declared_encoding_counts_even_where_none_could_be_detected(
    reader: GuardedExtractor, tmp_path: Path, into: Path, charset: str, encoding: str, kind: str
) -> None:
    words = {"iso8859_2": "5 ľm, 3 ľs, ťa", "cp1252": "µ ÄÖÜäöüß ÀÈÙ", "utf-8": "Größe 10 µm"}[encoding]
    head = f"From: a@b.example\nSubject: tides\nTo: c@d.example\nContent-Type: text/plain; charset={charset}\n\n"
    data = {
        "mail": f"{head}{words}",
        "page": f"<html><meta charset={charset}><body>{words}",
        "xml": f'<?xml version="1.0" encoding="{charset}"?><a>{words}</a>',
    }[kind]
    path = tmp_path / "a.txt"
    path.write_bytes(data.encode(encoding))
    assert reader.inspect(path).media_type == {"mail": EML, "page": "text/html", "xml": "text/plain"}[kind]
    assert words in text_of(reader, path, into)


def parts_of(*parts: bytes) -> bytes:
    head = b"From: a@b.example\nSubject: tides\nTo: c@d.example\nContent-Type: multipart/mixed; boundary=B\n\n"
    return head + b"".join(b"--B\nContent-Type: " + part + b"\n" for part in parts) + b"--B--\n"


def test_each_part_of_a_mail_has_its_own_encoding(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(
        parts_of(
            b"text/plain; charset=utf-8\n\n" + "Grüße aus Köln".encode(),
            b"text/plain; charset=iso-8859-1\n\n" + "Größe und Höhe".encode("latin-1"),
            b"text/plain; charset=no-such\n\nlast " + bytes([0x81, 0xFE, 0x8D, 0xC1]) * 5,
            b"application/octet-stream; name=a.bin\nContent-Transfer-Encoding: binary\n\n" + bytes(range(256)) * 300,
        )
    )
    assert reader.inspect(path).media_type == EML
    text = text_of(reader, path, into)
    assert "Grüße aus Köln Größe und Höhe last" in text
    assert "Attachments: a.bin" in text


def test_mailbox_of_several_mails_is_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    first, second = mail("first words", Date="Mon, 02 Mar 2026 09:00:00 +0000"), mail("second words")
    second.add_attachment(b"a,b", maintype="text", subtype="x-plan", filename="plan.txt")
    path = tmp_path / "Inbox"
    start = b"From - Mon Mar 02 09:00:00 2026\nX-Mozilla-Status: 0001\n"
    path.write_bytes(start + bytes(first) + b"\n\n" + start + bytes(second))
    assert reader.inspect(path).media_type == EML
    text = text_of(reader, path, into)
    assert text.count("Übergabe From: Cosima") == 2
    assert "first words" in text
    assert text.endswith("Attachments: plan.txt second words")
    assert dict(mail_attachments(path, EML)) == {"plan.txt": b"a,b"}


def test_line_that_begins_with_from_does_not_split_a_mail(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(parts_of(b"text/plain\n\nwords\n\nFrom here: to there\n\nend"))
    assert text_of(reader, path, into).endswith("words From here: to there end")


def test_header_in_an_old_encoding_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes("From: a@b.example\nSubject: Größe der Schläuche\nTo: c@d.example\n\nwords".encode("cp1252"))
    assert read_mail(path, EML, 10).title == "Größe der Schläuche"
    path.write_bytes("From: a@b.example\nSubject: =?x?q?=FC?= a\nTo: c@d.example\n\nwords".encode("cp1252"))
    assert read_mail(path, EML, 10).title.endswith("a")


def test_text_with_colons_is_not_a_mail() -> None:
    assert mail_type("Subject: tides\n\nwords") is None
    assert mail_type("host: a\nport: 1\nfrom: x\n") is None
    assert mail_type("To do:\nFrom: a\nSubject: b\nDate: c\n") is None
    assert mail_type("12:00 start\n") is None


def test_mail_with_a_header_of_many_parameters_is_read_in_little_time(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    part = f"--x\nContent-Type: text/plain; name=tern; {'b=&lt;' * 30_000}\n\nwords\n"
    path.write_text(f"From: a\nTo: b\nSubject: c\nContent-Type: multipart/mixed; boundary=x\n\n{part}--x--\n")
    before = time.thread_time()
    assert list(mail_attachments(path, EML)) == [("tern", b"words")]
    assert time.thread_time() - before < 5


def test_outlook_mail_is_read_with_its_attachments(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    plain = msg(tmp_path / "plain.msg", "The key hangs behind the door.", attachments={"plan.pdf": b"%PDF-1.7"})
    assert reader.inspect(plain).media_type == MSG
    text = text_of(reader, plain, into)
    assert text.startswith('Boat house key From: "Cosima" <cosima@example.org> To: Crew <crew@example.org>')
    assert text.endswith("Attachments: plan.pdf The key hangs behind the door.")
    assert list(mail_attachments(plain, MSG)) == [("plan.pdf", b"%PDF-1.7")]
    page = "<html><body><p>Größe</p><img src='cid:logo'></body></html>"
    rich = msg(tmp_path / "rich.msg", "plain", page, {"logo.png": picture(), "b.txt": b"hello"})
    assert reader.inspect(rich).notes == ()
    assert text_of(reader, rich, into).endswith("Attachments: b.txt Größe")
    assert list(mail_attachments(rich, MSG)) == [("b.txt", b"hello")]


CHAPTER = "<p>The salt road</p><img src='../pictures/a.png'/>"


def epub(path: Path, chapter: str = CHAPTER, **parts: str) -> Path:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:title>The road</dc:title></metadata><manifest>"
        '<item id="b" href="text/b%20c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="book/c.opf"/></rootfiles></container>'
    return zipped(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": parts.get("container", container),
            "book/c.opf": parts.get("package", package),
            "book/text/a.xhtml": f"<html><body><h1>First</h1>{chapter}</body></html>",
            "book/text/b c.xhtml": "<html><body><p>The second chapter</p></body></html>",
            "book/pictures/a.png": picture(),
            **({"META-INF/encryption.xml": parts["encryption"]} if "encryption" in parts else {}),
        },
    )


def test_book_is_read_in_its_order(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = epub(tmp_path / "a.epub")
    inspection = reader.inspect(path)
    assert (inspection.media_type, inspection.title, inspection.notes) == ("application/epub+zip", "The road", ())
    assert text_of(reader, path, into) == "First The salt road The second chapter"


def test_book_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = epub(tmp_path / "a.epub", "<p>word</p>" * (1 << 20))
    with pytest.raises(Unreadable, match="the limits are 10 MB"):
        detect_media_type(path, ReadSettings(max_mb=1))


def test_protected_book_is_refused(reader: GuardedExtractor, tmp_path: Path) -> None:
    encryption = '<e><CipherReference URI="book/fonts/a.ttf"/></e>'
    assert reader.inspect(epub(tmp_path / "fonts.epub", encryption=encryption)).page_count == 1
    protected = epub(tmp_path / "a.epub", encryption=encryption.replace("fonts/a.ttf", "text/a.xhtml"))
    with pytest.raises(Unreadable, match="protected against copying"):
        reader.inspect(protected)


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_notebook_is_read_cell_by_cell(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    encoded = base64.b64encode(picture()).decode()
    outputs = [
        {"output_type": "stream", "text": ["12 terns\n", "\u001b[31m3 gulls"]},
        {"output_type": "display_data", "data": {"image/png": encoded, "text/plain": ["<Figure>"]}},
        {"output_type": "execute_result", "data": {"text/html": "<table><tr><td>auk</td><td>7</td></tr></table>"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["ValueError: no heron"]},
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(
        notebook(
            {"cell_type": "markdown", "source": ["# Counting birds\n", "\n", "On **Sunday**."]},
            {"cell_type": "code", "execution_count": 3, "source": "count('tern')", "outputs": outputs},
        )
    )
    inspection = reader.inspect(path)
    assert (inspection.media_type, inspection.title) == ("application/x-ipynb+json", "Counting birds")
    text = text_of(reader, path, into)
    assert text.startswith("Counting birds On Sunday. In [3]: count('tern') 12 terns 3 gulls")
    assert text.endswith("auk 7 ValueError: no heron")
    assert encoded[:20] not in text


@pytest.mark.parametrize("kind", ["text/html", "text/markdown", "text/plain", "stream", "error"])
def test_output_of_a_cell_that_is_cut_is_reported(tmp_path: Path, kind: str) -> None:
    for words, is_cut in (("auk " * 20_000, True), ("auk " * 20, False)):
        lines: dict[str, object] = {"data": {kind: f"{words}tern"}, "output_type": "execute_result"}
        if kind == "stream":
            lines = {"text": f"{words}tern", "output_type": kind}
        elif kind == "error":
            lines = {"traceback": [f"{words}tern"], "output_type": kind}
        path = tmp_path / "a.ipynb"
        path.write_text(notebook({"cell_type": "code", "source": "a", "outputs": [lines]}))
        rich = read_notebook(path, 10)
        assert [note.lost for note in rich.notes] == [True] * is_cut
        assert ("tern" in "".join(rich.parts)) is not is_cut


def test_drawings_and_formulas_in_outputs_are_read_or_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    outputs = [
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", "text/plain": "<Figure size 9>"}},
        {"output_type": "display_data", "data": {"text/latex": ["$E$"], "text/plain": ["<IPython.Latex object>"]}},
    ]
    path.write_text(notebook({"cell_type": "code", "source": "a", "outputs": outputs}))
    rich = read_notebook(path, 10)
    assert "$E$" in "".join(rich.parts)
    assert [note.text[:11] for note in rich.notes] == ["One picture"]


def test_formulas_of_a_page_are_read() -> None:
    formula = "<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>"
    annotation = "<annotation encoding='application/x-tex'>E=mc^2</annotation>"
    source = f"<p>Energy <math><semantics><mrow>{formula}</mrow>{annotation}</semantics></math> here"
    assert simplify(source, lambda _: None).parts == ["<p>Energy E=mc^2 here</p>"]
    assert simplify(f"<p>Energy <math>{formula}</math> here", lambda _: None).parts == ["<p>Energy E=mc^2 here</p>"]
    fraction = "<math alttext='\\frac{a}{b}'><mfrac><mi>a</mi><mi>b</mi></mfrac></math>"
    assert simplify(f"<p>{fraction}", lambda _: None).parts == ["<p>\\frac{a}{b}</p>"]
    assert simplify(f"<p>{fraction.replace('alttext', 'x')}", lambda _: None).parts == ["<p>a/b</p>"]


DEEP = 20_000
MAIL = "Content-Type: multipart/mixed; boundary=a\nFrom: x\nTo: y\nSubject: z\n\n"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("page.html", lambda: f"<html><body>{'<div>' * DEEP}tern"),
        ("table.html", lambda: f"<html><body>{'<table><tr><td>' * 5_000}tern"),
        ("list.html", lambda: f"<html><body>{'<ul><li>' * DEEP}tern"),
        ("entity.html", lambda: '<!DOCTYPE html [<!ENTITY a "x">]><html><body>&a; tern'),
        ("style.html", lambda: f"<html><style>{'a{' * DEEP}</style>{'<style>' * 20_000}<p>tern"),
        ("bold.html", lambda: f"<html><body>{'<b>' * 20_000}tern"),
        ("same.eml", lambda: MAIL + "--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 500),
        (
            "deep.eml",
            lambda: (
                MAIL + "".join(f"--{n or 'a'}\nContent-Type: multipart/mixed; boundary={n + 1}\n\n" for n in range(500))
            ),
        ),
        ("a.ipynb", lambda: notebook({"cell_type": "raw", "source": "tern"}, {"cell_type": "code", "outputs": []})),
    ],
    ids=["blocks", "tables", "lists", "entity", "style", "bold", "same-boundary", "nested-mail", "notebook"],
)
def test_hostile_structures_are_read_in_little_time(
    reader: GuardedExtractor, tmp_path: Path, name: str, make: Callable[[], str]
) -> None:
    path = tmp_path / name
    path.write_text(make())
    before = time.monotonic()
    with suppress(Unreadable):
        assert reader.inspect(path).page_count >= 1
    assert time.monotonic() - before < 30


@pytest.mark.parametrize(
    "data",
    [
        '{"cells": [{"cell_type": "code", "source": ' + "[" * DEEP,
        '{"cells": [{"cell_type": "code"}, 3], "nbformat": 4}',
        "<html><body> </body></html>",
        "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=a\nDate: x\n\n--a\n\nwords\n--a--\n",
    ],
    ids=["nested-notebook", "wrong-notebook", "no-words", "no-page"],
)
def test_damaged_files_are_refused_with_a_remedy(reader: GuardedExtractor, tmp_path: Path, data: str) -> None:
    path = tmp_path / "damaged"
    path.write_text(data)
    with pytest.raises(Unreadable) as refused:
        reader.inspect(path)
    assert refused.value.hint.endswith(".")


@pytest.mark.parametrize("part", ["container", "package"])
def test_entities_of_a_book_are_not_expanded(reader: GuardedExtractor, tmp_path: Path, part: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c SYSTEM "file:///etc/hostname">]><a>&b;&c;</a>'
    with pytest.raises(Unreadable, match="The book"):
        reader.inspect(epub(tmp_path / "a.epub", **{part: bomb}))


def inline(name: str, cid: str, data: bytes | None = None) -> EmailMessage:
    part = EmailMessage()
    part.set_content(data or picture(), "image", "png", filename=name, disposition="inline", cid=f"<{cid}>")
    return part


@pytest.mark.parametrize("body", ["See the receipt [cid:abc@x]", "<p>See the receipt</p><img hidden src='cid:abc@x'>"])
def test_inline_picture_that_the_text_does_not_show_is_an_attachment(tmp_path: Path, body: str) -> None:
    message = mail()
    message.set_content(body, subtype="html" if body.startswith("<") else "plain")
    message.make_mixed()
    message.attach(inline("receipt.png", "abc@x"))
    path = tmp_path / "a.eml"
    path.write_bytes(bytes(message))
    assert [name for name, _ in mail_attachments(path, EML)] == ["receipt.png"]
    assert "<b>Attachments:</b> receipt.png" in read_mail(path, EML, 10).parts[0]


def test_inline_picture_that_the_text_shows_is_not_an_attachment(tmp_path: Path) -> None:
    message = mail()
    message.set_content("<p>See</p><img src='cid:a%40x'><img src='https://x.example/b.png'>", subtype="html")
    message.make_mixed()
    message.attach(inline("a.png", "a@x"))
    located = inline("b.png", "b@x")
    located["Content-Location"] = "https://x.example/b.png"
    message.attach(located)
    path = tmp_path / "a.eml"
    path.write_bytes(bytes(message))
    assert list(mail_attachments(path, EML)) == []
    rich = read_mail(path, EML, 10)
    assert len(rich.pictures.files) == 2
    assert rich.notes == ()


def test_report_about_a_mail_that_was_not_delivered_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(
        parts_of(
            b"text/plain\n\nbounced",
            b"message/delivery-status\n\nReporting-MTA: dns; x.example\n\n"
            b"Final-Recipient: rfc822; ben@x.example\nDiagnostic-Code: smtp; 550 mailbox\n full",
            b"text/rfc822-headers\n\nSubject: The storm\nTo: ben@x.example",
        )
    )
    text = " ".join(" ".join(read_mail(path, EML, 10).parts).split())
    assert "Reporting-MTA: dns; x.example" in text
    assert "Diagnostic-Code: smtp; 550 mailbox full" in text
    assert "Subject: The storm" in text
    assert list(mail_attachments(path, EML)) == []


def test_nothing_outside_a_file_is_fetched(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture("blue"))
    try:
        addresses = [f"http://127.0.0.1:{server.server_port}/{{}}.png", secret.as_uri(), str(secret), "../secret.png"]
        markup = "".join(f"<img src='{address.format('page')}'>" for address in addresses)
        markup += f"<link rel=stylesheet href='{addresses[0].format('css')}'>"
        markup += f"<p style='background:url({addresses[0]})'>tern</p>"
        page = tmp_path / "page.html"
        page.write_text(f"<html><body>{markup}</body></html>")
        message = mail()
        message.add_alternative(f"<p>{markup}</p>", subtype="html")
        (tmp_path / "a.eml").write_bytes(bytes(message))
        output = {"output_type": "display_data", "data": {"text/html": markup}}
        (tmp_path / "a.ipynb").write_text(notebook({"cell_type": "code", "source": "tern", "outputs": [output]}))
        files = [page, tmp_path / "a.eml", tmp_path / "a.ipynb", epub(tmp_path / "a.epub", markup)]
        files.append(msg(tmp_path / "a.msg", "", f"<p>{markup}</p>"))
        for path in files:
            assert "tern" in text_of(reader, path, into)
            for render in into.glob("p*.jpg"):
                with Image.open(render) as image:
                    assert share_of(image, lambda red, _, blue: blue > 150 and red < 100) == 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert asked == []


def table_of(source: str) -> list[list[str]]:
    [part] = simplify(f"<table>{source}</table>", lambda _: None).parts
    rows = re.findall(r"<tr>(.*?)</tr>", part)
    return [re.findall(r"<td>(.*?)</td>", row) for row in rows]


def test_cell_that_spans_rows_keeps_the_columns_of_the_next_rows() -> None:
    head = "<tr><th>Region<th>Year<th>Use<tr><td rowspan=2>North<td>2023<td>5<tr><td>2024<td rowspan=3>7<tr><td>South"
    assert table_of(head + "<td>2025<tr><td>East<td>2026") == [
        ["Region", "Year", "Use"],
        ["North", "2023", "5"],
        ["", "2024", "7"],
        ["South", "2025", ""],
        ["East", "2026", ""],
    ]
    assert table_of("<tr><td colspan=2 rowspan=2>a<td>b<tr><td>c<tr><td>d<td>e<td>f") == [
        ["a", "", "b"],
        ["", "", "c"],
        ["d", "e", "f"],
    ]
    assert table_of("<tr><td rowspan=0>a<td>b<tr><td>c<tr><td>d") == [["a", "b"], ["", "c"], ["", "d"]]


def test_empty_elements_of_xhtml_end_at_once() -> None:
    source = (
        '<?xml version="1.0"?><html><head><title/><script src="a"/></head><body><p id="a"/>tern<br/>gull</body></html>'
    )
    assert simplify(source, lambda _: None).parts == ["<p>tern<br>gull</p>"]


@pytest.mark.parametrize(
    "piece",
    [
        *("<a ", "<", "<!--", "&", "</", "<p x='", "<td>", "<style>{", "<li>", "<img src=x>", "<b>", "<table>"),
        *("<math>", "<math></math", "<math><mfrac>", "<?xml <a/", "<tr><td rowspan=999 colspan=99>"),
    ],
)
def test_time_for_hostile_markup_grows_with_its_length(piece: str) -> None:
    before = time.thread_time()
    simplify(piece * 20_000, lambda _: None)
    assert time.thread_time() - before < 5
