"""Tests of picture extraction."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from rag.errors import Unreadable
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import WHOLE_PAGE, BlockKind, Inspection, TextSource
from tests.rag.extract import papers

ORIENTATION = 0x0112


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.gif", "image/gif"),
        ("a.tiff", "image/tiff"),
        ("a.bmp", "image/bmp"),
    ],
)
def test_every_picture_type_is_one_page(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path, name: str, media_type: str
) -> None:
    path = tmp_path / name
    papers.lettering("Word").save(path)
    misnamed = path.rename(tmp_path / "file.pdf")
    assert ink_extractor.inspect(misnamed) == Inspection(media_type, 1, None)
    [page] = ink_extractor.extract(misnamed, 1, 1, into)
    assert page.text_source is TextSource.OCR
    assert page.blocks
    assert (page.width, page.height) == (900 * 0.75, 300 * 0.75)
    with Image.open(into / (page.render or "")) as render:
        assert render.size == (800, 267)  # scaled to render_px


def test_screenshot_words_have_their_positions(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "shot.png"
    papers.lettering("Error 4711: disk full").save(path)
    [page] = extractor.extract(path, 1, 1, into)
    assert [block.text for block in page.blocks] == ["Error 4711: disk full"]
    line = page.blocks[0].lines[0]
    assert [word.text for word in line.words] == ["Error", "4711:", "disk", "full"]
    assert 0.4 < (line.box.y0 + line.box.y1) / 2 < 0.6
    assert abs(line.box.x0 + line.box.x1 - 1) < 0.05


def test_exif_orientation_is_applied(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    upright = papers.lettering("Upright again", (600, 400))
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # rotate 90 degrees clockwise for display
    path = tmp_path / "photo.jpg"
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    [page] = extractor.extract(path, 1, 1, into)
    assert (page.width, page.height) == (450, 300)
    assert [block.text for block in page.blocks] == ["Upright again"]
    with Image.open(into / (page.render or "")) as render:
        assert render.size == (600, 400)


def test_damaged_exif_does_not_fail_the_picture(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "photo.png"
    papers.lettering("Word").save(path, exif=b"Exif\0\0no directory at all")
    [page] = ink_extractor.extract(path, 1, 1, into)
    assert page.error is None
    assert page.blocks


def test_every_tiff_frame_is_a_page(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "fax.tiff"
    frames = [papers.lettering("One"), Image.new("RGB", (900, 300), "white"), papers.lettering("Three", (300, 600))]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert ink_extractor.inspect(path).page_count == 3
    pages = ink_extractor.extract(path, 1, 3, into)
    assert [bool(page.blocks) for page in pages] == [True, False, True]
    assert (pages[2].width, pages[2].height) == (225, 450)
    assert ink_extractor.extract(path, 3, 3, into)[0].blocks == pages[2].blocks


def test_animation_has_a_page_for_each_different_frame(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    path = tmp_path / "moving.gif"
    Image.new("RGB", (90, 30), "white").save(path, save_all=True, append_images=[papers.lettering("x", (90, 30))])
    assert ink_extractor.inspect(path).page_count == 2
    assert ink_extractor.extract(path, 1, 1, into)[0].blocks == ()


def test_transparency_is_rendered_on_white(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "logo.png"
    Image.new("RGBA", (200, 100), (0, 0, 0, 0)).save(path)
    [page] = ink_extractor.extract(path, 1, 1, into)
    assert page.blocks == ()
    with Image.open(into / (page.render or "")) as render:
        assert render.getpixel((100, 50)) == (255, 255, 255)


def test_16_bit_pictures_keep_their_contrast(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "deep.png"
    grey = papers.lettering("Deep").convert("L").convert("I").point(lambda value: value * 257)
    grey.convert("I;16").save(path)
    [page] = ink_extractor.extract(path, 1, 1, into)
    assert page.blocks
    assert page.blocks[0].box.area < 0.2


def test_tall_screenshot_becomes_pages_of_readable_height(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    image = Image.new("RGB", (300, 6000), "white")
    pen = ImageDraw.Draw(image)
    rows = range(20, 5950, 58)
    for row in rows:
        pen.rectangle((40, row, 240, row + 40), fill="black")
    image.save(tmp_path / "tall.png")
    count = ink_extractor.inspect(tmp_path / "tall.png").page_count
    assert count == 6
    pages = ink_extractor.extract(tmp_path / "tall.png", 1, count, into)
    assert sum(page.height for page in pages) == 6000 * 0.75
    assert all(page.width == 300 * 0.75 and page.height < 1300 * 0.75 for page in pages)
    # No row is cut in two: all have the same height, and none is missing.
    lines = [(line, page) for page in pages for block in page.blocks for line in block.lines]
    assert len(lines) == len(rows)
    assert {round((line.box.y1 - line.box.y0) * page.height / 0.75) for line, page in lines} == {41}


def test_screenshot_that_is_not_so_tall_is_one_page(ink_extractor: GuardedExtractor, tmp_path: Path) -> None:
    Image.new("RGB", (300, 2300), "white").save(tmp_path / "page.png")
    Image.new("RGB", (3000, 300), "white").save(tmp_path / "wide.png")
    assert ink_extractor.inspect(tmp_path / "page.png").page_count == 1
    assert ink_extractor.inspect(tmp_path / "wide.png").page_count == 1


@pytest.mark.parametrize("turn", [90, 180])
def test_turned_photo_becomes_an_upright_page(
    extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: int
) -> None:
    image = papers.lettering("The ferry leaves at noon", (900, 400))
    image.rotate(turn, expand=True).save(tmp_path / "photo.jpg")
    [page] = extractor.extract(tmp_path / "photo.jpg", 1, 1, into)
    assert [block.text for block in page.blocks] == ["The ferry leaves at noon"]
    assert (page.width, page.height) == (900 * 0.75, 400 * 0.75)
    with Image.open(into / (page.render or "")) as render:
        assert render.size == (900, 400)
        ink = ImageOps.invert(render.convert("L")).getbbox()
    box = page.blocks[0].box
    assert ink is not None
    assert all(
        abs(a - b) < 0.02 for a, b in zip(box, (ink[0] / 900, ink[1] / 400, ink[2] / 900, ink[3] / 400), strict=True)
    )


def test_last_line_of_a_long_screenshot_is_text(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    image = Image.new("RGB", (400, 1500), "white")
    for row, text in enumerate(("The ferry leaves at noon", "The gate code is tulip 4471")):
        image.paste(papers.lettering(text, (400, 60), font=26), (0, 60 + row * 1350))
    image.save(tmp_path / "long.png")
    [page] = extractor.extract(tmp_path / "long.png", 1, 1, into)
    assert [(block.kind, block.text) for block in page.blocks] == [
        (BlockKind.TEXT, "The ferry leaves at noon"),
        (BlockKind.TEXT, "The gate code is tulip 4471"),
    ]


def test_region_of_a_page_that_does_not_exist_is_refused(ink_extractor: GuardedExtractor, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 200)
    with pytest.raises(Unreadable):
        ink_extractor.draw_region(tmp_path / "broken.png", 1, WHOLE_PAGE, 900, 0, tmp_path)
    path = papers.save(papers.picture_page(papers.new(), papers.lettering("x")).parent, tmp_path / "one.pdf")
    with pytest.raises(Unreadable):
        ink_extractor.draw_region(path, 7, WHOLE_PAGE, 900, 0, tmp_path)
    assert ink_extractor.draw_region(path, 1, WHOLE_PAGE, 900, 0, tmp_path).is_file()
