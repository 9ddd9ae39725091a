"""Small generated PDFs and pictures for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pymupdf as pymupdf
from PIL import Image, ImageDraw, ImageFont

PARAGRAPH = (
    "The committee met in the spring to look at the yearly figures. It found that the costs of heating had fallen, "
    "that the number of visitors had grown, and that the roof over the northern hall needs to be mended before the "
    "winter comes. It asks for three offers and will decide in autumn which of them is taken."
)


def save(document: Any, path: Path, **options: Any) -> Path:
    """Write the document, close it and return its path."""
    document.save(path, **options)
    document.close()
    return path


def text_page(document: Any, text: str = PARAGRAPH, *, heading: str = "A heading of this page") -> Any:
    """A page of 600 x 800 points with a heading and a paragraph."""
    page = document.new_page(width=600, height=800)
    page.insert_text((60, 90), heading, fontsize=20, fontname="hebo")
    page.insert_textbox((60, 120, 540, 300), text, fontsize=11)
    return page


def lettering(text: str, size: tuple[int, int] = (900, 300), *, fill: str = "black", font: int = 48) -> Image.Image:
    """Return a white picture with the text in its middle."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.text((size[0] / 2, size[1] / 2), text, fill=fill, font=ImageFont.load_default(size=font), anchor="mm")
    return image


def png(image: Image.Image) -> bytes:
    """Return the picture as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def picture_page(document: Any, image: Image.Image, rect: tuple[float, float, float, float] | None = None) -> Any:
    """Add a page of 600 x 800 points with only a picture, which fills the page unless `rect` is given."""
    page = document.new_page(width=600, height=800)
    page.insert_image(rect or page.rect, stream=png(image), keep_proportion=False)
    return page


def new() -> Any:
    return pymupdf.open()
