"""Write pages with their chunks and words, and replace them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert

from rag.catalog.file_notes import pack_notes
from rag.catalog.tables import chunk, page
from rag.model.extraction import Box, ExtractedPage, NewChunk
from rag.ports import FullTextIndex, IndexEntry


def insert_pages(
    connection: Connection,
    words: FullTextIndex,
    extraction_id: int,
    document_id: int,
    title: str,
    pages: Sequence[ExtractedPage],
    chunks: Sequence[tuple[NewChunk, str]],
) -> None:
    """Write pages of an extraction, and their chunks, each with its language."""
    if pages:
        connection.execute(insert(page), [_page_row(extraction_id, extracted) for extracted in pages])
    entries = []
    for new, language in chunks:
        chunk_id = connection.execute(
            insert(chunk)
            .values(
                document_id=document_id,
                extraction_id=extraction_id,
                page=new.page,
                kind=new.kind.value,
                text=new.text,
                heading=new.heading,
                caption=new.caption,
                box=_dump([new.box])[1:-1],
                line_boxes=_dump(new.line_boxes),
                image=new.picture,
                language=language,
            )
            .returning(chunk.c.id)
        ).scalar_one()
        if new.text or new.caption:
            entry = IndexEntry(chunk_id, document_id, language, title, new.heading, new.caption, new.text)
            entries.append(entry)
    words.add(connection, entries)


def delete_skimmed_pages(
    connection: Connection, words: FullTextIndex, extraction_id: int, first: int, last: int
) -> None:
    """Delete these pages of an extraction, which were skimmed: they have no vectors and no pictures."""
    words.remove(connection, extraction_id, (first, last))
    mine = chunk.c.extraction_id == extraction_id, chunk.c.page.between(first, last)
    connection.execute(delete(chunk).where(*mine))
    connection.execute(delete(page).where(page.c.extraction_id == extraction_id, page.c.number.between(first, last)))


def _page_row(extraction_id: int, extracted: ExtractedPage) -> dict[str, object]:
    words = [
        [word.text, *(round(value, 4) for value in word.box)]
        for block in extracted.blocks
        for line in block.lines
        for word in line.words
    ]
    return {
        "extraction_id": extraction_id,
        "number": extracted.number,
        "label": extracted.label,
        "width": extracted.width,
        "height": extracted.height,
        "text_source": extracted.text_source.value,
        "error": extracted.error,
        "notes": pack_notes(extracted.notes),
        "image": extracted.render,
        "words": zlib.compress(json.dumps(words, ensure_ascii=False).encode()),
    }


def _dump(boxes: Iterable[Box]) -> str:
    return json.dumps([[round(value, 4) for value in box] for box in boxes], separators=(",", ":"))
