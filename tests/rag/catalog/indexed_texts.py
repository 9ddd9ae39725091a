"""A catalog with texts, each a document of one page that is shared in the space of its key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rag.catalog import Catalog
from rag.catalog.documents import put_document
from rag.catalog.extractions import claim_extraction, put_pages
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import source
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Box, ExtractedPage, Kind, NewChunk, TextSource
from tests.support.databases import AnyCatalog
from tests.support.migrated import migrated


def catalog_of(folder: Path, texts: Mapping[str, str]) -> Catalog:
    catalog = Catalog(migrated(folder))
    put_texts(catalog, texts)
    return catalog


def put_texts(catalog: AnyCatalog, texts: Mapping[str, str]) -> None:
    with catalog.write_transaction() as connection:
        words = index_of(connection)
        for space, text in texts.items():
            document = put_document(connection, space.ljust(64, "0"), 1, "test")
            source_id, _ = record_share(connection, Share("path", space, space, f"{space}.pdf"))
            known = source.update().where(source.c.id == source_id)
            connection.execute(known.values(state="known", document_id=document))
            row = claim_extraction(connection)
            assert row is not None
            page = ExtractedPage(1, None, 600, 800, TextSource.LAYER, (), None)
            chunk = NewChunk(1, Kind.TEXT, text, "", "", Box(0, 0, 1, 1), ())
            assert put_pages(connection, words, row, "", [page], [chunk])
