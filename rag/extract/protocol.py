"""What the reader and its child say to each other: JSON, one message a line.

The child may have been taken over by a hostile file: what it says is checked against types and bounds here, and
nothing it writes is ever unpickled or executed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from rag.extract.file_types import CONVERTED, PDF, PICTURES
from rag.extract.render import page_name
from rag.model import Box, Inspection, PageReading
from rag.settings import ReadSettings

LONGEST_REPLY = 32 << 20
"""Bytes of one message: a page of 100,000 words has half of that."""

_LONGEST_TEXT = 500
_MOST_BLOCKS = 20_000
_CROP = re.compile(r"-\d{1,3}\.jpg")


@dataclass(frozen=True, slots=True)
class Start:
    """The child's command line. `parent`: as in `die_with_parent`. `scratch` holds the folders below."""

    settings: ReadSettings
    ocr: str | None
    threads: int
    parent: int
    scratch: str

    @property
    def given(self) -> Path:
        """The document that is asked about; the child may only read here."""
        return Path(self.scratch) / "given"

    @property
    def made(self) -> Path:
        """Pictures of pages, which the parent takes from here."""
        return Path(self.scratch) / "made"

    @property
    def work(self) -> Path:
        """Whatever the child needs for itself."""
        return Path(self.scratch) / "work"


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is a file in `Start.given`; `first` and `last` belong to `read`, whose pictures go to `Start.made`."""

    kind: Literal["inspect", "read"]
    path: str
    first: int = 1
    last: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """`ready` once; then `inspection`, or a `page` for each page and `done`; or one of the refusals.

    converting: said before those when the file is made into a PDF first, which takes longer than a page.

    unreadable: the file as a whole. memory: the child is ending for lack of it. failed: it cannot work here at all.
    """

    kind: Literal["ready", "converting", "inspection", "page", "done", "unreadable", "memory", "failed"]
    inspection: Inspection | None = None
    page: PageReading | None = None
    message: str = ""
    hint: str = ""


START = TypeAdapter(Start)
REQUEST = TypeAdapter(Request)
REPLY = TypeAdapter(Reply)


def checked_inspection(reply: Reply, settings: ReadSettings) -> Inspection:
    """The inspection in a reply. Raise ValueError for one no honest child sends."""
    found = reply.inspection
    if (
        found is None
        or not 1 <= found.page_count <= settings.max_pages
        or found.media_type not in {PDF, *PICTURES, *CONVERTED}
        or len(found.title or "") > _LONGEST_TEXT
    ):
        raise ValueError("an inspection out of bounds")
    return found


def checked_page(reply: Reply, number: int, made: Path) -> PageReading:
    """The page in a reply, which must be this one and name only its own pictures. Raise ValueError otherwise."""
    page = reply.page
    if page is None or page.number != number or len(page.blocks) > _MOST_BLOCKS:
        raise ValueError("not the page that was asked for")
    if len(page.label or "") > _LONGEST_TEXT or len(page.error or "") > _LONGEST_TEXT:
        raise ValueError("a label or reason too long")
    if not all(math.isfinite(side) and side >= 0 for side in (page.width, page.height, *page.stage_ms.values())):
        raise ValueError("a size or time that is no number")
    if not all(_inside(box) for box in _boxes(page)):
        raise ValueError("a box outside its page")
    stem = page_name(number)
    for name in filter(None, (page.render, *(block.picture for block in page.blocks))):
        own = name == stem or (name.startswith(stem[:-4]) and _CROP.fullmatch(name[len(stem) - 4 :]))
        if not own or not (made / name).is_file() or (made / name).is_symlink():
            raise ValueError("a picture that is not the page's")
    return page


def _boxes(page: PageReading) -> Iterator[Box]:
    for block in page.blocks:
        yield block.box
        for line in block.lines:
            yield line.box
            yield from (word.box for word in line.words)


def _inside(box: Box) -> bool:
    return 0 <= box.x0 <= box.x1 <= 1 and 0 <= box.y0 <= box.y1 <= 1


def short(text: str) -> str:
    """A sentence cut to what a message may carry."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
