"""Coloured shapes with captions: the world that the tiny CLIP knows."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

COLOURS = {
    "red": (214, 40, 40),
    "green": (42, 157, 60),
    "blue": (38, 84, 210),
    "yellow": (246, 205, 40),
    "purple": (128, 50, 168),
    "orange": (243, 130, 30),
    "black": (25, 25, 25),
    "pink": (240, 130, 180),
    "brown": (124, 72, 32),
    "cyan": (60, 200, 215),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "arrow", "moon")

HELD_OUT = frozenset({("green", "triangle"), ("purple", "star"), ("orange", "ring"), ("blue", "cross")})
"""Never drawn in training: that they are found shows that colour and shape were learnt apart."""

TEMPLATES = (
    "{} {}",
    "a {} {}",
    "the {} {}",
    "a picture of a {} {}",
    "a figure with a {} {}",
    "one large {} {}",
    "which page shows a {} {}?",
    "a drawing of a {} {} on a page",
)
PARTS = ("{}", "a {}", "the {} one", "a figure with a {}", "something {}")
"""Captions that name only the colour, or only the shape."""

PLAIN = ("a page of text", "a page with words only", "text in columns", "a table of numbers")
"""Captions of pictures without a shape."""


LOOKS = {"alone": (0.18, 0.46), "framed": (0.18, 0.44), "close": (0.42, 0.58), "page": (0.14, 0.3)}
"""How a shape may lie in its picture, with the bounds of its radius as a fraction of the picture."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and its colour and shape; both None when it shows none."""

    picture: Image.Image
    colour: str | None
    shape: str | None


def draw(chance: random.Random, colour: str | None, shape: str | None, size: int = 128) -> Drawn:
    """A square picture: a shape alone, framed, so close that its ends may be cut, or among lines of grey text."""
    tint = (chance.randint(225, 255), chance.randint(225, 255), chance.randint(225, 255))
    picture = Image.new("RGB", (size, size), chance.choice(((255, 255, 255), tint)))
    pen = ImageDraw.Draw(picture)
    look = chance.choice(tuple(LOOKS))
    if colour is None or shape is None or look == "page":
        _text_lines(pen, chance, size)
    if colour is None or shape is None:
        return Drawn(picture, None, None)
    radius = chance.uniform(*LOOKS[look]) * size
    room = max(size / 2 - radius, size * 0.05)
    centre = (size / 2 + chance.uniform(-room, room), size / 2 + chance.uniform(-room, room))
    if look == "page":
        pen.rectangle(_around(centre, radius * 1.15), fill="white")
    if look == "framed":
        pen.rectangle((2, 2, size - 3, size - 3), outline=(120, 120, 120), width=2)
    shade = tuple(max(0, min(255, value + chance.randint(-14, 14))) for value in COLOURS[colour])
    _shape(pen, shape, centre, radius, shade, chance.uniform(-0.35, 0.35))
    return Drawn(picture, colour, shape)


def _text_lines(pen: ImageDraw.ImageDraw, chance: random.Random, size: int) -> None:
    step = chance.randint(6, 10)
    for top in range(chance.randint(4, 12), size - 6, step):
        left = 8
        while left < size - 16:
            width = chance.randint(6, 22)
            grey = chance.randint(70, 150)
            pen.rectangle((left, top, min(left + width, size - 8), top + step // 3), fill=(grey, grey, grey))
            left += width + 4


def _shape(
    pen: ImageDraw.ImageDraw,
    shape: str,
    centre: tuple[float, float],
    radius: float,
    fill: tuple[int, ...],
    turn: float,
) -> None:
    box = _around(centre, radius)
    if shape == "circle":
        pen.ellipse(box, fill=fill)
    elif shape == "ring":
        pen.ellipse(box, outline=fill, width=max(3, round(radius * 0.3)))
    elif shape == "square":
        pen.polygon(_corners(centre, [radius] * 4, turn + math.pi / 4), fill=fill)
    elif shape == "triangle":
        pen.polygon(_corners(centre, [radius] * 3, turn - math.pi / 2), fill=fill)
    elif shape == "star":
        pen.polygon(_corners(centre, [radius, radius * 0.42] * 5, turn - math.pi / 2), fill=fill)
    else:
        outline = {"cross": _CROSS, "arrow": _ARROW, "moon": _MOON}[shape]
        pen.polygon(_placed(outline, centre, radius, turn), fill=fill)


_ARM = ((-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3))
_CROSS = [(x * side, y * side) for side in (1, -1) for x, y in _ARM]
_ARROW = [(-1, -0.22), (0.15, -0.22), (0.15, -0.7), (1, 0), (0.15, 0.7), (0.15, 0.22), (-1, 0.22)]
_HALF = [(-math.sin(step / 12 * math.pi), math.cos(step / 12 * math.pi)) for step in range(13)]
_MOON = _HALF + [(0.45 * x, y) for x, y in reversed(_HALF)]
"""Outlines within a circle of radius 1."""


def _placed(
    outline: list[tuple[float, float]], centre: tuple[float, float], radius: float, turn: float
) -> list[tuple[float, float]]:
    cos, sin = math.cos(turn) * radius, math.sin(turn) * radius
    return [(centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos) for x, y in outline]


def _corners(centre: tuple[float, float], radii: list[float], turn: float) -> list[tuple[float, float]]:
    step = 2 * math.pi / len(radii)
    return [
        (centre[0] + radius * math.cos(turn + index * step), centre[1] + radius * math.sin(turn + index * step))
        for index, radius in enumerate(radii)
    ]


def _around(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
