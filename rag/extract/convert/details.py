"""What a converted document says that its PDF does not hold, page by page, and notes about its conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.extract.beside_text import aside
from rag.model.extraction import WHOLE_PAGE, ExtractedPage, Inspection, Note


@dataclass(frozen=True, slots=True)
class Details:
    """`texts` are lines by page number that name their kind ("Speaker notes: …"); `notes` are about the whole file."""

    texts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


NO_DETAILS = Details()


def with_notes(inspection: Inspection, details: Details) -> Inspection:
    """Return the inspection with the notes about the conversion."""
    return replace(inspection, notes=(*inspection.notes, *details.notes)) if details.notes else inspection


def with_texts(page: ExtractedPage, details: Details) -> ExtractedPage:
    """Return the page with what the document says about it as a whole."""
    block = aside([(text, WHOLE_PAGE) for text in details.texts.get(page.number, ())])
    return page if block is None or page.error else replace(page, blocks=(*page.blocks, block))
