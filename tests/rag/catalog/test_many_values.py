"""Statements with more values than SQLite's default of 32,766 bound variables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from rag import Share, put_share
from rag.analysis.question import make_term
from rag.catalog import (
    captions,
    chunks,
    documents,
    fingerprints,
    pages,
    shared_documents,
    sources,
    statuses,
    vectors,
)
from rag.catalog.scope import allowed_chunks, count_in, shares_shown, spaces_in
from rag.catalog.share_ends import drop_shares, remove_shares
from rag.catalog.share_words import drop_share_words, search_share_words, shares_with
from rag.catalog.tables import chunk, document, extraction, fingerprint, page, source
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Modality
from rag.model.search import Scope, ShareFilter
from rag.ports import StoredVector
from tests.support.databases import DATABASES, open_catalog

MANY = 40_000
IDS = list(range(1, MANY + 1))
PAGES = [(id, 1) for id in IDS]
DEFAULT_LIMIT = 32_766

C1 = Scope.of("C1")
SCOPES = {
    "spaces": Scope.of(*(f"C{id}" for id in IDS)),
    "documents": Scope(frozenset({"C1"}), frozenset(IDS)),
    "without": Scope(frozenset({"C1"}), None, frozenset(id + 1 for id in IDS)),
    "people": Scope(frozenset({"C1"}), shares=ShareFilter(shared_by=frozenset(f"U{id}" for id in IDS))),
}


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A catalog with one document of one page and one chunk, all numbered 1, on a connection with SQLite's defaults."""
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, DEFAULT_LIMIT)
        new = Share("drive", "F1", "C1", "manual.pdf", shared_by="U1", message="5.1", shared_at=5.1, words="pump")
        put_share(connection, new)
        documents.put_document(connection, "1" * 64, 1, "test")
        connection.execute(source.update().values(state="known", document_id=1, reason="It is gone."))
        connection.execute(extraction.update().values(state="complete", pages=1, pages_done=1))
        values = {"width": 1, "height": 1, "text_source": "file", "words": b"", "label": "1", "image": "1.png"}
        connection.execute(page.insert().values(extraction_id=1, number=1, **values))
        words = {"kind": "text", "text": "The pump", "heading": "", "caption": "", "line_boxes": "[]"}
        place = {"document_id": 1, "extraction_id": 1, "page": 1, "box": "[0, 0, 1, 1]"}
        connection.execute(chunk.insert().values(**place, **words))
        connection.execute(fingerprint.insert().values(extraction_id=1, number=1, method=1, phash=1, keypoints=b"1"))
        assert connection.scalar(document.select()) == 1
        yield connection


VECTOR = StoredVector(1, 0, 1, Modality.TEXT, np.ones(4, np.float32))

CALLS: dict[str, Callable[[Connection], object]] = {
    "names_of": lambda connection: shared_documents.names_of(connection, IDS) == {1: {"manual.pdf"}},
    "names_within": lambda connection: shared_documents.names_within(connection, IDS, C1) == {1: {"manual.pdf"}},
    "unshared_documents": lambda connection: shared_documents.unshared_documents(connection, IDS) == set(IDS) - {1},
    "sha256_of": lambda connection: shared_documents.sha256_of(connection, IDS) == {1: "1" * 64},
    "documents_allowed": lambda connection: len(shared_documents.documents_allowed(connection, IDS, C1)) == 1,
    "visible_posts": lambda connection: (
        len(shared_documents.visible_posts(connection, C1, [("C1", f"{id}.1") for id in IDS])) == 1
    ),
    "spaces_in": lambda connection: spaces_in(connection, IDS, C1) == {1: ("C1",)},
    "shares_shown": lambda connection: list(shares_shown(connection, IDS, C1, IDS)) == [1],
    "allowed_chunks": lambda connection: list(allowed_chunks(connection, IDS, C1)) == [1],
    "chunks_by_id": lambda connection: list(chunks.chunks_by_id(connection, IDS)) == [1],
    "pages_by_chunk": lambda connection: chunks.pages_by_chunk(connection, PAGES) == {1: (1, 1)},
    "page_texts": lambda connection: list(chunks.page_texts(connection, PAGES)) == [(1, 1)],
    "page_images": lambda connection: list(pages.page_images(connection, PAGES, C1)) == [(1, 1)],
    "first_pages": lambda connection: pages.first_pages(connection, IDS, Scope.operator()) == {1: (1, (1, 1))},
    "pages_named": lambda connection: len(pages.pages_named(connection, IDS, [1], [], [])) == 1,
    "captions_of": lambda connection: not captions.captions_of(connection, IDS),
    "chunks_on": lambda connection: list(fingerprints.chunks_on(connection, PAGES)) == [(1, 1)],
    "points_of": lambda connection: len(fingerprints.points_of(connection, PAGES, C1, 1)) == 1,
    "put_vectors": lambda connection: vectors.put_vectors(connection, "test", [VECTOR], IDS[1:]) == {1},
    "list_statuses": lambda connection: len(statuses.list_statuses(connection, IDS)) == 1,
    "source_statuses": lambda connection: (
        len(statuses.source_statuses(connection, "drive", [f"F{id}" for id in IDS], "C1")) == 1
    ),
    "retry_failed": lambda connection: sources.retry_failed(connection, IDS) == {1: "drive"},
}

CHANGES: dict[str, Callable[[Connection], None]] = {
    "put_fingerprints": lambda connection: fingerprints.put_fingerprints(
        connection, 2, [fingerprints.NewFingerprint(id, 1, 1, b"", b"") for id in IDS]
    ),
    "drop_unshared_sources": lambda connection: sources.drop_unshared_sources(connection, IDS),
    "drop_shares": lambda connection: drop_shares(connection, IDS),
    "remove_shares": lambda connection: remove_shares(connection, IDS),
    "drop_share_words": lambda connection: drop_share_words(connection, IDS),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_more_rows_than_sqlite_binds(name: str, connection: Connection) -> None:
    CHANGES[name](connection)
    if name in ("drop_shares", "remove_shares"):
        assert not shared_documents.names_of(connection, IDS)


@pytest.mark.parametrize("name", CALLS)
def test_takes_more_values_than_sqlite_binds(name: str, connection: Connection) -> None:
    assert CALLS[name](connection)


@pytest.mark.parametrize("name", SCOPES)
def test_scope_may_name_more_than_sqlite_binds(name: str, connection: Connection) -> None:
    scope = SCOPES[name]
    assert [row.id for row in documents.list_documents(connection, scope)] == [1]
    assert count_in(connection, scope) == 1
    assert [file.document for file in shared_documents.list_shared_files(connection, scope, 5)] == [1]
    pump = [make_term("pump", ["en"])]
    assert [match.document for match in search_share_words(connection, pump, scope, 5)] == [1]
    assert shares_with(connection, pump, scope) == {"pump": {1}}
    assert index_of(connection).counts(connection, pump) == {"pump": 0}
