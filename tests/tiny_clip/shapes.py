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
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")

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

PLAIN = ("a page of text", "a page with words only", "text in columns", "a table of numbers")
"""Captions of pictures without a shape."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and its colour and shape; both None when it shows none."""

    picture: Image.Image
    colour: str | None
    shape: str | None


def caption(drawn: Drawn, chance: random.Random) -> str:
    if drawn.colour is None:
        return chance.choice(PLAIN)
    return chance.choice(TEMPLATES).format(drawn.colour, drawn.shape)


def draw(chance: random.Random, colour: str | None, shape: str | None, size: int = 128) -> Drawn:
    """A square picture: a shape alone, framed like a figure, or on a page among lines of grey text."""
    tone = chance.randint(225, 255)
    picture = Image.new("RGB", (size, size), (tone, tone, chance.randint(225, 255)))
    pen = ImageDraw.Draw(picture)
    look = chance.choice(("alone", "framed", "page"))
    if colour is None or shape is None or look == "page":
        _text_lines(pen, chance, size)
    if colour is None or shape is None:
        return Drawn(picture, None, None)
    smallest, largest = (0.14, 0.3) if look == "page" else (0.18, 0.5)
    radius = chance.uniform(smallest, largest) * size
    centre = (chance.uniform(radius, size - radius), chance.uniform(radius, size - radius))
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
        arm = radius * 0.3
        reach = [(-arm, -radius), (arm, -radius), (arm, -arm), (radius, -arm), (radius, arm), (arm, arm)]
        reach += [(-x, -y) for x, y in reach]
        cos, sin = math.cos(turn), math.sin(turn)
        pen.polygon([(centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos) for x, y in reach], fill=fill)


def _corners(centre: tuple[float, float], radii: list[float], turn: float) -> list[tuple[float, float]]:
    step = 2 * math.pi / len(radii)
    return [
        (centre[0] + radius * math.cos(turn + index * step), centre[1] + radius * math.sin(turn + index * step))
        for index, radius in enumerate(radii)
    ]


def _around(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
