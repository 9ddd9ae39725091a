"""One small file of every kind that Magpie reads besides PDF, with references to what is outside of it if asked for."""

from __future__ import annotations

import base64
import io
import json
import quopri
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from PIL import Image, ImageDraw, ImageFont

from tests.rag.extract import office_files
from tests.rag.extract.compound_files import msg
from tests.rag.extract.sheet_files import ods, xls, xlsb, xlsx, zipped

WORD = "tern"
"""A word in every file."""

_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_NAMES = " ".join(f'xmlns:{name}="{_ODF}:{name}:1.0"' for name in ("office", "text", "table", "style", "script"))
_NAMES += f' xmlns:draw="{_ODF}:drawing:1.0" xmlns:svg="{_ODF}:svg-compatible:1.0"'
_NAMES += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
_TYPES = "application/vnd.oasis.opendocument."
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True, slots=True)
class Outside:
    """What a hostile file refers to: addresses of pictures and pages; `script` runs in files that have scripts."""

    addresses: Sequence[str] = ()
    script: str = ""

    def entities(self, root: str) -> str:
        """Return a document type with an entity for each address."""
        made = "".join(f'<!ENTITY e{n} SYSTEM "{escape(address)}">' for n, address in enumerate(self.addresses))
        return f"<!DOCTYPE {root} [{made}]>" if made else ""

    @property
    def uses(self) -> str:
        return "".join(f"&e{number};" for number in range(len(self.addresses)))

    @property
    def markup(self) -> str:
        """HTML that loads the addresses in every way that there is."""
        parts = [f"<script>{self.script}</script><p onload='{self.script}'>" if self.script else ""]
        for address in map(escape, self.addresses):
            parts.append(
                f'<img src="{address}" srcset="{address} 2x"><iframe src="{address}"></iframe><embed src="{address}">'
                f'<object data="{address}"></object><link rel="stylesheet" href="{address}"><video poster="{address}">'
                f'</video><style>@import url("{address}"); p {{ background: url({address}) }}</style>'
                f'<p style="background-image: url({address}); list-style: url({address})"></p><base href="{address}">'
                f'<meta http-equiv="refresh" content="0; url={address}"><picture><source srcset="{address}"></picture>'
                f'<svg><image href="{address}" width="90" height="90"/><use href="{address}#a"/></svg>'
                f'<table background="{address}"><tr><td>cell</table><input type="image" src="{address}">'
            )
        return "".join(parts)


def write_every_kind(folder: Path, outside: Outside) -> dict[str, Path]:
    """Write one file of each kind; its name has its kind as suffix."""
    for kind, content in _contents(outside):
        (folder / f"file.{kind}").write_bytes(content)
    _write_sheets(folder, outside)
    _write_office(folder, outside)
    msg(folder / "file.msg", "", f"<html><body><p>{WORD}</p>{outside.markup}</body></html>")
    _write_book(folder / "file.epub", outside)
    return {path.suffix[1:]: path for path in sorted(folder.glob("file.*"))}


def _contents(outside: Outside) -> Iterator[tuple[str, bytes]]:
    page = f"<html><head><title>Birds</title></head><body><p>{WORD}</p>{outside.markup}</body></html>"
    yield "html", page.encode()
    yield "mhtml", _web_archive(page, outside.addresses)
    yield "eml", _mail(page, outside.addresses)
    yield "ipynb", _notebook(outside).encode()
    yield "svg", _drawing(outside).encode()
    yield "csv", _csv(outside).encode()
    yield "txt", f"The {WORD} is a bird. {outside.uses}\n".encode() * 9
    yield "md", ("\n\n".join([f"# The {WORD}", *(f"![p]({a}) <img src='{a}'>" for a in outside.addresses)])).encode()
    for kind in ("heic", "avif", "gif", "webp"):
        yield kind, _picture(kind, outside.addresses)


def _mail(page: str, addresses: Sequence[str]) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Birds", "ada@example.org", "crew@example.org"
    message.set_content(f"{WORD}\n")
    message.add_alternative(page, subtype="html")
    message.set_boundary("x")
    parts = "".join(
        f'--x\r\nContent-Type: message/external-body; access-type=URL; URL="{address}"\r\n\r\n'
        "Content-Type: image/png\r\nContent-ID: <a@b>\r\n\r\n"
        for address in addresses
    )
    if not parts:
        return bytes(message)
    head = "Subject: Birds\r\nFrom: ada@example.org\r\nTo: crew@example.org\r\nMIME-Version: 1.0\r\n"
    body = page.replace("</body>", '<img src="cid:a@b"></body>')
    return (
        f"{head}Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"\r\n{body}\r\n{parts}--x--\r\n"
    ).encode()


def _web_archive(page: str, addresses: Sequence[str]) -> bytes:
    page = page.replace("</body>", '<img src="cid:outside"><img src="cid:../secret.png"></body>')
    empty = "".join(
        f"\r\n--x\r\nContent-Type: image/png\r\nContent-ID: <outside>\r\nContent-Location: {address}\r\n\r\n"
        for address in addresses
    )
    return (
        b"From: <Saved by a browser>\r\nSubject: Birds\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/related; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\nContent-Location: https://birds.example/\r\n\r\n"
        + quopri.encodestring(page.encode())
        + empty.encode()
        + b"\r\n--x--\r\n"
    )


def _notebook(outside: Outside) -> str:
    drawing = base64.b64encode(picture_bytes()).decode()
    outputs = [
        {"output_type": "stream", "text": [f"12 {WORD}s\n"]},
        {"output_type": "display_data", "data": {"image/png": drawing, "text/plain": ["<Figure>"]}},
        {"output_type": "display_data", "data": {"text/html": outside.markup, "image/svg+xml": _drawing(outside)}},
        {"output_type": "display_data", "data": {"application/javascript": outside.script}},
    ]
    pictures = "\n\n".join(f"![p]({address})" for address in outside.addresses)
    cells = [
        {"cell_type": "markdown", "source": f"# The {WORD}\n\n{pictures}\n\n{outside.markup}", "attachments": {}},
        {"cell_type": "code", "execution_count": 1, "source": f"count('{WORD}')", "outputs": outputs},
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _drawing(outside: Outside) -> str:
    parts = [f"<script>{outside.script}</script>" if outside.script else ""]
    for address in map(escape, outside.addresses):
        parts.append(
            f'<image xlink:href="{address}" href="{address}" width="300" height="150"/><use xlink:href="{address}#a"/>'
            f'<style>@import url("{address}"); @font-face {{ font-family: f; src: url({address}) }}</style>'
            f'<rect width="9" height="9" fill="url({address}#a)" style="filter: url({address}#a)"/>'
            f'<foreignObject width="90" height="90"><iframe xmlns="http://www.w3.org/1999/xhtml" src="{address}"/>'
            f'</foreignObject><feImage xlink:href="{address}"/><a xlink:href="{address}"><text/></a>'
        )
    return (
        f'{outside.entities("svg")}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="400" height="200"><text x="9" y="60" font-size="30">{WORD} {outside.uses}</text>{"".join(parts)}</svg>'
    )


def _csv(outside: Outside) -> str:
    formulas = [f'=WEBSERVICE(""{address}"")' for address in outside.addresses]
    formulas += [f'=HYPERLINK(""{address}"",""x"")' for address in outside.addresses] + ["=cmd|' /C calc'!A0"]
    return "Bird,Count,Place\n" + "".join(f'{WORD},{n},"{formula}"\n' for n, formula in enumerate(formulas * 3))


def picture_bytes(kind: str = "PNG") -> bytes:
    """Return a picture of the word."""
    image = Image.new("RGB", (200, 80), "white")
    ImageDraw.Draw(image).text((20, 20), WORD, "black", ImageFont.load_default(size=28))
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def _picture(kind: str, addresses: Sequence[str]) -> bytes:
    image = Image.new("RGB", (240, 120), "white")
    ImageDraw.Draw(image).text((20, 20), WORD, "black", ImageFont.load_default(size=40))
    stream = io.BytesIO()
    xmp = "".join(f'<x:r xmlns:x="x" xmlns:stRef="s" stRef:filePath="{escape(a)}"/>' for a in addresses)
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{xmp}</x:xmpmeta>'.encode()
    if kind == "heic":
        import pillow_heif

        pillow_heif.from_pillow(image).save(stream, quality=70, xmp=packet)
    elif kind == "gif":
        other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image.save(stream, "GIF", save_all=True, append_images=[other], duration=100, comment=packet[:200])
    else:
        image.save(stream, kind.upper(), xmp=packet)
    return stream.getvalue()


def _write_sheets(folder: Path, outside: Outside) -> None:
    cells = "".join(
        f'<row r="{number}"><c r="A{number}" t="str"><f>WEBSERVICE("{escape(address)}")</f><v>{WORD}</v></c></row>'
        for number, address in enumerate(outside.addresses, 3)
    )
    sheet = xlsx(folder / "file.xlsx", {"Birds": [[WORD, 17.5], [WORD, 3.0]]})
    binary = xlsb(folder / "file.xlsb", [(WORD, 17.5), (WORD, 3.0)])
    xls(folder / "file.xls", [(WORD, 17.5), *((address, 1.0) for address in outside.addresses)])
    links = "".join(
        f'<Relationship Id="x{number}" Type="{_OFFICE}/{kind}" Target="{escape(address)}" TargetMode="External"/>'
        for number, address in enumerate(outside.addresses)
        for kind in ("externalLinkPath", "worksheet", "image", "sharedStrings")
    )
    for path in (sheet, binary) if outside.addresses else ():
        with ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        for name in parts:
            if name.endswith(("workbook.xml.rels", "workbook.bin.rels")):
                parts[name] = parts[name].replace(b"</Relationships>", f"{links}</Relationships>".encode())
            elif name.endswith("sheet1.xml"):
                parts[name] = outside.entities("worksheet").encode() + parts[name].replace(
                    b"</sheetData>", f"{cells}</sheetData>".encode()
                )
        zipped(path, parts)
    cell = f'<table:table-cell office:value-type="string"><text:p>{WORD}</text:p></table:table-cell>'
    sources = "".join(
        f'<table:table-source xlink:href="{escape(address)}" table:table-name="a" table:filter-name="calc8"/>'
        f'<table:shapes><draw:frame><draw:image xlink:href="{escape(address)}"/></draw:frame></table:shapes>'
        for address in outside.addresses
    )
    row = f"<table:table-row>{cell}{cell}</table:table-row>"
    spaces = 'xmlns:xlink="http://www.w3.org/1999/xlink"' + f' xmlns:draw="{_ODF}:drawing:1.0"'
    made = ods(folder / "file.ods", sources + row * 3)
    with ZipFile(made) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = parts["content.xml"].replace(b"<office:document-content", f"<office:document-content {spaces}".encode())
    parts["content.xml"] = content
    zipped(made, parts)


def _write_office(folder: Path, outside: Outside) -> None:
    macro = {"word/vbaProject.bin": ("application/vnd.ms-office.vbaProject", "", "no macro")}
    office_files.docx(
        folder / "file.docm",
        [WORD],
        pictures=outside.addresses,
        links=outside.addresses,
        main="application/vnd.ms-word.document.macroEnabled.main+xml",
        more=macro,
    )
    slides = office_files.pptx(
        folder / "file.pptm", [WORD], main="application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml"
    )
    _link_pictures(slides, outside.addresses)
    frames = "".join(
        f'<draw:frame svg:width="5cm" svg:height="5cm"><draw:image xlink:href="{escape(address)}" '
        'xlink:actuate="onLoad"/></draw:frame>'
        for address in outside.addresses
    )
    sections = "".join(
        f'<text:section text:name="s"><text:section-source xlink:href="{escape(address)}"/></text:section>'
        for address in outside.addresses
    )
    listener = '<script:event-listener script:language="ooo:script" script:event-name="dom:load" xlink:href='
    scripts = f'{listener}"vnd.sun.star.script:x.py$f?language=Python&amp;location=document"/>'
    events = f"<office:scripts><office:event-listeners>{scripts}</office:event-listeners></office:scripts>"
    (folder / "file.fodt").write_text(
        f'<office:document {_NAMES} office:mimetype="{_TYPES}text" office:version="1.2">'
        f"{events if outside.script else ''}<office:body><office:text><text:p>{WORD}{frames}</text:p>{sections}"
        "</office:text></office:body></office:document>"
    )
    box = f'<draw:frame svg:width="9cm" svg:height="3cm"><draw:text-box><text:p>{WORD}</text:p></draw:text-box>'
    zipped(
        folder / "file.odg",
        {
            "mimetype": f"{_TYPES}graphics",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{_TYPES}graphics"/><manifest:file-entry '
            'manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
            "content.xml": f'<?xml version="1.0"?><office:document-content {_NAMES} office:version="1.2">'
            f"{events if outside.script else ''}<office:body><office:drawing><draw:page>{box}</draw:frame>{frames}"
            "</draw:page></office:drawing></office:body></office:document-content>",
        },
    )


def _link_pictures(path: Path, addresses: Sequence[str]) -> None:
    """Add pictures outside of the file to the first slide."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    pictures = "".join(
        f'<p:pic><p:nvPicPr><p:cNvPr id="{9 + number}" name="p"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill>'
        f'<a:blip r:link="rOut{number}"/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:xfrm><a:off x="0" '
        'y="0"/><a:ext cx="3000000" cy="3000000"/></a:xfrm><a:prstGeom prst="rect"/></p:spPr></p:pic>'
        for number in range(len(addresses))
    )
    links = "".join(
        f'<Relationship Id="rOut{number}" Type="{_OFFICE}/image" Target="{escape(address)}" TargetMode="External"/>'
        for number, address in enumerate(addresses)
    )
    slide = "ppt/slides/slide1.xml"
    parts[slide] = parts[slide].replace("</p:spTree>", f"{pictures}</p:spTree>")
    rels = "ppt/slides/_rels/slide1.xml.rels"
    parts[rels] = parts[rels].replace("</Relationships>", f"{links}</Relationships>")
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _write_book(path: Path, outside: Outside) -> None:
    items = "".join(
        f'<item id="o{number}" href="{escape(address)}" media-type="application/xhtml+xml"/>'
        for number, address in enumerate(outside.addresses)
    )
    spine = "".join(f'<itemref idref="o{number}"/>' for number in range(len(outside.addresses)))
    zipped(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
            "c.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Birds</dc:title></metadata><manifest><item id="a" '
            f'href="a.xhtml" media-type="application/xhtml+xml"/>{items}</manifest><spine><itemref idref="a"/>{spine}'
            "</spine></package>",
            "a.xhtml": f"{outside.entities('html')}<html><body><h1>Birds</h1><p>{WORD} {outside.uses}</p>"
            f"{outside.markup}</body></html>",
        },
    )
