"""Drawing of evidence pictures with Pillow: crop, highlighter, frame, and the bar with the file name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

from rag.extract.mupdf import load_pymupdf
from rag.model.extraction import Box

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Color: TypeAlias = tuple[int, int, int]
PixelBox: TypeAlias = tuple[float, float, float, float]

MIN_WIDTH, MAX_WIDTH = 720, 1400
"""Pixels: legible on a phone, and no larger than useful."""

LIGHT, MEDIUM, STRONG = (255, 246, 196), (255, 237, 134), (255, 225, 77)
"""Highlighter colors."""

_FRAME, _BAR, _LETTERS = (232, 89, 12), (31, 41, 51), (245, 247, 250)

_SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc")
"""Tried when a file name has letters that Pillow's own font and MuPDF's lack."""


@dataclass(frozen=True)
class PageView:
    """A part of a page at the size in which it is shown.

    Marks are drawn at this size, so that lines stay sharp and equally thick.
    """

    image: Image.Image
    left: int
    top: int
    scale: float
    page_width: int
    page_height: int

    def place(self, box: Box) -> PixelBox:
        """Return the pixels of a box on the page."""
        return (
            (box.x0 * self.page_width - self.left) * self.scale,
            (box.y0 * self.page_height - self.top) * self.scale,
            (box.x1 * self.page_width - self.left) * self.scale,
            (box.y1 * self.page_height - self.top) * self.scale,
        )


def view_page(page: Image.Image, crop: tuple[int, int, int, int]) -> PageView:
    """Return these pixels of a page, scaled to a width between MIN_WIDTH and MAX_WIDTH."""
    from PIL import Image

    left, top, right, bottom = crop
    width = min(max(right - left, MIN_WIDTH), MAX_WIDTH)
    scale = width / (right - left)
    height = max(1, round((bottom - top) * scale))
    image = page.crop(crop).resize((width, height), Image.Resampling.LANCZOS)
    return PageView(image, left, top, scale, page.width, page.height)


def highlight(image: Image.Image, marks: list[tuple[PixelBox, Color]]) -> Image.Image:
    """Return the image with highlighted boxes. Colors are multiplied with the page, so that letters stay black."""
    from PIL import Image, ImageChops, ImageDraw

    layer = Image.new("RGB", image.size, "white")
    pen = ImageDraw.Draw(layer)
    pad = max(2, round(image.width / 360))
    for (x0, y0, x1, y1), color in marks:
        box = (x0 - 2 * pad, y0 - pad, max(x1, x0 + 1) + 2 * pad, max(y1, y0 + 1) + pad)
        pen.rounded_rectangle(box, radius=2 * pad, fill=color)
    return ImageChops.multiply(image, layer)


def draw_frame(image: Image.Image, box: PixelBox, *, whole: bool) -> Image.Image:
    """Return the image with a frame around the box and the rest faded; with `whole`, a frame around the image."""
    from PIL import Image, ImageDraw

    line = max(3, round(image.width / 240))
    if whole:
        frame = (line / 2, line / 2, image.width - 1 - line / 2, image.height - 1 - line / 2)
    else:
        frame = (box[0] - 2 * line, box[1] - 2 * line, box[2] + 2 * line, box[3] + 2 * line)
        mask = Image.new("L", image.size, 110)
        ImageDraw.Draw(mask).rounded_rectangle(frame, radius=2 * line, fill=255)
        image = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle(frame, radius=0 if whole else 2 * line, outline=_FRAME, width=line)
    return image


def add_caption_bar(image: Image.Image, name: str, place: str) -> Image.Image:
    """Return the image above a bar with a file name and the place in it. A long name loses its middle."""
    from PIL import Image, ImageDraw

    size = max(22, round(image.width / 36))
    height, left = size * 2, size
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    font, drawable = _choose_font(name + place, size)
    name, place = drawable[: len(name)], drawable[len(name) :]
    available = image.width - left - size // 2
    length = len(name)
    while length > 1 and font.getlength(_shorten(name, length) + place) > available:
        length -= 1
    captioned = Image.new("RGB", (image.width, image.height + height), _BAR)
    captioned.paste(image, (0, 0))
    pen = ImageDraw.Draw(captioned)
    pen.rectangle((0, image.height, size // 3, captioned.height), fill=STRONG)
    middle = image.height + height / 2
    pen.text((left, middle), _shorten(name, length) + place, font=font, fill=_LETTERS, anchor="lm")
    return captioned


def _shorten(name: str, length: int) -> str:
    """Return a name of at most this length. The middle is left out, because files often differ in their ending."""
    if len(name) <= length:
        return name
    kept = max(1, length - 1)
    return name[: (kept + 1) // 2] + "…" + (name[-(kept // 2) :] if kept > 1 else "")


def _choose_font(text: str, size: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """Return the font that lacks the fewest letters of the text, and the text with `?` for the letters it lacks."""
    best: tuple[ImageFont.FreeTypeFont, set[str]] | None = None
    for font in _fonts(size):
        missing = _missing_letters(font, text)
        if best is None or len(missing) < len(best[1]):
            best = font, missing
        if not missing:
            break
    assert best is not None, "Pillow was built without FreeType"
    return best[0], "".join("?" if letter in best[1] else letter for letter in text)


def _fonts(size: int) -> Iterator[ImageFont.FreeTypeFont]:
    """Yield Pillow's own font (ASCII), MuPDF's (Latin, Greek, Cyrillic, Chinese, Japanese, Korean), the system's."""
    from PIL import ImageFont

    own = ImageFont.load_default(size)
    if isinstance(own, ImageFont.FreeTypeFont):
        yield own
    yield ImageFont.truetype(BytesIO(load_pymupdf().Font("cjk").buffer), size)
    for name in _SYSTEM_FONTS:
        try:
            yield ImageFont.truetype(name, size)
        except OSError:  # not on this machine
            continue


def _missing_letters(font: ImageFont.FreeTypeFont, text: str) -> set[str]:
    """Return the letters that the font draws as its sign for an unknown letter."""
    unknown = bytes(font.getmask("\U0010fffd"))
    return {letter for letter in set(text) if not letter.isspace() and bytes(font.getmask(letter)) == unknown}
