"""Files inside of PDFs, in the confined process: found at any depth within limits, with clean names."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from rag.extract.attachments import clean_name
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Attachments
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers

PDF = "application/pdf"


@pytest.fixture(scope="module")
def reader() -> Iterator[GuardedExtractor]:
    extractor = GuardedExtractor(ReadSettings(layout=False, max_attachments=4, max_attachments_mb=1), None)
    yield extractor
    extractor.close()


def pdf(*attached: tuple[str, bytes], words: str = "Cover letter") -> bytes:
    """Return a PDF with these files inside of it."""
    document = papers.new()
    document.new_page().insert_text((72, 100), words)
    for number, (name, content) in enumerate(attached):
        document.embfile_add(f"{number}", content, filename=name, ufilename=name)
    data: bytes = document.tobytes()
    document.close()
    return data


def found(reader: GuardedExtractor, tmp_path: Path, into: Path, data: bytes) -> Attachments:
    path = tmp_path / "parent.pdf"
    path.write_bytes(data)
    return reader.attachments(path, PDF, into)


def named(attachments: Attachments) -> list[tuple[str, str]]:
    return [(each.name, each.inside) for each in attachments.files]


def test_finds_embedded_files_and_those_pinned_to_a_page(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    document.embfile_add("1", b"Total 4711 florins", filename="invoice.xml")
    document.new_page().add_file_annot((100, 100), b"Pinned", "note.txt", ufilename="note.txt")
    attachments = found(reader, tmp_path, into, document.tobytes())
    assert named(attachments) == [("invoice.xml", ""), ("note.txt", "")]
    assert [(into / each.file).read_bytes() for each in attachments.files] == [b"Total 4711 florins", b"Pinned"]
    assert attachments.notes == ()


def test_same_bytes_are_found_under_each_name_and_other_kinds_of_files_have_none(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    inner = pdf(("a.txt", b"Same"), ("d.txt", b"Same"))
    data = pdf(("a.txt", b"Same"), ("b.txt", b"Same"), ("b.txt", b"Same"), ("inner.pdf", inner))
    attachments = found(reader, tmp_path, into, data)
    assert named(attachments) == [("a.txt", ""), ("b.txt", ""), ("inner.pdf", ""), ("d.txt", "inner.pdf")]
    assert {(into / attachments.files[at].file).read_bytes() for at in (0, 1, 3)} == {b"Same"}
    assert attachments.notes == ()
    assert reader.attachments(tmp_path / "parent.pdf", "image/png", into) == Attachments()


def test_attachments_beside_damaged_ones_are_found(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    data = pdf(("broken.pdf", b"%PDF-1.4 broken"), ("a.txt", b"Fine"))
    attachments = found(reader, tmp_path, into, data)
    assert named(attachments) == [("broken.pdf", ""), ("a.txt", "")]
    assert attachments.notes == ()  # the extraction of broken.pdf says it
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@example.com", "ben@example.com", "Tides"
    mail.set_content("See below.")
    mail.add_attachment(b"%PDF-1.4 broken", "application", "pdf", filename="broken.pdf")
    mail.add_attachment(b"PK\x03\x04 broken", "application", "zip", filename="broken.docx")
    mail.add_attachment("Fine", filename="a.txt")
    path = tmp_path / "mail.eml"
    path.write_bytes(mail.as_bytes())
    attachments = reader.attachments(path, "message/rfc822", into)
    assert [each.name for each in attachments.files] == ["broken.pdf", "broken.docx", "a.txt"]
    assert attachments.notes == ()


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda document: document.xref_set_key(pinned(document)[0], "FS", "null"), ["a.txt", "b.txt", "d.txt"]),
        (
            lambda document: document.xref_set_key(
                document.pdf_catalog(), "Names/EmbeddedFiles", f"<</Names[(1) null (2) {filespec(document)}]>>"
            ),
            ["b.txt", "c.txt", "d.txt"],
        ),
    ],
    ids=["pinned", "embedded"],
)
def test_damaged_entry_of_a_pdf_hides_no_other(
    reader: GuardedExtractor, tmp_path: Path, into: Path, damage: Callable[[Any], None], left: list[str]
) -> None:
    document = papers.new()
    for name in ("a", "b"):
        document.embfile_add(name, name.encode(), filename=f"{name}.txt", ufilename=f"{name}.txt")
    for name in ("c", "d"):
        document.new_page().add_file_annot((100, 100), name.encode(), f"{name}.txt", ufilename=f"{name}.txt")
    damage(document)
    attachments = found(reader, tmp_path, into, document.tobytes())
    assert [each.name for each in attachments.files] == left
    (note,) = attachments.notes
    assert note.lost
    assert note.text == "An attached file is empty or damaged."


def test_many_damaged_entries_hide_no_file(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    attachments = found(reader, tmp_path, into, pdf(*((f"{at}.txt", b"") for at in range(70)), ("a.txt", b"Fine")))
    assert named(attachments) == [("a.txt", "")]
    assert attachments.notes[0].text == "The attached file 0.txt is empty or damaged."
    assert attachments.notes[-1].text == "50 more attached files are empty or damaged."


def pinned(document: Any) -> list[int]:
    subtypes = {xref: document.xref_get_key(xref, "Subtype")[1] for xref in range(1, document.xref_length())}
    return [xref for xref, subtype in subtypes.items() if subtype == "/FileAttachment"]


def filespec(document: Any) -> str:
    """Return the entry of the last embedded file."""
    names: str = document.xref_get_key(document.pdf_catalog(), "Names/EmbeddedFiles/Names")[1]
    return names.rpartition("(b)<<")[1].removeprefix("(b)") + names.rpartition("(b)<<")[2].rstrip("]")


def test_note_says_why_no_file_inside_could_be_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    attachments = found(reader, tmp_path, into, b"%PDF-1.4 broken")
    assert [note.text for note in attachments.notes] == [
        "The files inside of it couldn't be read. The PDF is damaged and can't be opened. Share them as files."
    ]


def test_finds_files_inside_of_attachments_down_to_a_depth(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    data = b"Deepest"
    for depth in (4, 3, 2, 1):
        data = pdf((f"level{depth}.pdf" if depth < 4 else "level4.txt", data), words=f"Level {depth}")
    attachments = found(reader, tmp_path, into, data)
    assert named(attachments) == [
        ("level1.pdf", ""),
        ("level2.pdf", "level1.pdf"),
        ("level3.pdf", "level2.pdf, attached to level1.pdf"),
    ]
    (note,) = attachments.notes
    assert note.lost
    assert note.text.startswith("Files attached more than 3 levels deep were not read.")


def test_more_files_than_the_limit_are_left_out_and_said(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    attachments = found(reader, tmp_path, into, pdf(*((f"{n}.txt", b"%d" % n) for n in range(6))))
    assert len(attachments.files) == 4
    (note,) = attachments.notes
    assert note.lost
    assert note.text.startswith("Only the first 4 attached files were read.")


def test_second_names_of_known_bytes_beyond_the_limits_are_not_said(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    data = pdf(("a.txt", b"0" * 600_000), ("b.txt", b"0" * 600_000), ("c.txt", b"Other"))
    attachments = found(reader, tmp_path, into, data)
    assert named(attachments) == [("a.txt", ""), ("c.txt", "")]
    assert attachments.notes == ()


def test_larger_files_than_the_limit_are_left_out_and_said(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    attachments = found(reader, tmp_path, into, pdf(("big.txt", b"0" * (1 << 20) + b"1"), ("small.txt", b"Small")))
    assert named(attachments) == [("small.txt", "")]
    assert attachments.notes[0].text.startswith("Attached files of more than 1 MB in all were not read.")


def test_stream_that_grows_without_end_is_said_and_the_next_file_is_read(tmp_path: Path, into: Path) -> None:
    """600 MB of zeros, which do not fit into the process."""
    document = papers.new()
    document.new_page()
    document.embfile_add("1", b"x", filename="zeros.txt")
    xref = next(x for x in range(1, document.xref_length()) if document.xref_get_key(x, "Type")[1] == "/EmbeddedFile")
    document.update_stream(xref, compressed_zeros(600 << 20), compress=False)
    document.xref_set_key(xref, "Filter", "/FlateDecode")
    extractor = GuardedExtractor(ReadSettings(layout=False, memory_mb=1000), None)
    try:
        attachments = found(extractor, tmp_path, into, document.tobytes())
        assert attachments.files == ()
        (note,) = attachments.notes
        assert note.lost
        # MuPDF stops where a stream grows too much, or where the memory ends, whichever comes first.
        assert note.text.startswith(
            (
                "The files inside of it couldn't be read: it needed more than 1000 MB of memory.",
                "An attached file was not read: unpacked, it is far too large.",
            )
        )
        assert found(extractor, tmp_path, into, pdf(("a.txt", b"Fine"))).files[0].name == "a.txt"
    finally:
        extractor.close()


def compressed_zeros(size: int) -> bytes:
    """Return a zlib stream of zeros: one compressed megabyte, repeated."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH)
    checksum = (size % 65521 << 16) | 1
    return b"\x78\x9c" + block * (size >> 20) + b"\x03\x00" + checksum.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\bill.xml", "bill.xml"),
        ("exe\u202efdp.txt", "exefdp.txt"),
        (" a \n\x00 b ", "a b"),
        ("/", ""),
        ("n" * 999, "n" * 200),
        ("n" * 199 + " x", "n" * 199),
    ],
)
def test_name_is_one_line_without_folders(given: str, cleaned: str) -> None:
    assert clean_name(given) == cleaned


def test_protected_pdf_has_no_attachments(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document: Any = pymupdf.open("pdf", pdf(("a.txt", b"Secret")))
    data = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="user", owner_pw="owner")
    assert found(reader, tmp_path, into, data) == Attachments()
