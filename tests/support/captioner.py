"""A captioner that names the colour in the middle of a picture, and a reader whose pages have coloured figures."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from rag.errors import Unreadable
from rag.model import Block, BlockKind, Box, ExtractedPage, Inspection
from tests.support.extractor import TextExtractor

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (200, 20, 20),
    "green": (20, 160, 40),
    "blue": (30, 60, 200),
    "black": (0, 0, 0),
}


def colour_of(picture: bytes) -> str:
    """The name of the colour in the middle."""
    with Image.open(BytesIO(picture)) as opened:
        seen = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
    assert isinstance(seen, tuple)
    return min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], seen, strict=True)))


@dataclass
class FakeCaptioner:
    """Satisfies ports.Captioner. `says` is what it says of a colour, `fails` what it raises, `broken` for all."""

    identity: str = "fake-sees:1b"
    says: Mapping[str, str] = field(default_factory=dict)
    fails: Mapping[str, BaseException] = field(default_factory=dict)
    broken: BaseException | None = None
    asked: list[str] = field(default_factory=list)

    def caption(self, picture: bytes, stop: threading.Event) -> str:
        colour = colour_of(picture)
        self.asked.append(colour)
        if self.broken is not None:
            raise self.broken
        if colour in self.fails:
            raise self.fails[colour]
        return self.says.get(colour, f"A drawing of a {colour} zeppelin over 77 houses.")


class FigureReader(TextExtractor):
    """As TextExtractor; a line `~red` is a red figure."""

    def inspect(self, path: Path) -> Inspection:
        if path.suffix == ".png":
            raise Unreadable("This reader reads no pictures.", "Use another.")
        return super().inspect(path)

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        lines = text.splitlines()
        read = super()._page(number, "\n".join(line for line in lines if not line.startswith("~")), into)
        figures = []
        for row, line in enumerate(lines):
            if line.startswith("~"):
                name = f"f{number:04d}-{row}.jpg"
                Image.new("RGB", (200, 160), COLOURS[line[1:]]).save(into / name)
                figures.append(Block(BlockKind.FIGURE, Box(0.2, 0.5, 0.8, 0.9), picture=name))
        return replace(read, blocks=(*read.blocks, *figures))
