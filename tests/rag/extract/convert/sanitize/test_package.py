"""Tests of the sanitizing of OOXML and OpenDocument packages."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from rag.errors import Unreadable
from rag.extract.convert.sanitize import sanitize_document
from tests.rag.extract.convert.sanitize.samples import EMF, SVG, parts_of, png


def package(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_package_keeps_xml_and_pictures_only(tmp_path: Path) -> None:
    path = package(
        tmp_path / "in",
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": "<x/>",
            "Pictures/a.png": png(),
            "Pictures/b.png": '<svg><image href="file:///a.png"/></svg>',
            "Pictures/c.png": b"\x1f\x8b\x08 a compressed drawing",
            "Pictures/d.png": "<svg>\xff not well-formed".encode("latin-1"),
            "word/embeddings/e.docx": b"PK\x03\x04 another package",
            "word/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "Basic/Standard/Module1.xml": "<x/>",
            "Scripts/python/x.py": "open('/tmp/x', 'w')",
            "../outside.xml": "<x/>",
        },
    )
    sanitize_document(path, tmp_path / "out.odt")
    found = parts_of(tmp_path / "out.odt")
    assert set(found) == {"mimetype", "content.xml", "Pictures/a.png", "Pictures/b.png"}
    assert found["Pictures/a.png"] == png()
    assert b"file:" not in found["Pictures/b.png"]
    assert found["mimetype"] == b"application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("packed", "stays"),
    [
        (gzip.compress(EMF), True),
        (gzip.compress(b"\xd7\xcd\xc6\x9a" + bytes(40)), True),
        (gzip.compress(SVG), False),
        (gzip.compress(EMF + bytes(64 << 20), 1), False),
        (gzip.compress(EMF)[:-9], False),
    ],
    ids=["emz", "wmz", "svgz", "too large", "cut off"],
)
def test_gzipped_picture_is_kept_only_if_it_is_a_metafile_of_limited_size(
    tmp_path: Path, packed: bytes, stays: bool
) -> None:
    path = package(tmp_path / "in", {"word/document.xml": "<x/>", "word/media/a.emz": packed})
    sanitize_document(path, tmp_path / "out.docx")
    assert parts_of(tmp_path / "out.docx").get("word/media/a.emz") == (packed if stays else None)


def test_relationships_are_relative_to_the_part_they_describe(tmp_path: Path) -> None:
    rels = (
        '<Relationships><Relationship Id="r1" Type="t/image" Target="media/a.png"/>'
        '<Relationship Id="r2" Type="t/image" Target="../../etc/a.png"/>'
        '<Relationship Id="r3" Type="t/oleObject" Target="embeddings/o.bin"/></Relationships>'
    )
    path = package(
        tmp_path / "in",
        {"word/document.xml": "<x/>", "word/_rels/document.xml.rels": rels, "word/media/a.png": png()},
    )
    sanitize_document(path, tmp_path / "out.docx")
    output = parts_of(tmp_path / "out.docx")["word/_rels/document.xml.rels"].decode()
    assert re.findall(r'Id="(\w+)"', output) == ["r1"]


@pytest.mark.parametrize("broken", ["<w:document><w:p", '<!DOCTYPE x [<!ENTITY e "y">]><x>&e;</x>'])
def test_document_that_cannot_be_sanitized_is_refused(tmp_path: Path, broken: str) -> None:
    path = package(tmp_path / "in", {"word/document.xml": broken})
    with pytest.raises(Unreadable, match=r"document\.xml") as refused:
        sanitize_document(path, tmp_path / "out.docx")
    assert refused.value.hint


def test_names_with_backslashes_become_paths_and_stay_inside(tmp_path: Path) -> None:
    path = package(
        tmp_path / "in",
        {"[Content_Types].xml": "<Types/>", "word\\document.xml": "<x/>", "word\\..\\..\\outside.xml": "<x/>"},
    )
    sanitize_document(path, tmp_path / "out.docx")
    assert set(parts_of(tmp_path / "out.docx")) == {"[Content_Types].xml", "word/document.xml"}


def test_flat_documents_are_sanitized_like_packages(tmp_path: Path) -> None:
    flat = tmp_path / "in"
    flat.write_text(
        '<o:document xmlns:o="o" xmlns:x="l"><o:scripts>macro</o:scripts><d:image x:href="http://a.example/b.png"/>'
        "<t:p>words</t:p></o:document>"
    )
    sanitize_document(flat, tmp_path / "out.fodt")
    text = (tmp_path / "out.fodt").read_text()
    assert "words" in text
    assert "macro" not in text
    assert "example" not in text
    flat.write_text('<!DOCTYPE o [<!ENTITY e SYSTEM "file:///etc/hostname">]><o>&e;</o>')
    with pytest.raises(Unreadable, match="entities"):
        sanitize_document(flat, tmp_path / "out.fodt")
