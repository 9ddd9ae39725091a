"""Tests that a file of any kind loads nothing from outside, runs nothing, and unpacks to a limited size."""

from __future__ import annotations

import io
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from PIL import Image, ImageColor

from rag.adapters.tesseract import Tesseract
from rag.errors import Unreadable
from rag.extract.convert.libreoffice import office_program
from rag.extract.file_types import detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.scripts import tesseract_program
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers
from tests.support.every_kind import WORD, Outside, write_every_kind
from tests.support.scripts import needs_tesseract, sentence

OFFICE = ("docm", "pptm", "fodt", "odg")
"""Kinds that LibreOffice converts."""

PICTURES = ("heic", "avif", "gif", "webp")
TEXTS = ("xlsx", "xls", "xlsb", "ods", "csv", "html", "mhtml", "eml", "msg", "epub", "svg", "ipynb", "txt", "md")
SECRET = "magentaheron"


@pytest.fixture(scope="module")
def convertor() -> Iterator[GuardedExtractor]:
    """An extractor without layout analysis and OCR, with time for LibreOffice."""
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
    yield extractor
    extractor.close()


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a web server, and the paths that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_OPTIONS = do_PROPFIND = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def blue_pixels(path: Path) -> int:
    with Image.open(path) as image:
        small = image.convert("RGB").resize((100, 120))
    data = small.tobytes()
    return sum(data[at + 2] > 150 and data[at] < 90 and data[at + 1] < 90 for at in range(0, len(data), 3))


@pytest.mark.parametrize("kind", [*TEXTS, *PICTURES, *OFFICE])
def test_file_loads_nothing_from_outside_and_runs_nothing(
    convertor: GuardedExtractor, tmp_path: Path, into: Path, kind: str
) -> None:
    if kind in OFFICE and office_program("") is None:
        pytest.skip("LibreOffice is not installed")
    secret = tmp_path / "secret.png"
    Image.new("RGB", (300, 300), "blue").save(secret)
    (tmp_path / "secret.txt").write_text(f"{SECRET}\n")
    (tmp_path / "secret.html").write_text(f"<html><body><p>{SECRET}</p></body></html>")
    folder = tmp_path / "shared"
    folder.mkdir()
    with listening() as (server, asked):
        addresses = [
            *(f"{server}/seen.{suffix}" for suffix in ("png", "html", "txt", "css")),
            *(f"file://{secret.with_suffix(suffix)}" for suffix in (".png", ".html", ".txt")),
            *(str(secret.with_suffix(suffix)) for suffix in (".png", ".txt")),
            *("../secret.png", "../secret.txt", f"//{server.partition('//')[2]}/seen.png", "/etc/hostname"),
        ]
        script = f'document.write("{SECRET[:7]}" + "{SECRET[7:]}");fetch("{server}/scripted")'
        path = write_every_kind(folder, Outside(addresses, script))[kind]
        pages = convertor.extract(path, 1, convertor.inspect(path).page_count, into)
    assert asked == []
    assert [page.error for page in pages] == [None] * len(pages)
    words = " ".join(block.text for page in pages for block in page.blocks)
    assert (WORD in words) == (kind not in PICTURES)
    assert SECRET not in words
    assert Path("/etc/hostname").read_text().strip() not in words.split()
    for page in pages:
        assert blue_pixels(into / (page.render or "")) == 0
    assert {each.name for each in tmp_path.iterdir()} == {
        *("secret.png", "secret.txt", "secret.html", "shared", into.name)
    }


PARTS = {
    "xlsx": "xl/worksheets/sheet1.xml",
    "xlsb": "xl/worksheets/sheet1.bin",
    "ods": "content.xml",
    "epub": "a.xhtml",
    "odg": "content.xml",
    "docm": "word/document.xml",
    "pptm": "ppt/slides/slide1.xml",
}
"""A part that is read, by the kind of its package."""


def bomb(path: Path, part: str, *, declared: bool) -> None:
    """Let a part of a package unpack to 12 MB more. If it is not declared, the package says 1,000 bytes."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] += b" " * (12 << 20)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    if declared:
        return
    data = bytearray(path.read_bytes())
    for mark, size_at, name_at in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        entry = data.find(mark)
        while data[entry + name_at : entry + name_at + len(part)] != part.encode():
            entry = data.find(mark, entry + 4)
        data[entry + size_at : entry + size_at + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", PARTS)
def test_package_that_unpacks_to_too_much_is_refused(tmp_path: Path, kind: str) -> None:
    path = write_every_kind(tmp_path, Outside())[kind]
    detect_media_type(path, ReadSettings(max_mb=1))
    bomb(path, PARTS[kind], declared=True)
    with pytest.raises(Unreadable, match="the limits are 10 MB"):
        detect_media_type(path, ReadSettings(max_mb=1))


@pytest.mark.parametrize("kind", PARTS)
def test_package_that_hides_how_large_it_is_is_refused(convertor: GuardedExtractor, tmp_path: Path, kind: str) -> None:
    path = write_every_kind(tmp_path, Outside())[kind]
    bomb(path, PARTS[kind], declared=False)
    with pytest.raises(Unreadable) as refused:
        convertor.inspect(path)
    assert refused.value.hint.endswith(".")


def hostile_pictures() -> Iterator[tuple[str, bytes]]:
    good = papers.png(papers.lettering("Words of the harbor", (600, 200)))
    yield "empty", b""
    yield "cut", good[: len(good) // 2]
    yield "zeros", good[:60] + bytes(len(good) - 60)
    yield "noise", good[:8] + bytes(range(256)) * 40
    yield "text", b"../secret.txt\n/etc/passwd\n"
    header = bytearray(good)
    header[16:24] = struct.pack(">II", 100_000, 100_000)
    yield "size", bytes(header)
    stream = io.BytesIO()
    Image.new("1", (8_000, 8_000), 1).save(stream, "PNG")
    yield "huge", stream.getvalue()


@pytest.mark.parametrize("name", [name for name, _ in hostile_pictures()])
def test_tesseract_reads_nothing_of_a_hostile_picture(tmp_path: Path, name: str) -> None:
    needs_tesseract("rus", "osd")
    program = tesseract_program()
    assert program is not None
    picture = tmp_path / "picture.png"
    picture.write_bytes(dict(hostile_pictures())[name])
    tesseract = Tesseract(program, 1)
    assert tesseract.read(picture, (600, 200), ["rus"]) == []
    assert tesseract.detect(picture).script is None
    assert [each.name for each in tmp_path.iterdir()] == ["picture.png"]


def test_damaged_pictures_of_scans_leave_other_pages_readable(
    extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    needs_tesseract("rus", "osd")
    document = papers.new()
    for color in ("white", "ivory", "snow"):  # other bytes, so that each page has a picture of its own
        picture = sentence("rus")
        picture.putpixel((0, 0), ImageColor.getrgb(color)[:3])
        page = document.new_page(width=500, height=120)
        page.insert_image(page.rect, stream=papers.png(picture))
    huge, cut = document[0].get_images()[0][0], document[1].get_images()[0][0]
    document.xref_set_key(huge, "Width", "100000")
    document.xref_set_key(huge, "Height", "100000")
    document.update_stream(cut, document.xref_stream(cut)[:999])
    pages = extractor.extract(papers.save(document, tmp_path / "scan.pdf"), 1, 3, into)
    assert "Водитель" in " ".join(block.text for block in pages[2].blocks)
    assert pages[2].notes == ()
