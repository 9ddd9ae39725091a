"""Colored shapes with captions, the training data of the tiny CLIP."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

COLORS = {
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
"""Left out of training. Finding them shows that color and shape were learned separately."""

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
"""Captions that name only the color or only the shape."""

PLAIN = ("a page of text", "a page with words only", "text in columns", "a table of numbers")
"""Captions of pictures without a shape."""


STYLES = {"alone": (0.18, 0.46), "framed": (0.18, 0.44), "close": (0.42, 0.58), "page": (0.14, 0.3)}
"""The placement of a shape in its picture, with the bounds of its radius as a fraction of the picture."""


@dataclass(frozen=True)
class Drawn:
    """A picture with its color and shape, which are None if it has no shape."""

    picture: Image.Image
    color: str | None
    shape: str | None


def draw(rng: random.Random, color: str | None, shape: str | None, size: int = 128) -> Drawn:
    """Return a square picture of a shape: alone, framed, so large that its ends may be cut, or among gray text."""
    tint = (rng.randint(225, 255), rng.randint(225, 255), rng.randint(225, 255))
    picture = Image.new("RGB", (size, size), rng.choice(((255, 255, 255), tint)))
    canvas = ImageDraw.Draw(picture)
    style = rng.choice(tuple(STYLES))
    if color is None or shape is None or style == "page":
        draw_lines(canvas, rng, (0, 0, size, size))
    if color is None or shape is None:
        return Drawn(picture, None, None)
    radius = rng.uniform(*STYLES[style]) * size
    margin = max(size / 2 - radius, size * 0.05)
    center = (size / 2 + rng.uniform(-margin, margin), size / 2 + rng.uniform(-margin, margin))
    if style == "page":
        canvas.rectangle(_around(center, radius * 1.15), fill="white")
    if style == "framed":
        canvas.rectangle((2, 2, size - 3, size - 3), outline=(120, 120, 120), width=2)
    shade = tuple(max(0, min(255, value + rng.randint(-14, 14))) for value in COLORS[color])
    draw_shape(canvas, shape, center, radius, shade, rng.uniform(-0.35, 0.35))
    return Drawn(picture, color, shape)


def draw_lines(
    canvas: ImageDraw.ImageDraw, rng: random.Random, box: tuple[float, float, float, float], scale: float = 1.0
) -> None:
    """Draw gray bars in a box, as text looks from afar."""
    left_edge, top_edge, right, bottom = box
    step = rng.randint(6, 10) * scale
    top = top_edge + rng.randint(4, 12) * scale
    while top < bottom - 6 * scale:
        left = left_edge + 8 * scale
        while left < right - 16 * scale:
            width = rng.randint(6, 22) * scale
            gray = rng.randint(70, 150)
            canvas.rectangle(
                (left, top, min(left + width, right - 8 * scale), top + step // 3), fill=(gray, gray, gray)
            )
            left += width + 4 * scale
        top += step


def draw_shape(
    canvas: ImageDraw.ImageDraw,
    shape: str,
    center: tuple[float, float],
    radius: float,
    fill: tuple[int, ...],
    turn: float,
) -> None:
    box = _around(center, radius)
    if shape == "circle":
        canvas.ellipse(box, fill=fill)
    elif shape == "ring":
        canvas.ellipse(box, outline=fill, width=max(3, round(radius * 0.3)))
    elif shape == "square":
        canvas.polygon(_corners(center, [radius] * 4, turn + math.pi / 4), fill=fill)
    elif shape == "triangle":
        canvas.polygon(_corners(center, [radius] * 3, turn - math.pi / 2), fill=fill)
    elif shape == "star":
        canvas.polygon(_corners(center, [radius, radius * 0.42] * 5, turn - math.pi / 2), fill=fill)
    else:
        outline = {"cross": _CROSS, "arrow": _ARROW, "moon": _MOON}[shape]
        canvas.polygon(_placed(outline, center, radius, turn), fill=fill)


_ARM = ((-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3))
_CROSS = [(x * side, y * side) for side in (1, -1) for x, y in _ARM]
_ARROW = [(-1, -0.22), (0.15, -0.22), (0.15, -0.7), (1, 0), (0.15, 0.7), (0.15, 0.22), (-1, 0.22)]
_HALF = [(-math.sin(step / 12 * math.pi), math.cos(step / 12 * math.pi)) for step in range(13)]
_MOON = _HALF + [(0.45 * x, y) for x, y in reversed(_HALF)]
"""Outlines in a circle of radius 1."""


def _placed(
    outline: list[tuple[float, float]], center: tuple[float, float], radius: float, turn: float
) -> list[tuple[float, float]]:
    cos, sin = math.cos(turn) * radius, math.sin(turn) * radius
    return [(center[0] + x * cos - y * sin, center[1] + x * sin + y * cos) for x, y in outline]


def _corners(center: tuple[float, float], radii: list[float], turn: float) -> list[tuple[float, float]]:
    step = 2 * math.pi / len(radii)
    return [
        (center[0] + radius * math.cos(turn + index * step), center[1] + radius * math.sin(turn + index * step))
        for index, radius in enumerate(radii)
    ]


def _around(center: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return (center[0] - radius, center[1] - radius, center[0] + radius, center[1] + radius)
