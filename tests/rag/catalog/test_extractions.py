"""An extraction that fails leaves what is searched as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from rag.catalog import documents, extractions, sources
from rag.catalog.attachments import NewAttachment, put_attachments
from rag.catalog.extractions import ClaimedExtraction
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import attachment, chunk, extraction, page
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Box, ExtractedPage, Inspection, Kind, NewChunk, TextSource
from tests.support.databases import DATABASES, open_catalog


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        yield connection


def read(connection: Connection) -> ClaimedExtraction:
    """Claim the next extraction and write a page, a chunk and an attachment for it."""
    claimed = extractions.claim_extraction(connection)
    assert claimed is not None
    assert extractions.begin_pages(connection, claimed, Inspection("text/plain", 1, None))
    written = [NewChunk(1, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ())]
    found = ExtractedPage(1, None, 600, 800, TextSource.NONE, (), None)
    assert extractions.put_pages(connection, index_of(connection), claimed, "", [found], written)
    assert put_attachments(connection, claimed, [NewAttachment("1" * 64, 5, "inner.pdf", "")], (), "test")
    return claimed


def test_failed_extraction_of_a_document_that_is_searched_deletes_its_own_rows_only(connection: Connection) -> None:
    record_share(connection, Share("slack", "F1", "C1", changed_ns=1))
    source = sources.claim_source(connection, ["slack"])
    assert source is not None
    document = documents.put_document(connection, "0" * 64, 10, "test")
    assert sources.finish_source(connection, source, document, mtime_ns=1, size=10)
    first = read(connection)
    assert extractions.complete_extraction(connection, index_of(connection), first)
    extractions.request_extraction(connection, document, "newer")
    inner = extractions.claim_extraction(connection)  # that of the attachment goes first
    assert inner is not None
    assert inner.document != document
    again = read(connection)
    assert (again.document, again.id != first.id) == (document, True)
    extractions.fail_extraction(connection, index_of(connection), again, "It is damaged.", "Repair it.")
    for table in (page, chunk, attachment):
        assert set(connection.scalars(select(table.c.extraction_id))) == {first.id}
    state = select(extraction.c.state, extraction.c.reason).where(extraction.c.id == again.id)
    assert tuple(connection.execute(state).one()) == ("failed", "It is damaged.")
