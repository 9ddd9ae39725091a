"""Fill a new version of the full-text index, beside the one that is searched.

Each batch is one transaction, and the version records how far it is filled: a crash loses one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from rag.analysis.analyzer import VERSION
from rag.analysis.languages import detect_languages
from rag.catalog.index_versions import IndexVersion, count_unfilled, list_versions, record_progress
from rag.catalog.languages import main_language
from rag.catalog.share_names import attached_to_shares, put_attachment_words, put_name_words
from rag.catalog.tables import caption, chunk, document, index_version, share
from rag.catalog.word_indexes import index_of
from rag.model.operations import IndexRenewal
from rag.ports import IndexEntry

_EMPTY = IndexVersion(0, "", 0, 0, is_complete=False)


def count_waiting(connection: Connection) -> int:
    """Return how many chunks and messages wait for the analysis of this code."""
    newest = list_versions(connection)[0]
    if newest.analysis != VERSION:
        return max(1, count_unfilled(connection, _EMPTY))
    return 0 if newest.is_complete else max(1, count_unfilled(connection, newest))


def read_renewal(connection: Connection) -> IndexRenewal | None:
    """Return how far the next version is filled, None if the index is complete."""
    waiting = count_waiting(connection)
    return IndexRenewal(waiting, max(waiting, count_unfilled(connection, _EMPTY))) if waiting else None


def create_version(connection: Connection, analysis: str) -> IndexVersion:
    """Create the tables of the next version."""
    newest = connection.scalar(select(func.max(index_version.c.number))) or 0
    version = IndexVersion(newest + 1, analysis, 0, 0, False, connection.dialect.name)
    connection.execute(insert(index_version).values((version.number, analysis, 0, 0, False)))
    index_of(connection).create_tables(connection, version)
    return version


def complete_version(connection: Connection, version: IndexVersion) -> None:
    """Have a version searched from now on, and delete the older ones."""
    mine = index_version.c.number == version.number
    connection.execute(update(index_version).where(mine).values(is_complete=True))
    for older in list_versions(connection):
        if older.number != version.number:
            _drop_version(connection, older)


def _drop_version(connection: Connection, version: IndexVersion) -> None:
    index_of(connection).drop_tables(connection, version)
    connection.execute(delete(index_version).where(index_version.c.number == version.number))


def fill_batch(connection: Connection, size: int) -> int:
    """Analyze the next chunks or messages, at most `size`; return how many, or 0 when the index is complete."""
    newest = list_versions(connection)[0]
    if newest.analysis != VERSION:
        if not newest.is_complete:
            _drop_version(connection, newest)
        newest = create_version(connection, VERSION)
    if newest.is_complete:
        return 0
    if texts := _next_texts(connection, newest, size):
        _fill_texts(connection, newest, texts)
        record_progress(connection, newest, texts[-1].chunk, newest.shares_to)
        return len(texts)
    shares = connection.execute(
        select(share.c.id, share.c.words).where(share.c.id > newest.shares_to).order_by(share.c.id).limit(size)
    ).all()
    for row in shares:
        if row.words:
            index_of(connection).put_message(connection, newest, row.id, row.words)
    if shares:
        ids = [row.id for row in shares]
        put_name_words(connection, ids)
        put_attachment_words(connection, attached_to_shares(ids))
        record_progress(connection, newest, newest.chunks_to, shares[-1].id)
    else:
        complete_version(connection, newest)
    return len(shares)


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of a chunk, with the caption that a model wrote."""

    chunk: int
    document: int
    title: str
    heading: str
    caption: str
    body: str

    def all(self) -> str:
        return "\n".join((self.heading, self.caption, self.body))


def _next_texts(connection: Connection, version: IndexVersion, size: int) -> list[_Text]:
    rows = (
        select(chunk, document.c.title, caption.c.text.label("described"))
        .join(document, document.c.id == chunk.c.document_id)
        .outerjoin(caption, caption.c.chunk_id == chunk.c.id)
        .where(chunk.c.id > version.chunks_to)
        .where(or_(chunk.c.text != "", chunk.c.caption != "", caption.c.text.is_not(None)))
    )
    return [
        _Text(
            row.id,
            row.document_id,
            row.title or "",
            row.heading,
            "\n".join(part for part in (row.caption, row.described) if part),
            row.text,
        )
        for row in connection.execute(rows.order_by(chunk.c.id).limit(size))
    ]


def _fill_texts(connection: Connection, version: IndexVersion, texts: Sequence[_Text]) -> None:
    for document_id, group in groupby(texts, key=lambda text: text.document):
        mine = list(group)
        languages = detect_languages([text.all() for text in mine], main_language(connection, document_id))
        statement = update(chunk).where(chunk.c.id == bindparam("of")).values(language=bindparam("found"))
        pairs = list(zip(mine, languages, strict=True))
        connection.execute(statement, [{"of": text.chunk, "found": language} for text, language in pairs])
        entries = [
            IndexEntry(text.chunk, document_id, language, text.title, text.heading, text.caption, text.body)
            for text, language in pairs
        ]
        index_of(connection).add_to_version(connection, version, entries)
