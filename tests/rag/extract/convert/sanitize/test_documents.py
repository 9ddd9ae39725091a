"""Tests of binary documents, and of all document types with the real LibreOffice."""

from __future__ import annotations

import gzip
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.extract.convert.libreoffice import office_program
from rag.extract.convert.sanitize import sanitize_document
from rag.extract.convert.sanitize.compound import disable_svg_pictures, unlink_pictures
from rag.extract.guarded import GuardedExtractor
from rag.sandbox import confinement_gap
from rag.setting_groups import ReadSettings
from tests.rag.extract import office_files
from tests.rag.extract.convert.sanitize.samples import EMF, SVG, parts_of, png


@pytest.mark.parametrize("kind", [0x5E, 0x62, 0x63, 0x66])
def test_linked_binary_picture_becomes_a_shape(kind: int) -> None:
    header = struct.pack("<iHH", 0x44, 0x44, kind) + bytes(0x3C)
    stream = bytearray(b"words" + header)
    unlink_pictures(stream)
    assert struct.unpack_from("<iHH", stream, 5) == (0x44, 0x44, 0x64)


def test_embedded_binary_picture_is_unchanged() -> None:
    header = struct.pack("<iHH", 0x44, 0x44, 0x08) + bytes(0x3C)
    stream = bytearray(header)
    unlink_pictures(stream)
    assert stream == header


def blip(kind: int, skipped: int, content: bytes) -> bytes:
    body = bytes(skipped) + content
    return struct.pack("<HHI", 0x6E00, kind, len(body)) + body


@pytest.mark.parametrize(
    "record",
    [
        blip(0xF01E, 17, SVG),
        blip(0xF01E, 33, b"\n" + SVG),
        blip(0xF01E, 17, gzip.compress(SVG)),
        blip(0xF01A, 50, zlib.compress(SVG)),
        blip(0xF01B, 66, zlib.compress(b"<?xml version='1.0'?>" + SVG)),
        blip(0xF117, 16, SVG),
    ],
)
def test_svg_in_a_binary_document_gets_an_unknown_type(record: bytes) -> None:
    stream = bytearray(b"words" + record)
    disable_svg_pictures(stream)
    assert stream == b"words" + record[:2] + bytes(2) + record[4:]


@pytest.mark.parametrize(
    "record",
    [
        blip(0xF01E, 17, png()),
        blip(0xF01D, 17, b"\xff\xd8\xff\xe1..<?xpacket begin='' id='x'?><x:xmpmeta/>"),
        blip(0xF01A, 50, zlib.compress(EMF)),
        b"The words <svg> and <image> of a manual.",
    ],
)
def test_other_bytes_of_a_binary_document_are_unchanged(record: bytes) -> None:
    stream = bytearray(record)
    disable_svg_pictures(stream)
    assert stream == record


program = office_program("")
real = pytest.mark.skipif(
    program is None or confinement_gap() is not None, reason="LibreOffice is missing or cannot be sandboxed"
)

LINK = "https://example.org/manual"


def encodings(text: str) -> tuple[bytes, bytes]:
    return text.encode(), text.encode("utf-16-le")


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes a document with LibreOffice: words, a hyperlink, a page number, an external picture."""

    def write(suffix: str) -> Path:
        secret = tmp_path / "secret.png"
        secret.write_bytes(png())
        if suffix in ("pptx", "ppt", "odp"):
            source = office_files.pptx(tmp_path / "in.pptx", ["The gateway uses port 8443."])
        else:
            source = tmp_path / "in.rtf"
            source.write_text(
                r"{\rtf1\ansi The gateway uses port 8443.\par See {\field{\*\fldinst HYPERLINK "
                f'"{LINK}"'
                r"}{\fldrslt the manual}}, page {\field{\*\fldinst PAGE}{\fldrslt 1}}.\par"
                r"{\field{\*\fldinst INCLUDEPICTURE "
                f'"{secret.as_uri()}"'
                r" \\d}{\fldrslt }}\par}"
            )
        out = tmp_path / "made"
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = [str(program), profile, "--headless", "--convert-to", suffix, "--outdir", str(out), str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=100)
        return out / f"in.{suffix}"

    return write


@real
@pytest.mark.parametrize("suffix", ["docx", "odt", "doc", "rtf", "pptx", "odp", "ppt"])
def test_sanitized_document_keeps_its_words_and_hyperlinks(
    tmp_path: Path, into: Path, document: Callable[[str], Path], suffix: str
) -> None:
    path = document(suffix)
    copy = tmp_path / f"clean.{suffix}"
    sanitize_document(path, copy)
    data = b"".join(parts_of(copy).values()) if suffix in ("docx", "odt", "pptx", "odp") else copy.read_bytes()
    assert not any(name in data for name in encodings("secret.png"))
    if suffix in ("docx", "odt", "doc", "rtf"):
        assert any(link in data for link in encodings(LINK))
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
    try:
        assert extractor.inspect(path).page_count == 1
        pages = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    words = " ".join(block.text for page in pages for block in page.blocks)
    assert "The gateway uses port 8443." in words
    if suffix in ("docx", "odt", "doc", "rtf"):
        assert "See the manual, page 1." in words
