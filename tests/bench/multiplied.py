"""A large catalog made of a small one: its chunks again and again, with words exchanged, shared in many spaces."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select

from rag.adapters.chroma import ChromaStore
from rag.catalog import Catalog, documents, extractions, sources, vectors
from rag.catalog.fulltext import Fts5Index
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import chunk
from rag.model import Box, ExtractedPage, Kind, Modality, NewChunk, TextSource
from rag.ports import StoredVector, Vector, VectorStore

SPACES, PER_DOCUMENT, EXCHANGED = 500, 20, 0.3
SMALL, SMALL_CHUNKS = "small", 10
DIM = 512
IDENTITY = "made-up-512"
_AT_ONCE = 2000


def chunks_of(data: Path) -> list[NewChunk]:
    """The chunks of a data folder, which is only read."""
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


def multiplied(chunks: Sequence[NewChunk], wanted: int, seed: int) -> Iterator[list[NewChunk]]:
    """Documents of `PER_DOCUMENT` chunks, `wanted` chunks in all; every copy has other words exchanged.

    A word is exchanged for any other of the corpus, the commoner the likelier, so that lists of holders stay as
    long as they would be in a real corpus of that size.
    """
    chance = random.Random(seed)
    corpus = [word for each in chunks for word in each.text.split()]
    made = 0
    while made < wanted:
        for start in range(0, len(chunks), PER_DOCUMENT):
            part = chunks[start : start + PER_DOCUMENT][: wanted - made]
            if not part:
                return
            pages = {page: number for number, page in enumerate(dict.fromkeys(each.page for each in part), 1)}
            yield [replace(each, page=pages[each.page], text=_exchanged(each.text, corpus, chance)) for each in part]
            made += len(part)


def _exchanged(text: str, corpus: Sequence[str], chance: random.Random) -> str:
    return " ".join(chance.choice(corpus) if chance.random() < EXCHANGED else word for word in text.split())


def fill_catalog(
    catalog: Catalog, made: Iterator[list[NewChunk]], small: list[NewChunk], seed: int, watch: Callable[[str], None]
) -> None:
    """Put the documents in as ingest does, each into one of the spaces; the small one into a space of its own."""
    words, chance = Fts5Index(), random.Random(seed)
    number = 0
    with catalog.write_transaction() as connection:
        _put(connection, words, small, number, SMALL)
    while batch := list(islice(made, 100)):
        with catalog.write_transaction() as connection:
            for each in batch:
                number += 1
                _put(connection, words, each, number, f"S{chance.randrange(SPACES)}")
        watch(f"{number} documents")
    with catalog.write_transaction() as connection:
        words.optimize(connection)


def _put(connection: Connection, words: Fts5Index, chunks: Sequence[NewChunk], number: int, space: str) -> None:
    name = f"document-{number}.pdf"
    record_share(connection, Share("path", f"/made/{name}", space, name, size=1, changed_ns=1))
    claimed = sources.claim_source(connection, "made", ["path"])
    assert claimed is not None
    document = documents.put_document(connection, hashlib.sha256(name.encode()).hexdigest(), 1, "made")
    sources.finish_source(connection, claimed, document, mtime_ns=1, size=1)
    row = extractions.claim_extraction(connection, "made")
    assert row is not None
    last = max(each.page for each in chunks)
    pages = [ExtractedPage(n, None, 595, 842, TextSource.LAYER, (), None) for n in range(1, last + 1)]
    extractions.begin_pages(connection, row, "application/pdf", None, last)
    extractions.put_pages(connection, words, row, name, pages, chunks)
    extractions.complete_extraction(connection, words, row)


def unit_vectors(count: int, seed: int) -> Sequence[Vector]:
    values = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return list(values / np.linalg.norm(values, axis=1, keepdims=True))


def fill_vectors(catalog: Catalog, store: VectorStore, seed: int, watch: Callable[[str], None]) -> None:
    """A random vector for each chunk, into the catalog first and from there into the store, as embedding does."""
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
            vectors.put_vectors(connection, IDENTITY, made, [])
        store.add(IDENTITY, made)
        watch(f"{start + len(part)} of {len(rows)} vectors")


def build(data: Path, into: Path, wanted: int, seed: int, watch: Callable[[str], None]) -> None:
    """Make the large catalog and its store in `into`, from the catalog in `data`. A half-made one is removed."""
    done = into / "made.json"
    told = {"chunks": wanted, "seed": seed}
    if done.is_file() and json.loads(done.read_text()) == told:
        return
    if into.exists() and any(into.iterdir()):
        # Only what an earlier run made is taken away, never a folder of somebody else's.
        if not done.is_file():
            raise SystemExit(f"{into} is not empty and was not made by this command. Name another folder.")
        shutil.rmtree(into)
    into.mkdir(parents=True, exist_ok=True)
    done.write_text("{}")
    few = chunks_of(data)
    small = [replace(each, page=number) for number, each in enumerate(_with_text(few)[:SMALL_CHUNKS], 1)]
    with closing(Catalog(into)) as catalog, closing(ChromaStore(into / "chroma")) as store:
        fill_catalog(catalog, multiplied(few, wanted - len(small), seed), small, seed, watch)
        fill_vectors(catalog, store, seed, watch)
    done.write_text(json.dumps(told))


def _with_text(chunks: Sequence[NewChunk]) -> list[NewChunk]:
    return [each for each in chunks if len(each.text) > 100]
