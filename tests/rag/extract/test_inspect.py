"""Tests of `inspect`: refused files, media types, page counts and titles."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from rag.errors import Unreadable
from rag.extract.file_types import meaningful_title
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Inspection
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers


def pdf(path: Path, pages: int = 1, **options: object) -> Path:
    document = papers.new()
    for _ in range(pages):
        papers.text_page(document)
    return papers.save(document, path, **options)


def encrypted(path: Path) -> None:
    pdf(path, encryption=papers.pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="more")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def only_a_header(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\nnothing of a PDF follows")


def random_bytes(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 4)


def half_a_picture(path: Path) -> None:
    Image.effect_noise((400, 400), 80).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:30_000])


def half_a_jpeg(path: Path) -> None:
    Image.effect_noise((400, 400), 80).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:20_000])


def bitmap_in_name_only(path: Path) -> None:
    path.write_bytes(b"BMW drivers\0\0unite and stand")


def png_in_name_only(path: Path) -> None:
    path.write_bytes(b"\x89PNG no picture")


def negative_page_count(path: Path) -> None:
    path.write_bytes(pdf(path).read_bytes().replace(b"/Count 1", b"/Count -1"))


def fax_with_an_empty_frame(path: Path) -> None:
    Image.new("1", (60, 40)).save(path, "TIFF", save_all=True, append_images=[Image.new("1", (60, 40))])
    made = bytearray(path.read_bytes())
    first = int.from_bytes(made[4:8], "little")
    after = first + 2 + 12 * int.from_bytes(made[first : first + 2], "little")
    second = int.from_bytes(made[after : after + 4], "little")
    made[second : second + 2] = b"\0\0"  # a directory without entries: no width, no height
    path.write_bytes(bytes(made))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (negative_page_count, "damaged"),
        (fax_with_an_empty_frame, "damaged"),
        (encrypted, "encrypted"),
        (empty, "empty"),
        (only_a_header, "damaged"),
        (random_bytes, "type isn't supported"),
        (half_a_picture, "damaged"),
        (half_a_jpeg, "damaged"),
        (bitmap_in_name_only, "damaged"),
        (png_in_name_only, "damaged"),
    ],
)
def test_refuses_bad_files_with_reason_and_remedy(
    ink_extractor: GuardedExtractor, tmp_path: Path, make: object, reason: str
) -> None:
    path = tmp_path / "file.pdf"
    assert callable(make)
    make(path)
    good = pdf(tmp_path / "good.pdf")
    assert ink_extractor.inspect(good).page_count == 1
    child = ink_extractor.pid
    with pytest.raises(Unreadable, match=reason) as refused:
        ink_extractor.inspect(path)
    assert str(refused.value).endswith(".")
    assert refused.value.hint.endswith(".")
    # The child still works and was not replaced.
    assert ink_extractor.inspect(good).page_count == 1
    assert ink_extractor.pid == child


def test_truncated_pdf_is_extracted_as_far_as_possible(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    whole = pdf(tmp_path / "whole.pdf", 4).read_bytes()
    path = tmp_path / "cut.pdf"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    count = ink_extractor.inspect(path).page_count
    pages = ink_extractor.extract(path, 1, count, into)
    assert [page.number for page in pages] == list(range(1, count + 1))
    assert any(page.blocks for page in pages)


def test_encrypted_file_is_refused(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "locked.pdf"
    encrypted(path)
    with pytest.raises(Unreadable, match="encrypted"):
        ink_extractor.extract(path, 1, 1, into)


def test_missing_file_is_refused(ink_extractor: GuardedExtractor, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        ink_extractor.inspect(tmp_path / "never.pdf")


def test_limits_come_from_the_settings(tmp_path: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(max_pages=2, max_mb=1, max_megapixels=1, layout=False), None)
    try:
        with pytest.raises(Unreadable, match="has 3 pages; the limit is 2"):
            extractor.inspect(pdf(tmp_path / "long.pdf", 3))
        Image.new("1", (1001, 1000)).save(tmp_path / "wide.png")
        with pytest.raises(Unreadable, match="more than 1 megapixels"):
            extractor.inspect(tmp_path / "wide.png")
        Image.new("1", (9001, 9000)).save(tmp_path / "bomb.png")
        with pytest.raises(Unreadable, match="more than 1 megapixels"):
            extractor.inspect(tmp_path / "bomb.png")
        (tmp_path / "heavy.pdf").write_bytes(b"%PDF-" + bytes(1 << 20))
        with pytest.raises(Unreadable, match="MB; the limit is 1 MB"):
            extractor.inspect(tmp_path / "heavy.pdf")
    finally:
        extractor.close()


def test_inspect_returns_page_count_and_title_of_a_pdf(ink_extractor: GuardedExtractor, tmp_path: Path) -> None:
    document = papers.new()
    papers.text_page(document)
    papers.text_page(document)
    document.set_metadata({"title": "Yearly report of the harbour"})
    path = papers.save(document, tmp_path / "named.bin")
    assert ink_extractor.inspect(path) == Inspection("application/pdf", 2, "Yearly report of the harbour")


@pytest.mark.parametrize(
    "title",
    [None, "", "untitled", "Microsoft Word - minutes.doc", "report_v2.docx", "PowerPoint Presentation", "12-04", "a"],
)
def test_generic_title_is_none(title: str | None) -> None:
    assert meaningful_title(title) is None


def test_title_is_one_line() -> None:
    assert meaningful_title("  Rules of\n the\x00house ") == "Rules of the house"


def test_version_depends_on_settings_that_change_the_extraction() -> None:
    ocr = "tests.support.ocr:open_ink"
    versions = {
        GuardedExtractor(settings, path).version
        for settings, path in [
            (ReadSettings(), ocr),
            (ReadSettings(), None),
            (ReadSettings(layout=False), ocr),
            (ReadSettings(render_px=800), ocr),
        ]
    }
    assert len(versions) == 4
    assert GuardedExtractor(ReadSettings(ocr=False), ocr).version == GuardedExtractor(ReadSettings(), None).version
    assert GuardedExtractor(ReadSettings(workers=3, page_seconds=5), ocr).version in versions
