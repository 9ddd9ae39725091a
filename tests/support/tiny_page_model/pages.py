"""Drawn pages of colored shapes, the training data of the tiny page model.

A page has several shapes. Whether it shows "a red circle" does not follow from the colors and shapes on it alone,
because another page has a red square and a blue circle.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from tests.support.tiny_clip.shapes import COLORS, SHAPES, draw_lines, draw_shape

HELD_OUT = frozenset(
    {("green", "triangle"), ("purple", "star"), ("orange", "ring"), ("blue", "cross"), ("red", "moon")}
)
"""Left out of training. Finding them shows that colors and shapes are joined, and pairs not known by heart."""

QUESTIONS = (
    "{} {}",
    "a {} {}",
    "which page shows a {} {}?",
    "where is the {} {}?",
    "the sheet with a {} {} on it",
)
CELLS = tuple((column, row) for row in range(2) for column in range(2))
"""A page is divided into four cells; each has at most one shape."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Sheet:
    """What a page shows: a color and a shape by cell. A cell without one has gray lines, as of text, or is empty."""

    shapes: tuple[tuple[tuple[int, int], Pair], ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(pair for _, pair in self.shapes)


def pairs(*, held_out: bool) -> list[Pair]:
    """Return the pairs of color and shape that are held out, or those that are not."""
    return [(color, shape) for color in COLORS for shape in SHAPES if ((color, shape) in HELD_OUT) is held_out]


def sheet_of(rng: random.Random, shown: Sequence[Pair]) -> Sheet:
    """Return a page that shows these pairs, each in a cell of its own."""
    return Sheet(tuple(zip(rng.sample(CELLS, len(shown)), shown, strict=True)))


def random_sheets(rng: random.Random, known: Sequence[Pair]) -> tuple[Sheet, Sheet]:
    """Return two pages with the same two colors and shapes, joined in different ways."""
    while True:
        (color, shape), (other_color, other_shape) = rng.sample(known, 2)
        swapped = [(other_color, shape), (color, other_shape)]
        if color != other_color and shape != other_shape and all(pair in known for pair in swapped):
            extra = [pair for pair in rng.sample(known, rng.choice((0, 1))) if pair not in swapped]
            shown = [(color, shape), (other_color, other_shape)]
            return sheet_of(rng, [*shown, *(pair for pair in extra if pair not in shown)]), sheet_of(rng, swapped)


def question_about(pair: Pair, rng: random.Random) -> str:
    return rng.choice(QUESTIONS).format(*pair)


def draw_sheet(sheet: Sheet, rng: random.Random, side: int) -> Image.Image:
    """Return a square picture of a page, `side` pixels wide."""
    tint = (rng.randint(235, 255), rng.randint(235, 255), rng.randint(235, 255))
    picture = Image.new("RGB", (side, side), rng.choice(((255, 255, 255), tint)))
    canvas = ImageDraw.Draw(picture)
    cell = side / 2
    shown = dict(sheet.shapes)
    for column, row in CELLS:
        left, top = column * cell, row * cell
        if (column, row) not in shown:
            if rng.random() < 0.6:
                draw_lines(canvas, rng, (left, top, left + cell, top + cell), side / 128)
            continue
        color, shape = shown[column, row]
        radius = rng.uniform(0.3, 0.44) * cell
        slack = cell / 2 - radius
        center = (left + cell / 2 + rng.uniform(-slack, slack), top + cell / 2 + rng.uniform(-slack, slack))
        shade = tuple(max(0, min(255, value + rng.randint(-14, 14))) for value in COLORS[color])
        draw_shape(canvas, shape, center, radius, shade, rng.uniform(-0.35, 0.35))
    return picture
