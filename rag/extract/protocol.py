"""Messages between the parent and the extraction process: JSON, one message per line.

A hostile file may control the child. The parent therefore checks the types and ranges of all replies, and never
unpickles or executes anything the child writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from rag.extract.attachments import MAX_NAME_CHARS, clean_name
from rag.extract.file_types import CONVERTED, PDF, PICTURES
from rag.extract.render import page_name
from rag.model.extraction import WHOLE_PAGE, Attachments, Box, ExtractedPage, Inspection, Note
from rag.setting_groups import ReadSettings

MAX_REPLY_BYTES = 32 << 20
"""A page of 100,000 words takes half of this."""

_MAX_TEXT_CHARS = 500
_MAX_BLOCKS = 20_000
_MAX_NOTES = 50
_CROP = re.compile(r"-\d{1,3}\.jpg")


@dataclass(frozen=True, slots=True)
class ChildConfig:
    """Configuration of the child, passed on its command line.

    `parent` is the PID for `die_with_parent`; `scratch` is the folder that contains the folders below.
    """

    settings: ReadSettings
    ocr: str | None
    threads: int
    parent: int
    scratch: str

    @property
    def input_folder(self) -> Path:
        """The folder with the document of the current request; read-only for the child."""
        return Path(self.scratch) / "input"

    @property
    def picture_folder(self) -> Path:
        """The folder to which the child writes pictures of pages, and from which the parent moves them."""
        return Path(self.scratch) / "pictures"

    @property
    def work_folder(self) -> Path:
        """The child's own temporary folder."""
        return Path(self.scratch) / "work"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to inspect the file `path` in the input folder, or to extract its pages `first` to `last`.

    load: load the models that extraction needs; `path` is empty. skim: return only the words that are seen on pages
    `first` to `last` of a PDF, or of a file that is converted to one. text: return the text layer of page `first`
    alone, without drawing or analyzing the page. attachments: write the files inside the file to the picture folder.
    region: only draw the `region` of page `first`, `width` pixels wide,
    from the page turned clockwise by `turn` degrees more.
    """

    kind: Literal["load", "inspect", "skim", "extract", "text", "attachments", "region"]
    path: str
    first: int = 1
    last: int = 1
    region: Box = WHOLE_PAGE
    width: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class ExtractionReply:
    """A reply of the child. It sends `ready` when it has started, and again when it has loaded its models; otherwise
    `inspection`, or `attachments`, or one `page` per page and `done`, or a refusal.

    converting: sent first when the file is converted to PDF, which takes longer than one page.
    unreadable: the whole file is refused. memory: the child ran out of memory and ends.
    failed: the child can't work on this machine. `message` of ready: why layout analysis is off; "": it is not, or the
    models are not loaded yet.
    """

    kind: Literal["ready", "converting", "inspection", "attachments", "page", "done", "unreadable", "memory", "failed"]
    inspection: Inspection | None = None
    attachments: Attachments | None = None
    page: ExtractedPage | None = None
    message: str = ""
    hint: str = ""


CHILD_CONFIG = TypeAdapter(ChildConfig)
REQUEST = TypeAdapter(Request)
REPLY = TypeAdapter(ExtractionReply)


def validate_inspection(reply: ExtractionReply, settings: ReadSettings) -> Inspection:
    """Return the reply's inspection. Raise ValueError if its values are out of range."""
    inspection = reply.inspection
    if (
        inspection is None
        or not 1 <= inspection.page_count <= settings.max_pages
        or inspection.media_type not in {PDF, *PICTURES, *CONVERTED}
        or len(inspection.title or "") > _MAX_TEXT_CHARS
        or not _are_short(inspection.notes)
    ):
        raise ValueError("the inspection is out of range")
    return inspection


def validate_attachments(reply: ExtractionReply, settings: ReadSettings) -> Attachments:
    """Return the reply's attachments. Raise ValueError if they are too many, or have names that are out of range."""
    found = reply.attachments
    if found is None or len(found.files) > settings.max_attachments or not _are_short(found.notes):
        raise ValueError("the attachments are out of range")
    for number, attached in enumerate(found.files, 1):
        names = clean_name(attached.name), attached.inside[:MAX_NAME_CHARS]
        if not attached.name or names != (attached.name, attached.inside) or not attached.inside.isprintable():
            raise ValueError("the name of an attachment is out of range")
        if attached.file != f"attachment-{number}":
            raise ValueError("an attachment is not one of the child's files")
    return found


def validate_page(reply: ExtractionReply, number: int, picture_folder: Path) -> ExtractedPage:
    """Return the reply's page. Raise ValueError if it is another page, or names pictures that are not its own."""
    page = reply.page
    if page is None or page.number != number or len(page.blocks) > _MAX_BLOCKS:
        raise ValueError("the reply is not the requested page")
    if len(page.label or "") > _MAX_TEXT_CHARS or len(page.error or "") > _MAX_TEXT_CHARS:
        raise ValueError("a label or error is too long")
    if not _are_short(page.notes):
        raise ValueError("the notes are too long")
    if not all(math.isfinite(side) and side >= 0 for side in (page.width, page.height, *page.stage_ms.values())):
        raise ValueError("a size or time is not a valid number")
    if not all(_is_on_page(box) for box in _boxes(page)):
        raise ValueError("a box is not on the page")
    stem = page_name(number)
    for name in filter(None, (page.render, *(block.picture for block in page.blocks))):
        is_own = name == stem or (name.startswith(stem[:-4]) and _CROP.fullmatch(name[len(stem) - 4 :]))
        if not is_own or not (picture_folder / name).is_file() or (picture_folder / name).is_symlink():
            raise ValueError("a picture does not belong to the page")
    return page


def _are_short(notes: Sequence[Note]) -> bool:
    return len(notes) <= _MAX_NOTES and all(len(note.text) <= _MAX_TEXT_CHARS for note in notes)


def _boxes(page: ExtractedPage) -> Iterator[Box]:
    for block in page.blocks:
        yield block.box
        for line in block.lines:
            yield line.box
            yield from (word.box for word in line.words)


def _is_on_page(box: Box) -> bool:
    return 0 <= box.x0 <= box.x1 <= 1 and 0 <= box.y0 <= box.y1 <= 1


def shorten(text: str) -> str:
    """Return the text cut to the maximum length of a message."""
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"
