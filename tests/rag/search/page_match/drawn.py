"""Draw distinct test pages with headings, lines of words, boxes and curves."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 595, 842
LETTERS = "abcdefghilmnoprstuvy"


def draw_page(document: pymupdf.Document, seed: int, words: bool = True) -> None:
    """Add a page with two columns of invented words and a chart; without `words`, with charts only."""
    chance = random.Random(seed)
    page = document.new_page(width=WIDTH, height=HEIGHT)
    page.draw_rect((50, 40, 545, 70), color=None, fill=[chance.uniform(0.1, 0.6) for _ in range(3)])
    if words:
        for left in (50, 310):
            text = " ".join(_word(chance) for _ in range(150))
            page.insert_textbox((left, 90, left + 235, 480), text, fontsize=10.5, lineheight=1.4)
    _chart(page, chance, (60, 500, 535, 790))
    if not words:
        _chart(page, chance, (60, 90, 535, 480))


def _word(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(2, 9)))


def _chart(page: pymupdf.Page, chance: random.Random, place: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = place
    page.draw_rect(place, color=(0.2, 0.2, 0.2), width=1)
    for _ in range(14):
        ink = [chance.uniform(0.0, 0.8) for _ in range(3)]
        x, y = chance.uniform(x0 + 10, x1 - 70), chance.uniform(y0 + 10, y1 - 70)
        wide, high = chance.uniform(15, 60), chance.uniform(15, 60)
        if chance.random() < 0.5:
            page.draw_rect((x, y, x + wide, y + high), color=ink, fill=ink if chance.random() < 0.5 else None, width=2)
        else:
            page.draw_polyline([(x, y + high), (x + wide / 2, y), (x + wide, y + high)], color=ink, width=2)
            page.draw_circle((x + wide, y + high / 2), 8, color=ink, width=1.5)


def drawn_pdf(path: Path, seeds: list[int], words: bool = True) -> Path:
    with pymupdf.open() as document:
        for seed in seeds:
            draw_page(document, seed, words)
        document.save(path, no_new_id=True)
    return path


def page_picture(seed: int, dpi: int = 110, words: bool = True) -> NDArray[np.uint8]:
    """Return a drawn page in grayscale."""
    with pymupdf.open() as document:
        draw_page(document, seed, words)
        return rendered(document[0], dpi)


def rendered(page: pymupdf.Page, dpi: int) -> NDArray[np.uint8]:
    pixels = page.get_pixmap(dpi=dpi, alpha=False, colorspace=pymupdf.csGRAY)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width).copy()


def cut(whole: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Image.Image:
    """Return the part of a picture inside a box, given in fractions of the picture."""
    height, width = whole.shape
    x0, y0, x1, y1 = box
    return Image.fromarray(whole[int(y0 * height) : int(y1 * height), int(x0 * width) : int(x1 * width)])
