"""Notes about what is removed from office documents before they are read, and what people would see there."""

from __future__ import annotations

from pathlib import Path

from rag.extract.convert.packages import OFFICE, open_package
from rag.model.extraction import Note

_CHUNK = b"/aFChunk"
"""Kind of the relationship to a document of another format that Word inserts when it opens the file (altChunk)."""

_INSERTED = Note(
    "A document inside this document was not read. Open it in Word, save it again as DOCX, and share that.", lost=True
)


def notes_about_left_out(path: Path, media_type: str) -> tuple[Note, ...]:
    """Return the notes about a document that was not sanitized. Raise Unreadable if it is damaged."""
    if OFFICE[media_type] != ".docx":
        return ()
    with open_package(path) as package:
        relationships = [name for name in package.namelist() if name.endswith(".rels")]
        return (_INSERTED,) if any(_CHUNK in package.read(name) for name in relationships) else ()
