"""Sample files for searches: two PDFs and a screenshot, drawn by `python -m bot.demo.samples FOLDER`."""

from __future__ import annotations

import io
from pathlib import Path

from bot.demo.samples import drawing, handbook, report

SCREENSHOT = "screenshot-from-chat.png"
SHOWN_PAGE = 7
"""The page of the report that the screenshot was cut from."""


def draw_samples(folder: Path) -> list[Path]:
    """Write the two PDFs and the screenshot. Existing files with the same bytes keep their modification time."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for sample in (handbook, report):
        written.append(_write(folder / sample.NAME, drawing.finished(sample.draw(), sample.TITLE)))
    written.append(_write(folder / SCREENSHOT, _screenshot(written[1])))
    return written


def _write(path: Path, content: bytes) -> Path:
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
    return path


def _screenshot(pdf: Path) -> bytes:
    """Return part of a page as people paste it: rescaled, slightly paler, cut through a line of text."""
    import pymupdf
    from PIL import Image, ImageEnhance

    with pymupdf.open(pdf) as document:
        page = document[SHOWN_PAGE - 1]
        clip = pymupdf.Rect(301, 118, 552, 420)
        pixels = page.get_pixmap(dpi=140, clip=clip, alpha=False)
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    image = image.resize((round(image.width * 0.93), round(image.height * 0.93)), Image.Resampling.BICUBIC)
    image = ImageEnhance.Brightness(image).enhance(0.97)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
