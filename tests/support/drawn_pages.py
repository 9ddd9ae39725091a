"""An extractor of drawn pages: a file's lines are pages, whose words and pictures are given apart from each other."""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rag.model.extraction import (
    Attachments,
    Block,
    BlockKind,
    Box,
    ExtractedPage,
    Inspection,
    Line,
    TextSource,
    Word,
)
from tests.support.extractor import InProcess
from tests.support.tiny_page_model.pages import Pair, Sheet, draw_sheet, sheet_of

_SIDE = 320
_WHERE = Box(0.1, 0.9, 0.9, 0.95)


@dataclass(frozen=True)
class DrawnPage:
    """A page that shows these pairs of color and shape, and has these words, which are not in its picture."""

    shows: Sequence[Pair]
    words: str = ""


def drawn_file(path: Path, pages: Sequence[DrawnPage], seed: int = 1) -> list[Sheet]:
    """Write a file of drawn pages. Return what is where on each page."""
    rng = random.Random(seed)
    sheets = [sheet_of(rng, page.shows) for page in pages]
    rows = [
        {"shapes": sheet.shapes, "words": page.words, "seed": rng.randrange(1 << 30)}
        for sheet, page in zip(sheets, pages, strict=True)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return sheets


class DrawingExtractor(InProcess):
    """Satisfies ports.Extractor for files of `drawn_file`, and for pictures, in which it reads no words."""

    version = "drawn-1"

    def inspect(self, path: Path) -> Inspection:
        if path.suffix == ".png":
            return Inspection("image/png", 1, None)
        return Inspection("application/pdf", len(path.read_text().splitlines()), None)

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        return Attachments(())

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        yield from ()

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.convert("RGB").save(into / "picture.jpg", quality=95)
            return [ExtractedPage(1, None, _SIDE, _SIDE, TextSource.NONE, (), "picture.jpg")]
        rows = path.read_text().splitlines()
        return [self._page(number, json.loads(rows[number - 1]), into) for number in range(first, last + 1)]

    def _page(self, number: int, row: dict[str, object], into: Path) -> ExtractedPage:
        shapes = tuple(((cell[0], cell[1]), (pair[0], pair[1])) for cell, pair in row["shapes"])  # type: ignore[attr-defined]
        name = f"p{number:04d}.jpg"
        draw_sheet(Sheet(shapes), random.Random(str(row["seed"])), _SIDE).save(into / name, quality=95)
        words = tuple(Word(word, _WHERE) for word in str(row["words"]).split())
        blocks = (Block(BlockKind.TEXT, _WHERE, (Line(words, _WHERE),)),) if words else ()
        return ExtractedPage(number, None, _SIDE, _SIDE, TextSource.LAYER, blocks, name)
