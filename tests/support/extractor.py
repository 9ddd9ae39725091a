"""An extractor of plain text. Form feeds separate pages, and `# ` begins a heading.

`!unreadable` makes the file unreadable, `!bad` fails its page, and `!stopped` stops the extractor.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from rag.errors import ExtractorStopped, Unreadable
from rag.model import Block, BlockKind, Box, ExtractedPage, Inspection, Line, TextSource, Word


class TextExtractor:
    """Satisfies ports.Extractor. `reads` records the numbers of the extracted pages."""

    def __init__(self, version: str = "text-1") -> None:
        self.version = version
        self.reads: list[int] = []

    def inspect(self, path: Path) -> Inspection:
        try:
            text = path.read_text()
        except UnicodeDecodeError as error:
            raise Unreadable("This is not text.", "Send it as text.") from error
        if "!unreadable" in text:
            raise Unreadable("The file is encrypted.", "Remove its password.")
        return Inspection("text/plain", text.count("\f") + 1, None)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        pages = path.read_text().split("\f")
        return [self._page(number, pages[number - 1], into) for number in range(first, last + 1)]

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        self.reads.append(number)
        if "!stopped" in text:
            raise ExtractorStopped("The reader was stopped.")
        if "!bad" in text:
            return ExtractedPage(number, None, 600, 800, TextSource.NONE, (), None, "This page could not be read.")
        render = f"p{number:04d}.jpg"
        picture = Image.new("RGB", (300, 400), "white")
        ImageDraw.Draw(picture).text((10, 10), text[:200], fill="black")
        picture.save(into / render)
        blocks = tuple(_block(row, line) for row, line in enumerate(text.splitlines()) if line.strip())
        return ExtractedPage(number, f"p{number}", 600, 800, TextSource.LAYER, blocks, render)

    def layout_problem(self) -> str:
        return ""

    def close(self) -> None:
        pass


def _block(row: int, line: str) -> Block:
    top = min(0.05 * row, 0.95)
    box = Box(0.1, top, 0.9, top + 0.04)
    words = tuple(Word(word, box) for word in line.removeprefix("# ").split())
    return Block(BlockKind.HEADING if line.startswith("# ") else BlockKind.TEXT, box, (Line(words, box),))
