"""Values of operations: what is indexed, how it was read, and what is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rag.model.extraction import TextSource, displayed_name


class IndexState(StrEnum):
    """The progress of a source towards the index."""

    WAITING = "waiting"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileNote:
    """A note about a part of a file: a page, from 1, or the file as a whole (0). `attachment` is the part's name if it
    is a document attached to the file."""

    text: str
    lost: bool
    page: int = 0
    attachment: str = ""


@dataclass(frozen=True, slots=True)
class UnreadPages:
    """The pages of a file, from the first to the last, that are not fully read yet. Words of their text layer may be
    found. `title` is the file's name as displayed."""

    title: str
    first: int
    last: int

    @staticmethod
    def sentence(unread: Sequence[UnreadPages]) -> str:
        """Return a sentence about the unread pages of files; an empty string if there are none."""
        parts = [
            f"pages {each.first} to {each.last} of {each.title}"
            if each.first < each.last
            else f"page {each.first} of {each.title}"
            for each in unread
        ]
        if not parts:
            return ""
        listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
        is_one = len(unread) == 1 and unread[0].first == unread[0].last
        return f"{listed[0].upper()}{listed[1:]} {'is' if is_one else 'are'} not fully read yet."


@dataclass(frozen=True, slots=True)
class FollowedFolder:
    """A folder, as a path or an fsspec URL, whose files are shared in these spaces."""

    folder: str
    spaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderState:
    """What a walk found: how many files, and how many shares ended. `problem`: why it could not be listed, if so."""

    folder: FollowedFolder
    files: int = 0
    gone: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check of `magpie doctor`. `status` is ok, off (by a setting), warn or fail; `fix` is empty
    for the first two."""

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
    index again; the old one is searched meanwhile. `unread` are the files that can be searched, but are not fully read,
    with the pages that are not.
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
    unread: tuple[UnreadPages, ...] = ()


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
class PublishedFigure:
    """A result that others published. `source` says where."""

    benchmark: str
    value: float
    source: str


class ModelKind(StrEnum):
    """What a model is for, and so which setting names it: `embed.model`, `text.model`, `rerank.model` or
    `page_images.model`."""

    IMAGES = "images"
    TEXTS = "texts"
    RERANKER = "reranker"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A known model; `cached` if its weights are on this machine, `used` if the settings name or choose it.

    `size` is the number of parameters, `memory` that of its loaded weights; both are texts, empty if unknown.
    """

    name: str
    weights: str
    memory: str
    cached: bool
    used: bool
    note: str
    license: str = ""
    kind: ModelKind = ModelKind.IMAGES
    size: str = ""
    good_at: str = ""
    figures: tuple[PublishedFigure, ...] = ()
