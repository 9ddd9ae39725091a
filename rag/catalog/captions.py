"""Captions that a model wrote for pictures, and the queue of pictures without one. They can be searched like text.

They are stored separately from a chunk's own caption, because they are not the document's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from rag.analysis.languages import default_language
from rag.catalog.any_of import as_list, is_in
from rag.catalog.dialects import upsert
from rag.catalog.scope import is_current
from rag.catalog.tables import caption, chunk, document
from rag.model.extraction import Kind
from rag.ports import FullTextIndex, IndexEntry

_CAPTIONS_OF = select(caption).where(is_in(caption.c.chunk_id, "chunks"), caption.c.text != "")


@dataclass(frozen=True, slots=True)
class Uncaptioned:
    """A picture without a caption by this captioner. `picture` is its path below the data folder."""

    chunk: int
    document: int
    picture: str


def _waiting(captioner: str | None) -> ColumnElement[bool]:
    """Return the condition that a chunk needs a caption and has none.

    Figures need one, and so do pages that are a shared picture: their words do not say what the picture shows.
    """
    made = exists().where(caption.c.chunk_id == chunk.c.id)
    if captioner is not None:
        made = made.where(caption.c.captioner == captioner)
    shared = and_(chunk.c.kind == Kind.PAGE.value, document.c.media_type.like("image/%"))
    return and_(or_(chunk.c.kind == Kind.FIGURE.value, shared), chunk.c.image.is_not(None), ~made)


def next_image_without_caption(connection: Connection, captioner: str) -> Uncaptioned | None:
    """Return the oldest picture that waits for a caption."""
    rows = select(chunk.c.id, chunk.c.document_id, chunk.c.extraction_id, chunk.c.image).join(document, is_current())
    row = connection.execute(rows.where(_waiting(captioner)).order_by(chunk.c.id).limit(1)).one_or_none()
    return row and Uncaptioned(row.id, row.document_id, f"pictures/{row.extraction_id}/{row.image}")


def count_uncaptioned(connection: Connection, captioner: str | None) -> int:
    """Return how many pictures wait for a caption by this captioner; for None, how many have no caption at all."""
    rows = select(func.count()).select_from(chunk).join(document, is_current())
    return connection.scalar(rows.where(_waiting(captioner))) or 0


def put_caption(connection: Connection, words: FullTextIndex, chunk_id: int, captioner: str, text: str) -> None:
    """Write the caption of a picture that still exists; an empty text records that the model has none."""
    rows = select(chunk, document.c.title).join(document, document.c.id == chunk.c.document_id)
    row = connection.execute(rows.where(chunk.c.id == chunk_id)).one_or_none()
    if row is None:
        return
    values = {"captioner": captioner, "text": text}
    new = upsert(caption).values(chunk_id=chunk_id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["chunk_id"], set_=values))
    both = "\n".join(part for part in (row.caption, text) if part)
    language = row.language or default_language(row.text)
    words.replace(
        connection, IndexEntry(chunk_id, row.document_id, language, row.title or "", row.heading, both, row.text)
    )


def captions_of(connection: Connection, chunks: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """Return {chunk: (text, captioner)} for the given chunks that have a caption."""
    rows = connection.execute(_CAPTIONS_OF, {"chunks": as_list(chunks)})
    return {row.chunk_id: (row.text, row.captioner) for row in rows}
