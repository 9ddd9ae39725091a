"""Documents of a leak test, whose text, file names and pictures show which document they come from.

Slack takes a document's content for a PDF. The fast extractor here reads its lines of text. Each page has a unique
background color and pattern, so that a part of it is recognized in any picture that the bot makes.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, PngImagePlugin

from rag import Unreadable
from rag.model.extraction import (
    Attachment,
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

PAGES = 2
MAX_DOCUMENTS = 26
SIZE = (360, 456)
"""Pixels of a page. Larger ones take longer to draw and to compare."""
TOPICS = ("gateway", "lantern", "harbour", "relay", "sluice", "quay")

_TEXT, _NAME, _WORD = "xtext{:05d}x", "xname{:05d}x", "xword{:05d}x"
TEXT_MARK, NAME_MARK, WORD_MARK = (re.compile(rf"x{kind}(\d{{5}})x") for kind in ("text", "name", "word"))

_CODE_MARK = re.compile(r"xcode([a-z])\1{3}x")

_ATTACHED_NAMES = 50_000
"""The first number of the names of attached documents."""

UNREADABLE = b"%PDF-1.4 torn"
"""A file that fails to be read. The notice of the failure contains its name."""


def name_of(share: int, ending: str = "pdf") -> str:
    """Return a file name that identifies one share."""
    return f"{_NAME.format(share)}.{ending}"


def word(number: int) -> str:
    """Return a word that identifies one text of one message."""
    return _WORD.format(number)


def documents_named(text: str) -> set[int]:
    """Return the numbers of the documents whose own words are in a text."""
    return {int(mark) for mark in TEXT_MARK.findall(text)} | {ord(mark) - ord("a") for mark in _CODE_MARK.findall(text)}


@dataclass(frozen=True)
class MarkedDocument:
    """A document. `number` is unique in a workspace and less than MAX_DOCUMENTS, because it determines the color.

    `inside` are the documents attached to it, under names of their own.
    """

    number: int
    inside: tuple[MarkedDocument, ...] = ()

    @property
    def numbers(self) -> set[int]:
        """Return the numbers of this document and of all that are inside of it."""
        return {self.number}.union(*(document.numbers for document in self.inside))

    @property
    def names(self) -> set[int]:
        """Return the numbers of the names of all documents inside of it."""
        own = {self._name(index) for index in range(len(self.inside))}
        return own.union(*(document.names for document in self.inside))

    def _name(self, index: int) -> int:
        return _ATTACHED_NAMES + self.number * 100 + index

    @property
    def color(self) -> tuple[int, int, int]:
        """Return the background color, which is identified by its red and by whether its green is high or low.

        A highlight reduces green and blue, and the shade around a region lightens all three.
        """
        row, column = divmod(self.number, MAX_DOCUMENTS // 2)
        return (24 + 18 * column, (30, 200)[row], 0)

    @property
    def mark(self) -> str:
        """Return the word of every page that no other document has."""
        return _TEXT.format(self.number)

    @property
    def code(self) -> str:
        """Return another word that no other document has, without digits: typing errors in it are corrected."""
        return f"xcode{chr(ord('a') + self.number) * 4}x"

    @property
    def content(self) -> bytes:
        """Return the file. One document of six is in German, so that questions are translated where it is shared."""
        lines = []
        for page in range(1, PAGES + 1):
            topic, port = TOPICS[(self.number + page) % len(TOPICS)], 1000 + self.number
            if self.number % 6 == 5:
                lines.append(
                    f"# Kapitel {page} {self.mark}\n"
                    f"Das Kennwort für {topic} ist {self.mark} (pass word), und der Anschluss ist der port {port}.\n"
                    f"In der Nacht steht auf der Seite {page} noch mehr über {topic}, unter {self.code}."
                )
            else:
                lines.append(
                    f"# Chapter {page} {self.mark}\n"
                    f"The {topic} has the pass word {self.mark} and the port {port}.\n"
                    f"See page {page} for the {topic} at night, under {self.code}."
                )
        inside = [[name_of(self._name(index)), document.content.decode()] for index, document in enumerate(self.inside)]
        return b"%PDF-leak " + json.dumps({"number": self.number, "pages": lines, "inside": inside}).encode()

    def page(self, number: int) -> Image.Image:
        """Return the picture of a page."""
        picture = Image.new("RGB", SIZE, self.color)
        draw, rng = ImageDraw.Draw(picture), random.Random(self.number * 10 + number)
        for _ in range(70):
            x, y = rng.randrange(SIZE[0]), rng.randrange(SIZE[1])
            draw.rectangle((x, y, x + rng.randrange(4, 26), y + rng.randrange(4, 26)), fill="black")
        return picture

    def screenshot(self) -> bytes:
        """Return a part of the first page as PNG, with the words for the extractor in its metadata."""
        metadata = PngImagePlugin.PngInfo()
        metadata.add_text(
            "words", f"{TOPICS[(self.number + 1) % len(TOPICS)]} port {1000 + self.number} pass word night"
        )
        made = BytesIO()
        self.page(1).crop((12, 12, 312, 372)).save(made, "PNG", pnginfo=metadata)
        return made.getvalue()


@lru_cache(256)
def _sampled(picture: bytes) -> NDArray[np.int16]:
    """Return 96 x 96 pixels of a picture, of shape (n, 3). The same picture is often posted again."""
    with Image.open(BytesIO(picture)) as opened:
        small = opened.resize((96, 96), Image.Resampling.NEAREST).convert("RGB")
    return np.asarray(small, dtype=np.int16).reshape(-1, 3)


def numbers_in(picture: bytes, documents: dict[tuple[int, int, int], int]) -> set[int]:
    """Return the documents whose color covers more than 8 % of a picture. `documents` maps colors to numbers."""
    red, green, blue = _sampled(picture).T
    found = set()
    for color, number in documents.items():
        low, high = color[1] * 0.85 - 8, color[1] + 8
        near = (abs(red - color[0]) <= 6) & (low <= green) & (green <= high) & (blue <= 40)
        if near.mean() > 0.08:
            found.add(number)
    return found


def marks_of(picture: bytes) -> set[str]:
    """Return the marks of the documents that a picture shows."""
    return {MarkedDocument(number).mark for number in numbers_in(picture, _COLORS)}


_COLORS = {MarkedDocument(number).color: number for number in range(MAX_DOCUMENTS)}


class MarkedDocumentExtractor(InProcess):
    """Satisfies ports.Extractor for marked documents and for their screenshots."""

    version = "marked-1"

    def inspect(self, path: Path) -> Inspection:
        if path.read_bytes() == UNREADABLE:
            raise Unreadable("It is torn.", "Mend it.")
        document = _read_document(path)
        if document is None:
            return Inspection("image/png", 1, None)
        return Inspection("application/pdf", PAGES, None)

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        document = None if media_type.startswith("image/") else _read_document(path)
        if document is not None:
            texts = json.loads(path.read_bytes().removeprefix(b"%PDF-leak "))["pages"]
            for number in range(first, last + 1):
                yield replace(_page(number, texts[number - 1].splitlines(), ""), render=None)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        document = _read_document(path)
        if document is None:
            with Image.open(path) as picture:
                words = str(picture.info.get("words", ""))
                picture.convert("RGB").save(into / "query.jpg", quality=92)
            return [_page(1, [words], "query.jpg")]
        texts = json.loads(path.read_bytes().removeprefix(b"%PDF-leak "))["pages"]
        pages = []
        for number in range(first, last + 1):
            name = f"p{number}.jpg"
            document.page(number).save(into / name, quality=92)
            pages.append(_page(number, texts[number - 1].splitlines(), name))
        return pages

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        if _read_document(path) is None:
            return Attachments()
        found: list[Attachment] = []
        _unpack(path.read_text(), "", into, found)
        return Attachments(tuple(found))


def _unpack(content: str, within: str, into: Path, found: list[Attachment]) -> None:
    for name, inner in json.loads(content.removeprefix("%PDF-leak "))["inside"]:
        found.append(Attachment(name, f"attachment-{len(found)}", within))
        (into / found[-1].file).write_text(inner)
        _unpack(inner, name, into, found)


def _read_document(path: Path) -> MarkedDocument | None:
    data = path.read_bytes()
    if not data.startswith(b"%PDF-leak "):
        return None
    return MarkedDocument(json.loads(data.removeprefix(b"%PDF-leak "))["number"])


def _page(number: int, lines: list[str], render: str) -> ExtractedPage:
    blocks = []
    for row, line in enumerate(lines):
        box = Box(0.1, 0.1 + 0.2 * row, 0.9, 0.2 + 0.2 * row)
        kind = BlockKind.HEADING if line.startswith("# ") else BlockKind.TEXT
        words = tuple(Word(word, box) for word in line.removeprefix("# ").split())
        blocks.append(Block(kind, box, (Line(words, box),)))
    return ExtractedPage(number, None, *SIZE, TextSource.LAYER, tuple(blocks), render)
