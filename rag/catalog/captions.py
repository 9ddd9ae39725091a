"""Captions that a model wrote of pictures: waiting where there is none, and searchable by words once there is one.

They lie apart from a chunk's own caption: what a model says of a picture is not what the document says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from rag.catalog.scope import serving
from rag.catalog.tables import caption, chunk, document
from rag.model import Kind
from rag.ports import Entry, WordIndex


@dataclass(frozen=True, slots=True)
class Uncaptioned:
    """A picture without a caption by this captioner; `picture` is its path below the data folder."""

    chunk: int
    document: int
    picture: str


def _waiting(captioner: str | None) -> ColumnElement[bool]:
    """Figures, and pages that are a picture somebody shared; of other pages the words say what they are about."""
    made = exists().where(caption.c.chunk_id == chunk.c.id)
    if captioner is not None:
        made = made.where(caption.c.captioner == captioner)
    shared = and_(chunk.c.kind == Kind.PAGE.value, document.c.media_type.like("image/%"))
    return and_(or_(chunk.c.kind == Kind.FIGURE.value, shared), chunk.c.picture.is_not(None), ~made)


def uncaptioned(connection: Connection, captioner: str) -> Uncaptioned | None:
    """The oldest picture that waits."""
    rows = select(chunk.c.id, chunk.c.document_id, chunk.c.reading_id, chunk.c.picture).join(document, serving())
    row = connection.execute(rows.where(_waiting(captioner)).order_by(chunk.c.id).limit(1)).one_or_none()
    return row and Uncaptioned(row.id, row.document_id, f"pictures/{row.reading_id}/{row.picture}")


def count_uncaptioned(connection: Connection, captioner: str | None) -> int:
    """How many pictures wait; with None, for any caption at all."""
    rows = select(func.count()).select_from(chunk).join(document, serving())
    return connection.scalar(rows.where(_waiting(captioner))) or 0


def put_caption(connection: Connection, words: WordIndex, chunk_id: int, captioner: str, text: str) -> None:
    """Write what a model says of a picture, if the picture is still there; an empty text says that it says nothing."""
    rows = select(chunk, document.c.title).join(document, document.c.id == chunk.c.document_id)
    row = connection.execute(rows.where(chunk.c.id == chunk_id)).one_or_none()
    if row is None:
        return
    values = {"captioner": captioner, "text": text}
    new = upsert(caption).values(chunk_id=chunk_id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["chunk_id"], set_=values))
    both = "\n".join(part for part in (row.caption, text) if part)
    words.replace(connection, Entry(chunk_id, row.document_id, row.title or "", row.heading, both, row.text))


def captions_of(connection: Connection, chunks: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """{chunk: (text, captioner)} of those that have one."""
    rows = select(caption).where(caption.c.chunk_id.in_(list(chunks)), caption.c.text != "")
    return {row.chunk_id: (row.text, row.captioner) for row in connection.execute(rows)}
