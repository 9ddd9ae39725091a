"""The valid files that are then damaged: generated here, from the samples, and from a folder of real files."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from bot.demo.samples import draw_samples
from tests.faults.fuzz.encrypted import encrypted_pdf

PAGES = 2
"""Pages of a part of a longer document: enough for one page to fail while another does not."""

_PARTS = 3
_MAX_BYTES = 3 << 20

_LOREM = (
    "The harbour master keeps a ledger of every ship, its draught and its cargo. On the ninth of May three "
    "barges lay at the northern quay; the crane was out of order and the men unloaded by hand until dusk."
)


@dataclass(frozen=True, slots=True)
class Original:
    """A valid file; `suffix` is its format."""

    name: str
    suffix: str
    content: bytes


def originals(scratch: Path, folder: Path | None) -> list[Original]:
    """Return all originals in a fixed order. `scratch` is an existing temporary folder."""
    found = [Original(name, "pdf", content) for name, content in _drawn_pdfs()]
    found += [Original(name, suffix, content) for name, suffix, content in _drawn_pictures()]
    for path in draw_samples(scratch):
        found += _parts(path)
    if folder is not None:
        real = [part for path in sorted(folder.rglob("*.pdf")) for part in _parts(path)]
        if not real:
            raise SystemExit(f"There are no PDFs in {folder}.")
        found = real + [one for one in found if one.suffix != "pdf"][:: len(found) // 4]
    return found


def _parts(path: Path) -> Iterator[Original]:
    """Yield a picture unchanged, and of a PDF two pages each from its start, middle and end."""
    if path.suffix != ".pdf":
        yield Original(path.stem, path.suffix[1:], path.read_bytes())
        return
    with pymupdf.open(path) as document:
        count = document.page_count
    for part in range(_PARTS):
        first = part * max(0, count - PAGES) // (_PARTS - 1)
        with pymupdf.open(path) as document:
            document.select(list(range(first, min(first + PAGES, count))))
            content = document.tobytes(garbage=3, deflate=True, no_new_id=True)
        if len(content) <= _MAX_BYTES:
            yield Original(f"{path.stem}-{first + 1}", "pdf", content)


def _saved(document: Any, **options: Any) -> bytes:
    document.set_metadata({"title": "Ledger of the harbour", "producer": "", "creationDate": "", "modDate": ""})
    content: bytes = document.tobytes(no_new_id=True, **options)
    document.close()
    return content


def _page(document: Any, **size: Any) -> Any:
    page = document.new_page(**size)
    page.insert_text((60, 80), "Ledger of the harbour", fontsize=20, fontname="hebo")
    page.insert_textbox((60, 110, 500, 400), _LOREM, fontsize=11)
    return page


def _drawn_pdfs() -> Iterator[tuple[str, bytes]]:
    yield "text", _saved(_text())
    yield "compressed-objects", _saved(_text(), garbage=3, deflate=True, use_objstms=1)
    yield "fonts", _saved(_fonts())
    yield "images", _saved(_images())
    yield "drawings", _saved(_drawings(), deflate=True)
    yield "form", _saved(_form())
    yield "turned", _saved(_turned())
    yield "locked", encrypted_pdf("xyzzy")
    yield "unlocked", encrypted_pdf("")


def _text() -> Any:
    document = pymupdf.open()
    for _ in range(3):
        _page(document)
    document.set_page_labels([{"startpage": 0, "prefix": "A-", "style": "r", "firstpagenum": 4}])
    document.set_toc([[1, "Ledger", 1], [2, "Barges", 2]])
    return document


def _fonts() -> Any:
    document = pymupdf.open()
    page = document.new_page()
    for row, name in enumerate(("helv", "tiro", "cour", "symb", "zadb", "hebo", "tibi", "cobi")):
        page.insert_text((60, 80 + 24 * row), f"Font {name} writes 0123", fontname=name, fontsize=14)
    page.insert_font(fontname="F0", fontbuffer=pymupdf.Font("cjk").buffer)
    page.insert_text((60, 320), "Ein größerer Kahn, Żuraw, Ωμέγα", fontname="F0", fontsize=14)
    page.insert_text((60, 360), "漢字の頁", fontname="china-s", fontsize=14)
    document.subset_fonts()
    return document


def _images() -> Any:
    document = pymupdf.open()
    page = _page(document)
    for number, (mode, kind) in enumerate((("RGB", "JPEG"), ("RGBA", "PNG"), ("L", "PNG"), ("CMYK", "JPEG"))):
        stream = _encoded(_scene(mode), kind)
        page.insert_image((60 + 120 * number, 400, 160 + 120 * number, 500), stream=stream)
    page = document.new_page()
    page.insert_image(page.rect, stream=_encoded(_lettered(), "PNG"))
    return document


def _drawings() -> Any:
    document = pymupdf.open()
    page = _page(document)
    shape = page.new_shape()
    for step in range(60):
        angle = step / 6
        centre = pymupdf.Point(300 + 120 * math.cos(angle), 560 + 120 * math.sin(angle))
        shape.draw_circle(centre, 10 + step / 4)
        shape.draw_bezier(centre, (centre.x + 20, centre.y), (centre.x, centre.y + 40), (300, 560))
        shape.finish(color=(step / 60, 0.4, 0.2), fill=(0.9, step / 60, 0.5), fill_opacity=0.5)
    for row in range(6):
        shape.draw_line((60, 420 + 20 * row), (260, 420 + 20 * row))
        shape.draw_line((60 + 40 * row, 420), (60 + 40 * row, 520))
    shape.finish(width=0.7)
    shape.commit()
    return document


def _form() -> Any:
    document = pymupdf.open()
    page = _page(document)
    for row, kind in enumerate((pymupdf.PDF_WIDGET_TYPE_TEXT, pymupdf.PDF_WIDGET_TYPE_CHECKBOX)):
        widget = pymupdf.Widget()
        widget.field_type, widget.field_name = kind, f"field{row}"
        widget.rect = pymupdf.Rect(60, 420 + 40 * row, 260, 445 + 40 * row)
        widget.field_value = "Barge" if row == 0 else True
        page.add_widget(widget)
    page.insert_link({"kind": pymupdf.LINK_URI, "uri": "https://example.org", "from": pymupdf.Rect(60, 520, 200, 540)})
    return document


def _turned() -> Any:
    document = pymupdf.open()
    for turn in (90, 180, 270):
        page = _page(document, width=700, height=500)
        page.set_cropbox(pymupdf.Rect(40, 30, 620, 470))
        page.set_rotation(turn)
    return document


def _scene(mode: str) -> Image.Image:
    image = Image.linear_gradient("L").resize((200, 150)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 90, 90), fill=(200, 30, 60))
    draw.polygon([(120, 130), (180, 130), (150, 40)], fill=(20, 130, 80))
    if mode == "RGBA":
        image.putalpha(Image.radial_gradient("L").resize(image.size))
    return image.convert(mode)


def _lettered(size: tuple[int, int] = (600, 400)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    font = ImageFont.load_default(size=28)
    ImageDraw.Draw(image).multiline_text((30, 30), "The northern quay\nholds three barges.", "black", font)
    return image


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _drawn_pictures() -> Iterator[tuple[str, str, bytes]]:
    frames = [_lettered((320, 240)).rotate(angle, fillcolor="white") for angle in (0, 120, 240)]
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "lettered", "png", _encoded(_lettered(), "PNG")
    yield "palette", "png", _encoded(_scene("RGB").quantize(16), "PNG", transparency=3)
    yield "deep", "png", _encoded(_scene("L").convert("I;16"), "PNG")
    yield "photo", "jpg", _encoded(_scene("RGB"), "JPEG", exif=exif)
    yield "progressive", "jpg", _encoded(_lettered(), "JPEG", progressive=True)
    yield "cmyk", "jpg", _encoded(_scene("CMYK"), "JPEG")
    yield "moving", "gif", _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    yield "flat", "webp", _encoded(_scene("RGB"), "WEBP")
    yield "moving", "webp", _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    yield "flat", "bmp", _encoded(_scene("RGB"), "BMP")
    yield "pages", "tif", _encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    yield "fax", "tif", _encoded(_lettered().convert("1"), "TIFF", compression="group4")
