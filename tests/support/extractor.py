"""An extractor of plain text. Form feeds separate pages, and `# ` begins a heading. Pages with `!skim` can be skimmed.

`!unreadable` makes the file unreadable, `!bad` fails its page, and `!stopped` stops the extractor. A line
`!note TEXT` is a note about its page, `!lost TEXT` one of something lost. `attached` puts files inside a file.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw

from rag.errors import ExtractorStopped, Unreadable
from rag.model.extraction import (
    Attachment,
    Attachments,
    Block,
    BlockKind,
    Box,
    ExtractedPage,
    Inspection,
    Line,
    Note,
    TextSource,
    Word,
)

_ATTACHED, _DEEPER = "\x1d", "\x1e"


def attached(text: str, **files: str) -> str:
    """Return a file with these files inside of it; their names have `_` for the dot."""
    inner = (f"{name.replace('_', '.')}\n{content.replace(_ATTACHED, _DEEPER)}" for name, content in files.items())
    return _ATTACHED.join([text, *inner])


class InProcess(Protocol):
    """What the extractors of tests have in common: no process, no models, and regions that are whole pages."""

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]: ...

    def draw_region(self, path: Path, number: int, region: Box, width: int, turn: int, into: Path) -> Path:
        """Draw the whole page."""
        name = self.extract(path, number, number, into)[0].render
        assert name is not None
        return into / name

    def load_models(self) -> str:
        return ""

    def close(self) -> None:
        return


class TextExtractor(InProcess):
    """Satisfies ports.Extractor. `reads` records the numbers of the extracted pages, `skims` those of skimmed ones."""

    def __init__(self, version: str = "text-1") -> None:
        self.version = version
        self.reads: list[int] = []
        self.skims: list[int] = []

    def inspect(self, path: Path) -> Inspection:
        try:
            text = path.read_text().partition(_ATTACHED)[0]
        except UnicodeDecodeError as error:
            raise Unreadable("This is not text.", "Send it as text.") from error
        if "!unreadable" in text:
            raise Unreadable("The file is encrypted.", "Remove its password.")
        return Inspection("text/plain", text.count("\f") + 1, None)

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        found: list[Attachment] = []
        _unpack(path.read_text(), "", into, found)
        return Attachments(tuple(found))

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        """Yield the words of pages with a line `!skim`, without that line."""
        pages = path.read_text().partition(_ATTACHED)[0].split("\f")
        for number in range(first, last + 1):
            self.skims.append(number)
            text = pages[number - 1] if "!skim" in pages[number - 1] else ""
            blocks = [_block(row, line) for row, line in enumerate(_lines(text)) if line.strip()]
            kept = tuple(replace(block, kind=BlockKind.TEXT) for block in blocks)
            yield ExtractedPage(number, None, 600, 800, TextSource.LAYER, kept, None)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        pages = path.read_text().partition(_ATTACHED)[0].split("\f")
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
        blocks = tuple(_block(row, line) for row, line in enumerate(_lines(text)) if line.strip())
        notes = tuple(
            Note(line.removeprefix("!note ").removeprefix("!lost "), lost=line.startswith("!lost "))
            for line in text.splitlines()
            if line.startswith(("!note ", "!lost "))
        )
        return ExtractedPage(number, f"p{number}", 600, 800, TextSource.LAYER, blocks, render, notes=notes)


def _unpack(text: str, inside: str, into: Path, found: list[Attachment]) -> None:
    for part in text.split(_ATTACHED)[1:]:
        name, _, content = part.partition("\n")
        content = content.replace(_DEEPER, _ATTACHED)
        found.append(Attachment(name, f"attachment-{len(found) + 1}", inside))
        (into / found[-1].file).write_text(content)
        _unpack(content, name, into, found)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line != "!skim"]


def _block(row: int, line: str) -> Block:
    top = min(0.05 * row, 0.95)
    box = Box(0.1, top, 0.9, top + 0.04)
    words = tuple(Word(word, box) for word in line.removeprefix("# ").split())
    return Block(BlockKind.HEADING if line.startswith("# ") else BlockKind.TEXT, box, (Line(words, box),))
