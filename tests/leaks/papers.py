"""What is shared in a leak test: papers whose every word, name and picture says which paper it is.

A paper's bytes are a PDF to Slack and lines of text to the reader here, which is quick; its page is a flat colour of
its own under a pattern of its own, so that any part of it can be told in whatever picture the bot makes of it.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from rag import Unreadable
from rag.model import Block, BlockKind, Box, ExtractedPage, Inspection, Line, TextSource, Word

PAGES = 2
MOST = 26
SIZE = (600, 760)
TOPICS = ("gateway", "lantern", "harbour", "relay", "sluice", "quay")

_TEXT, _NAME = "xtext{:05d}x", "xname{:05d}x"
TEXT_MARK, NAME_MARK = re.compile(r"xtext(\d{5})x"), re.compile(r"xname(\d{5})x")


TORN = b"%PDF-1.4 torn"
"""A file that nobody can read: its name is told with what failed."""


def name_of(share: int, ending: str = "pdf") -> str:
    """A file name that stands for one share, and for nothing else."""
    return f"{_NAME.format(share)}.{ending}"


@dataclass(frozen=True)
class Paper:
    """`number` is unique in a workspace, below MOST, for its colour."""

    number: int

    @property
    def colour(self) -> tuple[int, int, int]:
        """Told by its red and by whether it has green: a highlighter takes some of the green and most of the blue, and
        the veil around a region makes all three light."""
        row, column = divmod(self.number, MOST // 2)
        return (24 + 18 * column, (30, 200)[row], 0)

    @property
    def content(self) -> bytes:
        lines = []
        for page in range(1, PAGES + 1):
            topic = TOPICS[(self.number + page) % len(TOPICS)]
            lines.append(
                f"# Chapter {_TEXT.format(self.number)}\n"
                f"The {topic} has the pass word {_TEXT.format(self.number)} and the port {1000 + self.number}.\n"
                f"See page {page} for the {topic} at night."
            )
        return b"%PDF-leak " + json.dumps({"number": self.number, "pages": lines}).encode()

    def page(self, number: int) -> Image.Image:
        picture = Image.new("RGB", SIZE, self.colour)
        pen, chance = ImageDraw.Draw(picture), random.Random(self.number * 10 + number)
        for _ in range(70):
            x, y = chance.randrange(SIZE[0]), chance.randrange(SIZE[1])
            pen.rectangle((x, y, x + chance.randrange(4, 26), y + chance.randrange(4, 26)), fill="black")
        return picture

    def screenshot(self) -> bytes:
        """A part of the first page, as somebody kept it; what words stand in it, the picture itself tells."""
        told = PngImagePlugin.PngInfo()
        told.add_text("words", f"{TOPICS[(self.number + 1) % len(TOPICS)]} port {1000 + self.number} pass word night")
        made = BytesIO()
        self.page(1).crop((20, 20, 520, 620)).save(made, "PNG", pnginfo=told)
        return made.getvalue()


def numbers_in(picture: bytes, papers: dict[tuple[int, int, int], int]) -> set[int]:
    """The papers of which a good part of a picture is made; `papers` by colour."""
    with Image.open(BytesIO(picture)) as opened:
        small = opened.convert("RGB").resize((96, 96), Image.Resampling.NEAREST)
    pixels = np.asarray(small).reshape(-1, 3).tolist()
    found = set()
    for colour, number in papers.items():
        low, high = colour[1] * 0.85 - 8, colour[1] + 8
        near = sum(abs(red - colour[0]) <= 6 and low <= green <= high and blue <= 40 for red, green, blue in pixels)
        if near > 0.08 * len(pixels):
            found.add(number)
    return found


class PaperReader:
    """Satisfies ports.Reader for papers and for their screenshots."""

    version = "paper-1"

    def inspect(self, path: Path) -> Inspection:
        if path.read_bytes() == TORN:
            raise Unreadable("It is torn.", "Mend it.")
        paper = _paper(path)
        if paper is None:
            return Inspection("image/png", 1, None)
        return Inspection("application/pdf", PAGES, None)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        paper = _paper(path)
        if paper is None:
            with Image.open(path) as picture:
                words = str(picture.info.get("words", ""))
                picture.convert("RGB").save(into / "query.jpg", quality=92)
            return [_page(1, [words], "query.jpg")]
        told = json.loads(path.read_bytes().removeprefix(b"%PDF-leak "))["pages"]
        pages = []
        for number in range(first, last + 1):
            name = f"p{number}.jpg"
            paper.page(number).save(into / name, quality=92)
            pages.append(_page(number, told[number - 1].splitlines(), name))
        return pages

    def close(self) -> None:
        pass


def _paper(path: Path) -> Paper | None:
    data = path.read_bytes()
    if not data.startswith(b"%PDF-leak "):
        return None
    return Paper(json.loads(data.removeprefix(b"%PDF-leak "))["number"])


def _page(number: int, lines: list[str], render: str) -> ExtractedPage:
    blocks = []
    for row, line in enumerate(lines):
        box = Box(0.1, 0.1 + 0.2 * row, 0.9, 0.2 + 0.2 * row)
        kind = BlockKind.HEADING if line.startswith("# ") else BlockKind.TEXT
        words = tuple(Word(word, box) for word in line.removeprefix("# ").split())
        blocks.append(Block(kind, box, (Line(words, box),)))
    return ExtractedPage(number, None, 600, 760, TextSource.LAYER, tuple(blocks), render)
