"""Value types shared by all of rag.

Boxes are fractions (0 to 1) of the page as displayed, with rotation and crop box applied; the origin is the top left.
Page numbers are the renderer's, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeAlias

LOCAL = "local"
"""The space of files that the operator indexed from disk. Slack replies never search it."""

PageKey: TypeAlias = tuple[int, int]
"""(document id, page number)"""


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

_CELLS = re.compile(r"(?:^|, )[A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7}$")
"""A page label that is a range of cells of a spreadsheet."""

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


class FileType(StrEnum):
    """The types of files that a question can be limited to, as `type:` names them."""

    PDF = "pdf"
    IMAGE = "image"
    DOCUMENT = "document"
    SLIDES = "slides"
    SPREADSHEET = "spreadsheet"
    TEXT = "text"
    LINK = "link"


class SourceKind(StrEnum):
    """The kinds of sources that rag fetches by itself; a caller adds kinds by passing fetchers for them."""

    PATH = "path"
    URL = "url"


class IndexState(StrEnum):
    """The progress of a source towards the index."""

    WAITING = "waiting"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


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


# ---------------------------------------------------------------- extraction


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
class FileNote:
    """A note about a part of a file: a page, from 1, or the file as a whole (0). `attachment` is the part's name if it
    is a document attached to the file."""

    text: str
    lost: bool
    page: int = 0
    attachment: str = ""


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


# ---------------------------------------------------------------- search


@dataclass(frozen=True, slots=True)
class ShareFilter:
    """Limits on how a document was shared; None and empty: no limit.

    `shared_by`: people, by id. `since` (inclusive) and `before` (exclusive): when it was shared, seconds since 1970.
    `extensions` of file names, without the dot, and `kinds` of sources: a source with any of them matches.
    """

    shared_by: frozenset[str] | None = None
    since: float | None = None
    before: float | None = None
    extensions: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """The limits of a search: the spaces, and optionally the documents (ids) in them and how these were shared.

    There is no default: every search takes a scope. `spaces=None` means every space and is made only by `operator()`,
    which only the command line may call.
    """

    spaces: frozenset[str] | None
    documents: frozenset[int] | None = None
    without: frozenset[int] = frozenset()
    shares: ShareFilter = ShareFilter()

    @classmethod
    def of(cls, *spaces: str) -> Scope:
        """Return a scope of these spaces only; without any, it is empty."""
        return cls(frozenset(spaces))

    @classmethod
    def operator(cls) -> Scope:
        """Return the scope of everything, for the command line, whose user owns the data folder."""
        return cls(None)


@dataclass(frozen=True, slots=True)
class Posted:
    """The message that shares a document: the chat's ids of it and of its thread's root, its person, time and words.

    Empty ids are unknown. The words are not those of the document.
    """

    space: str
    shared_by: str | None
    shared_at: float
    message: str
    thread: str
    words: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A page at a rank, with its best chunk. `name`, `link` and `posted` come from a share in the scope.

    `attachment`: the document is not the shared file, but this file attached to it. `lanes` maps each lane that found
    the page to the page's rank in it, from 1.
    """

    rank: int
    chunk: int
    document: int
    name: str
    link: str | None
    page: int
    label: str | None
    kind: Kind
    text: str
    heading: str
    caption: str
    box: Box
    line_boxes: tuple[Box, ...]
    picture: Path | None
    page_image: Path | None
    lanes: Mapping[str, int]
    why: str = ""
    """The proof that a picture shows this page, as a sentence, or empty. With a proof, `box` is the matched region."""

    regions: tuple[Box, ...] = ()
    """The page's best regions, best first, at most three; the first is `box`."""
    generated_caption: str = ""
    caption_model: str = ""
    """A caption generated by a model, and the model's name. Not the document's own words."""

    also: tuple[str, ...] = ()
    """Near-duplicates of this page in other documents, as displayed. They are not hits of their own."""
    newer: str = ""
    """The place of this page in the newest version of the document, as displayed; empty if this is the newest."""
    posted: tuple[Posted, ...] = ()
    """The message whose words matched, or else the newest one that shares the document in the scope."""
    attachment: str = ""

    @property
    def title(self) -> str:
        """Return the name as displayed: `invoice.xml, attached to Report.pdf`."""
        return displayed_name(self.name, self.attachment)

    @property
    def place(self) -> str:
        """Return document and page as displayed: `handbook.pdf, p. 12 (printed vi)`.

        For a spreadsheet, the label is a range of cells: `Budget.xlsx, p. 2 (sheet Q3, B7:D12)`.
        """
        if not self.label or self.label == str(self.page):
            return f"{self.title}, p. {self.page}"
        label = self.label.translate(ROUND)
        return f"{self.title}, p. {self.page} ({label if _CELLS.search(label) else f'printed {label}'})"

    @property
    def region_label(self) -> str:
        """Return document, kind of region and page as displayed: `handbook.pdf, table on p. 12 (printed vi)`."""
        what = f"{self.kind.value} on " if self.kind in (Kind.FIGURE, Kind.TABLE) else ""
        return f"{self.title}, {what}{self.place.removeprefix(f'{self.title}, ')}"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The ranking of a search, and whether it found an answer. `hits` is the ranking in either case.

    `lanes` maps each lane to `on` or `off: reason`. `why` is a sentence if `found` is false. `stage_ms` has the
    milliseconds of translate, embed, words, vectors, pixels and fuse.
    """

    found: bool
    hits: tuple[Hit, ...]
    lanes: Mapping[str, str]
    why: str
    stage_ms: Mapping[str, float]
    rankings: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """Per lane, the ranked pages as (document, page); `magpie eval` measures each lane by them."""
    confidence: float = 0.0
    """0 to 1; `found` means that it reaches the threshold."""
    signals: Mapping[str, float] = field(default_factory=dict)
    """The signals of the decision; `magpie train-decision` fits its models on them."""
    notice: str = ""
    """Sentences for the reader if only part of the question was searched for, or corrected words; or empty."""
    corrections: Mapping[str, str] = field(default_factory=dict)
    """Words of the question that no chunk in scope has, and the similar ones that were searched for instead."""
    translations: Mapping[str, str] = field(default_factory=dict)
    """The question as it was also searched for, by the English name of the language. Written by a model."""


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk given to the generator under a number, from 1."""

    number: int
    hit: Hit


class Mode(StrEnum):
    """The writer of an answer: a vision model, a text model, or none (then passages are quoted)."""

    VISION = "vision"
    TEXT = "text"
    PASSAGES = "passages"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its citations and evidence.

    `cited` is in the order of first citation. `evidence` are pictures of the passages in `pictured`, in the same order.
    `read_from` are numbers of passages whose picture must be shown, because the model read something from it that is
    not in the page's words. `notice` is a sentence shown before the answer (no model, answer cut, lane off), or empty;
    `remedy` says what the operator can do about it.
    """

    question: str
    text: str
    abstained: bool
    mode: Mode
    cited: tuple[Passage, ...]
    passages: tuple[Passage, ...]
    evidence: tuple[Path, ...]
    notice: str
    found: SearchResult
    stage_ms: Mapping[str, float]
    remedy: str = ""
    pictured: tuple[Passage, ...] = ()
    read_from: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check of `magpie doctor`. `status` is ok, warn or fail; `fix` is empty if ok."""

    name: str
    status: str
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    """An origin that cannot be used now, and how many sources wait for it.

    `since`: seconds since 1970. `needs_operator`: it does not end by itself.
    """

    kind: str
    since: float
    reason: str
    hint: str
    needs_operator: bool
    waiting: int


@dataclass(frozen=True, slots=True)
class TextModel:
    """The text embedder that was chosen, by its name in the setting `text.model`.

    `is_set`: the setting names it; otherwise it is `auto`. `is_recorded`: the choice is kept in the index. `replaces`:
    the model whose vectors answer until the new ones are complete, or empty; `waiting`: the chunks without new ones.
    """

    model: str
    is_set: bool
    is_recorded: bool
    replaces: str = ""
    waiting: int = 0

    def __str__(self) -> str:
        """Return the model, why it is used, and how to use another one."""
        if self.is_set:
            why = "set by MAGPIE_TEXT__MODEL"
        elif self.is_recorded:
            why = "chosen by MAGPIE_TEXT__MODEL=auto and kept; set MAGPIE_TEXT__MODEL to use another one"
        else:
            why = "found by MAGPIE_TEXT__MODEL=auto"
        waiting = f"{self.waiting:,} chunk{'' if self.waiting == 1 else 's'} wait{'s' if self.waiting == 1 else ''}"
        change = f"; until all texts are embedded again ({waiting}), {self.replaces} is used" if self.replaces else ""
        return f"{self.model}, {why}{change}"


@dataclass(frozen=True, slots=True)
class IndexRenewal:
    """How far an index is written again: the texts (chunks and messages) that still wait, of all that it will have."""

    waiting: int
    total: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an installation: stored and waiting data.

    `documents` counts sources by state. `renewed` counts documents that a newer extractor processes again while their
    old pages stay searchable. `waiting_for_vectors` counts chunks, `waiting_for_fingerprints` pages,
    `waiting_for_captions` pictures. `notes` are the files, by name, with notes about how they were read.
    `disk` says why new files wait for disk space; empty: they don't. `refused` counts files that are not indexed by the
    reason. `text_model` is None without a text embedder. `full_text` is set while a newer version writes the full-text
    index again; the old one is searched meanwhile.
    """

    documents: Mapping[str, int]
    pages: int
    chunks: int
    waiting_for_vectors: int
    failed: tuple[tuple[str, str], ...]
    lanes: Mapping[str, str]
    renewed: int = 0
    waiting_for_fingerprints: int = 0
    waiting_for_captions: int = 0
    notes: tuple[tuple[str, tuple[FileNote, ...]], ...] = ()
    outages: tuple[Outage, ...] = ()
    disk: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)
    text_model: TextModel | None = None
    full_text: IndexRenewal | None = None


@dataclass(frozen=True, slots=True)
class IndexOutcome:
    """The result of indexing one file: new, known (same bytes as another file), unchanged, gone, failed or skipped.

    `reason` explains failed and skipped; `file` is a path if it was skipped. `notes` are about how it was read.
    """

    file: str
    state: str
    pages: int
    reason: str = ""
    hint: str = ""
    notes: tuple[FileNote, ...] = ()


@dataclass(frozen=True, slots=True)
class PageReading:
    """How one page was read, and the notes about it. `label` is the printed one."""

    number: int
    label: str | None
    text_source: TextSource
    notes: tuple[FileNote, ...]


@dataclass(frozen=True, slots=True)
class FileReading:
    """How a file was read, page by page. `name` is as displayed; `ref` is its path, address or id in the chat, empty
    for an attachment.

    `sha256` and what follows are empty until its bytes are known. `pages` are those read so far of `page_count`.
    `notes` are about the file as a whole and about its attachments, whose names are in `attachments`.
    """

    name: str
    ref: str
    state: IndexState
    reason: str = ""
    hint: str = ""
    sha256: str = ""
    media_type: str = ""
    extractor: str = ""
    page_count: int = 0
    pages: tuple[PageReading, ...] = ()
    notes: tuple[FileNote, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document in a list of documents; `name` and `attachment` as those of a Hit."""

    id: int
    name: str
    pages: int
    sha256: str
    attachment: str = ""

    @property
    def title(self) -> str:
        """Return the name as displayed, as in Hit.title."""
        return displayed_name(self.name, self.attachment)


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model for the setting `embed.model`; `cached` if its weights are on this machine, `used` if it is chosen."""

    name: str
    weights: str
    memory: str
    cached: bool
    used: bool
    note: str
