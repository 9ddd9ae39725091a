"""Fuzzing of the sanitizers with office documents that refer to files and servers: `... fuzz --office 2000`.

Document number N is generated from the seed: a format, ordinary words, references to a local file and a local server,
and sometimes damage. Rules: each is sanitized, or refused with a readable message, and references are only reference in
hyperlinks. One in `_EVERY` is also converted by the real LibreOffice: its page must not show the file, and the server
must get no request.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from xml.etree import ElementTree
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import numpy as np
from PIL import Image

from rag.errors import Unreadable
from rag.extract.convert.libreoffice import office_program
from rag.extract.convert.sanitize import sanitize_document
from rag.extract.guarded import GuardedExtractor
from rag.sandbox import confinement_gap
from rag.setting_groups import ReadSettings
from tests.faults.fuzz.check import is_readable

MARK = "magpie-canary"
_EVERY = 20
_DAMAGED_SHARE = 0.2
_MAX_RED_PIXELS = 50
"""More pixels in the bait's color on a page mean that it was loaded."""

_ODF = (
    '<draw:frame svg:width="5cm" svg:height="5cm"><draw:image xlink:href="{}" xlink:type="simple"/></draw:frame>',
    '<text:section text:name="s"><text:section-source xlink:href="{}"/><text:p>old</text:p></text:section>',
    '<draw:frame svg:width="5cm" svg:height="5cm"><draw:object xlink:href="{}"/></draw:frame>',
    '<draw:frame svg:width="5cm" svg:height="5cm"><draw:floating-frame xlink:href="{}"/></draw:frame>',
    '<draw:frame svg:width="5cm" svg:height="5cm"><draw:plugin xlink:href="{}"/></draw:frame>',
    '<office:forms><form:form><form:image form:id="c" form:image-data="{}"/></form:form></office:forms>',
    '<text:dde-connection-decls><text:dde-connection-decl office:name="d" office:dde-topic="{}"/>'
    "</text:dde-connection-decls>",
    '<office:event-listeners><script:event-listener xlink:href="{}"/></office:event-listeners>',
)
_WORD = (
    '<w:p><w:r><w:pict><v:shape><v:imagedata src="{}"/></v:shape></w:pict></w:r></w:p>',
    '<w:p><w:fldSimple w:instr="INCLUDEPICTURE &quot;{}&quot; \\d"/></w:p>',
    '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>INCLUDE</w:instrText></w:r><w:r><w:instrText>'
    'TEXT "{}"</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>old</w:t></w:r><w:r>'
    '<w:fldChar w:fldCharType="end"/></w:r></w:p>',
    '<w:p><w:r><w:drawing><a:blip r:link="rId7"/></w:drawing></w:r></w:p>',
    '<w:altChunk r:id="rId7"/>',
    '<w:p><w:r><w:object><o:OLEObject Type="Link" r:id="rId7"/></w:object></w:r></w:p>',
)
_RICH = (
    r'{{\field{{\*\fldinst INCLUDEPICTURE "{}" \\d}}{{\fldrslt old}}}}',
    r'{{\field{{\*\fldinst {{\b INCLUDE}}TEXT "{}"}}{{\fldrslt old}}}}',
    r"{{\*\template {}}}",
    r"{{\object\objautlink{{\*\objdata {}}}{{\result old}}}}",
    r"{{\shp{{\*\shpinst{{\sp{{\sn pibName}}{{\sv {}}}}}}}}}",
)
_SCHEMES = ("http", "ftp", "vnd.sun.star.webdav", "smb")
_SVG = (
    '<image width="200" height="200" href="{}"/>',
    '<image width="200" height="200" xlink:href="{}"/>',
    '<rect width="9" height="9" fill="url(\'{}\')"/>',
    "<style>@import '{}';</style>",
)


@dataclass
class OfficeTally:
    """Results of all documents; `wrong` lists broken rules with the document."""

    count: int = 0
    converted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Bait:
    """What documents refer to: a red picture on this disk, and a server."""

    picture: Path
    port: int
    connections: list[str]

    def references(self) -> list[str]:
        path = str(self.picture)
        return [
            self.picture.as_uri(),
            path,
            f"../../../../../../../..{path}",
            f"file:///proc/self/root{path}",
            f"Pictures/../../../../../..{path}",
            *(f"{scheme}://127.0.0.1:{self.port}/{MARK}.png" for scheme in _SCHEMES),
        ]


def run(count: int, seed: int, folder: Path) -> OfficeTally:
    """Generate and check `count` documents in this folder."""
    tally = OfficeTally(count)
    real = office_program("") is not None and confinement_gap() is None
    reader = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400, convert_seconds=60), None)
    with _open_bait(folder) as bait:
        try:
            for number in range(count):
                chance = Random(f"{seed}/office/{number}")
                path = _generate(folder, bait, chance)
                damaged = chance.random() < _DAMAGED_SHARE
                if damaged:
                    _damage(path, chance)
                tally.formats[path.suffix] += 1
                _sanitize(tally, path, number, damaged=damaged)
                if real and number % _EVERY == 0:
                    _convert(tally, reader, path, number, bait)
                path.unlink()
        finally:
            reader.close()
    return tally


@contextmanager
def _open_bait(folder: Path) -> Iterator[_Bait]:
    picture = folder / f"{MARK}.png"
    Image.new("RGB", (400, 400), (255, 0, 0)).save(picture)
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections: list[str] = []
        thread = threading.Thread(target=_accept, args=(server, connections), daemon=True)
        thread.start()
        yield _Bait(picture, server.getsockname()[1], connections)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(server: socket.socket, connections: list[str]) -> None:
    while True:
        try:
            connection, address = server.accept()
        except OSError:  # shut down
            return
        connections.append(str(address))
        connection.close()


# ---------------------------------------------------------------- documents


def _generate(folder: Path, bait: _Bait, chance: Random) -> Path:
    suffix = chance.choice((".odt", ".odp", ".docx", ".rtf"))
    references = [chance.choice(bait.references()) for _ in range(chance.randrange(1, 5))]
    path = folder / f"document{suffix}"
    if suffix == ".rtf":
        parts = [chance.choice(_RICH).format(reference.replace("\\", "\\\\")) for reference in references]
        path.write_text(r"{\rtf1\ansi Words of a page. " + r"\par ".join(parts) + "}")
    else:
        parts_of = _word_parts if suffix == ".docx" else _odf_parts
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, content in parts_of(suffix, references, chance).items():
                archive.writestr(name, content)
    return path


def _damage(path: Path, chance: Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)


def _svg(reference: str, chance: Random) -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return (
        f'<svg {names} width="200" height="200">{chance.choice(_SVG).format(reference)}<text y="20">drawn</text></svg>'
    )


def _odf_parts(suffix: str, references: list[str], chance: Random) -> dict[str, str]:
    kind, body = ("text", "text") if suffix == ".odt" else ("presentation", "presentation")
    media = f"application/vnd.oasis.opendocument.{kind}"
    space = "urn:oasis:names:tc:opendocument:xmlns:"
    names = " ".join(
        f'xmlns:{name}="{space}{name if name != "svg" else "svg-compatible"}:1.0"'
        for name in ("office", "text", "draw", "style", "form", "script", "svg", "table")
    )
    inside = "".join(chance.choice(_ODF).format(reference) for reference in references)
    inside += '<draw:frame svg:width="5cm" svg:height="5cm"><draw:image xlink:href="Pictures/a.svg"/></draw:frame>'
    shown = (
        f"<text:p>Words of a page.</text:p>{inside}"
        if body == "text"
        else f'<draw:page draw:name="p"><draw:frame svg:width="9cm" svg:height="3cm"><draw:text-box><text:p>Words of a '
        f"page.</text:p></draw:text-box></draw:frame>{inside}</draw:page>"
    )
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="{type_}"/>'
        for name, type_ in (("/", media), ("content.xml", "text/xml"), ("Pictures/a.svg", "image/svg+xml"))
    )
    return {
        "mimetype": media,
        "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{space}manifest:1.0">{entries}'
        "</manifest:manifest>",
        "content.xml": f'<office:document-content {names} xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'office:version="1.2"><office:body><office:{body}>{shown}</office:{body}></office:body>'
        "</office:document-content>",
        "Pictures/a.svg": _svg(chance.choice(references), chance),
    }


def _word_parts(suffix: str, references: list[str], chance: Random) -> dict[str, str]:
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = (
        f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
        'package.relationships+xml"/><Default Extension="svg" ContentType="image/svg+xml"/><Override '
        'PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.'
        'document.main+xml"/></Types>'
    )
    kind = chance.choice(("image", "oleObject", "aFChunk", "attachedTemplate", "hyperlink"))
    mode = chance.choice(('TargetMode="External"', ""))
    names = (
        f'xmlns:w="{main}" xmlns:r="{office}" xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    )
    inside = "".join(chance.choice(_WORD).format(reference) for reference in references)
    return {
        "[Content_Types].xml": types,
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId7" '
        f'Type="{office}/{kind}" Target="{chance.choice(references)}" {mode}/></Relationships>',
        "word/document.xml": f"<w:document {names}><w:body><w:p><w:r><w:t>Words of a page.</w:t></w:r></w:p>{inside}"
        "</w:body></w:document>",
        "word/media/a.svg": _svg(chance.choice(references), chance),
    }


# ---------------------------------------------------------------- rules


def _sanitize(tally: OfficeTally, path: Path, number: int, *, damaged: bool) -> None:
    copy = path.with_name(f"clean{path.suffix}")
    began = time.monotonic()
    try:
        sanitize_document(path, copy)
    except Unreadable as error:
        tally.outcomes["refused"] += 1
        if not is_readable(f"{error} {error.hint}"):
            tally.wrong.append(f"document {number}: refused with {error} {error.hint}")
    else:
        tally.outcomes["sanitized"] += 1
        if not (damaged and path.suffix == ".rtf"):  # a damaged control word becomes plain text
            tally.wrong += [f"document {number}: {reference}" for reference in _references_left(copy)]
    finally:
        copy.unlink(missing_ok=True)
    tally.slowest = max(tally.slowest, (time.monotonic() - began, f"{path.suffix} {number}"))


def _references_left(path: Path) -> Iterator[str]:
    """Yield the references that are reference outside of hyperlinks."""
    if path.suffix == ".rtf":
        if MARK in path.read_text(errors="replace"):
            yield "a reference is reference in rich text"
        return
    with ZipFile(path) as archive:
        for name in archive.namelist():
            try:
                root = ElementTree.fromstring(archive.read(name))
            except (ElementTree.ParseError, BadZipFile):
                continue
            yield from (f"a reference is reference in {name}: {tag}" for tag in _marked(root))


def _marked(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        link = tag in ("a", "hyperlink") or element.get("Type", "").endswith("/hyperlink")
        words = [element.text or "", *(() if link else element.attrib.values())]
        if any(MARK in word for word in words):
            yield tag


def _convert(tally: OfficeTally, reader: GuardedExtractor, path: Path, number: int, bait: _Bait) -> None:
    into = path.parent / "pages"
    into.mkdir(exist_ok=True)
    try:
        reader.inspect(path)
        page = reader.extract(path, 1, 1, into)[0]
    except Unreadable:
        tally.outcomes["not converted"] += 1
        return
    tally.converted += 1
    if page.render is not None:
        with Image.open(into / page.render) as opened:
            red, green, blue = (np.asarray(band) for band in opened.convert("RGB").split())
        if int(((red > 200) & (green < 60) & (blue < 60)).sum()) > _MAX_RED_PIXELS:
            tally.wrong.append(f"document {number}: its page shows the picture on this disk")
    if bait.connections:
        tally.wrong.append(f"document {number}: the server got a request")
        bait.connections.clear()
