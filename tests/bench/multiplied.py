"""Create a large catalog from a small one, by copying its chunks with exchanged words into many spaces."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select

from rag.adapters.chroma import ChromaStore
from rag.catalog import Catalog, documents, extractions, sources
from rag.catalog import vectors as vectors_of_chunks
from rag.catalog.page_tokens import put_page_tokens
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import chunk
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Box, ExtractedPage, Inspection, Kind, Modality, NewChunk, TextSource
from rag.ports import FullTextIndex, PageTokens, StoredVector, Vector, VectorStore
from rag.vectors.max_sim import mean_vector, unit_rows
from tests.support.databases import AnyCatalog

SPACES, PER_DOCUMENT, EXCHANGED = 500, 20, 0.3
SMALL, SMALL_CHUNKS = "small", 10
DIM = 512
IDENTITY = "made-up-512"
PAGES_IDENTITY, PAGE_DIM = "made-up-pages", 128
PAGE_TOKENS = 27 * 14
"""Token vectors of a page: ColQwen2's 27 rows of 27, of which two neighbors each are averaged to fit into 64 KB."""

_AT_ONCE, _PAGES_AT_ONCE = 2000, 200


def chunks_of(data: Path) -> list[NewChunk]:
    """Return the chunks of a data folder, which is only read."""
    with closing(sqlite3.connect(f"{(data / 'catalog.db').resolve().as_uri()}?mode=ro", uri=True)) as stored:
        rows = stored.execute(
            "SELECT page, kind, text, heading, caption, box, line_boxes FROM chunk ORDER BY document_id, page, id"
        ).fetchall()
    return [
        NewChunk(page, Kind(kind), text, heading, caption, Box(*json.loads(box)), _boxes(marks))
        for page, kind, text, heading, caption, box, marks in rows
    ]


def _boxes(marks: str) -> tuple[Box, ...]:
    return tuple(Box(*box) for box in json.loads(marks))


def multiplied(chunks: Sequence[NewChunk], count: int, seed: int) -> Iterator[list[NewChunk]]:
    """Yield documents of `PER_DOCUMENT` chunks, `count` chunks in all, with different exchanged words in each copy.

    A word is exchanged for a random one of the corpus in proportion to its frequency, so that posting lists are as
    long as in a real corpus of that size.
    """
    rng = random.Random(seed)
    corpus = [word for each in chunks for word in each.text.split()]
    made = 0
    while made < count:
        for start in range(0, len(chunks), PER_DOCUMENT):
            part = chunks[start : start + PER_DOCUMENT][: count - made]
            if not part:
                return
            pages = {page: number for number, page in enumerate(dict.fromkeys(each.page for each in part), 1)}
            yield [replace(each, page=pages[each.page], text=_exchanged(each.text, corpus, rng)) for each in part]
            made += len(part)


def _exchanged(text: str, corpus: Sequence[str], rng: random.Random) -> str:
    return " ".join(rng.choice(corpus) if rng.random() < EXCHANGED else word for word in text.split())


def fill_catalog(
    catalog: AnyCatalog, made: Iterator[list[NewChunk]], small: list[NewChunk], seed: int, watch: Callable[[str], None]
) -> None:
    """Store documents as ingest does, each in a random space, and the chunks `small` in the space SMALL."""
    rng = random.Random(seed)
    number = 0
    with catalog.write_transaction() as connection:
        words = index_of(connection)
        _put(connection, words, small, number, SMALL)
    while batch := list(islice(made, 100)):
        with catalog.write_transaction() as connection:
            for each in batch:
                number += 1
                _put(connection, words, each, number, f"S{rng.randrange(SPACES)}")
        watch(f"{number} documents")
    words.erase_deleted(catalog.write_transaction, threading.Event())


def _put(connection: Connection, words: FullTextIndex, chunks: Sequence[NewChunk], number: int, space: str) -> None:
    name = f"document-{number}.pdf"
    record_share(connection, Share("path", f"/made/{name}", space, name, size=1, changed_ns=1))
    claimed = sources.claim_source(connection, ["path"])
    assert claimed is not None
    document = documents.put_document(connection, hashlib.sha256(name.encode()).hexdigest(), 1, "made")
    sources.finish_source(connection, claimed, document, mtime_ns=1, size=1)
    row = extractions.claim_extraction(connection)
    assert row is not None
    last = max(each.page for each in chunks)
    pages = [ExtractedPage(n, None, 595, 842, TextSource.LAYER, (), None) for n in range(1, last + 1)]
    extractions.begin_pages(connection, row, Inspection("application/pdf", last, None))
    extractions.put_pages(connection, words, row, name, pages, chunks)
    extractions.complete_extraction(connection, words, row)


def unit_vectors(count: int, seed: int) -> Sequence[Vector]:
    values = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return list(values / np.linalg.norm(values, axis=1, keepdims=True))


def fill_vectors(catalog: Catalog, store: VectorStore, seed: int, watch: Callable[[str], None]) -> None:
    """Store a random vector for each chunk in the catalog and then in the vector store, as indexing does."""
    with catalog.read_transaction() as connection:
        rows = connection.execute(select(chunk.c.id, chunk.c.document_id, chunk.c.kind).order_by(chunk.c.id)).all()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        made = [
            StoredVector(
                row.id,
                0,
                row.document_id,
                Modality.PICTURE if Kind(row.kind) in (Kind.FIGURE, Kind.PAGE) else Modality.TEXT,
                vector,
            )
            for row, vector in zip(part, unit_vectors(len(part), seed + start), strict=True)
        ]
        with catalog.write_transaction() as connection:
            vectors_of_chunks.put_vectors(connection, IDENTITY, made, [])
        store.add(IDENTITY, made)
        watch(f"{start + len(part)} of {len(rows)} vectors")


def fill_page_tokens(catalog: Catalog, store: VectorStore, seed: int, watch: Callable[[str], None]) -> None:
    """Store random token vectors for each page in the catalog, and their mean there and in the vector store."""
    rng = np.random.default_rng(seed)
    with catalog.read_transaction() as connection:
        pages = select(chunk.c.id, chunk.c.document_id).where(chunk.c.kind == Kind.PAGE.value).order_by(chunk.c.id)
        rows = connection.execute(pages).all()
    boxes = np.tile(np.array([0, 0, 9, 9], np.uint8), (PAGE_TOKENS, 1))
    for start in range(0, len(rows), _PAGES_AT_ONCE):
        part = rows[start : start + _PAGES_AT_ONCE]
        # Tokens of a page have something in common, or all means would be equally near.
        common = rng.integers(-60, 61, (len(part), 1, PAGE_DIM))
        values = np.clip(common + rng.integers(-100, 101, (len(part), PAGE_TOKENS, PAGE_DIM)), -127, 127).astype(
            np.int8
        )
        tokens = {row.id: PageTokens(vectors, boxes) for row, vectors in zip(part, values, strict=True)}
        means = [
            StoredVector(row.id, 0, row.document_id, Modality.PICTURE, mean_vector(unit_rows(tokens[row.id].vectors)))
            for row in part
        ]
        with catalog.write_transaction() as connection:
            vectors_of_chunks.put_vectors(connection, PAGES_IDENTITY, means, [])
            put_page_tokens(connection, PAGES_IDENTITY, tokens)
        store.add(PAGES_IDENTITY, means)
        watch(f"{start + len(part)} of {len(rows)} page images")


def build(
    data: Path, into: Path, count: int, seed: int, watch: Callable[[str], None], *, page_images: bool = False
) -> None:
    """Create the large catalog and its store in `into`. Reuse a complete one, and replace an incomplete one."""
    done = into / "made.json"
    parameters = {"chunks": count, "seed": seed} | ({"page_images": True} if page_images else {})
    if done.is_file() and json.loads(done.read_text()) == parameters:
        return
    if into.exists() and any(into.iterdir()):
        # Delete only a folder that an earlier run created.
        if not done.is_file():
            raise SystemExit(f"{into} is not empty and was not made by this command. Name another folder.")
        shutil.rmtree(into)
    into.mkdir(parents=True, exist_ok=True)
    done.write_text("{}")
    chunks = chunks_of(data)
    small = [replace(each, page=number) for number, each in enumerate(_with_text(chunks)[:SMALL_CHUNKS], 1)]
    with closing(Catalog(into)) as catalog, closing(ChromaStore(into / "chroma")) as store:
        fill_catalog(catalog, multiplied(chunks, count - len(small), seed), small, seed, watch)
        fill_vectors(catalog, store, seed, watch)
        if page_images:
            fill_page_tokens(catalog, store, seed, watch)
    done.write_text(json.dumps(parameters))


def _with_text(chunks: Sequence[NewChunk]) -> list[NewChunk]:
    return [each for each in chunks if len(each.text) > 100]
