"""Documents, their readings, pages and chunks.

A reading is built in ranges, each one short transaction, and can be resumed. The first reading of a
document serves as it grows; a later one is switched in one statement when it is complete.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.dialects.sqlite import insert as upsert

from rag.catalog.page_labels import labels_with
from rag.catalog.scope import documents_in, live, names_in, serving
from rag.catalog.share_delay import hold_later_shares
from rag.catalog.sources import shared_by
from rag.catalog.tables import chunk, document, dropped, page, reading, share, source, vector, wipe
from rag.model import Box, DocumentRow, Kind, NewChunk, PageReading, Scope
from rag.ports import Entry, WordIndex


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """A claimed reading: which document, and how far it got."""

    id: int
    document: int
    sha256: str
    attempts: int
    pages: int
    pages_done: int


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk with what a hit shows of its page."""

    id: int
    document: int
    reading: int
    page: int
    label: str | None
    kind: Kind
    text: str
    heading: str
    caption: str
    box: Box
    marks: tuple[Box, ...]
    picture: str | None
    render: str | None


def put_document(connection: Connection, sha256: str, size: int, reader: str) -> int:
    """The document of these bytes, made with a waiting reading when they are new or nobody read them yet."""
    found = connection.scalar(select(document.c.id).where(document.c.sha256 == sha256))
    document_id = (
        found
        or connection.execute(insert(document).values(sha256=sha256, size=size).returning(document.c.id)).scalar_one()
    )
    states = connection.scalars(select(reading.c.state).where(reading.c.document_id == document_id)).all()
    if all(state == "failed" for state in states):
        want_reading(connection, document_id, reader)
    return int(document_id)


def want_reading(connection: Connection, document_id: int, reader: str) -> None:
    """Ask for a new reading, unless one is open already. Failed ones make room for it."""
    mine = reading.c.document_id == document_id
    if connection.scalar(select(exists().where(mine, reading.c.state.in_(["waiting", "reading"])))):
        return
    serves = select(document.c.reading_id).where(document.c.id == document_id).scalar_subquery()
    connection.execute(delete(reading).where(mine, reading.c.state == "failed", reading.c.id.is_distinct_from(serves)))
    new = connection.execute(
        insert(reading).values(document_id=document_id, reader=reader, state="waiting").returning(reading.c.id)
    ).scalar_one()
    connection.execute(
        update(document).where(document.c.id == document_id, document.c.reading_id.is_(None)).values(reading_id=new)
    )


def renew_readings(connection: Connection, reader: str) -> int:
    """Ask for a new reading of every document that another version of the reader read; returns how many.

    Where this version failed already, what there is goes on serving. One that waits, unread, takes this version over.
    """
    untouched = (reading.c.state == "waiting", reading.c.pages_done == 0, reading.c.reader != reader)
    connection.execute(update(reading).where(*untouched).values(reader=reader))
    other = reading.alias()
    tried = exists().where(
        other.c.document_id == document.c.id,
        or_(other.c.reader == reader, other.c.state.in_(["waiting", "reading"])),
    )
    outdated = select(document.c.id).join(reading, reading.c.id == document.c.reading_id)
    outdated = outdated.where(reading.c.reader != reader, ~tried, shared(document.c.id))
    found = connection.scalars(outdated).all()
    for document_id in found:
        want_reading(connection, document_id, reader)
    return len(found)


def _again() -> ColumnElement[bool]:
    """Whether a reading is of a document that another one serves already."""
    return ~exists().where(document.c.id == reading.c.document_id, document.c.reading_id == reading.c.id)


def renewed(connection: Connection) -> list[int]:
    """Documents being read again because another version of the reader read them, by one source each."""
    serving = reading.alias()
    rows = (
        select(func.min(source.c.id))
        .join(document, document.c.id == source.c.document_id)
        .join(reading, reading.c.document_id == document.c.id)
        .join(serving, serving.c.id == document.c.reading_id)
        .where(live(), exists().where(share.c.source_id == source.c.id))
        .where(reading.c.state.in_(["waiting", "reading"]), serving.c.reader != reading.c.reader)
    )
    return list(connection.scalars(rows.group_by(document.c.id).order_by(document.c.id)))


def waiting_people(connection: Connection) -> list[str]:
    """Return who shares a document that was never read, waits, and whose time has come; see `sources`."""
    who = func.coalesce(share.c.shared_by, "")
    rows = select(who).join(source, source.c.id == share.c.source_id)
    rows = rows.join(reading, reading.c.document_id == source.c.document_id)
    rows = rows.where(reading.c.state == "waiting", reading.c.next_try <= time(), live(), ~_again())
    return list(connection.scalars(rows.group_by(who).order_by(func.min(reading.c.id))))


def claim_reading(connection: Connection, run_id: str, who: str | None = None) -> ReadingRow | None:
    """Take one waiting reading of a document that somebody still shares; what was never read goes first.

    With `who`, one that was never read and that this person shares.
    """
    mine = exists().where(source.c.document_id == reading.c.document_id, live(), shared_by(source.c.id, who or ""))
    candidate = (
        select(reading.c.id)
        .where(reading.c.state == "waiting", reading.c.next_try <= time(), shared(reading.c.document_id))
        .where(true() if who is None else and_(mine, ~_again()))
        .order_by(_again(), reading.c.id)
        .limit(1)
        .scalar_subquery()
    )
    row = connection.execute(
        update(reading)
        .where(reading.c.id == candidate)
        .values(state="reading", run=run_id, attempts=reading.c.attempts + 1)
        .returning(*reading.c)
    ).one_or_none()
    if row is None:
        return None
    sha256 = connection.scalar(select(document.c.sha256).where(document.c.id == row.document_id)) or ""
    return ReadingRow(row.id, row.document_id, sha256, row.attempts, row.pages, row.pages_done)


def shared(document_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether somebody still shares a document."""
    return exists().where(source.c.document_id == document_id, live(), share.c.source_id == source.c.id)


def begin_pages(connection: Connection, row: ReadingRow, media_type: str, title: str | None, pages: int) -> None:
    connection.execute(update(document).where(document.c.id == row.document).values(media_type=media_type, title=title))
    connection.execute(update(reading).where(reading.c.id == row.id).values(pages=pages))


def put_pages(
    connection: Connection,
    words: WordIndex,
    row: ReadingRow,
    title: str,
    pages: Sequence[PageReading],
    chunks: Sequence[NewChunk],
) -> bool:
    """Write one range of pages with its chunks and words. False, and nothing written, when it is no longer wanted."""
    wanted = select(exists().where(reading.c.id == row.id, reading.c.state == "reading", shared(row.document)))
    if not connection.scalar(wanted):
        return False
    connection.execute(insert(page), [_page(row.id, read) for read in pages])
    entries = []
    for new in chunks:
        chunk_id = connection.execute(
            insert(chunk)
            .values(
                document_id=row.document,
                reading_id=row.id,
                page=new.page,
                kind=new.kind.value,
                text=new.text,
                heading=new.heading,
                caption=new.caption,
                box=_dump([new.box])[1:-1],
                marks=_dump(new.marks),
                picture=new.picture,
            )
            .returning(chunk.c.id)
        ).scalar_one()
        if new.text or new.caption:
            entries.append(Entry(chunk_id, row.document, title, new.heading, new.caption, new.text))
    words.add(connection, entries)
    connection.execute(update(reading).where(reading.c.id == row.id).values(pages_done=pages[-1].number, attempts=1))
    return True


def renders(connection: Connection, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], str]:
    """{(document, page): path of its picture below the data folder} of these pages, where the scope has them."""
    rows = (
        select(document.c.id, page.c.number, page.c.reading_id, page.c.render)
        .join(page, page.c.reading_id == document.c.reading_id)
        .where(document.c.id.in_({each for each, _ in pages}), document.c.id.in_(documents_in(scope)))
        .where(page.c.number.in_({number for _, number in pages}), page.c.render.is_not(None))
    )
    found = {(row.id, row.number): f"pictures/{row.reading_id}/{row.render}" for row in connection.execute(rows)}
    return {key: path for key, path in found.items() if key in set(pages)}


def last_heading(connection: Connection, reading_id: int) -> str:
    """The heading path in force after the pages written so far."""
    rows = select(chunk.c.heading).where(chunk.c.reading_id == reading_id).order_by(chunk.c.id.desc()).limit(1)
    return connection.scalar(rows) or ""


def _page(reading_id: int, read: PageReading) -> dict[str, object]:
    words = [
        [word.text, *(round(value, 4) for value in word.box)]
        for block in read.blocks
        for line in block.lines
        for word in line.words
    ]
    return {
        "reading_id": reading_id,
        "number": read.number,
        "label": read.label,
        "width": read.width,
        "height": read.height,
        "text_source": read.text_source.value,
        "error": read.error,
        "render": read.render,
        "words": zlib.compress(json.dumps(words, ensure_ascii=False).encode()),
    }


def complete_reading(connection: Connection, words: WordIndex, row: ReadingRow, seconds: float = 0.0) -> None:
    """Let this reading, which took `seconds`, serve, and take the ones before it away."""
    done = {"state": "complete", "run": None, "reason": None, "seconds": seconds}
    connection.execute(update(reading).where(reading.c.id == row.id).values(**done))
    connection.execute(update(document).where(document.c.id == row.document).values(reading_id=row.id))
    older = connection.scalars(
        select(reading.c.id).where(reading.c.document_id == row.document, reading.c.id != row.id)
    ).all()
    if not older:
        hold_later_shares(connection, row.document, seconds)
    for reading_id in older:
        drop_reading(connection, words, reading_id)


def fail_reading(connection: Connection, words: WordIndex, reading_id: int, reason: str, hint: str) -> None:
    """Give a reading up. What it wrote so far goes on serving, unless an older one does: then it is taken away."""
    connection.execute(
        update(reading).where(reading.c.id == reading_id).values(state="failed", reason=reason, hint=hint, run=None)
    )
    if connection.scalar(select(_again()).where(reading.c.id == reading_id)):
        _empty_reading(connection, words, reading_id)
        connection.execute(delete(chunk).where(chunk.c.reading_id == reading_id))
        connection.execute(delete(page).where(page.c.reading_id == reading_id))


def release_reading(connection: Connection, reading_id: int, wait: float, *, fresh: bool = False) -> None:
    """Give a claim back. `fresh`: it went well, and its attempts are counted anew."""
    connection.execute(
        update(reading)
        .where(reading.c.id == reading_id, reading.c.state == "reading")
        .values(state="waiting", run=None, next_try=time() + wait, **({"attempts": 0} if fresh else {}))
    )


def drop_reading(connection: Connection, words: WordIndex, reading_id: int) -> None:
    """Take a reading out of catalog and words; its vectors and pictures are noted to go."""
    _empty_reading(connection, words, reading_id)
    connection.execute(delete(reading).where(reading.c.id == reading_id))


def _empty_reading(connection: Connection, words: WordIndex, reading_id: int) -> None:
    mine = select(chunk.c.id).where(chunk.c.reading_id == reading_id)
    gone = select(vector.c.chunk_id, vector.c.window).where(vector.c.chunk_id.in_(mine)).distinct()
    connection.execute(upsert(dropped).from_select(["chunk_id", "window"], gone).on_conflict_do_nothing())
    words.remove(connection, reading_id)
    _wipe(connection, f"pictures/{reading_id}", whole=True)


def drop_orphans(connection: Connection, words: WordIndex) -> list[int]:
    """Take away every document that nobody shares any more. Returns their ids."""
    orphans = connection.execute(select(document.c.id, document.c.sha256).where(~shared(document.c.id))).all()
    for row in orphans:
        for reading_id in connection.scalars(select(reading.c.id).where(reading.c.document_id == row.id)).all():
            drop_reading(connection, words, reading_id)
        connection.execute(delete(document).where(document.c.id == row.id))
        _wipe(connection, f"files/{row.sha256}", whole=False)
    connection.execute(delete(source).where(source.c.state == "gone"))
    return [row.id for row in orphans]


def _wipe(connection: Connection, folder: str, *, whole: bool) -> None:
    connection.execute(upsert(wipe).values(folder=folder, whole=whole).on_conflict_do_nothing())


def chunks_by_id(connection: Connection, ids: Iterable[int]) -> Mapping[int, ChunkRow]:
    """Chunks of serving readings, by id."""
    rows = (
        select(chunk, page.c.label, page.c.render)
        .join(document, serving())
        .join(page, (page.c.reading_id == chunk.c.reading_id) & (page.c.number == chunk.c.page))
        .where(chunk.c.id.in_(list(ids)))
    )
    return {
        row.id: ChunkRow(
            row.id,
            row.document_id,
            row.reading_id,
            row.page,
            row.label,
            Kind(row.kind),
            row.text,
            row.heading,
            row.caption,
            Box(*json.loads(row.box)),
            tuple(Box(*mark) for mark in json.loads(row.marks)),
            row.picture,
            row.render,
        )
        for row in connection.execute(rows)
    }


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A page, the chunk that stands for it, and whether only its printed label is what was asked for."""

    document: int
    page: int
    chunk: int
    printed: bool


def pages_named(
    connection: Connection, ids: Iterable[int], numbers: Sequence[int], from_end: Sequence[int], printed: Sequence[str]
) -> list[NamedPage]:
    """The pages of these documents with one of the numbers, counted or printed, so far from the end (last: 1), or
    with one of the printed labels (lower case)."""
    at_end = reading.c.pages - page.c.number + 1
    labels = [*(label for number in numbers for label in labels_with(number)), *printed]
    rows = (
        select(document.c.id, page.c.number, at_end.label("at_end"), func.max(chunk.c.id).label("chunk"))
        .join(reading, reading.c.id == document.c.reading_id)
        .join(page, page.c.reading_id == reading.c.id)
        .join(chunk, (chunk.c.reading_id == reading.c.id) & (chunk.c.page == page.c.number))
        .where(document.c.id.in_(list(ids)))
        .where(or_(page.c.number.in_(numbers), func.lower(page.c.label).in_(labels), at_end.in_(from_end)))
        .group_by(document.c.id, page.c.number)
    )
    return [
        NamedPage(row.id, row.number, row.chunk, row.number not in numbers and row.at_end not in from_end)
        for row in connection.execute(rows)
    ]


def counts(connection: Connection) -> tuple[int, int]:
    """(pages, chunks) of the readings that serve."""
    pages = select(func.count()).select_from(page).join(document, document.c.reading_id == page.c.reading_id)
    chunks = select(func.count()).select_from(chunk).join(document, serving())
    return connection.scalar(pages) or 0, connection.scalar(chunks) or 0


def document_ids(connection: Connection) -> set[int]:
    """Return the ids of all documents."""
    return set(connection.scalars(select(document.c.id)))


def list_documents(connection: Connection, scope: Scope) -> list[DocumentRow]:
    """Return the documents of a scope, by name."""
    rows = select(document.c.id, document.c.sha256, reading.c.pages_done)
    rows = rows.join(reading, reading.c.id == document.c.reading_id).where(document.c.id.in_(documents_in(scope)))
    found = connection.execute(rows).all()
    names = names_in(connection, [row.id for row in found], scope)
    listed = [DocumentRow(row.id, names[row.id][0], row.pages_done, row.sha256) for row in found if row.id in names]
    return sorted(listed, key=lambda row: (row.name, row.id))


def _dump(boxes: Iterable[Box]) -> str:
    return json.dumps([[round(value, 4) for value in box] for box in boxes], separators=(",", ":"))
