"""Values of extraction: pages, their blocks and words, chunks, and the names of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle as fractions of its page; x grows to the right, y downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        return max(0.0, self.x1 - self.x0) * max(0.0, self.y1 - self.y0)

    def intersection(self, other: Box) -> float:
        """Return the area of the intersection, as a fraction of the page."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height)

    def union(self, other: Box) -> Box:
        """Return the smallest box that contains both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def covers(self, other: Box) -> float:
        """Return the share of `other` inside this box, 0 to 1 (0 if `other` is empty)."""
        return self.intersection(other) / other.area if other.area else 0.0


OPENING = "[【［〔〖⟦❲⁅⌈⌊⎡⎣⦋⦍⦏⦗⟬⟨〘〚﹝⸢⸤⹕⹗︗︹︻﹇"


CLOSING = "]】］〕〗⟧❳⁆⌉⌋⎤⎦⦌⦎⦐⦘⟭⟩〙〛﹞⸣⸥⹖⹘︘︺︼﹈"
"""Square brackets and their look-alikes: a number between two of them looks like a citation."""


ROUND = str.maketrans(OPENING + CLOSING, "(" * len(OPENING) + ")" * len(CLOSING))
"""For str.translate: makes these brackets round."""


ATTACHED_TO = ", attached to "


def displayed_name(name: str, attachment: str = "") -> str:
    """Return the name of a shared file, or of an attachment of it, as displayed.

    Square brackets become round, so that they do not look like a citation.
    """
    return (f"{attachment}{ATTACHED_TO}{name}" if attachment else name).translate(ROUND)


WHOLE_PAGE = Box(0.0, 0.0, 1.0, 1.0)


class Kind(StrEnum):
    """Kinds of chunks."""

    TEXT = "text"
    TABLE = "table"
    FIGURE = "figure"
    PAGE = "page"


class SourceKind(StrEnum):
    """The kinds of sources that rag fetches by itself; a caller adds kinds by passing fetchers for them."""

    PATH = "path"
    URL = "url"
    FOLDER = "folder"
    """A file of a folder that is followed."""


class Modality(StrEnum):
    """Which encoder of the embedder made a vector."""

    TEXT = "text"
    PICTURE = "picture"


class BlockKind(StrEnum):
    """Kinds of page regions, as the layout analysis reports them."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    LIST = "list"
    TABLE = "table"
    FIGURE = "figure"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    HEADER = "header"
    FOOTER = "footer"
    ASIDE = "aside"
    """What the document says about this region without printing it: a link's address, a description, a note."""


class TextSource(StrEnum):
    """The origin of a page's words."""

    LAYER = "layer"
    OCR = "ocr"
    BOTH = "both"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """One line of words in reading order; `ocr` if it was recognized instead of taken from a text layer.

    `turn`: degrees clockwise by which the line must be turned to be read, on a page that is upright otherwise.
    """

    words: tuple[Word, ...]
    box: Box
    ocr: bool = False
    turn: int = 0

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Block:
    """A region of a page with its lines; `picture` is the file name of its crop (a JPEG) in the extraction's folder.

    `rows` and `columns` are the inner borders of a table's cells, as fractions of the page, without the outer edges.
    `turn`: degrees clockwise by which the block must be turned to be read; rows and columns are those of the page
    turned this way, all boxes those of the page as it is.
    """

    kind: BlockKind
    box: Box
    lines: tuple[Line, ...] = ()
    picture: str | None = None
    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()
    turn: int = 0

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for people about how a page or file was read. `lost`: something that people see was not read."""

    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file, extracted to `file`, a name in the folder that the caller gave.

    `inside`: the attachment that it is attached to, if that is not the file itself.
    """

    name: str
    file: str
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Attachments:
    """The files inside a file, each before those inside of it. `notes`: what the limits left out."""

    files: tuple[Attachment, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognition:
    """The lines recognized in a picture, from top to bottom.

    `turn`: degrees clockwise (0, 90, 180, 270) by which the picture must be turned to be upright. Boxes are fractions
    of the turned picture. `notes`: what could not be recognized.
    """

    lines: tuple[Line, ...] = ()
    turn: int = 0
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """One extracted page. If `error` is set, the page failed and still counts. It has no picture, and the blocks of its
    text layer at most.

    `width` and `height` are points (1/72 inch) as displayed; `render` is the file name of the page's JPEG in the
    extraction's folder; `label` is the printed page label if the file defines one. `stage_ms` has the milliseconds of
    each stage: parse, layout, render, ocr.
    """

    number: int
    label: str | None
    width: float
    height: float
    text_source: TextSource
    blocks: tuple[Block, ...]
    render: str | None
    error: str | None = None
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """The properties of a file that are known before its pages are extracted. `notes` are about the file as a whole."""

    media_type: str
    page_count: int
    title: str | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk without an id yet. `line_boxes` are the boxes of its lines, for evidence pictures."""

    page: int
    kind: Kind
    text: str
    heading: str
    caption: str
    box: Box
    line_boxes: tuple[Box, ...]
    picture: str | None = None
