"""The vocabulary of rag/: frozen dataclasses that every room speaks in.

Boxes are fractions of the page as a reader sees it (rotation and crop box applied): 0 to 1, origin at
the top left. Page numbers count from 1 and are the renderer's, never an index of what was kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeAlias

LOCAL = "local"
"""The space of what the operator indexed from disk; no Slack reply uses it unless it is mapped."""

PageKey: TypeAlias = tuple[int, int]
"""Identify a page: (document id, page number)."""


class Box(NamedTuple):
    """A rectangle as fractions of its page; x to the right, y downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        return max(0.0, self.x1 - self.x0) * max(0.0, self.y1 - self.y0)

    def intersection(self, other: Box) -> float:
        """The area both share, as a fraction of the page."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height)

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def covers(self, other: Box) -> float:
        """How much of `other` lies inside this box, 0 to 1 (0 for an empty `other`)."""
        return self.intersection(other) / other.area if other.area else 0.0


OPENING = "[【［〔〖⟦❲⁅⌈⌊⎡⎣⦋⦍⦏⦗⟬⟨〘〚﹝⸢⸤⹕⹗︗︹︻﹇"
CLOSING = "]】］〕〗⟧❳⁆⌉⌋⎤⎦⦌⦎⦐⦘⟭⟩〙〛﹞⸣⸥⹖⹘︘︺︼﹈"
"""Square brackets and those that a reader takes for them, in which a number looks like a citation."""

ROUND = str.maketrans(OPENING + CLOSING, "(" * len(OPENING) + ")" * len(CLOSING))

WHOLE_PAGE = Box(0.0, 0.0, 1.0, 1.0)


class Kind(StrEnum):
    """What a chunk is."""

    TEXT = "text"
    TABLE = "table"
    FIGURE = "figure"
    PAGE = "page"


class Modality(StrEnum):
    """Which tower of the embedder made a vector."""

    TEXT = "text"
    PICTURE = "picture"


class BlockKind(StrEnum):
    """What a region of a page is, as the layout analysis calls it."""

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


class TextSource(StrEnum):
    """Where a page's words come from."""

    LAYER = "layer"
    OCR = "ocr"
    BOTH = "both"
    NONE = "none"


# ---------------------------------------------------------------- what a reading yields


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """One line of words in reading order; `ocr` when it was recognised, not taken from a text layer."""

    words: tuple[Word, ...]
    box: Box
    ocr: bool = False

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Block:
    """A region of a page with its lines; `picture` names its crop (a JPEG) in the reading's folder.

    `rows` and `columns` are where a table's cells meet, as fractions of the page, without its own edges.
    """

    kind: BlockKind
    box: Box
    lines: tuple[Line, ...] = ()
    picture: str | None = None
    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page, read. `error` set: the page could not be read, still counts, and has no blocks.

    `width` and `height` are points (1/72 inch) as displayed; `render` names the page's JPEG in the
    reading's folder; `label` is the printed page label where the file defines one. `stage_ms` says how
    many milliseconds each stage took (parse, layout, render, ocr).
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


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a file before its pages are read."""

    media_type: str
    page_count: int
    title: str | None


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk before the catalog gave it an id. `marks` are the boxes of its lines, for evidence."""

    page: int
    kind: Kind
    text: str
    heading: str
    caption: str
    box: Box
    marks: tuple[Box, ...]
    picture: str | None = None


# ---------------------------------------------------------------- what a search yields


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be searched: the spaces, and optionally the documents (ids) in them.

    There is no default: whoever searches says in which scope. `spaces=None` means every space and is
    made by `operator()` alone, which only the command line may call.
    """

    spaces: frozenset[str] | None
    documents: frozenset[int] | None = None
    without: frozenset[int] = frozenset()

    @classmethod
    def of(cls, *spaces: str) -> Scope:
        """These spaces and nothing else; none at all is an empty scope."""
        return cls(frozenset(spaces))

    @classmethod
    def operator(cls) -> Scope:
        """Everything. For the command line, where the reader owns the data folder."""
        return cls(None)


@dataclass(frozen=True, slots=True)
class Hit:
    """A page at a rank, with its best chunk. `name` and `link` come from a share inside the scope.

    `lanes` maps each lane that found the page to the page's rank there, from 1.
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
    marks: tuple[Box, ...]
    picture: Path | None
    render: Path | None
    lanes: Mapping[str, int]
    why: str = ""
    """A sentence on what proves that a picture shows this page, where something does; `box` is then the place."""

    regions: tuple[Box, ...] = ()
    """The page's best regions, best first, at most three; the first is `box`."""
    described: str = ""
    described_by: str = ""
    """What a model says of the picture, and which model: not the document's own words."""

    also: tuple[str, ...] = ()
    """Places of pages of other documents that say the same, and are no hits of their own."""

    @property
    def title(self) -> str:
        """The name as a reader sees it: what stands in brackets there is no citation."""
        return self.name.translate(ROUND)

    @property
    def place(self) -> str:
        """Where it is, as a reader would say it: `handbook.pdf, p. 12 (printed vi)`."""
        printed = f" (printed {self.label})" if self.label and self.label != str(self.page) else ""
        return f"{self.title}, p. {self.page}{printed}"

    @property
    def spot(self) -> str:
        """The place, and what of the page is meant: `handbook.pdf, table on p. 12 (printed vi)`."""
        what = f"{self.kind.value} on " if self.kind in (Kind.FIGURE, Kind.TABLE) else ""
        return f"{self.title}, {what}{self.place.removeprefix(f'{self.title}, ')}"


@dataclass(frozen=True, slots=True)
class Found:
    """A ranking and the decision on it. `hits` holds the ranking whatever was decided.

    `lanes` says of every lane whether it took part: `on`, or `off: why`. `why` is a sentence when
    `found` is false. `stage_ms` has embed, words, vectors, pixels and fuse.
    """

    found: bool
    hits: tuple[Hit, ...]
    lanes: Mapping[str, str]
    why: str
    stage_ms: Mapping[str, float]
    rankings: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """Per lane, the ranked pages as (document, page); what `magpie eval` measures a lane by."""
    confidence: float = 0.0
    """0 to 1, how sure the decision is: `found` is a confidence at or above a threshold."""
    signals: Mapping[str, float] = field(default_factory=dict)
    """What the decision looked at; what `magpie train-decision` fits it on."""
    notice: str = ""
    """A sentence for the reader where only a part of the question was searched for."""


# ---------------------------------------------------------------- what an answer is made of


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk shown to the generator under a number, from 1."""

    number: int
    hit: Hit


class Mode(StrEnum):
    """What wrote the answer: a vision model, a text model, or nobody (the passages themselves)."""

    VISION = "vision"
    TEXT = "text"
    PASSAGES = "passages"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader gets. `cited` is in the order of first citation; `evidence` shows the passages in `pictured`, which
    runs beside it. `read_from` are numbers of passages whose picture has to be shown: the model read from it what no
    word of the page says.

    `notice` is a sentence said before the answer (no model, cut answer, lane off), or empty; `remedy` is what
    whoever runs Magpie can do about it.
    """

    question: str
    text: str
    abstained: bool
    mode: Mode
    cited: tuple[Passage, ...]
    passages: tuple[Passage, ...]
    evidence: tuple[Path, ...]
    notice: str
    found: Found
    stage_ms: Mapping[str, float]
    remedy: str = ""
    pictured: tuple[Passage, ...] = ()
    read_from: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the chain, proved or not. `status` is ok, warn or fail; `fix` is empty when ok."""

    name: str
    status: str
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What is stored and what waits. `documents` counts sources by state, `renewed` the documents that a newer
    version of the reader is reading again, while their old pages serve; `waiting_for_fingerprints` counts pages,
    `waiting_for_captions` pictures."""

    documents: Mapping[str, int]
    pages: int
    chunks: int
    waiting_for_vectors: int
    failed: tuple[tuple[str, str], ...]
    lanes: Mapping[str, str]
    renewed: int = 0
    waiting_for_fingerprints: int = 0
    waiting_for_captions: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: new, known (the same bytes were here), unchanged, gone, or failed with the reason.

    Of what a folder holds and is not read: skipped, with the reason, and the path as `file`.
    """

    file: str
    state: str
    pages: int
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    id: int
    name: str
    pages: int
    sha256: str

    @property
    def title(self) -> str:
        """As Hit.title."""
        return self.name.translate(ROUND)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that can be set as embed.model, and whether its weights are on this machine."""

    name: str
    weights: str
    memory: str
    cached: bool
    used: bool
    note: str
