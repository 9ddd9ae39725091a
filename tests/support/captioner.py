"""A captioner that names the color in the center of a picture, and an extractor of pages with colored figures."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from rag.errors import Unreadable
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, Inspection
from tests.support.extractor import TextExtractor

COLORS: Mapping[str, tuple[int, int, int]] = {
    "red": (200, 20, 20),
    "green": (20, 160, 40),
    "blue": (30, 60, 200),
    "black": (0, 0, 0),
}


def color_of(picture: bytes) -> str:
    """Return the name of the color in the center."""
    with Image.open(BytesIO(picture)) as opened:
        pixel = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
    assert isinstance(pixel, tuple)
    return min(COLORS, key=lambda name: sum(abs(a - b) for a, b in zip(COLORS[name], pixel, strict=True)))


@dataclass
class FakeCaptioner:
    """Satisfies ports.Captioner.

    `says` has captions and `fails` exceptions, by color. `broken` is raised for all colors. `asked` records the colors.
    """

    identity: str = "fake-sees:1b"
    says: Mapping[str, str] = field(default_factory=dict)
    fails: Mapping[str, BaseException] = field(default_factory=dict)
    broken: BaseException | None = None
    asked: list[str] = field(default_factory=list)

    def caption(self, picture: bytes, stop: threading.Event) -> str:
        color = color_of(picture)
        self.asked.append(color)
        if self.broken is not None:
            raise self.broken
        if color in self.fails:
            raise self.fails[color]
        return self.says.get(color, f"A drawing of a {color} zeppelin over 77 houses.")


class FigureExtractor(TextExtractor):
    """A TextExtractor for which a line `~red` is a red figure."""

    def inspect(self, path: Path) -> Inspection:
        if path.suffix == ".png":
            raise Unreadable("This extractor does not read pictures.", "Use another.")
        return super().inspect(path)

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        lines = text.splitlines()
        read = super()._page(number, "\n".join(line for line in lines if not line.startswith("~")), into)
        figures = []
        for row, line in enumerate(lines):
            if line.startswith("~"):
                name = f"f{number:04d}-{row}.jpg"
                Image.new("RGB", (200, 160), COLORS[line[1:]]).save(into / name)
                figures.append(Block(BlockKind.FIGURE, Box(0.2, 0.5, 0.8, 0.9), picture=name))
        return replace(read, blocks=(*read.blocks, *figures))
